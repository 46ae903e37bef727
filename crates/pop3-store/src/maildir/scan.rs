//! From two directories to a snapshot.

use std::{
    io::ErrorKind,
    os::fd::{AsFd as _, BorrowedFd},
};

use pop3_proto::{
    body::OctetCounter,
    server::{Maildrop, MessageInfo},
    types::{Octets, UniqueId},
};
use rustix::{
    fs::{self, Access, AtFlags, FileType, Stat},
    io::{Errno, Result},
};

use super::{
    index::Fact,
    name,
    skipped::SkippedFiles,
    snapshot::{Entry, Folder, Snapshot, Stamps, order, slice},
    sys::{self, Identity, Stamp, Version},
    unique,
};
use crate::SkipReason;

/// A locked Maildir, ready to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'a> {
    pub(super) cur: BorrowedFd<'a>,
    pub(super) new: BorrowedFd<'a>,
    pub(super) owner: Owner,
}

impl Folders<'_> {
    pub(super) fn stamps(&self) -> Result<Stamps> {
        Ok(Stamps { cur: Stamp::of_fd(self.cur)?, new: Stamp::of_fd(self.new)? })
    }

    fn of(&self, folder: Folder) -> BorrowedFd<'_> {
        match folder {
            Folder::Cur => self.cur,
            Folder::New => self.new,
        }
    }
}

/// Whose files are messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    maildir: u32,
    process: u32,
}

impl Owner {
    /// The owner of this Maildir directory, and of this process.
    pub(super) fn of(maildir: &Stat) -> Self {
        Self { maildir: maildir.st_uid, process: rustix::process::geteuid().as_raw() }
    }

    /// Why this cannot be a message of the Maildir: a regular file that belongs to its owner.
    ///
    /// A hard link to a file of somebody else must not be sent out by a server that may read everything.
    pub(super) fn objection(self, stat: &Stat) -> Option<SkipReason> {
        let is_ours = self.process != 0 && stat.st_uid == self.process;
        if sys::kind(stat) != FileType::RegularFile {
            return Some(SkipReason::NotAFile);
        }
        let other = SkipReason::OtherOwner { file: stat.st_uid, maildrop: self.maildir };
        (stat.st_uid != self.maildir && !is_ours).then_some(other)
    }
}

/// A snapshot, and whether the index must be written again to agree with it.
pub(super) struct Scan {
    pub(super) snapshot: Snapshot,
    pub(super) is_index_outdated: bool,
}

/// Moves what arrived from new to cur, lists both, and finds out about every message that `facts` (in
/// message order) does not tell of.
pub(super) fn scan(folders: &Folders<'_>, facts: &[Fact<'_>]) -> Result<Scan> {
    let mut listing = Listing::default();
    let new = Stamp::of_fd(folders.new)?;
    listing.take_new(folders)?;
    let arrivals = listing.items.len();
    let touches_new = arrivals > 0 || !listing.arrived.is_empty();
    let started = sys::now();
    let cur = listing.take_cur(folders, arrivals)?;
    listing.sort();
    listing.separate(folders, facts)?;
    if listing.is_renamed {
        // The names are what clients know these messages by, so they should outlive a power failure.
        // Where that cannot be had, mail is still served.
        let _ = fs::fsync(folders.cur);
    }
    let mut scan = listing.into_scan(folders, facts)?;
    let stamps = Stamps { cur, new };
    scan.snapshot.is_settled = stamps.are_settled(started);
    scan.snapshot.touches_new = touches_new;
    scan.snapshot.stamps = stamps;
    Ok(scan)
}

/// The names in both directories, before anything is known about the files.
#[derive(Debug, Default)]
struct Listing {
    names: Vec<u8>,
    items: Vec<Item>,
    /// Names that were moved from new to cur just now, each followed by an octet that no name holds.
    arrived: Vec<u8>,
    twins: Vec<(Folder, Box<[u8]>)>,
    /// Whether a message got a base of its own.
    is_renamed: bool,
    skipped: SkippedFiles,
}

#[derive(Debug, Clone)]
struct Item {
    time: u64,
    start: u32,
    len: u8,
    base_len: u8,
    folder: Folder,
    has_arrived: bool,
    /// Set where the base cannot tell this message from another.
    id: Option<Box<UniqueId<'static>>>,
}

impl Item {
    fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        slice(names, self.start, self.len)
    }

    fn base<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        slice(names, self.start, self.base_len)
    }
}

