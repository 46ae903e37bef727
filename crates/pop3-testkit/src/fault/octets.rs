//! Octets as text: the escapes of the transcripts.

use std::fmt;

/// The most octets that `\{N}` makes, so that a short text does not fill the memory.
const MAX_RUN: usize = 1 << 24;
/// Shorter runs of one octet are written out.
const MIN_RUN: usize = 16;

/// Octets of a text with escapes; where it is wrong, the place in the text.
pub(super) fn unescape(text: &str) -> Result<Box<[u8]>, usize> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        rest = escape(after, &mut octets).ok_or(text.len() - after.len() - 1)?;
    }
    octets.extend_from_slice(rest.as_bytes());
    Ok(octets.into())
}

/// Takes one escape, and gives what follows it.
fn escape<'t>(after: &'t str, octets: &mut Vec<u8>) -> Option<&'t str> {
    let mut chars = after.chars();
    let octet = match chars.next()? {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        '0' => 0,
        '\\' => b'\\',
        'x' => {
            let digits =
                after.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            octets.push(u8::from_str_radix(digits, 16).ok()?);
            return after.get(3..);
        }
        '{' => {
            let (count, rest) = after.get(1..)?.split_once('}')?;
            let count: usize = count.parse().ok().filter(|count| *count <= MAX_RUN)?;
            let octet = octets.pop()?;
            octets.resize(octets.len() + count, octet);
            return Some(rest);
        }
        _ => return None,
    };
    octets.push(octet);
    Some(chars.as_str())
}

/// Writes octets so that [`unescape`] gives them back, also where the text is trimmed.
pub(super) struct Escaped<'o>(pub(super) &'o [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        for run in self.0.chunk_by(|one, next| one == next).flat_map(|run| run.chunks(MAX_RUN)) {
            let Some(octet) = run.first() else { continue };
            let is_at_end = at == 0 || at + run.len() == self.0.len();
            at += run.len();
            let times = if run.len() < MIN_RUN { run.len() } else { 1 };
            for _ in 0..times {
                match octet {
                    b' ' if is_at_end => f.write_str("\\x20")?,
                    b'\r' => f.write_str("\\r")?,
                    b'\n' => f.write_str("\\n")?,
                    b'\t' => f.write_str("\\t")?,
                    b'\\' => f.write_str("\\\\")?,
                    b' '..=b'~' => write!(f, "{}", char::from(*octet))?,
                    _ => write!(f, "\\x{octet:02x}")?,
                }
            }
            if times < run.len() {
                write!(f, "\\{{{}}}", run.len())?;
            }
        }
        Ok(())
    }
}
