//! What was fetched from one account: a file that only grows, one line for each message.
//!
//! A line ends with a checksum of itself. A line that a crash cut short, which can only be the last one,
//! is taken off; a damaged line elsewhere is an error, since guessing would lose or double mail.

use std::collections::{HashMap, HashSet};

use pop3_client::proto::types::ListedUniqueId;

use super::{
    account::{self, Account},
    content::Digest,
    plan::Listed,
};

/// Days that a message is remembered after the server stopped listing it: some servers list nothing for
/// a while and then everything again.
const REMEMBERED_DAYS: u64 = 30;

/// Stands behind the digest of a short message that came twice.
const CONFIRMED: &str = "=";

/// What is known of a fetched message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name of its file in the Maildir, without flags.
    pub(super) name: String,
    pub(super) unique_id: Option<ListedUniqueId<'static>>,
    /// As the server listed it, in octets.
    pub(super) size: u64,
    pub(super) state: State,
    /// The day since which the server does not list it.
    pub(super) absent_since: Option<u64>,
    /// What came of it; older versions did not note it.
    pub(super) digest: Option<Digest>,
    /// Of a short one: it came just so a second time. Of a removed one: the server lists it all the same.
    pub(super) is_confirmed: bool,
    /// Of a short one: what came, in octets; older versions did not note it.
    pub(super) octets: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Stored.
    Whole,
    /// Stored, but shorter than it was listed, and so perhaps a part: not to be removed from the server.
    Short,
    /// Stored, and the server confirmed that it is removed there.
    Removed,
}

impl State {
    const fn letter(self) -> char {
        match self {
            Self::Whole => 'W',
            Self::Short => 'S',
            Self::Removed => 'R',
        }
    }
}

/// The journal in memory.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Vec<Entry>,
    by_id: HashMap<ListedUniqueId<'static>, Vec<usize>>,
    by_name: HashMap<String, usize>,
    failed: HashSet<ListedUniqueId<'static>>,
}

/// What is wrong with a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// It is of another account, or no journal.
    Header,
    /// This line, counted from 1.
    Line(usize),
}

