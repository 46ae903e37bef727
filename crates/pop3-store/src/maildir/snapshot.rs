//! The messages of a Maildir as they were at one moment.

use std::{cmp::Ordering, ops::Range};

use pop3_proto::server::Maildrop;

use super::{
    index::Fact,
    name,
    skipped::SkippedFiles,
    sys::{Stamp, Version},
};

/// Where a message file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Folder {
    Cur,
    New,
}

/// Both directories as they were before they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamps {
    pub(super) cur: Stamp,
    pub(super) new: Stamp,
}

impl Stamps {
    pub(super) fn are_settled(&self, now: i64) -> bool {
        self.cur.is_settled(now) && self.new.is_settled(now)
    }
}

/// The messages of a Maildir in message-number order, some 180 octets each.
///
/// Sessions share it, and it stays in memory while the directories do not change.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) maildrop: Maildrop,
    /// All file names, one after the other.
    pub(super) names: Vec<u8>,
    /// One for each message of `maildrop`.
    pub(super) entries: Vec<Entry>,
    /// Further names of files that are listed under another name of the same base.
    pub(super) twins: Vec<(Folder, Box<[u8]>)>,
    pub(super) stamps: Stamps,
    /// Whether a change of the directories after the scan is sure to show in `stamps`.
    pub(super) is_settled: bool,
    /// Whether the scan moved messages out of new, or left some there.
    pub(super) touches_new: bool,
    /// The index that says the same, if one could be written.
    pub(super) index: Option<Stamp>,
    /// Files that may be messages and are not listed.
    pub(super) skipped: SkippedFiles,
}

/// Where one message is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) version: Version,
    pub(super) start: u32,
    pub(super) len: u8,
    pub(super) folder: Folder,
    /// Its base belongs to several messages, and only its id tells it from the others.
    pub(super) shares_base: bool,
}

impl Entry {
    pub(super) fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        slice(names, self.start, self.len)
    }
}

/// A name out of an arena of names.
pub(super) fn slice(names: &[u8], start: u32, len: u8) -> &[u8] {
    let start = start as usize;
    names.get(start..start + usize::from(len)).unwrap_or_default()
}

/// Message order: by time of delivery, then by name. The info part never decides.
pub(super) fn order(one: &[u8], other: &[u8]) -> Ordering {
    let time = |base| name::delivery_time(base);
    time(one).cmp(&time(other)).then_with(|| one.cmp(other))
}

impl Snapshot {
    /// The folder and file name of a message when the snapshot was taken.
    pub(super) fn location(&self, index: usize) -> Option<(Folder, &[u8])> {
        let entry = self.entries.get(index)?;
        Some((entry.folder, entry.name(&self.names)))
    }

    pub(super) fn version(&self, index: usize) -> Option<Version> {
        self.entries.get(index).map(|entry| entry.version)
    }

    /// The messages with this base; more than one only where they could not be renamed apart.
    pub(super) fn with_base(&self, base: &[u8]) -> Range<usize> {
        let base_of = |entry: &Entry| name::base(entry.name(&self.names));
        let start = self.entries.partition_point(|entry| order(base_of(entry), base).is_lt());
        let behind = self.entries.get(start..).unwrap_or_default();
        let len = behind.iter().take_while(|entry| base_of(entry) == base).count();
        start..start + len
    }

    /// What the next login need not find out again, in message order.
    pub(super) fn facts(&self) -> impl Iterator<Item = Fact<'_>> {
        let messages = self.entries.iter().zip(self.maildrop.messages());
        messages.filter(|(entry, _)| !entry.shares_base).map(|(entry, info)| Fact {
            base: name::base(entry.name(&self.names)),
            size: info.size,
            version: entry.version,
        })
    }

    /// Whether a scan would find the same.
    pub(super) fn is_current(&self, stamps: &Stamps, index: Option<Stamp>) -> bool {
        // A file gets another owner or mode without a trace in the stamps of its directory.
        self.is_settled && self.skipped.is_empty() && self.stamps == *stamps && self.index == index
    }
}
