//! What the two roles share; a driver needs to know no more.
//!
//! The contract of the run loop, in one sentence: *after every call that may change the machine, write
//! out [`poll_transmit`](Machine::poll_transmit) until it is empty, then feed
//! [`next_event`](Machine::next_event) until it says `None`; only then wait.* Breaking it costs latency,
//! never correctness: the machine keeps the order.

use core::time::Duration;

/// Time since the session began, as the driver tells it. The core owns no clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Elapsed(pub Duration);

impl Elapsed {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// This time and so much more.
    #[must_use]
    pub const fn saturating_add(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

/// A protocol machine without I/O: octets in, events out; answers in, octets out.
pub trait Machine {
    /// What happened; borrows the input, never the machine.
    type Event<'i>;
    /// The peer broke the protocol. Fatal: close the connection.
    type Error;

    /// Takes the next event off the front of `input` and advances `input` past it.
    ///
    /// `Ok(None)` with `input` empty: read more. `Ok(None)` with octets left: an answer is owed or the
    /// output is full; keep the octets, write out, and come back (back-pressure).
    ///
    /// # Errors
    ///
    /// The peer broke the protocol; every later call says so again.
    fn next_event<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Self::Event<'i>>, Self::Error>;

    /// The peer closed its half: no more input will come.
    ///
    /// # Errors
    ///
    /// The end came where the protocol does not allow one.
    fn handle_eof(&mut self) -> Result<(), Self::Error>;

    /// Octets to write now, if any; report what was written.
    fn poll_transmit(&self) -> Option<&[u8]>;

    /// So many octets of [`poll_transmit`](Self::poll_transmit) were written.
    fn handle_transmitted(&mut self, count: usize);

    /// When [`handle_timeout`](Self::handle_timeout) has to be called at the latest; a time that is over
    /// means at once.
    fn poll_timeout(&self) -> Option<Elapsed>;

    /// Tells the machine the time. Call it before feeding what has arrived, and when the time that
    /// [`poll_timeout`](Self::poll_timeout) gave has come.
    fn handle_timeout(&mut self, now: Elapsed);

    /// Tells the machine how long the driver has just waited for octets from the peer, with nothing else to do. Call it
    /// before feeding what has arrived. Time that the driver's own side takes does not count.
    fn handle_waited(&mut self, waited: Elapsed) {
        let _ = waited;
    }
}
