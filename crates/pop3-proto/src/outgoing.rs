//! The octets that wait to be written, for both machines.

use alloc::vec::Vec;

use zeroize::Zeroize;

/// Octets that were queued and not yet written.
#[derive(Debug, Default)]
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
        }
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
