//! Tells of sessions when they have ended.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc::Sender},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use serde_json::json;

use crate::{
    TestServer,
    program::said,
    server::{HandledMessage, SessionRecord},
};

/// Sessions are waited for in pieces of this length; nothing depends on it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Where transcripts go.
#[derive(Debug)]
pub(super) enum Output {
    Nowhere,
    Text,
    Json,
    Directory(PathBuf),
}

impl Output {
    pub(super) fn new(place: Option<&Path>, is_json: bool) -> anyhow::Result<Self> {
        Ok(match place {
            None => Self::Nowhere,
            Some(place) if place == Path::new("-") && is_json => Self::Json,
            Some(place) if place == Path::new("-") => Self::Text,
            Some(directory) => {
                let cannot = || format!("--transcripts: cannot make the directory {}", directory.display());
                fs::create_dir_all(directory).with_context(cannot)?;
                Self::Directory(directory.to_owned())
            }
        })
    }

    fn tell(&self, session: &SessionRecord) -> anyhow::Result<()> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Text => said::line(text(session)),
            Self::Json => said::line(json(session)),
            Self::Directory(directory) => {
                let path = directory.join(format!("session-{}.txt", session.number));
                fs::write(&path, text(session))
                    .with_context(|| format!("--transcripts: cannot write {}", path.display()))
            }
        }
    }
}

fn text(session: &SessionRecord) -> String {
    format!("# {session}\n{}", session.transcript)
}

fn json(session: &SessionRecord) -> serde_json::Value {
    let messages = |messages: &[HandledMessage]| -> Vec<serde_json::Value> {
        let message =
            |message: &HandledMessage| json!({"number": message.number, "unique_id": message.unique_id});
        messages.iter().map(message).collect()
    };
    json!({
        "session": session.number,
        "user": session.user,
        "login": session.login,
        "tls": session.is_tls,
        "retrieved": messages(&session.retrieved),
        "marked": messages(&session.marked),
        "removed": messages(&session.removed),
        "failed_logins": session.failed_logins,
        "end": session.end.as_ref().map(ToString::to_string),
        "commands": session.transcript.commands(),
        "transcript": session.transcript.to_string(),
    })
}

/// Tells of each session once.
#[derive(Debug)]
pub(super) struct Reporter {
    server: Arc<TestServer>,
    shared: Arc<Mutex<Told>>,
}

#[derive(Debug)]
struct Told {
    output: Output,
    numbers: BTreeSet<u32>,
    /// Why it could not tell; that ends the program.
    failure: Option<anyhow::Error>,
}

impl Reporter {
    /// Begins, in a thread of its own; says when so many sessions were told of.
    pub(super) fn start(
        server: Arc<TestServer>,
        output: Output,
        limit: Option<usize>,
        stop: Sender<()>,
    ) -> Self {
        let shared = Arc::new(Mutex::new(Told { output, numbers: BTreeSet::new(), failure: None }));
        let reporter = Self { server: Arc::clone(&server), shared: Arc::clone(&shared) };
        thread::spawn(move || {
            loop {
                let known = lock(&shared).numbers.clone();
                let mut ended = Vec::new();
                // That an hour passes without a session is no failure.
                let _ = server.wait_until("a session has ended", PATIENCE, |sessions| {
                    let news = sessions.iter().filter(|session| session.end.is_some());
                    ended = news.filter(|session| !known.contains(&session.number)).cloned().collect();
                    !ended.is_empty()
                });
                let count = lock(&shared).tell(&ended);
                let is_enough = limit.is_some_and(|limit| count.is_none_or(|count| count >= limit));
                if is_enough || count.is_none() {
                    // Whoever waits may have ended on its own.
                    let _ = stop.send(());
                    return;
                }
            }
        });
        reporter
    }

    /// Tells of what is left, also of sessions that did not end.
    ///
    /// # Errors
    ///
    /// Where the transcripts could not be written.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let mut told = lock(&self.shared);
        told.tell(&self.server.sessions());
        told.failure.take().map_or(Ok(()), Err)
    }
}

impl Told {
    /// How many were told of by now; `None` when it failed.
    fn tell(&mut self, sessions: &[SessionRecord]) -> Option<usize> {
        for session in sessions {
            if self.failure.is_none() && self.numbers.insert(session.number) {
                self.failure = self.output.tell(session).err();
            }
        }
        self.failure.is_none().then_some(self.numbers.len())
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}
