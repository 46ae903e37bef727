//! `pop3-conform` against one server in one way, and what it reports.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Deserialize;

use crate::peers::{OTHER_PASSWORD, OTHER_USER, PASSWORD, Running, Server, USER};
use crate::process::{self, Echo};
use crate::workspace::Workspace;

/// How the connections are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Way {
    /// In clear.
    Plain,
    /// In clear at first, then STLS.
    Stls,
    /// TLS from the first octet.
    Tls,
}

/// One run, as `pop3-conform --format json` reports it.
#[derive(Debug, Deserialize)]
pub(super) struct ServerRun {
    #[serde(skip)]
    pub(super) way: Option<Way>,
    /// What CAPA said before login; `None` when it was refused.
    pub(super) capabilities: Option<Vec<String>>,
    pub(super) capabilities_after_login: Option<Vec<String>>,
    pub(super) cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Case {
    /// Folder and file.
    pub(super) name: String,
    /// The section of docs/requirements.md.
    pub(super) section: Option<u32>,
    pub(super) title: String,
    /// The requirements that it checks.
    pub(super) rows: Vec<String>,
    /// `MUST` and so on.
    pub(super) level: String,
    pub(super) verdict: Verdict,
    /// Why it was not played, or not to its end.
    pub(super) reason: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) received: Option<String>,
}

/// What came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Pass,
    Fails,
    Departs,
    Differs,
    Undecided,
    Skipped,
    NotApplicable,
}

impl Way {
    /// As in sentences.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Plain => "in clear",
            Self::Stls => "STLS",
            Self::Tls => "TLS",
        }
    }

    /// As on the command line.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stls => "stls",
            Self::Tls => "tls",
        }
    }
}

impl Verdict {
    pub(super) const ALL: [Self; 7] = [
        Self::Pass,
        Self::Fails,
        Self::Departs,
        Self::Differs,
        Self::Undecided,
        Self::Skipped,
        Self::NotApplicable,
    ];

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fails => "fails",
            Self::Departs => "departs",
            Self::Differs => "differs",
            Self::Undecided => "undecided",
            Self::Skipped => "skipped",
            Self::NotApplicable => "n/a",
        }
    }
}

impl ServerRun {
    /// Whether CAPA said, in clear and before login, that STLS may be used.
    pub(super) fn offers_stls(&self) -> bool {
        let capabilities = self.capabilities.as_deref().unwrap_or_default();
        capabilities.iter().any(|capability| capability.eq_ignore_ascii_case("STLS"))
    }

    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }
}

/// Plays all cases and keeps the report; it is shown as well, or its last line alone.
pub(super) fn keep(
    workspace: &Workspace,
    running: &Running,
    server: &Server,
    way: Way,
    echo: Echo,
) -> anyhow::Result<ServerRun> {
    let report = report(workspace, server, way);
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
    }
    let folder = report.parent().context("a report has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut command = command(workspace, running, way)?;
    command.args(["--format", "json", "--output"]).arg(&report);
    let log = workspace.scratch().join("logs").join(format!("conform-{}-{}.txt", server.name, way.key()));
    let mut last = String::new();
    process::stream(&mut command, &log, |line| {
        line.clone_into(&mut last);
        echo
    })?;
    if echo == Echo::Hide {
        println!("{}, {}: {last}", server.name, way.words());
    }
    if !report.exists() {
        bail!("pop3-conform wrote no report about {}, see {}", server.name, log.display());
    }
    read(&report, way)
}

/// Plays the chosen cases with the report on the screen. False when something fails.
pub(super) fn show(
    workspace: &Workspace,
    running: &Running,
    way: Way,
    cases: &[String],
) -> anyhow::Result<bool> {
    let mut command = command(workspace, running, way)?;
    for case in cases {
        command.args(["--case", case]);
    }
    process::show(&mut command, &workspace.scratch().join("logs/conform.txt"))
}

/// The reports of earlier runs.
pub(super) fn kept(workspace: &Workspace, server: &Server) -> anyhow::Result<Vec<ServerRun>> {
    let ways = Way::value_variants().iter();
    let reports = ways.map(|way| (*way, report(workspace, server, *way)));
    reports.filter(|(_, path)| path.exists()).map(|(way, path)| read(&path, way)).collect()
}

/// The run against a server that is running, all but the choice of cases and the form of the report.
pub(super) fn command(workspace: &Workspace, running: &Running, way: Way) -> anyhow::Result<Command> {
    let address = match way {
        Way::Tls => running.tls_address().context("the server has no port for TLS")?,
        Way::Plain | Way::Stls => running.address(),
    };
    let mut command = Command::new(workspace.program("pop3-conform"));
    command.arg(address);
    command.args(["--user", USER, "--second-user", OTHER_USER, "--second-password", OTHER_PASSWORD]);
    command.args(["--insecure", "--writable", "--failed-logins", "100", "--deliver-command"]);
    command.arg(running.deliver_command("{user}")?);
    command.env("POP3_CONFORM_PASSWORD", PASSWORD);
    match way {
        Way::Plain => {}
        Way::Stls => {
            command.arg("--stls");
        }
        Way::Tls => {
            command.arg("--tls");
        }
    }
    Ok(command)
}

fn report(workspace: &Workspace, server: &Server, way: Way) -> PathBuf {
    workspace.scratch().join("matrix").join(format!("{}-{}.json", server.name, way.key()))
}

/// Reads a report.
pub(super) fn read(path: &Path, way: Way) -> anyhow::Result<ServerRun> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut run: ServerRun = serde_json::from_str(&text)
        .with_context(|| format!("{} is no report of pop3-conform", path.display()))?;
    run.way = Some(way);
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let text = r#"{"server": "127.0.0.1:1", "mode": "plain", "greeting": "+OK", "capabilities": ["TOP", "STLS"],
            "capabilities_after_login": null, "seconds": 0.1, "counts": {}, "left": null, "cases": [{
            "name": "rfc1939-commands/stat", "section": 3, "title": "STAT.", "rows": ["S-1939-26"],
            "level": "MUST", "verdict": "not-applicable", "reason": "why", "expected": null, "received": null,
            "line": null, "said": [], "reproduce": "", "seconds": 0.0}]}"#;
        let run: ServerRun = serde_json::from_str(text).unwrap();
        assert!(run.offers_stls());
        assert_eq!(run.count(Verdict::NotApplicable), 1);
    }
}
