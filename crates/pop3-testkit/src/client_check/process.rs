//! Running a fetcher as a process group of its own, within a time, and interrupting it.

use std::{
    fs::File,
    io,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde::Deserialize;

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(10);
/// For how long what a fetcher started, as a delivery program, may outlive it.
const AFTERMATH: Duration = Duration::from_secs(2);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// By itself, with this exit code.
    Exit(i32),
    /// By a signal: that of the scenario, or its own.
    Signal(i32),
    /// Not in time: it was killed.
    Stuck,
}

/// A signal that a scenario sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Interruption {
    /// At once and without a chance to do anything.
    Kill,
    /// A request to end.
    Term,
}

impl Interruption {
    const fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Term => Signal::TERM,
        }
    }
}

/// Runs it until it ends. `is_due` is asked again and again; when it says so for the first time, the
/// program is interrupted. When `limit` has passed since its start, or since the interruption, the whole
/// group is killed.
pub(super) fn run(
    command: &mut Command,
    output: &Path,
    limit: Duration,
    interruption: Option<Interruption>,
    mut is_due: impl FnMut() -> bool,
) -> io::Result<End> {
    let log = File::create(output)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    let mut child = command.spawn()?;
    let mut pending = interruption;
    let mut since = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            settle(group(&child)?);
            return Ok(end(status));
        }
        if is_due()
            && let Some(interruption) = pending.take()
        {
            signal(group(&child)?, interruption.signal())?;
            since = Instant::now();
        }
        if since.elapsed() >= limit {
            signal(group(&child)?, Signal::KILL)?;
            child.wait()?;
            return Ok(End::Stuck);
        }
        thread::sleep(LOOK);
    }
}

/// The group, which has the number of its first process.
fn group(child: &Child) -> io::Result<Pid> {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    number.ok_or_else(|| io::Error::other("the system gave a process a number that is none"))
}

fn signal(group: Pid, signal: Signal) -> io::Result<()> {
    match kill_process_group(group, signal) {
        // It ended in this moment.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits a little for what the first process left behind, and kills what does not end.
fn settle(group: Pid) {
    let start = Instant::now();
    while test_kill_process_group(group).is_ok() {
        if start.elapsed() >= AFTERMATH {
            // Whatever is left is not of interest any more.
            let _ = kill_process_group(group, Signal::KILL);
            return;
        }
        thread::sleep(LOOK);
    }
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Exit(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str, limit: Duration, interruption: Option<Interruption>) -> (End, String) {
        let directory = tempfile::tempdir().unwrap();
        let output = directory.path().join("output");
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let ready = directory.path().join("ready");
        command.env("READY", &ready);
        let end = run(&mut command, &output, limit, interruption, || ready.exists()).unwrap();
        (end, std::fs::read_to_string(output).unwrap())
    }

    #[test]
    fn the_exit_code_and_what_was_said_are_kept() {
        let (end, output) = sh("echo out; echo err >&2; exit 7", LONG, None);
        assert_eq!((end, output.as_str()), (End::Exit(7), "out\nerr\n"));
    }

    #[test]
    fn what_does_not_end_is_killed_with_all_that_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (sender, ended) = mpsc::channel();
        // Whoever reads from the pipe sees its end when no process writes to it any more.
        let reader = pipe.clone();
        thread::spawn(move || sender.send(std::fs::read(reader).unwrap()));
        let script = format!("(echo here; exec sleep 600) > {} & sleep 600", pipe.display());
        let (end, _) = sh(&script, Duration::from_secs(1), None);
        assert_eq!(end, End::Stuck);
        assert_eq!(ended.recv_timeout(LONG).unwrap(), b"here\n");
    }

    #[test]
    fn it_is_interrupted_when_that_is_due() {
        let (end, output) = sh(
            "trap 'echo asked; exit 3' TERM; : > $READY; while :; do sleep 0.05; done",
            LONG,
            Some(Interruption::Term),
        );
        // Before that the shell may say that its `sleep` was terminated.
        assert!(output.ends_with("asked\n"), "{output}");
        assert_eq!(end, End::Exit(3));
        let (end, _) = sh(": > $READY; sleep 600", LONG, Some(Interruption::Kill));
        assert_eq!(end, End::Signal(9));
    }
}
