//! A server that runs in a process of its own, for as long as this value lives.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, bail};

use super::programs::search_path;
use super::serve::Ports;
use super::server::{Server, namespaced};
use crate::workspace::Workspace;

/// A running server. Dropped, it ends, and all that it has started.
#[derive(Debug)]
pub(crate) struct Running {
    server: &'static Server,
    process: Child,
    /// The process ends when this is closed, so it ends with us whatever happens.
    stdin: Option<ChildStdin>,
    ports: Ports,
    program: PathBuf,
    target: PathBuf,
    log: PathBuf,
}

impl Running {
    /// Starts a server and waits until it greets. With `tls_first` it takes no password before TLS.
    ///
    /// # Errors
    ///
    /// When it does not; the end of its log is in the error.
    pub(crate) fn start(
        workspace: &Workspace,
        server: &'static Server,
        tls_first: bool,
    ) -> anyhow::Result<Self> {
        let program = this_program(workspace)?;
        let log = workspace.scratch().join("logs").join(format!("server-{}.txt", server.name));
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = if server.is_peer() {
            let mut command = namespaced();
            command.arg(&program);
            command
        } else {
            Command::new(&program)
        };
        command.args(["peers", "--serve", server.name, "--target"]).arg(workspace.target());
        if tls_first {
            command.arg("--tls-first");
        }
        command.env("PATH", search_path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut process = command.spawn().context("the server could not be started")?;
        let stdin = process.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let Ok(ports) = serde_json::from_str(&line) else {
            let _ = process.kill();
            process.wait()?;
            bail!("{} did not start; the end of {}:\n{}", server.name, log.display(), end_of(&log));
        };
        let target = workspace.target().to_path_buf();
        Ok(Self { server, process, stdin, ports, program, target, log })
    }

    /// Host and port, to begin in clear.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.ports.address, self.ports.plain)
    }

    /// Host and port for TLS from the first octet.
    pub(crate) fn tls_address(&self) -> Option<String> {
        self.ports.tls.map(|port| format!("{}:{port}", self.ports.address))
    }

    /// A command for the shell that takes a message for a user on standard input.
    pub(crate) fn deliver_command(&self, user: &str) -> anyhow::Result<String> {
        let paths = self.program.to_str().zip(self.target.to_str());
        let (program, target) = paths.context("the path of this program is no UTF-8")?;
        let name = self.server.name;
        Ok(format!("'{program}' peers --deliver {name} --user {user} --target '{target}'"))
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until the server ends by itself.
    pub(super) fn wait(&mut self) -> std::io::Result<()> {
        self.process.wait().map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// The path where this program is, and stays when it is built again.
fn this_program(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let built = workspace.program("xtask");
    if built.exists() {
        return Ok(built);
    }
    std::env::current_exe().context("the path of this program is not known")
}

/// The last lines of a log.
fn end_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
}
