//! The octets that wait to be written, for both machines.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

/// Octets that were queued and not yet written.
#[derive(Default)]
pub(crate) struct Outgoing {
    octets: Vec<u8>,
    written: usize,
}

/// A buffer larger than this is given back once it is written out: idle sessions stay small.
const KEPT_CAPACITY: usize = 1024;

impl Outgoing {
    /// Where to append.
    pub(crate) const fn queue(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    pub(crate) fn transmitted(&mut self, count: usize) {
        self.written = self.written.saturating_add(count).min(self.octets.len());
        if self.written == self.octets.len() {
            self.clear();
        } else if self.written > KEPT_CAPACITY && self.written > self.len() {
            self.close_up();
        }
    }

    /// Moves what is pending to the front: a peer that reads slowly while more is queued would otherwise
    /// keep all that was ever written.
    fn close_up(&mut self) {
        let pending = self.len();
        self.octets.copy_within(self.written.., 0);
        if let Some(moved_from) = self.octets.get_mut(pending..) {
            moved_from.zeroize();
        }
        self.octets.truncate(pending);
        self.written = 0;
    }

    /// Wipes and forgets everything: passwords pass through here.
    pub(crate) fn clear(&mut self) {
        self.octets.zeroize();
        if self.octets.capacity() > KEPT_CAPACITY {
            self.octets = Vec::new();
        }
        self.written = 0;
    }

    pub(crate) fn pending(&self) -> Option<&[u8]> {
        self.octets.get(self.written..).filter(|pending| !pending.is_empty())
    }

    pub(crate) const fn len(&self) -> usize {
        self.octets.len().saturating_sub(self.written)
    }
}

/// Says how much waits, not what: it may be a password.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("pending", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: S-2449-15, A-18
    #[test]
    fn what_was_written_is_not_kept() {
        let mut out = Outgoing::default();
        let (mut next, mut seen) = (0u8, 0u8);
        for _ in 0..10_000 {
            for _ in 0..100 {
                out.queue().push(next);
                next = next.wrapping_add(1);
            }
            while out.len() > 50 {
                assert_eq!(out.pending().map(|pending| pending[0]), Some(seen));
                out.transmitted(1);
                seen = seen.wrapping_add(1);
            }
        }
        assert!(out.queue().capacity() < 8 * KEPT_CAPACITY);
    }
}
