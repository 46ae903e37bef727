//! The programs of other projects that the tests and the matrix talk to.
//!
//! Clients, and Dovecot for our own client's tests, are installed. The packages of the POP3 servers conflict
//! with one another, so each of them is unpacked into a root of its own below `target/peers`, and runs there.

mod apt;
mod certificate;
mod courier;
mod cyrus;
mod dovecot;
mod inetd;
mod maildrop;
mod mailutils;
mod own;
mod popa3d;
mod programs;
mod root;
mod running;
mod serve;
mod server;

use std::io;
use std::path::PathBuf;

use anyhow::Context;

pub(crate) use self::programs::search_path;
pub(crate) use self::root::{OTHER_PASSWORD, OTHER_USER, PASSWORD, USER};
pub(crate) use self::running::Running;
pub(crate) use self::server::{Server, all as servers, named as server_named};
use crate::left_out::peers_are_required;
use crate::workspace::Workspace;

/// What is asked of the peers.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Keeps one server running until Ctrl-C, and says how to reach it.
    #[arg(long, value_name = "NAME", group = "act")]
    start: Option<String>,
    /// Delivers the message on standard input to a user of a server that is running.
    #[arg(long, value_name = "NAME", group = "act")]
    deliver: Option<String>,
    /// With --start: no password is taken before TLS.
    #[arg(long)]
    tls_first: bool,
    /// Whom the message is delivered to.
    #[arg(long, value_name = "USER", default_value = USER)]
    user: String,
    /// The part of --start that runs in a PID namespace of its own.
    #[arg(long, hide = true, group = "act")]
    serve: Option<String>,
    /// Cargo's target directory, when it is known: asking cargo takes time.
    #[arg(long, value_name = "DIR")]
    target: Option<PathBuf>,
}

impl Arguments {
    fn target(&self) -> anyhow::Result<PathBuf> {
        match &self.target {
            Some(target) => Ok(target.clone()),
            None => Ok(Workspace::load()?.target().to_path_buf()),
        }
    }
}

/// Does one of these; without arguments installs and unpacks what is missing, and says what is there.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if let Some(name) = &arguments.serve {
        serve::run(&arguments.target()?, server::named(name)?, arguments.tls_first)?;
    } else if let Some(name) = &arguments.deliver {
        let server = server::named(name)?;
        server.deliver(&arguments.target()?, &arguments.user, &mut io::stdin().lock())?;
    } else if let Some(name) = &arguments.start {
        let (workspace, server) = (Workspace::load()?, server::named(name)?);
        if let Err(why) = server.unpack(&workspace)? {
            println!("left out: the server {name}: {why}");
            return Ok(false);
        }
        keep_running(&workspace, server, arguments.tls_first)?;
    } else {
        return install(&Workspace::load()?);
    }
    Ok(true)
}

/// The servers that can be started. Those that cannot are left out, and said.
pub(crate) fn present(workspace: &Workspace) -> anyhow::Result<Vec<&'static Server>> {
    let mut present = Vec::new();
    for server in servers() {
        match server.unpack(workspace)? {
            Ok(()) => present.push(server),
            Err(why) => println!("left out: the server {}: {why}", server.name),
        }
    }
    Ok(present)
}

/// Installs and unpacks; false when CI lacks something.
pub(crate) fn install(workspace: &Workspace) -> anyhow::Result<bool> {
    let mut is_complete = programs::install_missing(workspace)?;
    for server in servers().iter().filter(|server| server.is_peer()) {
        match server.unpack(workspace)? {
            Ok(()) => println!("there: the server {} {}", server.name, server.version(workspace)?),
            Err(why) => {
                is_complete = false;
                println!("left out: the server {}: {why}", server.name);
            }
        }
    }
    Ok(is_complete || !peers_are_required())
}

/// Serves until standard input ends or the program is interrupted.
fn keep_running(workspace: &Workspace, server: &'static Server, tls_first: bool) -> anyhow::Result<()> {
    let mut running = Running::start(workspace, server, tls_first)?;
    println!("{} {}", server.name, server.version(workspace)?);
    println!("host and port: {}", running.address());
    match running.tls_address() {
        Some(address) => println!("with TLS from the first octet: {address}"),
        None => println!("no port with TLS from the first octet"),
    }
    println!(
        "user {USER}, password {PASSWORD}; user {}, password {}",
        root::OTHER_USER,
        root::OTHER_PASSWORD
    );
    println!("deliver with: {} < message.eml", running.deliver_command(USER)?);
    println!("log: {}", running.log().display());
    println!("Ctrl-C ends it.");
    running.wait().context("the server could not be waited for")
}