impl Listing {
    fn push(&mut self, folder: Folder, name: &[u8], has_arrived: bool) {
        let base_len = name::base_len(name);
        let sizes = (u32::try_from(self.names.len()), u8::try_from(name.len()), u8::try_from(base_len));
        let (Ok(start), Ok(len), Ok(base_len)) = sizes else {
            // The names of a Maildir together are as long as this can count.
            self.skipped.note(SkipReason::Unreadable(ErrorKind::OutOfMemory), folder, name);
            return;
        };
        self.names.extend_from_slice(name);
        let time = name::delivery_time(name);
        self.items.push(Item { time, start, len, base_len, folder, has_arrived, id: None });
    }

    /// Moves messages from new to cur; those that cannot be moved, or cannot be read, are listed where they
    /// are.
    fn take_new(&mut self, folders: &Folders<'_>) -> Result<()> {
        let mut arrivals: Vec<Box<[u8]>> = Vec::new();
        let skipped = &mut self.skipped;
        sys::read_dir(folders.new, |name, kind| {
            if is_maybe_message(Folder::New, name, kind, skipped) {
                arrivals.push(name.into());
            }
        })?;
        for name in arrivals {
            if !is_readable(folders, &name) {
                self.push(Folder::New, &name, true);
                continue;
            }
            let target = name::in_cur(&name);
            match sys::rename_new(folders.new, &name, folders.cur, &target) {
                Ok(()) => self.note_arrival(&target),
                Err(errno) if sys::is_absent(errno) => {}
                // A taken or too long name, or a file system that lets nobody write: it is still mail.
                Err(_) => self.push(Folder::New, &name, true),
            }
        }
        Ok(())
    }

    fn note_arrival(&mut self, name: &[u8]) {
        self.arrived.extend_from_slice(name);
        self.arrived.push(b'/');
    }

    /// Lists cur until it holds still, so that a message which another program renames while the
    /// directory is read is not missed. Says what cur was before the listing that counts.
    fn take_cur(&mut self, folders: &Folders<'_>, arrivals: usize) -> Result<Stamp> {
        let arrived = std::mem::take(&mut self.arrived);
        let mut arrived: Vec<&[u8]> = arrived.split(|octet| *octet == b'/').collect();
        arrived.sort_unstable();
        let names = self.names.len();
        let skipped = self.skipped.clone();
        let mut stamp = Stamp::of_fd(folders.cur)?;
        for _ in 0..3 {
            self.items.truncate(arrivals);
            self.names.truncate(names);
            self.skipped = skipped.clone();
            sys::read_dir(folders.cur, |name, kind| {
                if is_maybe_message(Folder::Cur, name, kind, &mut self.skipped) {
                    let has_arrived = !arrived.is_empty() && arrived.binary_search(&name).is_ok();
                    self.push(Folder::Cur, name, has_arrived);
                }
            })?;
            let after = Stamp::of_fd(folders.cur)?;
            if after == stamp {
                break;
            }
            stamp = after;
        }
        Ok(stamp)
    }

    fn sort(&mut self) {
        let names = &self.names;
        self.items.sort_unstable_by(|one, other| {
            let bases = || one.base(names).cmp(other.base(names));
            let whole = || (one.name(names), one.folder).cmp(&(other.name(names), other.folder));
            one.time.cmp(&other.time).then_with(bases).then_with(whole)
        });
    }

