use alloc::{borrow::Cow, boxed::Box};
use core::fmt;

use super::{Deletions, Maildrop, Retrieved};
use crate::types::{Expire, Mechanism, MessageNumber, Secret};

/// A question that only the outside can answer. One is open at a time.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'i> {
    /// Answer: `accept`, `reject`, or (SASL only) `challenge`.
    Login(Login<'i>),
    /// The answer to a challenge, decoded. Answer: as for [`Event::Login`].
    SaslResponse(Secret<Cow<'i, [u8]>>),
    /// The exchange is over without a login, and the client has been told. Nothing to answer.
    SaslCancelled,
    /// Answer: `begin_message`, or `refuse_message`.
    Retrieve {
        /// A message that is there and not marked.
        number: MessageNumber,
        /// How much of it.
        extent: Extent,
    },
    /// Flush, hand the transport to TLS, then call `handle_tls_established`.
    StartTls,
    /// QUIT in TRANSACTION. Answer: `finish_update`.
    Update {
        /// What to remove.
        deletions: Deletions,
        /// What was sent whole; a store may note it as seen.
        retrieved: Retrieved,
    },
    /// Flush and close. Without a preceding [`Event::Update`], nothing may be removed.
    Close(CloseReason),
}

/// How a client wants to log in.
#[non_exhaustive]
pub enum Login<'i> {
    /// APOP. RFC 1939 section 7.
    Apop {
        /// Whose maildrop.
        name: Cow<'i, str>,
        /// MD5 over the timestamp and the shared secret.
        digest: [u8; 16],
        /// The timestamp of this connection's greeting.
        timestamp: Box<str>,
    },
    /// USER and PASS. RFC 1939 section 7.
    Password {
        /// Whose maildrop.
        name: Cow<'i, str>,
        /// The password.
        password: Secret<Cow<'i, str>>,
    },
    /// AUTH. RFC 5034.
    Sasl {
        /// One of those that are offered on this connection now.
        mechanism: Mechanism<'i>,
        /// Decoded, if there was one.
        initial_response: Option<Secret<Cow<'i, [u8]>>>,
    },
}

/// Shows neither password, token nor digest.
impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apop { name, timestamp, .. } => f
                .debug_struct("Apop")
                .field("name", name)
                .field("timestamp", timestamp)
                .finish_non_exhaustive(),
            Self::Password { name, password } => {
                f.debug_struct("Password").field("name", name).field("password", password).finish()
            }
            Self::Sasl { mechanism, initial_response } => f
                .debug_struct("Sasl")
                .field("mechanism", mechanism)
                .field("initial_response", initial_response)
                .finish(),
        }
    }
}

/// How much of a message is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// RETR.
    Whole,
    /// TOP: header, empty line, and so many lines of the body.
    Top {
        /// Lines of the body.
        lines: u32,
    },
}

/// Why the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The inactivity timer ran out. RFC 1939 section 3.
    Autologout,
    /// A message failed half-way: no termination line was sent.
    BodyFailed,
    /// The client closed its half.
    Eof,
    /// Too many failed logins.
    FailedLogins,
    /// QUIT.
    Quit,
    /// [`shut_down`](super::Server::shut_down).
    ShuttingDown,
    /// Too many wrong commands or over-long lines.
    TooManyErrors,
}

/// Why a login failed; each maps to one response code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// `[AUTH]`: name, password, token, or the account itself. RFC 3206 section 5.
    BadCredentials,
    /// `[IN-USE]`: the credentials are right, the maildrop is locked. RFC 2449 section 8.1.2.
    InUse,
    /// `[LOGIN-DELAY]`: too soon. RFC 2449 section 8.1.1.
    LoginDelay,
    /// `[SYS/PERM]`: somebody has to mend the maildrop. RFC 3206 section 4.
    Permanent,
    /// `[SYS/TEMP]`: something is down and will be back. RFC 3206 section 4.
    Temporary,
    /// No code: the mechanism cannot be used so. RFC 5034 section 4.
    UnsupportedMechanism,
}

/// A login that succeeded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Accepted {
    /// The snapshot, taken under the lock.
    pub maildrop: Maildrop,
    /// This user's delay between logins, in seconds, where it differs by user.
    pub login_delay: Option<u32>,
    /// This user's retention, where it differs by user.
    pub expire: Option<Expire>,
}

impl From<Maildrop> for Accepted {
    fn from(maildrop: Maildrop) -> Self {
        Self { maildrop, login_delay: None, expire: None }
    }
}

/// What became of the marked messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// All are removed, durably.
    Removed,
    /// Some are still there.
    SomeNotRemoved,
}
