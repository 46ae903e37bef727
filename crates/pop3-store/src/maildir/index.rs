//! The index file: what was found out about each message, so that a login need not open them all.
//!
//! It is a cache and nothing else. Unique-ids and the messages themselves come from the directories; a
//! file that is missing, damaged, of another version or out of date costs time and changes nothing a
//! client can see.
//!
//! ```text
//! magic     16 octets
//! records   size u64, len u64, mtime i64, length of base u8, base
//! count     u64
//! checksum  u64, over everything before it
//! ```
//!
//! Numbers are little-endian; records stand in message order.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::{AsFd as _, BorrowedFd},
};

use pop3_proto::types::Octets;
use rustix::{
    fs::{self, FileType},
    io::Errno,
};

use super::sys::{self, Stamp, Version};

/// The name of the index in the Maildir, outside of tmp, new and cur.
pub(super) const NAME: &[u8] = b"pop3-index";
const NEW_NAME: &[u8] = b"pop3-index.new";

const MAGIC: &[u8; 16] = b"pop3-index v1\r\n\0";
/// An index of more octets than this is not ours: it would be that of some ten million messages.
const MAX_LEN: u64 = 2 << 30;
/// One of fewer octets is read in any case.
const SMALL: u64 = 256 << 10;
/// The most octets of a record.
const MAX_RECORD: u64 = 3 * 8 + 1 + 255;

/// What is known about the message with this base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fact<'a> {
    pub(super) base: &'a [u8],
    /// As LIST counts it.
    pub(super) size: Octets,
    /// The version of the file that was counted.
    pub(super) version: Version,
}

impl Fact<'_> {
    /// Whether a file of that length can have this size: each octet counts, each LF may count twice, and a last line
    /// without an end gets one.
    fn is_possible(&self) -> bool {
        let (size, len) = (self.size.0, self.version.len);
        len <= size && size <= len.saturating_mul(2).saturating_add(2)
    }
}

/// Writes `facts`, which stand in message order, beside the old index and puts it in its place.
///
/// The file is not flushed to the disk: after a crash the checksum tells whether it got there.
pub(super) fn write<'a>(
    maildir: BorrowedFd<'_>,
    facts: impl Iterator<Item = Fact<'a>>,
) -> std::io::Result<Stamp> {
    let octets = encode(facts);
    match sys::unlink(maildir, NEW_NAME) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut file = File::from(sys::create_file(maildir, NEW_NAME)?);
    let given = sys::heir(maildir).and_then(|heir| sys::give(&file, heir));
    let written = given.map_err(Into::into).and_then(|()| file.write_all(&octets));
    let renamed = written.and_then(|()| Ok(sys::rename_over(maildir, NEW_NAME, NAME)?));
    if renamed.is_err() {
        let _ = sys::unlink(maildir, NEW_NAME);
    }
    renamed?;
    // The rename changed the time of change, and the stamp must hold at the next login.
    Ok(Stamp::of_fd(&file)?)
}

/// The octets of the index, and the stamp by which to know it again. `None` when there is none to trust.
///
/// Its owner can put any file there, one of gigabytes without content too. What is larger than an index of the files in
/// the Maildir's `folders` can be is not read.
pub(super) fn read(maildir: BorrowedFd<'_>, folders: [BorrowedFd<'_>; 2]) -> Option<(Vec<u8>, Stamp)> {
    let file = sys::open_file(maildir, NAME).ok()?;
    let stat = fs::fstat(file.as_fd()).ok()?;
    let len = Version::of(&stat).len;
    if sys::kind(&stat) != FileType::RegularFile || len > MAX_LEN {
        return None;
    }
    let mut missing = usize::try_from(len.saturating_sub(SMALL).div_ceil(MAX_RECORD)).ok()?;
    for folder in folders.iter().filter(|_| len > SMALL) {
        missing = missing.saturating_sub(sys::count(*folder, missing).ok()?);
    }
    if missing > 0 {
        return None;
    }
    let mut octets = Vec::new();
    octets.try_reserve_exact(usize::try_from(len).ok()?.saturating_add(1)).ok()?;
    // It may have grown meanwhile.
    File::from(file).take(len).read_to_end(&mut octets).ok()?;
    Some((octets, Stamp::of(&stat)))
}

/// The stamp of the index that is there now.
pub(super) fn stamp(maildir: BorrowedFd<'_>) -> Option<Stamp> {
    sys::stat(maildir, NAME).ok().map(|stat| Stamp::of(&stat))
}