    /// Sees to it that no two messages have one base, and that no new message has the base of an old one:
    /// the base is what a client knows a message by.
    fn separate(&mut self, folders: &Folders<'_>, facts: &[Fact<'_>]) -> Result<()> {
        let names = &self.names;
        let same_base = |one: &Item, other: &Item| one.base(names) == other.base(names);
        let is_suspect = |group: &[Item]| match group {
            [item] => item.has_arrived && fact_of(facts, item.base(names)).is_some(),
            _ => true,
        };
        let suspects: Vec<Vec<Item>> =
            self.items.chunk_by(same_base).filter(|group| is_suspect(group)).map(<[Item]>::to_vec).collect();
        if suspects.is_empty() {
            return Ok(());
        }
        let mut clear = std::mem::take(&mut self.items);
        let is_clear = |item: &Item| {
            let key = (item.time, item.base(&self.names));
            let of = |group: &Vec<Item>| group.first().map(|item| (item.time, item.base(&self.names)));
            suspects.binary_search_by(|group| of(group).cmp(&Some(key))).is_err()
        };
        clear.retain(is_clear);
        self.items = clear;
        for group in suspects {
            self.separate_group(folders, facts, group)?;
        }
        self.sort();
        Ok(())
    }

    /// Decides which of the messages with one base keeps it; the others get bases of their own.
    ///
    /// The one that was listed before keeps it, where the index proves which one that was. If there is no
    /// proof, none keeps it: a client may then fetch a message twice, but it never takes a message that it
    /// has not seen for one that it has.
    fn separate_group(&mut self, folders: &Folders<'_>, facts: &[Fact<'_>], group: Vec<Item>) -> Result<()> {
        let mut files: Vec<(Identity, Version, Item)> = Vec::new();
        for item in group {
            let stat = match sys::stat(folders.of(item.folder), item.name(&self.names)) {
                Ok(stat) => stat,
                // The directory was read while another program gave the file its next name.
                Err(errno) if sys::is_absent(errno) => continue,
                Err(errno) => return Err(errno),
            };
            let identity = Identity::of(&stat);
            if let Some(reason) = folders.owner.objection(&stat) {
                self.skipped.note(reason, item.folder, item.name(&self.names));
            } else if files.iter().any(|(known, ..)| *known == identity) {
                // One file under two names, as a delivery by link leaves behind when it is killed.
                self.twins.push((item.folder, item.name(&self.names).into()));
            } else {
                files.push((identity, Version::of(&stat), item));
            }
        }
        let Some(base) = files.first().map(|(.., item)| item.base(&self.names).to_vec()) else {
            return Ok(());
        };
        let known = fact_of(facts, &base).map(|fact| fact.version);
        let is_known = |version: &Version| known == Some(*version);
        let has_heir = files.iter().filter(|(_, version, _)| is_known(version)).count() == 1;
        let is_single = files.len() == 1;
        for (identity, version, item) in files {
            let keeps_base = match known {
                None => is_single,
                Some(_) => has_heir && is_known(&version),
            };
            if keeps_base {
                self.items.push(item);
            } else {
                self.rename_apart(folders, item, identity, version)?;
            }
        }
        Ok(())
    }

    fn rename_apart(
        &mut self,
        folders: &Folders<'_>,
        mut item: Item,
        identity: Identity,
        version: Version,
    ) -> Result<()> {
        let old = item.name(&self.names).to_vec();
        let base = unique::name(item.time);
        let new = name::in_cur(&[&base, name::info(&old)].concat());
        match sys::rename_new(folders.of(item.folder), &old, folders.cur, &new) {
            Ok(()) => {
                self.is_renamed = true;
                self.push(Folder::Cur, &new, false);
            }
            Err(errno) if sys::is_absent(errno) => {}
            Err(Errno::IO) => return Err(Errno::IO),
            Err(_) => {
                // Nothing can be written here, so the id has to come from what the files are.
                let facts = format!("/{identity:?}/{version:?}");
                item.id = name::hashed(&[name::base(&old), facts.as_bytes()]).map(Box::new);
                self.items.push(item);
            }
        }
        Ok(())
    }

    /// Joins names and facts, both in message order, and opens only what is unknown.
    fn into_scan(self, folders: &Folders<'_>, facts: &[Fact<'_>]) -> Result<Scan> {
        let Self { mut names, items, twins, mut skipped, .. } = self;
        let mut entries = Vec::with_capacity(items.len());
        let mut messages = Vec::with_capacity(items.len());
        let mut facts_left = facts;
        let mut known = 0usize;
        let mut counter = Counter::default();
        for item in items {
            let base = item.base(&names);
            let fact = if item.id.is_none() { take_fact(&mut facts_left, base) } else { None };
            let found = match fact {
                Some(fact) => {
                    known += 1;
                    Found::Message(fact.version, fact.size)
                }
                None => counter.examine(folders, item.folder, item.name(&names))?,
            };
            let shares_base = item.id.is_some();
            let (start, len, folder) = (item.start, item.len, item.folder);
            let unique_id = item.id.map_or_else(|| name::unique_id(base), |id| Some(*id));
            match (found, unique_id) {
                (Found::Message(version, size), Some(unique_id)) => {
                    entries.push(Entry { version, start, len, folder, shares_base });
                    messages.push(MessageInfo { size, unique_id });
                }
                (Found::Absent, _) => {}
                (Found::Skipped(reason), _) => skipped.note(reason, folder, slice(&names, start, len)),
                // This never comes out: every name has an id.
                (Found::Message(..), None) => {
                    let reason = SkipReason::Unreadable(ErrorKind::InvalidData);
                    skipped.note(reason, folder, slice(&names, start, len));
                }
            }
        }
        names.shrink_to_fit();
        let is_index_outdated = known != facts.len() || known != entries.len();
        let unknown = Stamp::of_fd(folders.cur)?;
        let snapshot = Snapshot {
            maildrop: Maildrop::new(messages),
            names,
            entries,
            twins,
            stamps: Stamps { cur: unknown, new: unknown },
            is_settled: false,
            touches_new: false,
            index: None,
            skipped,
        };
        Ok(Scan { snapshot, is_index_outdated })
    }
}

