use core::fmt;

use super::SessionState;
use crate::types::{InvalidValue, Keyword};

/// The first octets of a line, for a person to look at; what is not printable ASCII is escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    octets: [u8; Self::MAX],
    length: usize,
    is_cut: bool,
}

impl Excerpt {
    /// Octets that are kept.
    pub const MAX: usize = 60;

    pub(super) fn of(line: &[u8]) -> Self {
        let mut octets = [0; Self::MAX];
        for (kept, octet) in octets.iter_mut().zip(line) {
            *kept = *octet;
        }
        Self { octets, length: line.len().min(Self::MAX), is_cut: line.len() > Self::MAX }
    }

    /// The octets, as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)?;
        f.write_str(if self.is_cut { "..." } else { "" })
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The server broke the protocol. Fatal: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A line of a response does not end.
    #[error("the server sent a line of more than {limit} octets")]
    LineTooLong {
        /// Octets that were allowed.
        limit: usize,
    },
    /// A listing does not end.
    #[error("the server's answer to {} has more than {limit} lines", keyword.as_str())]
    ListingTooLong {
        /// The command that was answered.
        keyword: Keyword,
        /// Lines that were allowed.
        limit: usize,
    },
    /// A message does not end, or is larger than allowed.
    #[error("the server sent a message of more than {limit} octets")]
    MessageTooLarge {
        /// Octets that were allowed.
        limit: u64,
    },
    /// The server sends, but hardly anything. See [`Pace`](super::Pace).
    #[error("the server sent less than {octets_per_second} octets per second for too long")]
    TooSlow {
        /// The least rate that was asked for.
        octets_per_second: u32,
    },
    /// A line of a listing makes no sense, and names no message.
    #[error("the server's answer to {} holds a line that makes no sense", keyword.as_str())]
    MalformedListing {
        /// The command that was answered.
        keyword: Keyword,
    },
    /// The first line of the session is not a POP3 greeting: another kind of server may listen there.
    /// RFC 1939 section 4.
    #[error("the server's first line is not a POP3 greeting: \"{0}\"")]
    NotAGreeting(Excerpt),
    /// A response begins with neither `+OK` nor `-ERR`. RFC 1939 section 3.
    #[error("the server sent something that begins with neither +OK nor -ERR")]
    NoStatusIndicator,
    /// Octets came behind the `+OK` of STLS, before TLS: somebody may have put them there.
    /// RFC 2595 section 4.
    #[error("the server sent octets between STLS and the TLS handshake")]
    PlaintextAfterStls,
    /// The connection ended in the middle of something.
    #[error("the server closed the connection in the middle of the session")]
    UnexpectedEof,
    /// A response that no command asked for.
    #[error("the server sent a response that no command asked for")]
    UnsolicitedResponse,
}

/// This side misused the machine. Nothing was sent, the machine is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The session is over, or QUIT was sent.
    #[error("the session is over")]
    Closed,
    /// The greeting has not come yet. RFC 1939 section 4.
    #[error("the greeting has not come yet")]
    GreetingPending,
    /// A name or password that no command line can carry.
    #[error("a name or password cannot be sent: it {0}")]
    InvalidValue(#[from] InvalidValue),
    /// No challenge waits for an answer.
    #[error("no challenge waits for an answer")]
    NoChallenge,
    /// This command, or one before it, has to be alone on the wire.
    #[error("this command cannot be sent while another is outstanding")]
    NotPipelinable,
    /// The server did not announce PIPELINING. RFC 2449 section 6.6.
    #[error("the server has not announced PIPELINING")]
    PipeliningNotAdvertised,
    /// UTF8 was sent before, and STLS must not follow it. RFC 6856 section 2.1.
    #[error("STLS cannot follow UTF8")]
    StlsAfterUtf8,
    /// The TLS handshake has to be finished first.
    #[error("the TLS handshake is not done")]
    TlsHandshakePending,
    /// As many commands are outstanding as the configuration allows.
    #[error("too many commands are outstanding")]
    TooManyOutstanding,
    /// The command does not belong into this state.
    #[error("the command is not allowed in the {0} state")]
    WrongState(SessionState),
}
