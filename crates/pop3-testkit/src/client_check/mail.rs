//! Messages that are known again in whatever form a program stores them.
//!
//! The first line of the body says which message begins and how many lines it has, every line says which
//! it is and has a checksum, and the last says that this was all. Some lines begin with a dot or with
//! `From `, and some messages have a line that is a lone dot, as byte-stuffing and mbox files mind.

use std::fmt::Write as _;

/// What every line of the body bears, so that no other text is taken for one.
pub(super) const SIGN: &str = "@pop3-check ";

/// How many lines the body of a test message has; for the messages that are there from the start.
pub(super) const LINES: [u32; 5] = [6, 40, 400, 60, 9];

/// Lines of the messages that come later, by turns. No two messages have the same size, since a size may
/// be all that tells two messages apart.
const LATER_LINES: [u32; 3] = [17, 23, 29];

/// How many lines the message of this mark has; marks count from 1.
pub(super) fn lines(mark: u32) -> u32 {
    let index = usize::try_from(mark.saturating_sub(1)).unwrap_or(usize::MAX);
    match LINES.get(index) {
        Some(lines) => *lines,
        None => {
            let later = index - LINES.len();
            let rounds = u32::try_from(later / LATER_LINES.len()).unwrap_or(0);
            LATER_LINES.get(later % LATER_LINES.len()).map_or(17, |lines| lines + 20 * rounds)
        }
    }
}

/// The message of this mark, with CRLF line ends.
pub(super) fn message(mark: u32) -> Vec<u8> {
    let count = lines(mark);
    let mut text = format!(
        "Date: Mon, 02 Jan 2023 03:04:{second:02} +0000\r\n\
         From: Checker <checker@example.org>\r\n\
         To: Fetcher <fetcher@example.org>\r\n\
         Subject: test message {mark}\r\n\
         Message-ID: <test-{mark}@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\r\n",
        second = mark % 60,
    );
    text.push_str(&signed(&format!("begin {mark} {count}")));
    for number in 1..=count {
        let content = format!("line {mark} {number} the quick brown fox jumps over the lazy dog");
        text.push_str(start(number).as_str());
        text.push_str(&signed(&content));
        if has_lone_dot_after(mark, number) {
            text.push_str(".\r\n");
        }
    }
    text.push_str(&signed(&format!("end {mark}")));
    text.into_bytes()
}

/// What stands before the sign of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Nothing,
    Dot,
    From,
}

impl Start {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Dot => ".",
            Self::From => "From ",
        }
    }
}

/// How a line begins, by its number.
pub(super) const fn start(line: u32) -> Start {
    match line % 12 {
        4 => Start::Dot,
        8 => Start::From,
        _ => Start::Nothing,
    }
}

/// Whether a line of a lone dot follows this one: once in message 4, and in no other, so that a server that
/// does not stuff spoils this one alone.
pub(super) const fn has_lone_dot_after(mark: u32, line: u32) -> bool {
    mark == 4 && line == 20
}

fn signed(content: &str) -> String {
    let mut line = String::from(SIGN);
    // Writing into a string does not fail.
    let _ = write!(line, "{:08x} {content}\r\n", checksum(content.as_bytes()));
    line
}

/// FNV-1a, 32 bits: against accidents.
pub(super) fn checksum(octets: &[u8]) -> u32 {
    octets.iter().fold(0x811c_9dc5, |sum, octet| (sum ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_messages_have_the_same_size() {
        let sizes: HashSet<usize> = (1..=20).map(|mark| message(mark).len()).collect();
        assert_eq!(sizes.len(), 20);
    }

    #[test]
    fn the_third_is_long_enough_to_be_cut_conspicuously() {
        assert!(message(3).len() > 30_000, "{}", message(3).len());
    }
}
