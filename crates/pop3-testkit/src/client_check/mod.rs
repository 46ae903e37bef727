//! What a fetcher does when things go wrong: one scenario after the other against a server with that fault.
//!
//! Each [`Scenario`] is played on a [`TestServer`](crate::TestServer) of its own, with a directory of its own
//! for what is fetched. The fetcher is run at least twice, each time to its end; the first time with the fault,
//! the last time most often without. Then every file is read: each test message says in each of its lines
//! which it is, so that it is found in a Maildir, in an mbox and in whatever else a program writes, and with
//! what is left on the server the [`Verdict`] follows.

mod command;
mod judge;
mod mail;
mod play;
mod process;
mod report;
mod scan;
mod scenario;

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde::Deserialize;

pub use judge::Verdict;
pub use play::{Message, Outcome, Run};
pub use process::End;
pub use report::Report;
pub use scan::Copies;
pub use scenario::Scenario;

use crate::{fault::InvalidRule, server};

/// What the fetcher is told to do with messages that it has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// They are to be removed from the server.
    Delete,
    /// They are to stay there.
    Keep,
}

impl Mode {
    /// As it stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Keep => "keep",
        }
    }
}

/// What to check, and how.
#[derive(Debug, Clone)]
pub struct Check {
    /// The program and its arguments, with `{host}`, `{port}`, `{user}`, `{password}`, `{outdir}`, `{ca}`,
    /// `{timeout}` and `{mode}` in them.
    pub command: Vec<String>,
    /// What the command does with messages that it has stored.
    pub mode: Mode,
    /// How long a run may take; what takes longer is stuck.
    pub timeout: Duration,
    /// Whether TLS comes first; otherwise there is none.
    pub tls: bool,
    /// Scenarios that are played at the same time.
    pub jobs: NonZeroUsize,
}

/// What `pop3-client` is checked with: the words of a command, with the placeholders of
/// [`Check::command`]. The password is read from `POP3_PASSWORD`.
#[must_use]
pub fn example(mode: Mode, tls: bool) -> Vec<&'static str> {
    let mut words = vec!["pop3-client", "fetch"];
    words.extend(match tls {
        true => ["pops://{user}@{host}:{port}", "--ca-file={ca}"],
        false => ["pop://{user}@{host}:{port}", "--insecure-plain"],
    });
    words.extend(["--timeout={timeout}", "--maildir={outdir}/mail"]);
    if mode == Mode::Delete {
        words.push("--delete");
    }
    words
}

impl Check {
    /// For how long the fetcher should wait for a silent server, as `{timeout}` tells it: for so long that it
    /// can give up several times within a run.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs((self.timeout.as_secs() / 10).max(1))
    }

    /// Plays the scenarios; each leaves what was fetched, said and printed in a directory below `work`.
    ///
    /// # Errors
    ///
    /// The first thing that kept a scenario from being played.
    pub fn run(&self, scenarios: &[&Scenario], work: &Path) -> Result<Vec<Outcome>, CheckError> {
        let next = AtomicUsize::new(0);
        let played = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.jobs.get().min(scenarios.len()) {
                scope.spawn(|| {
                    while let Some((index, scenario)) = take(&next, scenarios) {
                        let outcome = self.play(scenario, work);
                        if outcome.is_err() {
                            next.store(scenarios.len(), Ordering::Relaxed);
                        }
                        played.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                    }
                });
            }
        });
        let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
        played.sort_by_key(|(index, _)| *index);
        played.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn play(&self, scenario: &Scenario, work: &Path) -> Result<Outcome, CheckError> {
        let work = work.join(scenario.name());
        play::make_directory(&work)?;
        play::play(self, scenario, &work)
    }
}

/// The next that nobody has taken.
fn take<'s>(next: &AtomicUsize, scenarios: &[&'s Scenario]) -> Option<(usize, &'s Scenario)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, *scenarios.get(index)?))
}

/// Why a check could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The fetcher cannot be started.
    #[error("cannot run {command}: {error}; check the command after --")]
    Run {
        /// The program.
        command: String,
        /// What the system says.
        error: io::Error,
    },
    /// A file or directory cannot be read.
    #[error("cannot read {}: {error}; check the path and its mode", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write {}: {error}; choose another --work directory", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is none of scenarios.
    #[error("{} holds no scenarios: {error}", path.display())]
    Scenarios {
        /// Where.
        path: PathBuf,
        /// What is wrong, and in which line.
        error: Box<toml::de::Error>,
    },
    /// A scenario does not run anything.
    #[error("the scenario {name} in {} has no runs; give it two lists of rules at least", path.display())]
    NoRuns {
        /// Where.
        path: PathBuf,
        /// Its name.
        name: String,
    },
    /// A rule of a scenario is wrong.
    #[error("the scenario {name} in {} has a wrong rule: {error}", path.display())]
    Rule {
        /// Where.
        path: PathBuf,
        /// The scenario's name.
        name: String,
        /// What is wrong.
        error: Box<InvalidRule>,
    },
    /// The test server cannot do something.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// Something holds a session open though the fetcher has ended.
    #[error("the scenario {name} cannot go on: {error}; something that the command started may still run")]
    StillConnected {
        /// The scenario's name.
        name: String,
        /// The sessions.
        error: Box<server::NotInTime>,
    },
}
