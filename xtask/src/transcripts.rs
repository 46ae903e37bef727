//! The transcripts of pop3-proto as this program needs them: where they are, and who said what.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where the transcripts are, from the root of the workspace.
pub(crate) const FOLDER: &str = "crates/pop3-proto/tests/transcripts";

/// Every transcript, sorted; none when the folder is not there.
pub(crate) fn all(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    texts(&root.join(FOLDER))
}

/// Every `.txt` below a folder, sorted; none when the folder is not there.
pub(crate) fn texts(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        collect(folder, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
    Ok(())
}

/// Who says a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Client,
    Server,
}

/// A line on the wire, with its CRLF.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) speaker: Speaker,
    pub(crate) octets: Vec<u8>,
}

/// What was said, in order. Everything else is passed over: a seed needs no meaning.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    text.lines()
        .filter_map(|line| {
            let (mark, said) = line.split_at_checked(2)?;
            // A colon ends the line with CRLF, a tilde leaves it open.
            let (speaker, is_whole) = match mark {
                "C:" => (Speaker::Client, true),
                "C~" => (Speaker::Client, false),
                "S:" => (Speaker::Server, true),
                "S~" => (Speaker::Server, false),
                _ => return None,
            };
            let mut octets = unescaped(said.strip_prefix(' ').unwrap_or(said));
            if is_whole {
                octets.extend_from_slice(b"\r\n");
            }
            Some(Line { speaker, octets })
        })
        .collect()
}

/// `\xNN`, `\r`, `\n`, `\t`, `\0`, `\\`, and `\{N}`: the octet before it, N times in all. Any other backslash
/// stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
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

/// Appends what stands behind a backslash, and says how long that was.
fn unescape(after: &str, octets: &mut Vec<u8>) -> usize {
    if let Some(octet) = after.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok()) {
        octets.push(octet);
        return 3;
    }
    if let Some((count, _)) = after.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let octet = octets.last().copied().unwrap_or(b' ');
        let more = count.parse::<usize>().unwrap_or(1).saturating_sub(1).min(LONGEST_RUN);
        octets.extend(std::iter::repeat_n(octet, more));
        return count.len() + 2;
    }
    let (octet, length) = match after.as_bytes().first() {
        Some(b'r') => (b'\r', 1),
        Some(b'n') => (b'\n', 1),
        Some(b't') => (b'\t', 1),
        Some(b'0') => (0, 1),
        Some(b'\\') => (b'\\', 1),
        _ => (b'\\', 0),
    };
    octets.push(octet);
    length
}

/// A seed of many megabytes slows a fuzzer down and finds nothing that this one does not.
const LONGEST_RUN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_heard_and_directives_are_not() {
        let text = "# a comment\n@tls\nS: +OK\nC: DELE 1\\0junk\\x07\\z\nC~ a\\{3}b\n";
        let said = lines(text);
        assert_eq!(said.len(), 3);
        assert_eq!(said[2].octets, b"aaab");
        assert_eq!(said[0].octets, b"+OK\r\n");
        assert_eq!(said[1].octets, b"DELE 1\0junk\x07\\z\r\n");
    }
}
