//! What is known of each session, and waiting for it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Kind, shared::lock};
use crate::transcript::{Side, Transcript};

/// Octets of a client's last line that are worth showing.
const SHOWN: usize = 100;

/// What happened in one session. Of a session that still runs, it is what happened so far.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRecord {
    /// Counted from 1, in the order in which the server accepted the connections.
    pub number: u32,
    /// How sessions begin where this one came in.
    pub kind: Kind,
    /// Where the client is.
    pub peer: SocketAddr,
    /// Whether TLS protects it, be it from the first octet on or since STLS.
    pub is_tls: bool,
    /// Who has logged in.
    pub user: Option<String>,
    /// The way that was: `PASS`, `APOP`, or the mechanism's name.
    pub login: Option<String>,
    /// Logins that the server refused; one that a fault answered was not carried out, and does not count.
    pub failed_logins: u32,
    /// Every RETR that was carried out, in order, however little of the answer a fault let through.
    pub retrieved: Vec<HandledMessage>,
    /// Every TOP that was carried out, in order.
    pub topped: Vec<HandledMessage>,
    /// The messages that are marked as deleted now, or were at the end, by number.
    pub marked: Vec<HandledMessage>,
    /// The messages that the UPDATE state removed, by number.
    pub removed: Vec<HandledMessage>,
    /// How it ended; `None` while it runs.
    pub end: Option<End>,
    /// What was said, with secrets masked.
    pub transcript: Transcript,
}

/// A message that a session had to do with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandledMessage {
    /// Its number in that session.
    pub number: u32,
    /// Its unique-id.
    pub unique_id: String,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// QUIT was carried out, and the server closed the connection.
    Quit,
    /// The client closed the connection without QUIT.
    Eof,
    /// The client reset the connection, or was gone when the server wrote to it.
    Reset,
    /// The server closed or reset the connection because of a fault.
    Fault,
    /// The test server stopped.
    Stopped,
    /// The client was silent for too long.
    Autologout,
    /// Too many failed logins.
    FailedLogins,
    /// Too many wrong commands, or lines that are too long.
    TooManyErrors,
    /// The client broke the protocol so that the session could not go on.
    Misbehaved(String),
    /// The TLS handshake failed; the client may have refused the certificate.
    Handshake(String),
    /// A token came in the form that the server does not take: it closes, as Exchange Online does.
    TokenForm,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quit => "ended with QUIT",
            Self::Eof => "ended: the client closed the connection",
            Self::Reset => "ended: the client reset the connection",
            Self::Fault => "ended by a fault",
            Self::Stopped => "ended: the server stopped",
            Self::Autologout => "ended: the client was silent for too long",
            Self::FailedLogins => "ended after too many failed logins",
            Self::TooManyErrors => "ended after too many wrong commands",
            Self::Misbehaved(how) => return write!(f, "ended: {how}"),
            Self::Handshake(why) => return write!(f, "ended: the TLS handshake failed ({why})"),
            Self::TokenForm => "ended: the token came in the wrong form",
        })
    }
}

/// What was waited for has not come. It prints what did.
#[derive(Clone, thiserror::Error)]
#[error("{what} within {limit:?}; {happened}")]
pub struct NotInTime {
    what: Box<str>,
    limit: Duration,
    happened: Box<str>,
    sessions: Vec<SessionRecord>,
}

impl NotInTime {
    /// The sessions as they were when the time was over.
    #[must_use]
    pub fn sessions(&self) -> &[SessionRecord] {
        &self.sessions
    }
}

/// What a test prints that returns it: the sentence, and the transcripts below it.
impl fmt::Debug for NotInTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.sessions.iter().try_for_each(|session| {
            write!(f, "\n# session {}\n{}", session.number, session.transcript.to_string().trim_end())
        })
    }
}

/// One line about it, without the transcript.
impl fmt::Display for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.number)?;
        if let Some(user) = &self.user {
            write!(f, " of {}", user.escape_debug())?;
        }
        match &self.end {
            Some(end) => write!(f, " {end}"),
            None => match self.transcript.lines(Side::Client).last() {
                Some(line) => {
                    let shown: String = line.chars().take(SHOWN).collect();
                    write!(f, " still runs, and its client last said `{shown}`")
                }
                None => write!(f, " still runs, and its client has said nothing"),
            },
        }
    }
}

/// All sessions of a server.
#[derive(Debug, Default)]
pub(super) struct Records {
    all: Mutex<Vec<SessionRecord>>,
    changed: Condvar,
}

impl Records {
    /// Notes a session, and gives its number.
    pub(super) fn begin(&self, kind: Kind, peer: SocketAddr) -> u32 {
        let mut all = lock(&self.all);
        let number = u32::try_from(all.len()).unwrap_or(u32::MAX).saturating_add(1);
        all.push(SessionRecord {
            number,
            kind,
            peer,
            is_tls: false,
            user: None,
            login: None,
            failed_logins: 0,
            retrieved: Vec::new(),
            topped: Vec::new(),
            marked: Vec::new(),
            removed: Vec::new(),
            end: None,
            transcript: Transcript::new(),
        });
        drop(all);
        self.changed.notify_all();
        number
    }

    pub(super) fn change(&self, number: u32, change: impl FnOnce(&mut SessionRecord)) {
        let mut all = lock(&self.all);
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        if let Some(record) = all.get_mut(index) {
            change(record);
        }
        drop(all);
        self.changed.notify_all();
    }

    pub(super) fn all(&self) -> Vec<SessionRecord> {
        lock(&self.all).clone()
    }

    /// Waits until then, or until `is_over`, and tells whether it is. [`wake`](Self::wake) lets it look.
    pub(super) fn pause(&self, until: Instant, is_over: impl Fn() -> bool) -> bool {
        let mut all = lock(&self.all);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if is_over() {
                return true;
            }
            if left.is_zero() {
                return false;
            }
            all = self.changed.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets everybody who waits look again.
    pub(super) fn wake(&self) {
        // Under the lock, since who is about to wait holds it from looking to waiting.
        let _all = lock(&self.all);
        self.changed.notify_all();
    }

    /// Waits until `look` finds something.
    pub(super) fn wait<T>(
        &self,
        limit: Duration,
        what: impl FnOnce() -> Box<str>,
        mut look: impl FnMut(&[SessionRecord]) -> Option<T>,
    ) -> Result<T, NotInTime> {
        let began = Instant::now();
        let mut all = lock(&self.all);
        loop {
            if let Some(found) = look(&all) {
                return Ok(found);
            }
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                let sessions = all.clone();
                drop(all);
                return Err(NotInTime { what: what(), limit, happened: happened(&sessions), sessions });
            }
            all = self.changed.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn happened(sessions: &[SessionRecord]) -> Box<str> {
    match sessions {
        [] => "no client has connected".into(),
        sessions => {
            let sessions: Vec<String> = sessions.iter().map(SessionRecord::to_string).collect();
            sessions.join("; ").into()
        }
    }
}
