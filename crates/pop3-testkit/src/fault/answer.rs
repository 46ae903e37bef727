//! An answer in its parts, and what faults do to them.

use pop3_proto::body::{BodyDecoder, BodyPiece};

use super::{Endless, Fault, Said, listing};

/// What goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) octets: Vec<u8>,
    /// What follows it again and again.
    pub(super) forever: Option<Vec<u8>>,
}

/// An answer in its parts.
#[derive(Debug)]
pub(super) struct Answer {
    /// Goes before it, as it is.
    before: Vec<u8>,
    /// The first line without its end.
    pub(super) status: Vec<u8>,
    status_end: &'static [u8],
    /// What follows the first line, without byte-stuffing.
    pub(super) content: Option<Vec<u8>>,
    terminator: Vec<u8>,
    /// What is left of the answer behind that.
    rest: Vec<u8>,
    /// Follows it, as it is.
    after: Vec<u8>,
    endless: Option<Endless>,
    is_stuffed: bool,
    is_bare_lf: bool,
    is_twice: bool,
    has_ok_before_lines: bool,
}

impl Answer {
    pub(super) fn read(said: Said<'_>, octets: &[u8]) -> Self {
        let end = octets.iter().position(|octet| *octet == b'\n').map_or(octets.len(), |end| end + 1);
        let (first, rest) = octets.split_at(end);
        let (status, status_end): (&[u8], &[u8]) = match first {
            [status @ .., b'\r', b'\n'] => (status, b"\r\n"),
            [status @ .., b'\n'] => (status, b"\n"),
            status => (status, b""),
        };
        let has_content = has_content(said) && status.starts_with(b"+OK") && !rest.is_empty();
        let (content, terminator, rest) = match has_content {
            true => {
                let (content, is_ended, rest) = unstuffed(rest);
                (Some(content), if is_ended { b".\r\n".to_vec() } else { Vec::new() }, rest)
            }
            false => (None, Vec::new(), rest.to_vec()),
        };
        Self {
            before: Vec::new(),
            status: status.to_vec(),
            status_end,
            content,
            terminator,
            rest,
            after: Vec::new(),
            endless: None,
            is_stuffed: true,
            is_bare_lf: false,
            is_twice: false,
            has_ok_before_lines: false,
        }
    }

    /// Gives whether the fault is one of those that change an answer.
    pub(super) fn suffer(&mut self, fault: &Fault, said: Said<'_>, session: u32) -> bool {
        match fault {
            Fault::Say(text) => self.status = text.to_vec(),
            Fault::Prepend(text) => self.before.extend_from_slice(text),
            Fault::Append(text) => self.after.extend_from_slice(text),
            Fault::Twice => self.is_twice = true,
            Fault::BareLf => self.is_bare_lf = true,
            Fault::Unstuffed => self.is_stuffed = false,
            Fault::NoTerminator => self.terminator.clear(),
            Fault::Terminator(text) => self.terminator = text.to_vec(),
            Fault::NoLastCrlf => self.with_content(|content| {
                let without = content.strip_suffix(b"\r\n").map_or(content.len(), <[u8]>::len);
                content.truncate(without);
            }),
            Fault::CutTo(count) => self.with_content(|content| cut(content, *count)),
            Fault::Endless(endless) => self.endless = Some(*endless),
            Fault::OkBeforeLines => self.has_ok_before_lines = listing::is_listing(said),
            Fault::Sizes(_)
            | Fault::UniqueIds(_)
            | Fault::Separator(_)
            | Fault::Trailing(_)
            | Fault::NoNumber
            | Fault::Shuffled
            | Fault::Without(_)
            | Fault::With(_) => listing::suffer(self, fault, said, session),
            Fault::Answer(_) | Fault::Hang | Fault::Close | Fault::Reset => return false,
            Fault::CloseAfter(_) | Fault::ResetAfter(_) | Fault::HalfCloseAfter(_) => return false,
            Fault::StallAfter(..) | Fault::SplitAt(..) | Fault::SplitEvery(..) => return false,
            Fault::Whole | Fault::Delete | Fault::RemoveNothing => return false,
        }
        true
    }

    fn with_content(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(content) = &mut self.content {
            change(content);
        }
    }

