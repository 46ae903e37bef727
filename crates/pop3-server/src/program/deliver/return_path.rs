//! The trace of where a message came from. RFC 5321 section 4.4.

use std::io::{self, BufRead, Read as _, Write};

/// The envelope's sender as a header field.
#[derive(Debug)]
pub(super) struct ReturnPath(Vec<u8>);

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
    ///
    /// Every sender can be written. Mail transfer agents hand over a local part that needs quotes with them or
    /// without (`"john doe"@example.org`), and octets beyond ASCII (RFC 6531); what has no place in an address
    /// at all, such as a line end, becomes `?`, so that it cannot begin a header field of its own.
    pub(super) fn new(sender: &[u8]) -> Self {
        let inner = sender.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">"));
        let address = inner.unwrap_or(sender);
        let at = address.iter().rposition(|octet| *octet == b'@').unwrap_or(address.len());
        let (local, domain) = address.split_at_checked(at).unwrap_or((address, b""));
        let mut field = b"Return-Path: <".to_vec();
        push_local(&mut field, local);
        field.extend(domain.iter().map(|octet| match octet {
            b' ' | b'<' | b'>' | b'"' => b'?',
            octet => visible(*octet),
        }));
        field.extend_from_slice(b">\n");
        Self(field)
    }

    /// Copies a message, this field first and no other Return-Path in the header.
    pub(super) fn replace(&self, message: &mut impl BufRead, out: &mut impl Write) -> Result<(), CopyError> {
        out.write_all(&self.0).map_err(|_| CopyError::Write)?;
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

/// A local part, in quotes where it needs them. RFC 5321 section 4.1.2.
fn push_local(field: &mut Vec<u8>, local: &[u8]) {
    let is_atext = |octet: &u8| {
        octet.is_ascii_alphanumeric() || !octet.is_ascii() || b"!#$%&'*+-/=?^_`{|}~.".contains(octet)
    };
    if local.iter().all(is_atext) || is_quoted(local) {
        field.extend(local.iter().map(|octet| visible(*octet)));
        return;
    }
    field.push(b'"');
    for octet in local {
        if matches!(octet, b'"' | b'\\') {
            field.push(b'\\');
        }
        field.push(visible(*octet));
    }
    field.push(b'"');
}

/// Whether this is a quoted string already: in quotes, and with no other quote that is not escaped.
fn is_quoted(local: &[u8]) -> bool {
    let Some([inner @ .., b'"']) = local.strip_prefix(b"\"") else { return false };
    let mut is_escaped = false;
    for octet in inner {
        match octet {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return false,
            _ => {}
        }
    }
    !is_escaped
}

/// Octets that would end the line or confuse a terminal are replaced.
const fn visible(octet: u8) -> u8 {
    if octet.is_ascii_control() { b'?' } else { octet }
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
        ReturnPath::new(sender.as_bytes()).replace(&mut message.as_bytes(), &mut out).unwrap();
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

    // Conformance: M-5321-03
    #[test]
    fn every_sender_becomes_one_line() {
        let long = "x".repeat(3000);
        let long_field = format!("<{long}@example.org>");
        for (sender, expected) in [
            (&b""[..], &b"<>"[..]),
            (b"<>", b"<>"),
            (b"a.b+c=d@example.org", b"<a.b+c=d@example.org>"),
            (b"john doe@example.org", b"<\"john doe\"@example.org>"),
            (b"\"john doe\"@example.org", b"<\"john doe\"@example.org>"),
            (b"\"a\\\"b\"@c", b"<\"a\\\"b\"@c>"),
            (b"a\"b@c", b"<\"a\\\"b\"@c>"),
            (b"\"a\"b\"@c", b"<\"\\\"a\\\"b\\\"\"@c>"),
            (b"\"a\\\"@c", b"<\"\\\"a\\\\\\\"\"@c>"),
            (b"<a>b@c>", b"<\"a>b\"@c>"),
            (b"\"x@y\"@[192.0.2.1]", b"<\"x@y\"@[192.0.2.1]>"),
            ("grün@bücher.example".as_bytes(), "<grün@bücher.example>".as_bytes()),
            (b"caf\xe9@example.org", b"<caf\xe9@example.org>"),
            (b"MAILER-DAEMON", b"<MAILER-DAEMON>"),
            (b"a\nX: y@b", b"<\"a?X: y\"@b>"),
            (b"a@b>\r\nX: <y", b"<a@b???X:??y>"),
            (format!("{long}@example.org").as_bytes(), long_field.as_bytes()),
        ] {
            let field = ReturnPath::new(sender).0;
            let expected = [b"Return-Path: ", expected, b"\n"].concat();
            assert_eq!(field, expected, "{} is {}", sender.escape_ascii(), field.escape_ascii());
        }
    }
}
