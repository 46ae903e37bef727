//! How the response that is awaited comes along, and when it is given up.

use core::time::Duration;

use super::{Pace, PeerMisbehaved};
use crate::machine::Elapsed;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// For how long the driver has waited.
    waited: Duration,
    /// Octets that came.
    octets: u64,
    /// Of the message in it, if it holds one: octets without byte-stuffing.
    message: u64,
}

impl Progress {
    pub(super) const fn wait(&mut self, waited: Elapsed) {
        self.waited = self.waited.saturating_add(waited.0);
    }

    /// Octets that were used up. What ends a response counts for the next one; there is nothing to gain by that.
    pub(super) const fn take(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(octets as u64);
    }

    pub(super) const fn take_message(&mut self, chunk: &[u8], limit: u64) -> Result<(), PeerMisbehaved> {
        self.message = self.message.saturating_add(chunk.len() as u64);
        match self.message > limit {
            true => Err(PeerMisbehaved::MessageTooLarge { limit }),
            false => Ok(()),
        }
    }

    /// Whether the octets so far, and those that came and were not read yet, are worth the wait.
    pub(super) fn check(&self, pace: Pace, unread: usize) -> Result<(), PeerMisbehaved> {
        match pace.allows(self.waited, self.octets.saturating_add(unread as u64)) {
            true => Ok(()),
            false => Err(PeerMisbehaved::TooSlow { octets_per_second: pace.octets_per_second }),
        }
    }
}