    pub(super) fn write(self) -> Wire {
        let mut octets = self.before;
        let mut answer = [&self.status, self.status_end].concat();
        let forever = match (self.endless, &self.content) {
            (Some(Endless::Line), None) => {
                answer = self.status;
                Some(vec![b'x'; BLOCK])
            }
            (Some(Endless::Line), Some(_)) => Some(vec![b'x'; BLOCK]),
            (Some(Endless::Listing), Some(_)) => Some(block(|number| format!("{} 1\r\n", FIRST + number))),
            (Some(Endless::Message), Some(_)) => Some(block(|_| format!("{}\r\n", "endless ".repeat(9)))),
            (Some(Endless::Listing | Endless::Message), None) | (None, _) => None,
        };
        let is_line = self.endless == Some(Endless::Line);
        if let Some(content) = self.content.filter(|_| !is_line) {
            let content = if self.has_ok_before_lines { listing::with_ok(&content) } else { content };
            answer.extend(if self.is_stuffed { stuffed(&content) } else { content });
        }
        if forever.is_none() {
            answer.extend(self.terminator);
            answer.extend(self.rest);
        }
        if self.is_bare_lf {
            answer = bare_lf(&answer);
        }
        octets.extend_from_slice(&answer);
        if let Some(forever) = forever {
            let forever = if self.is_bare_lf { bare_lf(&forever) } else { forever };
            return Wire { octets, forever: Some(forever) };
        }
        if self.is_twice {
            octets.extend_from_slice(&answer);
        }
        octets.extend(self.after);
        Wire { octets, forever: None }
    }
}

/// Octets that are sent at once of what has no end, as nearly as lines allow.
const BLOCK: usize = 4096;
/// The messages of a listing without an end are numbered from here.
const FIRST: usize = 1_000_000;

fn block(line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK);
    let mut number = 0;
    while block.len() < BLOCK {
        block.extend_from_slice(line(number).as_bytes());
        number += 1;
    }
    block
}

/// Whether lines follow the `+OK`. RFC 1939 section 3; RFC 2449 section 5; RFC 6856 section 3.
fn has_content(said: Said<'_>) -> bool {
    let Said::Command { keyword, arguments } = said else { return false };
    match keyword {
        "RETR" | "TOP" | "CAPA" => true,
        // AUTH without a mechanism lists them on servers of RFC 1734's days.
        "LIST" | "UIDL" | "LANG" | "AUTH" => arguments.trim().is_empty(),
        _ => false,
    }
}

/// The content without byte-stuffing, whether the termination line was there, and what follows it.
fn unstuffed(wire: &[u8]) -> (Vec<u8>, bool, Vec<u8>) {
    let (mut content, mut input) = (Vec::with_capacity(wire.len()), wire);
    let mut decoder = BodyDecoder::default();
    loop {
        match decoder.next(&mut input) {
            Some(BodyPiece::Chunk(chunk)) => content.extend_from_slice(chunk),
            Some(BodyPiece::End) => return (content, true, input.to_vec()),
            None => return (content, false, Vec::new()),
        }
    }
}

/// RFC 1939 section 3, and nothing else: line ends stay what they are.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + content.len() / 64);
    for (index, octet) in content.iter().enumerate() {
        let is_first =
            content.get(..index).is_some_and(|before| before.is_empty() || before.ends_with(b"\r\n"));
        if *octet == b'.' && is_first {
            wire.push(b'.');
        }
        wire.push(*octet);
    }
    wire
}

/// So many octets, and a line end where they do not end in one.
fn cut(content: &mut Vec<u8>, count: u64) {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if content.len() <= count {
        return;
    }
    content.truncate(count);
    if content.ends_with(b"\r") {
        content.push(b'\n');
    } else if !content.is_empty() && !content.ends_with(b"\r\n") {
        content.extend_from_slice(b"\r\n");
    }
}

fn bare_lf(octets: &[u8]) -> Vec<u8> {
    let mut bare = Vec::with_capacity(octets.len());
    for (index, octet) in octets.iter().enumerate() {
        if *octet != b'\r' || octets.get(index + 1) != Some(&b'\n') {
            bare.push(*octet);
        }
    }
    bare
}
