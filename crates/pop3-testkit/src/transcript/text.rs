//! The text form of transcripts.

use std::{fmt, iter::repeat_n, str::FromStr, time::Duration};

use super::{Entry, Side, Transcript};

/// As many equal octets as are printed as `\{N}`.
const RUN: usize = 100;

/// Why a text is no transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the transcript is not understood: `{text}`; {advice}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: Box<str>,
    advice: &'static str,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries().iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// One line, without a line end.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { by, octets } => {
                let side = match by {
                    Side::Client => 'C',
                    Side::Server => 'S',
                };
                match octets.strip_suffix(b"\r\n") {
                    Some(line) => write!(f, "{side}: {}", escaped(line)),
                    None => write!(f, "{side}~ {}", escaped(octets)),
                }
            }
            Self::Tls => f.write_str("@tls"),
            Self::Eof(side) => write!(f, "@{side}-eof"),
            Self::Reset(side) => write!(f, "@{side}-reset"),
            Self::Wait(time) => write!(f, "@wait {}", time_text(*time)),
            Self::Hang => f.write_str("@hang"),
            Self::Endless => f.write_str("@endless"),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

impl FromStr for Transcript {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut transcript = Self::new();
        for (index, text) in text.lines().enumerate() {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let wrong = |advice| ParseError { line: index + 1, text: text.into(), advice };
            transcript.push(entry(text).map_err(wrong)?);
        }
        Ok(transcript)
    }
}

fn entry(text: &str) -> Result<Entry, &'static str> {
    if let Some(directive) = text.strip_prefix('@') {
        return happened(directive).ok_or(
            "use @tls, @client-eof, @server-eof, @client-reset, @server-reset, @wait TIME, @hang or @endless",
        );
    }
    let (mark, said) = text.split_at_checked(2).unwrap_or((text, ""));
    let mut octets = unescaped(said.strip_prefix(' ').unwrap_or(said));
    let (by, has_end) = match mark {
        "C:" => (Side::Client, true),
        "C~" => (Side::Client, false),
        "S:" => (Side::Server, true),
        "S~" => (Side::Server, false),
        _ => return Err("begin it with `C: `, `S: `, `C~ `, `S~ `, `@` or `#`"),
    };
    if has_end {
        octets.extend_from_slice(b"\r\n");
    }
    Ok(Entry::Said { by, octets })
}

fn happened(directive: &str) -> Option<Entry> {
    Some(match directive {
        "tls" => Entry::Tls,
        "client-eof" => Entry::Eof(Side::Client),
        "server-eof" => Entry::Eof(Side::Server),
        "client-reset" => Entry::Reset(Side::Client),
        "server-reset" => Entry::Reset(Side::Server),
        "hang" => Entry::Hang,
        "endless" => Entry::Endless,
        _ => Entry::Wait(time(directive.strip_prefix("wait ")?)?),
    })
}

fn time(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

fn time_text(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (seconds, 0) if seconds > 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// Octets as a transcript shows them: printable ASCII as it is, and escapes for all else.
#[must_use]
pub fn escaped(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for run in octets.chunk_by(|a, b| a == b) {
        let [octet, ..] = run else { continue };
        if run.len() >= RUN {
            push_escaped(&mut text, *octet);
            text.push_str(&format!("\\{{{}}}", run.len()));
        } else {
            run.iter().for_each(|octet| push_escaped(&mut text, *octet));
        }
    }
    text
}

fn push_escaped(text: &mut String, octet: u8) {
    match octet {
        b'\r' => text.push_str("\\r"),
        b'\n' => text.push_str("\\n"),
        b'\t' => text.push_str("\\t"),
        b'\0' => text.push_str("\\0"),
        b'\\' => text.push_str("\\\\"),
        b' '..=b'~' => text.push(char::from(octet)),
        _ => text.push_str(&format!("\\x{octet:02x}")),
    }
}

/// What [`escaped`] made a text of: `\xNN`, `\r`, `\n`, `\t`, `\0`, `\\`, and `\{N}`, which makes N of the
/// octet before it. A backslash before anything else is one.
#[must_use]
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        let length = unescape(after, &mut octets);
        rest = after.get(length..).unwrap_or_default();
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

/// A repetition beyond this is no transcript but an attack on the memory of whoever reads it.
const RUN_MAX: usize = 16 * 1024 * 1024;

/// Appends what stands behind a backslash, and says how long that was.
fn unescape(after: &str, octets: &mut Vec<u8>) -> usize {
    let hex = |hex: &str| u8::from_str_radix(hex.get(..2)?, 16).ok();
    if let Some(octet) = after.strip_prefix('x').and_then(hex) {
        octets.push(octet);
        return 3;
    }
    if let Some((count, _)) = after.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        && let (Ok(times @ 1..=RUN_MAX), Some(&octet)) = (count.parse(), octets.last())
    {
        octets.extend(repeat_n(octet, times - 1));
        return count.len() + 2;
    }
    octets.push(match after.as_bytes().first() {
        Some(b'r') => b'\r',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'0') => b'\0',
        Some(b'\\') => b'\\',
        _ => {
            octets.push(b'\\');
            return 0;
        }
    });
    1
}
