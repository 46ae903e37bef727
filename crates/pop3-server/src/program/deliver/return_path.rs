//! The trace of where a message came from. RFC 5321 section 4.4.

use std::io::{self, BufRead, Read as _, Write};

/// The envelope's sender as a header field.
#[derive(Debug)]
pub(super) struct ReturnPath(String);

/// An envelope's sender that cannot stand in a header field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sender holds control characters, spaces, `<` or `>`, or is longer than 512 octets; give the address alone"
)]
pub(super) struct InvalidSender;

#[derive(Debug)]
pub(super) enum CopyError {
    Read(io::Error),
    /// The one who was written to knows why.
    Write,
}

/// Octets of a header line that are looked at together; a longer line goes through in pieces.
const PIECE: u64 = 8 * 1024;
const FIELD: &[u8] = b"return-path:";

impl ReturnPath {
    /// Takes an address, with or without angle brackets; empty for a bounce.
    pub(super) fn new(sender: &str) -> Result<Self, InvalidSender> {
        let address = sender.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(sender);
        let is_bad = |c: char| c.is_control() || c.is_whitespace() || c == '<' || c == '>';
        if address.len() > 512 || address.contains(is_bad) {
            return Err(InvalidSender);
        }
        Ok(Self(format!("Return-Path: <{address}>\n")))
    }

    /// Copies a message, this field first and no other Return-Path in the header.
    pub(super) fn replace(&self, message: &mut impl BufRead, out: &mut impl Write) -> Result<(), CopyError> {
        out.write_all(self.0.as_bytes()).map_err(|_| CopyError::Write)?;
        let mut piece = Vec::new();
        let (mut is_at_start, mut is_left_out) = (true, false);
        loop {
            piece.clear();
            message.by_ref().take(PIECE).read_until(b'\n', &mut piece).map_err(CopyError::Read)?;
            if is_at_start {
                let is_continued = matches!(piece.first(), Some(b' ' | b'\t'));
                is_left_out = is_continued && is_left_out || is_return_path(&piece);
            }
            if !is_left_out {
                out.write_all(&piece).map_err(|_| CopyError::Write)?;
            }
            if piece.is_empty() || is_at_start && matches!(piece.as_slice(), b"\n" | b"\r\n") {
                break;
            }
            is_at_start = piece.ends_with(b"\n");
        }
        copy_rest(message, out)
    }
}

fn is_return_path(line: &[u8]) -> bool {
    line.get(..FIELD.len()).is_some_and(|start| start.eq_ignore_ascii_case(FIELD))
}

fn copy_rest(message: &mut impl BufRead, out: &mut impl Write) -> Result<(), CopyError> {
    loop {
        let octets = match message.fill_buf() {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        if octets.is_empty() {
            return Ok(());
        }
        out.write_all(octets).map_err(|_| CopyError::Write)?;
        let count = octets.len();
        message.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(sender: &str, message: &str) -> String {
        let mut out = Vec::new();
        ReturnPath::new(sender).unwrap().replace(&mut message.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    // Conformance: M-5321-03
    #[test]
    fn there_is_one_return_path_and_it_is_the_senders() {
        let message = "RETURN-path: <old@a>\n\tand more\nSubject: x\r\nReturn-Path:\n y\n\n\
                       Return-Path: in the body\n no field\n";
        assert_eq!(
            replaced("new@b", message),
            "Return-Path: <new@b>\nSubject: x\r\n\nReturn-Path: in the body\n no field\n"
        );
        assert_eq!(replaced("", "A: b\n c\n\nx"), "Return-Path: <>\nA: b\n c\n\nx");
        assert_eq!(replaced("<a@b>", ""), "Return-Path: <a@b>\n");
        let long =
            format!("X: {}\nReturn-Path: {}\n\nReturn-Path: y", "x".repeat(20_000), "y".repeat(20_000));
        assert_eq!(
            replaced("a@b", &long),
            format!("Return-Path: <a@b>\nX: {}\n\nReturn-Path: y", "x".repeat(20_000))
        );
    }

    #[test]
    fn a_sender_cannot_smuggle_a_header() {
        for bad in ["a\nX: y", "a b", "a>b", "<<a>>", &"x".repeat(513)] {
            assert_eq!(ReturnPath::new(bad).unwrap_err(), InvalidSender, "{bad:?}");
        }
    }
}
