use std::{fmt, io};

/// Why a driver gave up on a session. `P` is the machine's own error: the peer broke the protocol.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<P> {
    /// The transport failed, or stood still for longer than allowed ([`io::ErrorKind::TimedOut`]).
    Io(io::Error),
    /// The peer broke the protocol.
    Peer(P),
    /// The TLS handshake failed, or the peer's certificate was not accepted.
    Tls(io::Error),
}

impl<P: fmt::Display> fmt::Display for Error<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Peer(error) => error.fmt(f),
            Self::Tls(error) => write!(f, "TLS failed: {error}"),
        }
    }
}

impl<P: std::error::Error> std::error::Error for Error<P> {}

impl<P> From<io::Error> for Error<P> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The peer took or gave no octet for too long.
#[cfg(feature = "tokio")]
pub(crate) fn stalled(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the peer {what} for too long"))
}
