//! What came, as a digest: it tells a message that was stored before where unique-ids do not.

use std::{collections::HashMap, fmt, str::FromStr};

use pop3_client::proto::types::ListedUniqueId;
use sha2::{Digest as _, Sha256};

use super::journal::{Entry, Journal, State};

/// SHA-256 of a message's octets as the server sent them. Nobody can make a message that is taken for
/// somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

/// Digests a message piece by piece.
#[derive(Debug, Default)]
pub(super) struct Digester(Sha256);

impl Digester {
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let mut octets = [0; 32];
        if text.len() != 2 * octets.len() {
            return Err(NotADigest);
        }
        for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotADigest)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| NotADigest)?;
        }
        Ok(Self(octets))
    }
}

/// Stored messages that no message of the listing was recognised as. When one of these comes again, the
/// server has given it another unique-id, or none, or said that it was removed when it was not.
///
/// Each stands for one message: of two that are the same octet for octet, the second is a message too.
#[derive(Debug, Default)]
pub(super) struct Unclaimed {
    by_digest: HashMap<Digest, Vec<Entry>>,
}

impl Unclaimed {
    /// Everything in the journal but these, by the names of their files.
    pub(super) fn of(journal: &Journal, is_claimed: impl Fn(&str) -> bool) -> Self {
        let mut by_digest: HashMap<Digest, Vec<Entry>> = HashMap::new();
        for entry in journal.all().filter(|entry| !is_claimed(&entry.name)) {
            if let Some(digest) = entry.digest {
                by_digest.entry(digest).or_default().push(entry.clone());
            }
        }
        Self { by_digest }
    }

    /// The stored message that has come again, if it has. What the server confirmed to have removed is
    /// recognised under its own unique-id alone, or under none: another message of the same content is one of its
    /// own.
    pub(super) fn take(
        &mut self,
        unique_id: Option<&ListedUniqueId<'static>>,
        digest: &Digest,
    ) -> Option<Entry> {
        let entries = self.by_digest.get_mut(digest)?;
        let is_same = |entry: &Entry| unique_id.is_some() && entry.unique_id.as_ref() == unique_id;
        let own = entries.iter().position(is_same);
        // Without unique-ids a server that keeps what it said it had removed is known by nothing else.
        let is_open = |entry: &Entry| {
            entry.state != State::Removed || (unique_id.is_none() && entry.unique_id.is_none())
        };
        let any = || entries.iter().position(is_open);
        own.or_else(any).map(|index| entries.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(content: &[u8]) -> Digest {
        let mut digester = Digester::default();
        content.chunks(3).for_each(|piece| digester.take(piece));
        digester.finish()
    }

    fn id(id: &str) -> ListedUniqueId<'static> {
        ListedUniqueId::new(id.as_bytes().to_vec()).unwrap()
    }

    fn entry(name: &str, unique_id: Option<&str>, state: State, content: &[u8]) -> Entry {
        Entry {
            name: name.to_owned(),
            unique_id: unique_id.map(id),
            size: 1,
            state,
            absent_since: None,
            digest: Some(digest(content)),
            is_confirmed: false,
            octets: None,
        }
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let text = digest(b"abc").to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(text.parse(), Ok(digest(b"abc")));
        for wrong in ["", "ba", &text[1..], &text.replace('a', "g"), "\u{e9}a".repeat(22).as_str()] {
            assert_eq!(wrong.parse::<Digest>(), Err(NotADigest), "{wrong}");
        }
    }

    // Conformance: C-REL-05
    #[test]
    fn one_stored_message_is_recognised_once() {
        let journal = Journal::of([entry("1", Some("a"), State::Whole, b"x")]);
        let mut unclaimed = Unclaimed::of(&journal, |_| false);
        assert_eq!(unclaimed.take(Some(&id("b")), &digest(b"y")), None);
        assert_eq!(unclaimed.take(Some(&id("b")), &digest(b"x")).unwrap().name, "1");
        assert_eq!(unclaimed.take(Some(&id("c")), &digest(b"x")), None);
        // A message that is listed is itself and no other.
        assert_eq!(Unclaimed::of(&journal, |name| name == "1").take(Some(&id("b")), &digest(b"x")), None);
    }

    // Conformance: C-1939-10
    #[test]
    fn what_was_removed_comes_again_under_its_own_unique_id_only() {
        let journal = Journal::of([entry("1", Some("a"), State::Removed, b"x")]);
        let mut unclaimed = Unclaimed::of(&journal, |_| false);
        assert_eq!(unclaimed.take(Some(&id("b")), &digest(b"x")), None);
        assert_eq!(unclaimed.take(None, &digest(b"x")), None);
        assert_eq!(unclaimed.take(Some(&id("a")), &digest(b"y")), None);
        assert_eq!(unclaimed.take(Some(&id("a")), &digest(b"x")).unwrap().name, "1");
    }

    #[test]
    fn its_own_unique_id_goes_first() {
        let journal = Journal::of([
            entry("1", None, State::Whole, b"x"),
            entry("2", Some("a"), State::Short, b"x"),
            entry("3", Some("b"), State::Whole, b"x"),
        ]);
        let mut unclaimed = Unclaimed::of(&journal, |_| false);
        assert_eq!(unclaimed.take(Some(&id("b")), &digest(b"x")).unwrap().name, "3");
        assert_eq!(unclaimed.take(None, &digest(b"x")).unwrap().name, "1");
        assert_eq!(unclaimed.take(None, &digest(b"x")).unwrap().name, "2");
    }
}
