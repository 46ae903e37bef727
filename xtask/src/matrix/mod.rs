//! The matrix: the conformance run against our server and those of other projects, and what several programs
//! that fetch mail do when things go wrong. The results are written to docs/conformance.md.

mod clients;
mod page;
mod servers;
mod smoke;

use std::fs;
use std::thread;

use anyhow::{Context, bail};
use clap::ValueEnum;

use self::clients::ClientRun;
use self::servers::{ServerRun, Verdict, Way};
pub(crate) use self::smoke::smoke;
use crate::left_out::peers_are_required;
use crate::peers::{self, Running, Server};
use crate::process::{self, Echo};
use crate::workspace::Workspace;

/// What is written.
const PAGE: &str = "docs/conformance.md";

/// What is asked for: everything and the page, or a part of it and no page.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs against this server alone, prints the report, and writes no page (--kept does afterwards).
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// With --server: makes the connections in this way alone.
    #[arg(long, value_enum, requires = "server")]
    way: Option<Way>,
    /// With --server: plays this case, section or row alone; may be repeated.
    #[arg(long, value_name = "NAME", requires = "server")]
    case: Vec<String>,
    /// Checks this client alone, and writes no page.
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    client: Option<String>,
    /// Runs nothing, and writes the page of the results that were kept.
    #[arg(long, conflicts_with_all = ["server", "client"])]
    kept: bool,
    /// Plays the part that every `cargo xtask test` plays, and writes no page.
    #[arg(long, conflicts_with_all = ["server", "client", "kept"])]
    smoke: bool,
}

/// Everything that the page tells.
#[derive(Debug)]
struct Results {
    servers: Vec<ServerResults>,
    clients: Vec<ClientRun>,
}

/// What is told of one server.
#[derive(Debug)]
struct ServerResults {
    server: &'static Server,
    version: String,
    /// In the order of [`Way`].
    runs: Vec<ServerRun>,
}

/// Does it. False when a peer that CI must have is left out.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.kept {
        let results = kept(workspace)?;
        return write(workspace, &results).map(|()| true);
    }
    if arguments.smoke {
        return Ok(smoke(workspace)?.failed == 0);
    }
    if let Some(name) = &arguments.server {
        build(workspace, &["pop3-testkit", "pop3-server"])?;
        return one(workspace, peers::server_named(name)?, arguments);
    }
    build(workspace, &["pop3-testkit", "pop3-server", "pop3-client"])?;
    if let Some(name) = &arguments.client {
        return Ok(!clients::run(workspace, &[name])?.is_empty());
    }
    let present = peers::present(workspace)?;
    let mut is_complete = present.len() == peers::servers().len();
    // At the same time, since most of the time is theirs: they answer failed logins late.
    let servers = thread::scope(|scope| {
        let runs: Vec<_> = present.iter().map(|server| scope.spawn(|| all_ways(workspace, server))).collect();
        runs.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>()
    })?;
    let clients = clients::run(workspace, &clients::ALL)?;
    is_complete &= clients.len() == clients::ALL.len() * clients::MODES.len();
    if is_complete {
        write(workspace, &Results { servers, clients })?;
    } else {
        println!("{PAGE} is written only when nothing is left out");
    }
    Ok(is_complete || !peers_are_required())
}

/// What a thread came to.
fn join<T>(run: thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    run.join().unwrap_or_else(|_| bail!("a run panicked, see above"))
}

/// Plays what was asked for against one server; the report of `pop3-conform` goes to the screen.
fn one(workspace: &Workspace, server: &'static Server, arguments: &Arguments) -> anyhow::Result<bool> {
    if let Err(why) = server.unpack(workspace)? {
        println!("left out: the server {}: {why}", server.name);
        return Ok(!peers_are_required());
    }
    let ways = match arguments.way {
        Some(way) => vec![way],
        None => Way::value_variants().to_vec(),
    };
    let mut is_good = true;
    for way in ways {
        let running = Running::start(workspace, server, way == Way::Stls)?;
        if way == Way::Tls && running.tls_address().is_none() {
            println!("{} has no port with TLS from the first octet", server.name);
            continue;
        }
        is_good &= if arguments.case.is_empty() {
            servers::keep(workspace, &running, server, way, Echo::Show)?.count(Verdict::Fails) == 0
        } else {
            servers::show(workspace, &running, way, &arguments.case)?
        };
    }
    Ok(is_good)
}

/// Plays every case in every way that the server knows.
fn all_ways(workspace: &Workspace, server: &'static Server) -> anyhow::Result<ServerResults> {
    let version = server.version(workspace)?;
    let mut runs = Vec::new();
    for way in Way::value_variants() {
        // A fresh server each time: no run finds the mail, or the penalties, of another.
        let running = Running::start(workspace, server, *way == Way::Stls)?;
        let is_known = match way {
            Way::Plain => true,
            Way::Stls => runs.first().is_some_and(ServerRun::offers_stls),
            Way::Tls => running.tls_address().is_some(),
        };
        if is_known {
            runs.push(servers::keep(workspace, &running, server, *way, Echo::Hide)?);
        }
    }
    Ok(ServerResults { server, version, runs })
}

/// What earlier runs have left.
fn kept(workspace: &Workspace) -> anyhow::Result<Results> {
    let mut servers = Vec::new();
    for server in peers::servers() {
        let runs = servers::kept(workspace, server)?;
        if runs.is_empty() {
            bail!("no results of {} are kept; run cargo xtask matrix", server.name);
        }
        servers.push(ServerResults { server, version: server.version(workspace)?, runs });
    }
    Ok(Results { servers, clients: clients::kept(workspace)? })
}

fn write(workspace: &Workspace, results: &Results) -> anyhow::Result<()> {
    let requirements = fs::read_to_string(workspace.root().join("docs/requirements.md"))
        .context("cannot read docs/requirements.md")?;
    // Paths are told from the checkout.
    let root = format!("{}/", workspace.root().display());
    let text = page::written(results, &requirements).replace(&root, "");
    fs::write(workspace.root().join(PAGE), text).with_context(|| format!("cannot write {PAGE}"))?;
    println!("{PAGE} is written");
    Ok(())
}

/// The programs that take part.
fn build(workspace: &Workspace, packages: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.cargo();
    command.args(["build", "--locked", "--bins", "--all-features"]);
    command.args(packages.iter().flat_map(|package| ["-p", package]));
    if process::show(&mut command, &workspace.scratch().join("logs/matrix-build.txt"))? {
        Ok(())
    } else {
        bail!("the programs that the matrix runs do not build")
    }
}