fn encode<'a>(facts: impl Iterator<Item = Fact<'a>>) -> Vec<u8> {
    let mut octets = MAGIC.to_vec();
    let mut count = 0u64;
    for fact in facts {
        let Ok(base_len) = u8::try_from(fact.base.len()) else { continue };
        octets.extend_from_slice(&fact.size.0.to_le_bytes());
        octets.extend_from_slice(&fact.version.len.to_le_bytes());
        octets.extend_from_slice(&fact.version.mtime.to_le_bytes());
        octets.push(base_len);
        octets.extend_from_slice(fact.base);
        count += 1;
    }
    octets.extend_from_slice(&count.to_le_bytes());
    let sum = checksum(&octets);
    octets.extend_from_slice(&sum.to_le_bytes());
    octets
}

/// The facts of an index, in the order in which they were written; `None` when it is damaged.
pub(super) fn decode(octets: &[u8]) -> Option<Vec<Fact<'_>>> {
    let (summed, sum) = octets.split_last_chunk::<8>()?;
    if checksum(summed) != u64::from_le_bytes(*sum) {
        return None;
    }
    let (records, count) = summed.strip_prefix(MAGIC)?.split_last_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    // A record has at least 25 octets; a count that cannot be true must not reserve memory.
    let mut facts = Vec::with_capacity(count.min(octets.len() / 25));
    let mut rest = records;
    while !rest.is_empty() {
        let (size, after) = rest.split_first_chunk::<8>()?;
        let (len, after) = after.split_first_chunk::<8>()?;
        let (mtime, after) = after.split_first_chunk::<8>()?;
        let (base_len, after) = after.split_first()?;
        let (base, after) = after.split_at_checked(usize::from(*base_len))?;
        let version = Version { len: u64::from_le_bytes(*len), mtime: i64::from_le_bytes(*mtime) };
        let fact = Fact { base, size: Octets(u64::from_le_bytes(*size)), version };
        if !fact.is_possible() {
            return None;
        }
        facts.push(fact);
        rest = after;
    }
    (facts.len() == count).then_some(facts)
}

/// Tells a damaged file from a sound one, fast; it is no defence against a forger, and needs to be none:
/// every fact is checked against the file before its octets are sent.
fn checksum(octets: &[u8]) -> u64 {
    const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
    let (words, rest) = octets.as_chunks::<8>();
    let mix = |sum: u64, word: u64| {
        let sum = (sum ^ word).wrapping_mul(PRIME);
        sum ^ (sum >> 29)
    };
    let mut sum = words.iter().fold(octets.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    for octet in rest {
        sum = mix(sum, u64::from(*octet));
    }
    mix(sum, PRIME)
}

/// The shortest index: no records.
#[cfg(test)]
const EMPTY_LEN: usize = MAGIC.len() + 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(base: &[u8], size: u64, len: u64, mtime: i64) -> Fact<'_> {
        Fact { base, size: Octets(size), version: Version { len, mtime } }
    }

    fn facts() -> Vec<Fact<'static>> {
        vec![
            fact(b"1.a", 12, 10, -1),
            fact(b"\xff\n", u64::MAX, u64::MAX / 2, i64::MAX),
            fact(&[b'x'; 255], 0, 0, 2),
        ]
    }

    // Conformance: S-ROB-06
    #[test]
    fn an_index_is_read_as_it_was_written() {
        let octets = encode(facts().into_iter());
        assert_eq!(decode(&octets), Some(facts()));
        let empty = encode(std::iter::empty());
        assert_eq!((empty.len(), decode(&empty)), (EMPTY_LEN, Some(vec![])));
    }

    // Conformance: A-98
    #[test]
    fn a_size_that_no_file_of_that_length_has_is_damage() {
        for (len, size, is_possible) in [
            (0, 0, true),
            (0, 2, true),
            (0, 3, false),
            (1, 1, true),
            (1, 4, true),
            (1, 5, false),
            (1000, 999, false),
            (1000, 1000, true),
            (1000, 2002, true),
            (1000, 2003, false),
            (u64::MAX, 0, false),
        ] {
            let octets = encode([fact(b"a", size, len, 0)].into_iter());
            assert_eq!(decode(&octets).is_some(), is_possible, "{len} {size}");
        }
    }

    // Conformance: A-55
    #[test]
    fn every_damaged_octet_and_every_cut_is_noticed() {
        let octets = encode(facts().into_iter());
        for at in 0..octets.len() {
            assert_eq!(decode(&octets[..at]), None, "cut at {at}");
            for bit in 0..8 {
                let mut damaged = octets.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(decode(&damaged), None, "bit {bit} of octet {at}");
            }
        }
    }

    proptest! {
        // Conformance: A-55
        #[test]
        fn no_content_is_misread_as_more_than_it_is(mut octets in prop::collection::vec(any::<u8>(), 0..300)) {
            // A right frame around anything: what a forger would write.
            octets.splice(..0, *MAGIC);
            let sum = checksum(&octets);
            octets.extend_from_slice(&sum.to_le_bytes());
            if let Some(facts) = decode(&octets) {
                prop_assert_eq!(encode(facts.into_iter()), octets);
            }
        }
    }
}
