//! The process that serves: it starts the programs of one server, says the ports, and ends when its standard
//! input does. It runs in a PID namespace of its own, so that nothing it has started outlives it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::certificate::{self, Certificate};
use super::inetd;
use super::root::Root;
use super::server::Server;

/// How long a server may take until it greets.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the server listens.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Ports {
    /// The address, of this machine alone.
    pub(super) address: Ipv4Addr,
    /// Begins in clear; offers STLS, if the server knows it.
    pub(super) plain: u16,
    /// TLS from the first octet.
    pub(super) tls: Option<u16>,
}

/// What is running, and where.
#[derive(Debug)]
pub(super) struct Serving<'t> {
    /// Cargo's target directory, where our own server is.
    pub(super) target: &'t Path,
    pub(super) root: Root,
    pub(super) certificate: Certificate,
    /// Whether passwords are refused before TLS.
    pub(super) tls_first: bool,
    processes: Vec<Child>,
}

/// Starts the server, says the ports as JSON, and serves until standard input ends.
pub(super) fn run(target: &Path, server: &Server, tls_first: bool) -> anyhow::Result<()> {
    let root = Root::new(target, server.name);
    let _lock = root.lock()?;
    let certificate = certificate::make(&root.beside("tls"))?;
    let mut serving = Serving { target, root, certificate, tls_first, processes: Vec::new() };
    let ports = (server.start)(&mut serving).with_context(|| format!("{} cannot be started", server.name))?;
    serving.wait_for(ports)?;
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, &ports)?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}

impl Serving<'_> {
    /// Starts a program that goes on running.
    pub(super) fn daemon(&mut self, command: &mut Command) -> anyhow::Result<()> {
        let child = quiet(command)?.spawn().with_context(|| format!("cannot start {command:?}"))?;
        self.processes.push(child);
        Ok(())
    }

    /// Runs a program to its end, with something on standard input.
    pub(super) fn once(&self, command: &mut Command, input: &str) -> anyhow::Result<()> {
        let mut child = quiet(command)?.stdin(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        if !child.wait()?.success() {
            bail!("{command:?} failed");
        }
        Ok(())
    }

    /// Starts a program for every connection to the port that this gives.
    pub(super) fn inetd(
        &self,
        program: impl Fn() -> anyhow::Result<Command> + Send + Sync + Clone + 'static,
    ) -> anyhow::Result<u16> {
        inetd::listen(program).context("there is no port on 127.0.0.1")
    }

    /// Two ports that were free a moment ago.
    pub(super) fn free_ports(&self, address: Ipv4Addr) -> anyhow::Result<(u16, u16)> {
        let [one, other] = [TcpListener::bind((address, 0))?, TcpListener::bind((address, 0))?];
        Ok((one.local_addr()?.port(), other.local_addr()?.port()))
    }

    /// Waits until somebody listens on a socket of the root.
    pub(super) fn wait_for_socket(&mut self, inside: &str) -> anyhow::Result<()> {
        let path = self.root.path(inside)?;
        self.wait(&format!("nobody listens on {}", path.display()), || UnixStream::connect(&path).is_ok())
    }

    /// Waits until the server greets in clear, and answers on its other port.
    fn wait_for(&mut self, ports: Ports) -> anyhow::Result<()> {
        let address = ports.address;
        self.wait(&format!("the server does not greet on {address}:{}", ports.plain), || {
            greets(address, ports.plain) && ports.tls.is_none_or(|port| answers(address, port))
        })
    }

    fn wait(&mut self, complaint: &str, is_ready: impl Fn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_ready() {
            if Instant::now() > deadline {
                bail!("{complaint} after {} seconds", PATIENCE.as_secs());
            }
            for process in &mut self.processes {
                if let Some(status) = process.try_wait()? {
                    bail!("{complaint}: a process has ended with {status}");
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Standard output is for the ports alone, so programs write to standard error, which is the log.
fn quiet(command: &mut Command) -> anyhow::Result<&mut Command> {
    let log = io::stderr().as_fd().try_clone_to_owned()?;
    Ok(command.stdin(Stdio::null()).stdout(log))
}

fn greets(address: Ipv4Addr, port: u16) -> bool {
    let greeting = || -> io::Result<bool> {
        let mut connection = TcpStream::connect((address, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut begin = [0; 3];
        connection.read_exact(&mut begin)?;
        Ok(&begin == b"+OK")
    };
    greeting().unwrap_or(false)
}

fn answers(address: Ipv4Addr, port: u16) -> bool {
    TcpStream::connect((address, port)).is_ok()
}
