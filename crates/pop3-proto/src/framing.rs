//! The caller's input cut into lines, with one bounded partial line kept back.

use alloc::{borrow::Cow, vec::Vec};
use core::fmt;

use memchr::memchr;
use zeroize::Zeroize;

/// What stood at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// CRLF, as RFC 1939 section 3 wants it.
    Crlf,
    /// LF alone.
    Lf,
}

/// A line, or what became of one.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'i> {
    /// A line without its end.
    Line {
        /// Borrowed where the whole line was in the input.
        line: Cow<'i, [u8]>,
        /// How it ended.
        end: LineEnd,
    },
    /// The line has passed its limit. Said once; the rest of the line is thrown away unseen.
    TooLong,
    /// The line that passed its limit has gone on for too long. Said once: close.
    Endless,
}

/// Cuts octets into lines, whatever pieces they come in. RFC 1939 section 3.
///
/// A line that comes in one piece is lent out of the input; one that is cut is put together in a buffer
/// that never holds more than the limit.
#[derive(Default)]
pub struct LineFramer {
    carry: Vec<u8>,
    discarded: Option<usize>,
}

/// Octets of one over-long line that are thrown away before the framer gives up on it.
const DISCARD_LIMIT: usize = 1 << 20;

impl LineFramer {
    /// Octets of a line's start that its limit can depend on.
    pub const START: usize = 8;

    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { carry: Vec::new(), discarded: None }
    }

    /// Whether part of a line is held back.
    #[must_use]
    pub const fn is_mid_line(&self) -> bool {
        !self.carry.is_empty() || self.discarded.is_some()
    }

    /// Forgets the partial line: what came before a TLS handshake joins nothing that comes after it.
    pub fn clear(&mut self) {
        self.carry.zeroize();
        self.carry = Vec::new();
        self.discarded = None;
    }

    /// Takes the next line off the front of `input` and advances `input` past it; `None` when the input
    /// is used up.
    ///
    /// `limit` says from the first octets of a line, at most [`LineFramer::START`] of them, how long the
    /// line may be, in octets, its end included.
    pub fn next<'i>(&mut self, input: &mut &'i [u8], limit: impl Fn(&[u8]) -> usize) -> Option<Framed<'i>> {
        loop {
            if self.discarded.is_some_and(|discarded| discarded > DISCARD_LIMIT) {
                self.discarded = Some(0);
                return Some(Framed::Endless);
            }
            if input.is_empty() {
                return None;
            }
            let (piece, is_whole) = split_line(input);
            if let Some(discarded) = self.discarded {
                let discarded = discarded.saturating_add(piece.len());
                self.discarded = (!is_whole || discarded > DISCARD_LIMIT).then_some(discarded);
                continue;
            }
            let length = self.carry.len().saturating_add(piece.len());
            if length > limit(self.start(piece, &mut [0; Self::START])) {
                self.carry.zeroize();
                self.discarded = (!is_whole || length > DISCARD_LIMIT).then_some(length);
                return Some(Framed::TooLong);
            }
            if !is_whole {
                self.carry.extend_from_slice(piece);
                return None;
            }
            return Some(self.line(piece));
        }
    }

    /// The first octets of the line that `piece` continues, wherever it was cut.
    fn start<'s>(&self, piece: &'s [u8], room: &'s mut [u8; Self::START]) -> &'s [u8] {
        if self.carry.is_empty() {
            return piece.get(..Self::START).unwrap_or(piece);
        }
        let mut used = 0usize;
        for (place, octet) in room.iter_mut().zip(self.carry.iter().chain(piece)) {
            *place = *octet;
            used = used.saturating_add(1);
        }
        room.get(..used).unwrap_or_default()
    }

    /// `piece` completes a line.
    fn line<'i>(&mut self, piece: &'i [u8]) -> Framed<'i> {
        if self.carry.is_empty() {
            let (line, end) = strip_end(piece);
            return Framed::Line { line: Cow::Borrowed(line), end };
        }
        let mut whole = core::mem::take(&mut self.carry);
        whole.extend_from_slice(piece);
        let (line, end) = strip_end(&whole);
        let length = line.len();
        whole.truncate(length);
        Framed::Line { line: Cow::Owned(whole), end }
    }
}

