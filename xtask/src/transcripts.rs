//! The transcripts of pop3-proto as this program needs them: where they are, and who said what.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where the transcripts are, from the root of the workspace.
pub(crate) const FOLDER: &str = "crates/pop3-proto/tests/transcripts";

/// Every transcript, sorted; none when the folder is not there.
pub(crate) fn all(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let folder = root.join(FOLDER);
    if folder.is_dir() {
        collect(&folder, &mut found)?;
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

/// What was said, in order. Comments and directives are passed over: a seed needs no meaning.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    text.lines()
        .filter_map(|line| {
            let (speaker, said) = match line.split_at_checked(2)? {
                ("C:", said) => (Speaker::Client, said),
                ("S:", said) => (Speaker::Server, said),
                _ => return None,
            };
            let mut octets = unescaped(said.strip_prefix(' ').unwrap_or(said));
            octets.extend_from_slice(b"\r\n");
            Some(Line { speaker, octets })
        })
        .collect()
}

/// `\xNN`, `\r`, `\n`, `\t`, `\0` and `\\`; any other backslash stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        let hexadecimal = after.strip_prefix('x').and_then(|digits| digits.get(..2));
        let (octet, length) =
            match (hexadecimal.and_then(|digits| u8::from_str_radix(digits, 16).ok()), after) {
                (Some(octet), _) => (octet, 3),
                (None, after) if after.starts_with('r') => (b'\r', 1),
                (None, after) if after.starts_with('n') => (b'\n', 1),
                (None, after) if after.starts_with('t') => (b'\t', 1),
                (None, after) if after.starts_with('0') => (0, 1),
                (None, after) if after.starts_with('\\') => (b'\\', 1),
                _ => (b'\\', 0),
            };
        octets.push(octet);
        rest = after.get(length..).unwrap_or_default();
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_heard_and_directives_are_not() {
        let text = "# a comment\n@tls\nS: +OK\nC: DELE 1\\0junk\\x07\\z\n";
        let said = lines(text);
        assert_eq!(said.len(), 2);
        assert_eq!(said[0].octets, b"+OK\r\n");
        assert_eq!(said[1].octets, b"DELE 1\0junk\x07\\z\r\n");
    }
}
