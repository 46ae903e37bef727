use memchr::memchr;

/// Turns a stored message, piece by piece, into the slices to send after the `+OK` of RETR or TOP.
///
/// Lines of the store end in LF or CRLF, also mixed; on the wire every line end is CRLF. A CR that no LF
/// follows is data. A line that begins with the termination octet gets one more in front, the first
/// line of the message included. RFC 1939 section 3.
///
/// ```
/// use pop3_proto::body::BodyEncoder;
///
/// let mut wire = Vec::new();
/// let mut encoder = BodyEncoder::whole();
/// for slice in encoder.encode(b".hidden\nend") {
///     wire.extend_from_slice(slice);
/// }
/// wire.extend_from_slice(encoder.finish());
/// assert_eq!(wire, b"..hidden\r\nend\r\n.\r\n");
/// ```
#[derive(Debug)]
#[must_use = "a body that is not finished leaves the client waiting for the termination octet"]
pub struct BodyEncoder {
    at: At,
    limit: Limit,
}

/// What the last octet sent was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    /// Behind a CR; `empty` when that CR stands at the start of its line.
    Cr {
        empty: bool,
    },
    InLine,
}

/// How much of the message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Whole,
    /// TOP, still in the header.
    Header {
        lines: u32,
    },
    /// TOP, so many lines of the body are left.
    Body {
        lines: u32,
    },
}

impl BodyEncoder {
    /// For RETR: the whole message.
    pub const fn whole() -> Self {
        Self { at: At::LineStart, limit: Limit::Whole }
    }

    /// For TOP: the header, the empty line, and `lines` lines of the body. RFC 1939 section 7.
    pub const fn top(lines: u32) -> Self {
        Self { at: At::LineStart, limit: Limit::Header { lines } }
    }

    /// The slices to write for this piece of the message: runs of `chunk`, and static octets between.
    ///
    /// Take all of them before the next call.
    pub const fn encode<'c>(&mut self, chunk: &'c [u8]) -> Encode<'_, 'c> {
        Encode { encoder: self, rest: chunk, pending: None }
    }

    /// Enough lines for TOP were sent: stop reading the store and finish.
    #[must_use]
    pub const fn is_satisfied(&self) -> bool {
        matches!(self.limit, Limit::Body { lines: 0 })
    }

    /// The termination line, with the line end that the last line lacked.
    #[must_use]
    pub const fn finish(self) -> &'static [u8] {
        match self.at {
            At::LineStart => b".\r\n",
            At::Cr { .. } | At::InLine => b"\r\n.\r\n",
        }
    }

    /// A line has ended; `empty` when nothing stood on it.
    const fn end_line(&mut self, empty: bool) {
        self.at = At::LineStart;
        match self.limit {
            Limit::Header { lines } if empty => self.limit = Limit::Body { lines },
            Limit::Body { lines } => self.limit = Limit::Body { lines: lines.saturating_sub(1) },
            Limit::Whole | Limit::Header { .. } => {}
        }
    }

    /// Notes that a run ended inside a line.
    fn leave_in_line(&mut self, run: &[u8]) {
        self.at = match (run, self.at) {
            ([], at) => at,
            ([b'\r'], At::LineStart) => At::Cr { empty: true },
            ([.., b'\r'], _) => At::Cr { empty: false },
            _ => At::InLine,
        };
    }
}

/// The slices of one piece of a message, from [`BodyEncoder::encode`].
#[derive(Debug)]
pub struct Encode<'e, 'c> {
    encoder: &'e mut BodyEncoder,
    rest: &'c [u8],
    /// A static slice owed after the run that was just given out.
    pending: Option<&'static [u8]>,
}

impl<'c> Iterator for Encode<'_, 'c> {
    type Item = &'c [u8];

    fn next(&mut self) -> Option<&'c [u8]> {
        if let Some(owed) = self.pending.take() {
            return Some(owed);
        }
        if self.rest.is_empty() || self.encoder.is_satisfied() {
            return None;
        }
        if self.encoder.at == At::LineStart && self.rest.first() == Some(&b'.') {
            // Only once per line: from here on we are inside it.
            self.encoder.at = At::InLine;
            return Some(b".");
        }
        if self.encoder.limit == Limit::Whole { self.next_run() } else { self.next_line() }
    }
}

impl<'c> Encode<'_, 'c> {
    /// The longest run that needs no repair.
    ///
    /// Mail is either CRLF throughout or LF throughout; the loop is written for the first kind, where one
    /// run is the whole piece, and the second kind pays one run and one static slice a line.
    fn next_run(&mut self) -> Option<&'c [u8]> {
        let chunk = self.rest;
        for at in memchr::memchr_iter(b'\n', chunk) {
            let is_bare = match at.checked_sub(1) {
                Some(before) => chunk.get(before) != Some(&b'\r'),
                None => !matches!(self.encoder.at, At::Cr { .. }),
            };
            let after = at.saturating_add(1);
            let is_stuffed = chunk.get(after) == Some(&b'.');
            if is_bare {
                let (run, rest) = chunk.split_at_checked(at)?;
                self.rest = rest.get(1..)?;
                let owed: &[u8] = if is_stuffed { b"\r\n." } else { b"\r\n" };
                self.encoder.at = if is_stuffed { At::InLine } else { At::LineStart };
                if run.is_empty() {
                    return Some(owed);
                }
                self.pending = Some(owed);
                return Some(run);
            }
            if is_stuffed {
                let (run, rest) = chunk.split_at_checked(after)?;
                self.rest = rest;
                self.encoder.at = At::InLine;
                self.pending = Some(b".");
                return Some(run);
            }
        }
        self.rest = &[];
        if chunk.last() == Some(&b'\n') {
            self.encoder.at = At::LineStart;
        } else {
            self.encoder.leave_in_line(chunk);
        }
        Some(chunk)
    }

    /// One line, for TOP, which counts them.
    fn next_line(&mut self) -> Option<&'c [u8]> {
        let Some(at) = memchr(b'\n', self.rest) else {
            let run = self.rest;
            self.rest = &[];
            self.encoder.leave_in_line(run);
            return Some(run);
        };
        let (run, rest) = self.rest.split_at_checked(at)?;
        let (line, _) = self.rest.split_at_checked(at.saturating_add(1))?;
        self.rest = rest.get(1..)?;
        let was = self.encoder.at;
        let has_cr = match run {
            [] => matches!(was, At::Cr { .. }),
            _ => run.last() == Some(&b'\r'),
        };
        let empty = match was {
            At::LineStart => matches!(run, [] | [b'\r']),
            At::Cr { empty } => empty && run.is_empty(),
            At::InLine => false,
        };
        self.encoder.end_line(empty);
        if has_cr {
            return Some(line);
        }
        if run.is_empty() {
            return Some(b"\r\n");
        }
        self.pending = Some(b"\r\n");
        Some(run)
    }
}
