use std::time::Duration;

/// What is done in place of carrying out what the client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Instead {
    Answer(Vec<u8>),
    Hang,
    Close,
    Reset,
}

/// What is done on the wire, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Send(Vec<u8>),
    /// These octets again and again, until the client goes away.
    SendForever(Vec<u8>),
    Wait(Duration),
    /// Until the client goes away or the server stops.
    WaitForever,
    HalfClose,
    Close,
    Reset,
}
