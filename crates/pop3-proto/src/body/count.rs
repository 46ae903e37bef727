use crate::types::Octets;

/// Counts the octets of a message as RETR will send them, without byte-stuffing: every line end is two
/// octets, and a last line without one gets one. RFC 1939 section 11.
///
/// ```
/// use pop3_proto::{body::OctetCounter, types::Octets};
///
/// let mut counter = OctetCounter::new();
/// counter.update(b"Subject: hello\n\n.first");
/// counter.update(b"\nlast line without an end");
/// assert_eq!(counter.finish(), Octets(16 + 2 + 8 + 26));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct OctetCounter {
    octets: u64,
    last: Option<u8>,
}

impl OctetCounter {
    /// Nothing counted yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: 0, last: None }
    }

    /// Counts the next piece of the stored message.
    pub fn update(&mut self, chunk: &[u8]) {
        let mut bare = 0u64;
        for at in memchr::memchr_iter(b'\n', chunk) {
            let before = match at.checked_sub(1) {
                Some(before) => chunk.get(before).copied(),
                None => self.last,
            };
            if before != Some(b'\r') {
                bare = bare.saturating_add(1);
            }
        }
        if let Some(&last) = chunk.last() {
            self.last = Some(last);
        }
        self.octets = self.octets.saturating_add(chunk.len() as u64).saturating_add(bare);
    }

    /// The size of the message that was counted.
    #[must_use]
    pub const fn finish(self) -> Octets {
        match self.last {
            None | Some(b'\n') => Octets(self.octets),
            Some(_) => Octets(self.octets.saturating_add(2)),
        }
    }
}
