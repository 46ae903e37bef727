//! `pop3-testkit client-check` with one program in one mode, and what it reports.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::peers::search_path;
use crate::workspace::Workspace;

/// The programs, each with a script that runs it.
pub(super) const ALL: [&str; 4] = ["pop3-client", "fetchmail", "getmail", "mpop"];

/// What is asked of them.
pub(super) const MODES: [&str; 2] = ["delete", "keep"];

/// Where the scripts are, from the root of the workspace.
pub(super) const SCRIPTS: &str = "crates/pop3-testkit/clients";

/// One run, as `client-check --format json` reports it.
#[derive(Debug, Deserialize)]
pub(super) struct ClientRun {
    pub(super) client: String,
    pub(super) mode: String,
    #[serde(default)]
    pub(super) version: String,
    pub(super) scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) verdict: String,
    pub(super) details: Details,
}

#[derive(Debug, Deserialize)]
pub(super) struct Details {
    /// How each run ended, and which messages are not where they should be.
    pub(super) summary: String,
}

/// Runs programs in both modes; those that are not there are left out, and said.
pub(super) fn run(workspace: &Workspace, clients: &[&str]) -> anyhow::Result<Vec<ClientRun>> {
    let mut runs = Vec::new();
    for client in clients {
        if !ALL.contains(client) {
            bail!("there is no client {client}; there are {}", ALL.join(", "));
        }
        let Some(version) = version(workspace, client)? else {
            println!("left out: {client}");
            continue;
        };
        println!("{client} {version}");
        for mode in MODES {
            let run = check(workspace, client, &version, mode)?;
            let good = run.scenarios.iter().filter(|scenario| scenario.verdict == "ok").count();
            println!("  {mode}: {} scenarios, {good} ok", run.scenarios.len());
            runs.push(run);
        }
    }
    Ok(runs)
}

/// What earlier runs have left.
pub(super) fn kept(workspace: &Workspace) -> anyhow::Result<Vec<ClientRun>> {
    let mut runs = Vec::new();
    for client in ALL {
        let version = version(workspace, client)?.unwrap_or_default();
        for mode in MODES {
            let path = report(workspace, client, mode);
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}; run cargo xtask matrix", path.display()))?;
            runs.push(read(&text, &version)?);
        }
    }
    Ok(runs)
}

/// `None` when the program is not there.
fn version(workspace: &Workspace, client: &str) -> anyhow::Result<Option<String>> {
    let mut command = script(workspace, client);
    let output = command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.with_context(|| format!("the script for {client} could not be started"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((output.status.success() && !version.is_empty()).then_some(version))
}

fn check(workspace: &Workspace, client: &str, version: &str, mode: &str) -> anyhow::Result<ClientRun> {
    let mut command = Command::new(workspace.program("pop3-testkit"));
    command.args(["client-check", "--format", "json", "--label", client, &format!("--{mode}"), "--"]);
    command.arg(path(workspace, client));
    environment(&mut command, workspace);
    let output = command.stdin(Stdio::null()).output().context("pop3-testkit could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let Ok(run) = read(&text, version) else {
        bail!("client-check reports nothing of {client}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let path = report(workspace, client, mode);
    let folder = path.parent().context("a report has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(&path, &*text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(run)
}

fn read(text: &str, version: &str) -> anyhow::Result<ClientRun> {
    let mut run: ClientRun = serde_json::from_str(text).context("that is no report of client-check")?;
    version.clone_into(&mut run.version);
    Ok(run)
}

fn script(workspace: &Workspace, client: &str) -> Command {
    let mut command = Command::new(path(workspace, client));
    environment(&mut command, workspace);
    command
}

fn environment(command: &mut Command, workspace: &Workspace) {
    command.env("PATH", search_path()).env("POP3_CLIENT", workspace.program("pop3-client"));
}

fn path(workspace: &Workspace, client: &str) -> PathBuf {
    workspace.root().join(SCRIPTS).join(format!("{client}.sh"))
}

fn report(workspace: &Workspace, client: &str, mode: &str) -> PathBuf {
    workspace.scratch().join("matrix").join(format!("client-{client}-{mode}.json"))
}
