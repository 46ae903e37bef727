//! What was said in a session, with secrets masked.
//!
//! A transcript prints in the form of the project's transcript files, and is read from it again:
//!
//! ```
//! use pop3_testkit::transcript::Transcript;
//!
//! let text = "S: +OK ready\nC: STLS\nS: +OK begin\n@tls\nC: USER alice\nS~ +OK\\n\n@client-eof\n";
//! let transcript: Transcript = text.parse()?;
//! assert_eq!(transcript.to_string(), text);
//! transcript.assert_commands(["STLS", "USER alice"]);
//! # Ok::<(), pop3_testkit::transcript::ParseError>(())
//! ```
//!
//! | line | is |
//! |---|---|
//! | `C: `, `S: ` | a line of the client, of the server, without its CRLF |
//! | `C~ `, `S~ ` | octets that end otherwise: a part of a line, or a line with another end |
//! | `@tls` | the TLS handshake is done, from here on everything is encrypted |
//! | `@client-eof`, `@server-eof` | that side closed the connection, or its half of it |
//! | `@client-reset`, `@server-reset` | that side reset the connection |
//! | `@wait 10s` | the server waited so long, in `ms`, `s`, `m` or `h` |
//! | `@hang` | the server said nothing more and waited for the client to go away |
//! | `@endless` | what stands before this was sent again and again |
//! | `# ` | a comment, which is not kept |
//!
//! Escapes are `\xNN`, `\r`, `\n`, `\t`, `\0`, `\\`, and `\{N}`, which makes N of the octet before it.

mod assertions;
mod mask;
mod text;

use std::{fmt, time::Duration};

pub use mask::{MASK, MASKED_RESPONSE, Masker};
pub use text::{ParseError, escaped, unescaped};

/// What was said in one session, in the order in which the server heard and said it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    entries: Vec<Entry>,
}

/// One thing that was said, or that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// At most one line.
    Said {
        /// Who said it.
        by: Side,
        /// The line with its line end; or what there is of it, where the rest never came or came later.
        octets: Vec<u8>,
    },
    /// The TLS handshake is done.
    Tls,
    /// This side closed its half of the connection.
    Eof(Side),
    /// This side reset the connection.
    Reset(Side),
    /// The server waited.
    Wait(Duration),
    /// The server waited for the client to go away.
    Hang,
    /// The server sent what stands before this again and again.
    Endless,
}

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who connects.
    Client,
    /// Who listens.
    Server,
}

impl Transcript {
    /// A transcript of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds octets, divided into lines. What goes on from half a line is added to it.
    pub fn say(&mut self, by: Side, octets: &[u8]) {
        for piece in octets.split_inclusive(|&octet| octet == b'\n') {
            match self.entries.last_mut() {
                Some(Entry::Said { by: last, octets }) if *last == by && !octets.ends_with(b"\n") => {
                    octets.extend_from_slice(piece);
                }
                _ => self.entries.push(Entry::Said { by, octets: piece.into() }),
            }
        }
    }

    /// Adds what happened. For octets there is [`say`](Self::say).
    pub fn push(&mut self, entry: Entry) {
        match entry {
            Entry::Said { by, octets } => self.say(by, &octets),
            entry => self.entries.push(entry),
        }
    }

    /// Everything, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All octets of one side, as they went over the wire (under TLS: inside it), masks aside.
    #[must_use]
    pub fn octets(&self, side: Side) -> Vec<u8> {
        let said = self.entries.iter().filter_map(|entry| match entry {
            Entry::Said { by, octets } if *by == side => Some(&**octets),
            _ => None,
        });
        said.collect::<Vec<_>>().concat()
    }

    /// The lines of one side without their line ends, escaped as they are printed.
    #[must_use]
    pub fn lines(&self, side: Side) -> Vec<String> {
        let octets = self.octets(side);
        let lines = octets.split_inclusive(|&octet| octet == b'\n');
        lines.map(|line| escaped(without_end(line))).collect()
    }

    /// Whether TLS was started.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.entries.contains(&Entry::Tls)
    }
}

/// The lines as they are printed, since a failed test shows this.
impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_string().lines()).finish()
    }
}

impl Extend<Entry> for Transcript {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

impl FromIterator<Entry> for Transcript {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut transcript = Self::new();
        transcript.extend(entries);
        transcript
    }
}

/// A line without CRLF or LF.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether a line of a server goes on with a SASL exchange. RFC 5034 section 4.
pub(crate) fn is_challenge(line: &[u8]) -> bool {
    matches!(without_end(line), [b'+'] | [b'+', b' ', ..])
}

#[cfg(test)]
mod tests;
