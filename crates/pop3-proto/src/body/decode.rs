use alloc::boxed::Box;

use memchr::{memchr, memmem::Finder};

/// What ends a line of a multi-line response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// CRLF, as RFC 1939 section 3 wants it. A bare LF is content and cannot end anything.
    #[default]
    Strict,
    /// LF, with or without a CR before it: for servers that send LF alone.
    Lenient,
}

/// Turns the octets after the `+OK` of a multi-line response into its content.
///
/// One termination octet at the start of a line is removed, whatever follows it; a line of one
/// termination octet alone ends the content. RFC 1939 section 3.
///
/// ```
/// use pop3_proto::body::{BodyDecoder, BodyPiece};
///
/// let mut decoder = BodyDecoder::default();
/// let mut input: &[u8] = b"..dot\r\n.\r\n+OK next";
/// assert_eq!(decoder.next(&mut input), Some(BodyPiece::Chunk(b".dot\r\n")));
/// assert_eq!(decoder.next(&mut input), Some(BodyPiece::End));
/// assert_eq!(input, b"+OK next");
/// ```
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    at: At,
    line_ends: LineEnds,
    /// Finds a line end with a dot behind it. Made once: where dots open many lines, making it would cost
    /// more than the search. Boxed, because it wants an alignment that not everybody who holds a machine
    /// can give; Python's objects cannot.
    dot_line: Box<Finder<'static>>,
}

impl Default for BodyDecoder {
    /// For a peer that keeps to CRLF.
    fn default() -> Self {
        Self::new(LineEnds::Strict)
    }
}

/// Where in a line the next octet stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    LineStart,
    InLine,
    /// Behind a CR that was given out as content.
    Cr,
    /// Behind the dot that opened the line; the dot is taken off.
    Dot,
    /// Behind such a dot and a CR, which is held back.
    DotCr,
    Ended,
}

/// A piece of a multi-line response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyPiece<'i> {
    /// Content, as long as it could be without a copy.
    Chunk(&'i [u8]),
    /// The termination line.
    End,
}

impl BodyDecoder {
    /// A decoder for a peer whose lines end so.
    #[must_use]
    pub fn new(line_ends: LineEnds) -> Self {
        let dot_line: &[u8] = match line_ends {
            LineEnds::Strict => b"\r\n.",
            LineEnds::Lenient => b"\n.",
        };
        Self { at: At::LineStart, line_ends, dot_line: Box::new(Finder::new(dot_line)) }
    }

    /// Begins with another response.
    pub const fn restart(&mut self) {
        self.at = At::LineStart;
    }

    /// Takes the next piece off the front of `input` and advances `input` past it.
    ///
    /// `None` when `input` is used up, and for ever after [`BodyPiece::End`].
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Option<BodyPiece<'i>> {
        loop {
            let first = *input.first()?;
            match (self.at, first) {
                (At::Ended, _) => return None,
                (At::LineStart, b'.') => {
                    self.at = At::Dot;
                    *input = input.get(1..)?;
                }
                (At::Dot, b'\r') => {
                    self.at = At::DotCr;
                    *input = input.get(1..)?;
                }
                (At::Dot, b'\n') if self.line_ends == LineEnds::Lenient => return self.end(input),
                (At::DotCr, b'\n') => return self.end(input),
                (At::DotCr, _) => {
                    // The CR was content after all; it is gone from the input, so it is given from here.
                    self.at = At::Cr;
                    return Some(BodyPiece::Chunk(b"\r"));
                }
                _ => return Some(BodyPiece::Chunk(self.take_run(input))),
            }
        }
    }

    fn end<'i>(&mut self, input: &mut &'i [u8]) -> Option<BodyPiece<'i>> {
        self.at = At::Ended;
        *input = input.get(1..)?;
        Some(BodyPiece::End)
    }

    /// Everything up to the next line that begins with a dot.
    fn take_run<'i>(&mut self, input: &mut &'i [u8]) -> &'i [u8] {
        let octets = *input;
        let length = self.run_length(octets).unwrap_or(octets.len());
        let (run, rest) = octets.split_at_checked(length).unwrap_or((octets, &[]));
        *input = rest;
        self.at = match run {
            [.., b'\r', b'\n'] => At::LineStart,
            [b'\n'] if self.at == At::Cr => At::LineStart,
            [.., b'\n'] if self.line_ends == LineEnds::Lenient => At::LineStart,
            [.., b'\r'] => At::Cr,
            _ => At::InLine,
        };
        run
    }

    /// The offset of the next dot that opens a line.
    fn run_length(&self, octets: &[u8]) -> Option<usize> {
        // The line end may have begun in the piece before.
        if self.at == At::Cr && octets.starts_with(b"\n.") {
            return Some(1);
        }
        // Most pieces of most mail hold no dot at all, and a search for one octet is the fastest there is.
        memchr(b'.', octets)?;
        let before_dot = self.dot_line.needle().len().saturating_sub(1);
        self.dot_line.find(octets).map(|at| at.saturating_add(before_dot))
    }
}
