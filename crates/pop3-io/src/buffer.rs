/// Octets that were read and not yet used: one allocation of fixed size.
#[derive(Debug)]
pub struct ReadBuffer {
    octets: Box<[u8]>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// An empty buffer for so many octets.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { octets: vec![0; capacity.max(1)].into_boxed_slice(), start: 0, end: 0 }
    }

    /// What was read and not yet used.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.octets.get(self.start..self.end).unwrap_or_default()
    }

    /// So many octets of [`unread`](Self::unread) were used.
    pub fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Where to read to; empty only when the buffer is full of unread octets.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.start > 0 && self.end == self.octets.len() {
            self.octets.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.octets.get_mut(self.end..).unwrap_or_default()
    }

    /// So many octets were read into [`spare`](Self::spare).
    pub fn fill(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.octets.len());
    }

    /// Overwrites what was used: a password in it is not needed any more.
    pub fn wipe_used(&mut self) {
        let (start, end) = (self.start, self.end);
        self.octets.get_mut(..start).unwrap_or_default().fill(0);
        self.octets.get_mut(end..).unwrap_or_default().fill(0);
    }

    /// Overwrites everything: what was said in clear has no business behind a TLS handshake.
    pub fn wipe(&mut self) {
        self.octets.fill(0);
        self.start = 0;
        self.end = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut buffer = ReadBuffer::new(4);
        buffer.spare().copy_from_slice(b"abcd");
        buffer.fill(4);
        buffer.consume(3);
        assert_eq!(buffer.spare().len(), 3);
        buffer.spare()[..2].copy_from_slice(b"ef");
        buffer.fill(2);
        assert_eq!(buffer.unread(), b"def");
        buffer.consume(9);
        assert!(buffer.unread().is_empty());
        assert_eq!(buffer.spare().len(), 4);
    }

    #[test]
    fn what_was_used_is_wiped_and_the_rest_stays() {
        let mut buffer = ReadBuffer::new(8);
        buffer.spare()[..6].copy_from_slice(b"secret");
        buffer.fill(6);
        buffer.consume(3);
        buffer.wipe_used();
        assert_eq!((buffer.unread(), &*buffer.octets), (&b"ret"[..], &b"\0\0\0ret\0\0"[..]));
        buffer.consume(3);
        buffer.wipe_used();
        assert_eq!(&*buffer.octets, [0; 8]);
    }
}
