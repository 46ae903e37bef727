//! Encoded words that follow one another in the same charset, as a single one.
//!
//! RFC 2047 section 5 forbids a word to end in the middle of a character. Many programs cut at an octet all
//! the same, so such words can only be read together.

use mail_parser::decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode_char};

/// The header with such words joined; everything else as it was.
pub(super) fn joined(header: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len());
    let mut rest = header;
    while let Some(start) = memchr::memmem::find(rest, b"=?") {
        let (before, at) = rest.split_at(start);
        out.extend_from_slice(before);
        let Some((first, after)) = Word::read(at) else {
            let (start, after) = at.split_at(2);
            out.extend_from_slice(start);
            rest = after;
            continue;
        };
        let (mut word, mut end, mut count) = (first, after, 1);
        while let Some((next, after)) = Word::read(without_space(end))
            && next.charset.eq_ignore_ascii_case(word.charset)
        {
            word.octets.extend_from_slice(&next.octets);
            (end, count) = (after, count + 1);
        }
        match count {
            1 => out.extend_from_slice(at.strip_suffix(end).unwrap_or_default()),
            _ => word.write(&mut out),
        }
        rest = end;
    }
    out.extend_from_slice(rest);
    out
}

/// An encoded word, decoded as far as its octets. RFC 2047 section 2.
struct Word<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
}

impl<'a> Word<'a> {
    /// The word at the start of this, and what is behind it.
    fn read(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (charset, text) = split_at_question_mark(text.strip_prefix(b"=?")?)?;
        let (encoding, text) = split_at_question_mark(text)?;
        let (text, after) = split_at_question_mark(text)?;
        let after = after.strip_prefix(b"=")?;
        let octets = match encoding {
            b"b" | b"B" => base64_decode(text)?,
            b"q" | b"Q" => quoted(text)?,
            _ => return None,
        };
        // RFC 2231 section 5: a language may stand behind the charset.
        let charset = charset.split(|octet| *octet == b'*').next()?;
        Some((Self { charset, octets }, after))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"=?");
        out.extend_from_slice(self.charset);
        out.extend_from_slice(b"?Q?");
        for octet in &self.octets {
            out.extend_from_slice(format!("={octet:02X}").as_bytes());
        }
        out.extend_from_slice(b"?=");
    }
}

/// A part of a word holds neither space nor line end.
fn split_at_question_mark(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|octet| *octet == b'?' || octet.is_ascii_whitespace())?;
    let (part, rest) = text.split_at_checked(end)?;
    Some((part, rest.strip_prefix(b"?")?))
}

fn quoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut text = text.iter();
    while let Some(octet) = text.next() {
        octets.push(match octet {
            b'_' => b' ',
            b'=' => quoted_printable_decode_char(*text.next()?, *text.next()?)?,
            octet => *octet,
        });
    }
    Some(octets)
}

/// Space between two words is not shown, line ends of a folded header included. RFC 2047 section 6.2.
fn without_space(text: &[u8]) -> &[u8] {
    let trimmed = text.trim_ascii_start();
    let space = text.strip_suffix(trimmed).unwrap_or_default();
    // A line that begins without a space is another header.
    if space.is_empty() || space.ends_with(b"\n") || space.ends_with(b"\r") { text } else { trimmed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &[u8], expected: &[u8]) {
        let joined = joined(header);
        assert_eq!(joined, expected, "{}", joined.escape_ascii());
    }

    #[test]
    fn words_in_one_charset_are_joined() {
        check(b"a =?gbk?B?1tzS?= =?GBK?q?=BB_x?= z", b"a =?gbk?Q?=D6=DC=D2=BB=20=78?= z");
        check(b"=?utf-8*en?b?5Lw=?=\r\n\t=?utf-8?B?mg==?=\r\n", b"=?utf-8?Q?=E4=BC=9A?=\r\n");
    }

    #[test]
    fn everything_else_stays() {
        let same: [&[u8]; 11] = [
            b"",
            b"Subject: plain =? text ?=\r\n",
            b"=?gbk?B?1tzS?=",
            b"=?gbk?B?1tzS?= =?big5?B?1tzS?=",
            b"=?gbk?B?1tzS?= and =?gbk?B?1tzS?=",
            b"=?gbk?B?1tzS?==?gbk?X?1tzS?=",
            b"=?a?Q?b?=\r\n=?a?Q?c?=",
            b"=?a?Q?b?= =?a?Q?=",
            b"=?a?Q?=4",
            b"=?a?Q?=4Z?= =?a?Q?b?=",
            b"=?a?B?!!!?= =?a?Q?b?=",
        ];
        for header in same {
            check(header, header);
        }
    }
}