/// Whether a name in a directory can be a message: a regular file, or what the file system would not tell
/// the kind of. Anything else under the name of a message is noted.
fn is_maybe_message(folder: Folder, name: &[u8], kind: FileType, skipped: &mut SkippedFiles) -> bool {
    if !name::is_candidate(name) {
        return false;
    }
    let is_file = matches!(kind, FileType::RegularFile | FileType::Unknown);
    if !is_file {
        skipped.note(SkipReason::NotAFile, folder, name);
    }
    is_file
}

/// Whether a file in new can be listed as a message. One that cannot stays where it is, so that it is still
/// new when its owner or mode is put right.
fn is_readable(folders: &Folders<'_>, name: &[u8]) -> bool {
    let Ok(stat) = sys::stat(folders.new, name) else { return false };
    let access = || fs::accessat(folders.new, name, Access::READ_OK, AtFlags::EACCESS);
    // Where the system cannot say, opening the file does.
    folders.owner.objection(&stat).is_none() && access() != Err(Errno::ACCESS)
}

fn fact_of<'a>(facts: &[Fact<'a>], base: &[u8]) -> Option<Fact<'a>> {
    let at = facts.binary_search_by(|fact| order(fact.base, base)).ok()?;
    facts.get(at).copied()
}

/// The fact about this base, if it is the next one; facts that come before it in message order are passed.
fn take_fact<'a>(facts: &mut &[Fact<'a>], base: &[u8]) -> Option<Fact<'a>> {
    while let Some((fact, rest)) = facts.split_first() {
        if fact.base == base {
            *facts = rest;
            return Some(*fact);
        }
        if order(fact.base, base).is_gt() {
            return None;
        }
        *facts = rest;
    }
    None
}

/// What a name turned out to be.
enum Found {
    Message(Version, Octets),
    Absent,
    Skipped(SkipReason),
}

/// The reason for a file that cannot be read: its owner, if that is wrong, or what the system said.
fn unreadable(folders: &Folders<'_>, folder: Folder, name: &[u8], errno: Errno) -> Found {
    let stat = sys::stat(folders.of(folder), name);
    let objection = stat.ok().and_then(|stat| folders.owner.objection(&stat));
    let said = SkipReason::Unreadable(std::io::Error::from(errno).kind());
    Found::Skipped(objection.unwrap_or(said))
}

/// Counts the octets of messages, in pieces of 64 KiB.
#[derive(Default)]
struct Counter {
    buffer: Vec<u8>,
}

impl Counter {
    fn examine(&mut self, folders: &Folders<'_>, folder: Folder, name: &[u8]) -> Result<Found> {
        let file = match sys::open_file(folders.of(folder), name) {
            Ok(file) => file,
            Err(errno) if sys::is_absent(errno) => return Ok(Found::Absent),
            // These are troubles of the machine, not of this file: no login is better than one that
            // does not list all mail.
            Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::IO)) => return Err(errno),
            Err(Errno::LOOP | Errno::NXIO) => return Ok(Found::Skipped(SkipReason::NotAFile)),
            Err(errno) => return Ok(unreadable(folders, folder, name, errno)),
        };
        // A file that grows while it is counted gets a second chance.
        for _ in 0..2 {
            let stat = fs::fstat(&file)?;
            if let Some(reason) = folders.owner.objection(&stat) {
                return Ok(Found::Skipped(reason));
            }
            let version = Version::of(&stat);
            let (octets, size) = match self.count(file.as_fd()) {
                Ok(counted) => counted,
                Err(errno) if sys::is_absent(errno) => return Ok(Found::Absent),
                Err(errno @ (Errno::NOMEM | Errno::IO)) => return Err(errno),
                Err(errno) => return Ok(unreadable(folders, folder, name, errno)),
            };
            if octets == version.len {
                return Ok(Found::Message(version, size));
            }
        }
        Ok(Found::Skipped(SkipReason::Changing))
    }

    /// The octets in the file, and the size of the message, from the start of the file.
    fn count(&mut self, file: BorrowedFd<'_>) -> Result<(u64, Octets)> {
        count(file, &mut self.buffer)
    }
}

/// The octets in a file, and the size of the message that it holds. Leaves the place in the file alone.
pub(super) fn count(file: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> Result<(u64, Octets)> {
    buffer.resize(64 * 1024, 0);
    let mut counter = OctetCounter::new();
    let mut octets = 0u64;
    loop {
        let len = match rustix::io::pread(file, &mut *buffer, octets) {
            Ok(0) => return Ok((octets, counter.finish())),
            Ok(len) => len,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        };
        counter.update(buffer.get(..len).unwrap_or_default());
        octets += len as u64;
    }
}