/// Says how much is held back, not what: it may be a password.
impl fmt::Debug for LineFramer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineFramer")
            .field("carried", &self.carry.len())
            .field("discarded", &self.discarded)
            .finish()
    }
}

/// Up to and including the first LF, or everything; and whether there was one.
fn split_line<'i>(input: &mut &'i [u8]) -> (&'i [u8], bool) {
    let octets = *input;
    let found = memchr(b'\n', octets);
    let length = found.map_or(octets.len(), |at| at.saturating_add(1));
    let (piece, rest) = octets.split_at_checked(length).unwrap_or((octets, &[]));
    *input = rest;
    (piece, found.is_some())
}

const fn strip_end(line: &[u8]) -> (&[u8], LineEnd) {
    match line {
        [line @ .., b'\r', b'\n'] => (line, LineEnd::Crlf),
        [line @ .., b'\n'] => (line, LineEnd::Lf),
        line => (line, LineEnd::Lf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec};

    fn frame(octets: &[u8], cuts: usize, limit: usize) -> Vec<String> {
        let mut framer = LineFramer::new();
        let mut out = vec![];
        for chunk in octets.chunks(cuts) {
            let mut input = chunk;
            while let Some(framed) = framer.next(&mut input, |_| limit) {
                out.push(match framed {
                    Framed::Line { line, .. } => String::from_utf8(line.into_owned()).unwrap(),
                    Framed::TooLong => "<too long>".into(),
                    Framed::Endless => "<endless>".into(),
                });
            }
        }
        out
    }

    // Conformance: P-1939-01, P-ROB-08, A-16, A-17
    #[test]
    fn lines_are_the_same_in_whatever_pieces_they_come() {
        for cuts in 1..20 {
            assert_eq!(frame(b"NOOP\r\nQUIT\n\r\na\rb\r\nhalf", cuts, 255), ["NOOP", "QUIT", "", "a\rb"]);
        }
    }

    // Conformance: S-2449-01, S-2449-03, A-13, A-14
    #[test]
    fn an_over_long_line_is_said_once_and_thrown_away() {
        for cuts in 1..300 {
            let fits = [&[b'x'; 253][..], b"\r\n"].concat();
            assert_eq!(frame(&fits, cuts, 255)[0].len(), 253);
            let over = [&[b'x'; 254][..], b"\r\nNOOP\r\n"].concat();
            assert_eq!(frame(&over, cuts, 255), ["<too long>", "NOOP"]);
        }
        let endless = vec![b'x'; 2 * DISCARD_LIMIT];
        assert_eq!(frame(&endless, 4096, 255), ["<too long>", "<endless>"]);
    }

    // Conformance
    #[test]
    fn where_a_line_is_cut_decides_nothing() {
        for length in [DISCARD_LIMIT - 1, DISCARD_LIMIT, 2 * DISCARD_LIMIT] {
            let line = [&vec![b'x'; length - 1][..], b"\n"].concat();
            let whole = frame(&line, line.len(), 255);
            assert_eq!(whole, frame(&line, 4096, 255));
            assert_eq!(whole.len(), if length > DISCARD_LIMIT { 2 } else { 1 });
        }
        let limit = |start: &[u8]| if start.starts_with(b"AUTH") { 100 } else { 20 };
        let line = [&b"AUTH PLAIN "[..], &[b'A'; 60], b"\r\n"].concat();
        for cut in 1..line.len() {
            let (mut front, mut back) = line.split_at(cut);
            let mut framer = LineFramer::new();
            assert_eq!(framer.next(&mut front, limit), None);
            assert!(matches!(framer.next(&mut back, limit), Some(Framed::Line { .. })), "cut at {cut}");
        }
    }
}
