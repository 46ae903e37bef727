/// The client broke the protocol. Fatal: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A line went on and on.
    #[error("the client sent a line that does not end")]
    EndlessLine,
    /// Octets came behind STLS, before TLS: somebody may have put them there. RFC 2595 section 4.
    #[error("the client sent octets between STLS and the TLS handshake")]
    PlaintextAfterStls,
}

/// This side misused the machine. Nothing was sent, the machine is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// No question is open.
    #[error("no question is open that this would answer")]
    NothingToAnswer,
    /// Another question is open.
    #[error("this is no answer to the question that is open")]
    WrongAnswer,
}