impl Journal {
    pub(super) fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut journal = Self::default();
        entries.into_iter().for_each(|entry| journal.add(entry));
        journal
    }

    /// Reads a journal; gives it and how many octets of the text are good.
    pub(super) fn parse(text: &[u8], account: &Account) -> Result<(Self, usize), Damage> {
        let mut journal = Self::default();
        let header = header(account);
        let length = match text.iter().position(|octet| *octet == b'\n') {
            Some(end) if account::of_journal(text).is_some_and(|named| named.is_like(account)) => end + 1,
            // A crash may have cut the very first write short.
            None if header.as_bytes().starts_with(text) => return Ok((journal, 0)),
            _ => return Err(Damage::Header),
        };
        let mut rest = text.get(length..).unwrap_or_default();
        let (mut good, mut number) = (length, 1);
        while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
            let (line, after) =
                (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
            number += 1;
            if journal.apply(line).is_none() {
                let is_last = !after.contains(&b'\n');
                return if is_last { Ok((journal, good)) } else { Err(Damage::Line(number)) };
            }
            good += line.len() + 1;
            rest = after;
        }
        Ok((journal, good))
    }

    fn apply(&mut self, line: &[u8]) -> Option<()> {
        let line = std::str::from_utf8(line).ok()?;
        let (content, sum) = line.rsplit_once(' ')?;
        if sum != format!("{:016x}", checksum(content.as_bytes())) {
            return None;
        }
        let mut fields = content.split(' ');
        match fields.next()? {
            "+" => {
                let state = match fields.next()? {
                    "W" => State::Whole,
                    "S" => State::Short,
                    "R" => State::Removed,
                    _ => return None,
                };
                let size = fields.next()?.parse().ok()?;
                let absent_since = match fields.next()? {
                    "-" => None,
                    day => Some(day.parse().ok()?),
                };
                let name = fields.next()?.to_owned();
                let unique_id = read_id(fields.next()?)?;
                // Older versions wrote nothing more, and read over what follows.
                let digest = match fields.next() {
                    None | Some("-") => None,
                    Some(text) => Some(text.parse().ok()?),
                };
                let is_confirmed = fields.next() == Some(CONFIRMED);
                let octets = match fields.next() {
                    None => None,
                    Some(text) => Some(text.parse().ok()?),
                };
                self.add(Entry { name, unique_id, size, state, absent_since, digest, is_confirmed, octets });
            }
            "-" => self.remove(fields.next()?),
            "!" => self.failed(&read_id(fields.next()?)??),
            _ => return None,
        }
        Some(())
    }

    /// Adds what was fetched. A file that is named already has another unique-id now, or its message another
    /// state: what was known of it is over.
    pub(super) fn add(&mut self, entry: Entry) {
        let index = self.entries.len();
        if let Some(old) = self.by_name.get(&entry.name).and_then(|index| self.entries.get_mut(*index)) {
            old.state = State::Removed;
            old.digest = None;
        }
        if let Some(unique_id) = &entry.unique_id {
            self.failed.remove(unique_id);
            self.by_id.entry(unique_id.clone()).or_default().push(index);
        }
        self.by_name.insert(entry.name.clone(), index);
        self.entries.push(entry);
    }

    /// The server confirmed that the message of this file is removed.
    pub(super) fn remove(&mut self, name: &str) {
        if let Some(entry) = self.by_name.get(name).and_then(|index| self.entries.get_mut(*index)) {
            entry.state = State::Removed;
        }
    }

    /// The session broke while this message was fetched.
    pub(super) fn failed(&mut self, unique_id: &ListedUniqueId<'static>) {
        self.failed.insert(unique_id.clone());
    }

    pub(super) fn has_failed(&self, unique_id: &ListedUniqueId<'static>) -> bool {
        self.failed.contains(unique_id)
    }

    /// What was fetched with this unique-id, first fetched first.
    pub(super) fn entries(
        &self,
        unique_id: &ListedUniqueId<'static>,
    ) -> impl Iterator<Item = &Entry> + Clone + use<'_> {
        let indices = self.by_id.get(unique_id).map(Vec::as_slice).unwrap_or_default();
        indices.iter().filter_map(|index| self.entries.get(*index))
    }

    /// What was fetched without a unique-id, first fetched first.
    pub(super) fn entries_without_id(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.unique_id.is_none())
    }

    /// What came shorter than it is listed when it was fetched before, if this message did.
    pub(super) fn short(&self, listed: &Listed) -> Option<&Entry> {
        let unique_id = listed.unique_id.as_ref()?;
        self.entries(unique_id).find(|entry| entry.state == State::Short && entry.size == listed.size)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn is_known(&self, unique_id: &ListedUniqueId<'static>) -> bool {
        self.by_id.contains_key(unique_id)
    }

    pub(super) fn has_file(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Messages that were fetched and are still on the server, as far as is known.
    pub(super) fn kept(&self) -> usize {
        self.entries.iter().filter(|entry| entry.state != State::Removed).count()
    }

    /// What the server has not listed in a run that stored all that it did list, without the digest.
    pub(super) fn gone(&self) -> Vec<Entry> {
        let is_gone = |entry: &&Entry| {
            let is_removed = entry.state == State::Removed && entry.unique_id.is_some();
            !is_removed && entry.absent_since.is_some() && entry.digest.is_some()
        };
        let gone = self.entries.iter().filter(is_gone);
        gone.map(|entry| Entry { digest: None, ..entry.clone() }).collect()
    }

    /// Takes note of a whole listing; true when the file has to be written anew.
    ///
    /// What was removed and is gone is forgotten at once, what went otherwise after 30 days. Without unique-ids it
    /// takes a run that stored everything to know what is gone. Messages
    /// without unique-id are recognised by what came of them alone, and each content is remembered once:
    /// fetched again and again, they would have no end.
    pub(super) fn note_listing(&mut self, listed: &[Listed], today: u64) -> bool {
        let present: HashSet<_> = listed.iter().filter_map(|listed| listed.unique_id.as_ref()).collect();
        let mut has_changed = false;
        let mut kept = Vec::with_capacity(self.entries.len());
        let mut without_id = HashSet::new();
        for mut entry in std::mem::take(&mut self.entries) {
            let is_present = entry.unique_id.as_ref().is_some_and(|id| present.contains(id));
            let absent_since = (!is_present).then(|| entry.absent_since.unwrap_or(today));
            let is_over = absent_since.is_some_and(|since| {
                (entry.state == State::Removed && (entry.unique_id.is_some() || entry.digest.is_none()))
                    || (entry.unique_id.is_none() && !entry.digest.is_some_and(|it| without_id.insert(it)))
                    || today.saturating_sub(since) > REMEMBERED_DAYS
            });
            has_changed |= is_over || absent_since != entry.absent_since;
            entry.absent_since = absent_since;
            if !is_over {
                kept.push(entry);
            }
        }
        let failed = std::mem::take(&mut self.failed);
        *self = Self::of(kept);
        self.failed = failed.into_iter().filter(|id| present.contains(id)).collect();
        has_changed
    }

    /// The whole journal as a file.
    pub(super) fn text(&self, account: &Account) -> String {
        let mut text = header(account);
        self.entries.iter().for_each(|entry| text.push_str(&entry.line()));
        self.failed.iter().for_each(|unique_id| text.push_str(&failed_line(unique_id)));
        text
    }
}

impl Entry {
    /// Whether the server lists it although it said that it had removed it.
    pub(super) fn is_kept(&self) -> bool {
        self.state == State::Removed && self.is_confirmed
    }

    pub(super) fn line(&self) -> String {
        let day = self.absent_since.map_or("-".to_owned(), |day| day.to_string());
        let id = self.unique_id.as_ref().map_or("-".to_owned(), |id| escape(id.as_bytes()));
        let digest = self.digest.map_or("-".to_owned(), |digest| digest.to_string());
        let more = match (self.is_confirmed, self.octets) {
            (true, Some(octets)) => format!(" {CONFIRMED} {octets}"),
            (false, Some(octets)) => format!(" - {octets}"),
            (true, None) => format!(" {CONFIRMED}"),
            (false, None) => String::new(),
        };
        let (letter, size, name) = (self.state.letter(), self.size, &self.name);
        line(&format!("+ {letter} {size} {day} {name} {id} {digest}{more}"))
    }
}

pub(super) fn removed_line(name: &str) -> String {
    line(&format!("- {name}"))
}

pub(super) fn failed_line(unique_id: &ListedUniqueId<'_>) -> String {
    line(&format!("! {}", escape(unique_id.as_bytes())))
}

/// What the first line begins with; the account follows.
pub(super) const HEADER: &str = "pop3-client journal 1 ";

pub(super) fn header(account: &Account) -> String {
    format!("{HEADER}{account}\n")
}

fn line(content: &str) -> String {
    format!("{content} {:016x}\n", checksum(content.as_bytes()))
}

/// Letters, digits and a few signs as they are, every other octet as `%XX`; nothing is never written `-`.
pub(super) fn escape(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        match octet {
            b'-' if octets == b"-" => text.push_str("%2D"),
            octet if octet.is_ascii_alphanumeric() || b".-_@+=".contains(octet) => {
                text.push(char::from(*octet));
            }
            octet => text.push_str(&format!("%{octet:02X}")),
        }
    }
    text
}

/// The inverse.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            octet => octet,
        });
    }
    Some(octets)
}

/// `Some(None)` for a message that had no unique-id.
fn read_id(text: &str) -> Option<Option<ListedUniqueId<'static>>> {
    if text == "-" {
        return Some(None);
    }
    ListedUniqueId::new(unescape(text)?).ok().map(Some)
}

/// FNV-1a, 64 bits: against torn writes, not against people.
pub(super) fn checksum(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |sum, octet| {
        (sum ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
