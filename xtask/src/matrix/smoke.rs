//! The part of the matrix that every test run plays: each server starts, and the conformance run comes to its
//! end against it. Our own server has to pass.

use std::fs;
use std::thread;

use anyhow::{Context, bail};

use super::servers::{self, Verdict, Way};
use crate::left_out::peers_are_required;
use crate::peers::{self, Running, Server};
use crate::process::{self, Echo};
use crate::steps::Tally;
use crate::workspace::Workspace;

/// Seconds that an answer may take. Some cases are about answers that never come, and wait that long.
const TIMEOUT: &str = "10";

/// Runs against all servers at the same time, since most of the time is theirs: they answer failed logins late.
pub(crate) fn smoke(workspace: &Workspace) -> anyhow::Result<Tally> {
    super::build(workspace, &["pop3-testkit", "pop3-server"])?;
    let present = peers::present(workspace)?;
    let mut tally = Tally::default();
    if peers_are_required() && present.len() < peers::servers().len() {
        println!("on CI nothing may be left out");
        tally.failed += 1;
    }
    let results: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = present.iter().map(|server| scope.spawn(|| play(workspace, server))).collect();
        runs.into_iter().map(super::join).collect()
    });
    for (server, result) in present.iter().zip(results) {
        match &result {
            Ok(line) => println!("{}: {line}", server.name),
            Err(error) => println!("{}: {error:#}", server.name),
        }
        let Tally { passed, failed } = Tally::of(result.is_ok());
        tally = Tally { passed: tally.passed + passed, failed: tally.failed + failed };
    }
    Ok(tally)
}

/// Plays every case in clear, and gives the last line of the report.
fn play(workspace: &Workspace, server: &'static Server) -> anyhow::Result<String> {
    let running = Running::start(workspace, server, false)?;
    let folder = workspace.scratch().join("smoke");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let report = folder.join(format!("{}.json", server.name));
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("cannot remove {}", report.display()))?;
    }
    let mut command = servers::command(workspace, &running, Way::Plain)?;
    command.args(["--timeout", TIMEOUT, "--format", "json", "--output"]).arg(&report);
    let log = workspace.scratch().join("logs").join(format!("smoke-{}.txt", server.name));
    let mut last = String::new();
    process::stream(&mut command, &log, |line| {
        line.clone_into(&mut last);
        Echo::Hide
    })?;
    if !report.exists() {
        bail!("pop3-conform did not come to its end, see {}", log.display());
    }
    let run = servers::read(&report, Way::Plain)?;
    if run.count(Verdict::Pass) == 0 {
        bail!("no case passes, see {}", log.display());
    }
    let is_good = [Verdict::Fails, Verdict::Departs, Verdict::Differs, Verdict::Undecided]
        .iter()
        .all(|verdict| run.count(*verdict) == 0);
    if !server.is_peer() && !is_good {
        bail!("our own server does not pass, see {}: {last}", log.display());
    }
    Ok(last)
}
