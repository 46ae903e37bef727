//! The line that separates messages in an mbox, which is no part of the message.

use std::io::{self, BufRead, Chain, Cursor, Read as _};

/// Octets of a line that are looked at together.
const PIECE: u64 = 1024;

/// The message without `From ` lines in front of its header. A Maildir holds none: some programs take such a
/// line for the end of the header, and the rest of the header for text.
///
/// `>From ` is what some senders make of a second one. A header field with a space before its colon,
/// `From : bob@example.org`, was legal once (RFC 5322 section 4.5) and stays.
pub(super) fn without<R: BufRead>(mut message: R) -> io::Result<Chain<Cursor<Vec<u8>>, R>> {
    let mut piece = Vec::new();
    loop {
        piece.clear();
        message.by_ref().take(PIECE).read_until(b'\n', &mut piece)?;
        if !is_from_line(&piece) {
            return Ok(Cursor::new(piece).chain(message));
        }
        while !piece.is_empty() && !piece.ends_with(b"\n") {
            piece.clear();
            message.by_ref().take(PIECE).read_until(b'\n', &mut piece)?;
        }
    }
}

fn is_from_line(line: &[u8]) -> bool {
    let line = line.strip_prefix(b">").unwrap_or(line);
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let behind = rest.iter().find(|octet| !matches!(octet, b' ' | b'\t'));
    behind != Some(&b':')
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn delivered(message: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        without(message).unwrap().read_to_end(&mut whole).unwrap();
        // An octet at a time, as a slow pipe gives it.
        let mut slow = Vec::new();
        without(BufReader::with_capacity(1, message)).unwrap().read_to_end(&mut slow).unwrap();
        assert_eq!(whole, slow);
        whole
    }

    // Conformance: M-MD-19
    #[test]
    fn from_lines_in_front_are_left_out_and_nothing_else() {
        let rest = b"Subject: x\r\nFrom: a@b\n\nFrom here on\n>From there\n";
        for front in [
            "From bob@example.org Thu Nov 26 15:00:00 2026\n",
            "From MAILER-DAEMON  Thu Nov 26 15:00:00 2026\r\n",
            "From a Thu Jan  1 00:00:00 1970 remote from b\n>From c Thu Jan  1 00:00:00 1970\n",
            ">From a\nFrom b\r\n>From c\n",
            "From \n",
        ] {
            assert_eq!(delivered(&[front.as_bytes(), rest].concat()), rest, "{front}");
        }
        let long = format!("From {}\n", "x".repeat(5000));
        assert_eq!(delivered(&[long.as_bytes(), rest].concat()), rest);
        for kept in
            ["", "From: a\n\n", "From : a\n\n", "From \t: a\n\n", "from a\n", "Fromage: x\n", "\nFrom a\n"]
        {
            assert_eq!(delivered(kept.as_bytes()), kept.as_bytes(), "{kept}");
        }
        assert_eq!(delivered(b"Received: x\nFrom a\n"), b"Received: x\nFrom a\n", "not in front");
        assert_eq!(delivered(b"From a"), b"");
    }
}
