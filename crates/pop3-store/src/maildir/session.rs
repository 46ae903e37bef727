//! One session on one Maildir: from the lock to UPDATE.

mod update;

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pop3_proto::{
    server::{Deletions, Maildrop, Retrieved},
    types::MessageNumber,
};
use rustix::{fs, io::Errno};

use super::{
    cache::Slot,
    index,
    lock::{Lock, LockError},
    name,
    scan::{self, Folders, Owner},
    snapshot::{Folder, Snapshot, Stamps},
    sys::{self, Version},
};
use crate::{OpenError, OpenMaildrop, ReadError, SkipReason, Skipped, UpdateError};

#[cfg(test)]
pub(super) use update::UpdateStep;

/// A Maildir under its exclusive-access lock.
///
/// Three file descriptors are open while it lives. The messages stay where they are, and a message that
/// another program renames, to note a flag, is found again by the part of its name before the `:`.
#[derive(Debug)]
pub struct OpenMaildir {
    path: PathBuf,
    root: OwnedFd,
    cur: OwnedFd,
    owner: Owner,
    snapshot: Arc<Snapshot>,
    /// Names that differ from the snapshot's by now.
    renamed: Mutex<Renamed>,
    /// Messages whose file is not of the version in the index.
    doubted: Mutex<Vec<usize>>,
    slot: Option<Slot>,
    // The last field, so that it is dropped last.
    _lock: Lock,
}

/// What the last rescan found.
#[derive(Debug, Default)]
struct Renamed {
    stamps: Option<Stamps>,
    is_settled: bool,
    /// Ordered by index.
    names: Vec<(usize, Folder, Box<[u8]>)>,
}

/// What became of an attempt on one name of a message, or on all of them.
enum Attempt<T> {
    Done(T),
    Absent,
    /// The name leads to something that is not the message of the snapshot.
    Other,
}

impl<T> Attempt<T> {
    /// The attempt on one name, and the one on the next.
    fn or(self, next: Self) -> Self {
        match (self, next) {
            (Self::Done(done), _) | (_, Self::Done(done)) => Self::Done(done),
            (Self::Other, _) | (_, Self::Other) => Self::Other,
            (Self::Absent, Self::Absent) => Self::Absent,
        }
    }
}

impl OpenMaildir {
    /// Locks and reads the Maildir whose directory this is.
    pub(super) fn open(root: OwnedFd, path: &Path, slot: Option<Slot>) -> Result<Self, OpenError> {
        let failed = |action, errno| open_error(action, path, errno);
        let lock = match Lock::take(root.as_fd()) {
            Ok(lock) => lock,
            Err(LockError::InUse) => return Err(OpenError::InUse),
            Err(LockError::System(errno)) => return Err(failed("lock", errno)),
        };
        let owner = Owner::of(&fs::fstat(&root).map_err(|errno| failed("open", errno))?);
        let open_folder = |folder: &'static str| {
            sys::open_dir(root.as_fd(), folder.as_bytes()).map_err(|errno| folder_error(folder, path, errno))
        };
        let (cur, new) = (open_folder("cur")?, open_folder("new")?);
        let folders = Folders { cur: cur.as_fd(), new: new.as_fd(), owner };
        let snapshot = take_snapshot(root.as_fd(), &folders, slot.as_ref())
            .map_err(|errno| failed("list the messages in", errno))?;
        let (renamed, doubted) = Default::default();
        Ok(Self { path: path.to_owned(), root, cur, owner, snapshot, renamed, doubted, slot, _lock: lock })
    }

    /// Where the Maildir is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tries the names of a message until one leads to it: those that are known, and those that a new look
    /// at the directories finds.
    fn find<T>(
        &self,
        index: usize,
        mut attempt: impl FnMut(BorrowedFd<'_>, &[u8]) -> Result<Attempt<T>, Errno>,
    ) -> Result<Attempt<T>, Errno> {
        let before = self.try_known(index, &mut attempt)?;
        if matches!(before, Attempt::Done(_)) || !self.rescan()? {
            return Ok(before);
        }
        Ok(before.or(self.try_known(index, &mut attempt)?))
    }

    /// Tries the name of the snapshot, and those of the last look.
    fn try_known<T>(
        &self,
        index: usize,
        attempt: &mut impl FnMut(BorrowedFd<'_>, &[u8]) -> Result<Attempt<T>, Errno>,
    ) -> Result<Attempt<T>, Errno> {
        let Some((folder, name)) = self.snapshot.location(index) else { return Ok(Attempt::Absent) };
        let mut tried = self.in_folder(folder, |fd| attempt(fd, name))?;
        if matches!(tried, Attempt::Done(_)) {
            return Ok(tried);
        }
        for (folder, name) in self.renamed().of(index) {
            tried = tried.or(self.in_folder(folder, |fd| attempt(fd, &name))?);
            if matches!(tried, Attempt::Done(_)) {
                break;
            }
        }
        Ok(tried)
    }

    /// Looks for messages that have other names by now; false when nothing can have changed since the
    /// last look.
    fn rescan(&self) -> Result<bool, Errno> {
        let new = sys::open_dir(self.root.as_fd(), b"new")?;
        // Two rescans at once would move each other's place in the directory.
        let mut renamed = self.renamed();
        let now = sys::now();
        let stamps = Folders { cur: self.cur.as_fd(), new: new.as_fd(), owner: self.owner }.stamps()?;
        if renamed.is_settled && renamed.stamps == Some(stamps) {
            return Ok(false);
        }
        renamed.names.clear();
        for (folder, fd) in [(Folder::Cur, self.cur.as_fd()), (Folder::New, new.as_fd())] {
            sys::read_dir(fd, |name, _| {
                if !name::is_candidate(name) {
                    return;
                }
                for index in self.snapshot.with_base(name::base(name)) {
                    if self.snapshot.location(index) != Some((folder, name)) {
                        renamed.names.push((index, folder, name.into()));
                    }
                }
            })?;
        }
        renamed.names.sort_unstable();
        renamed.is_settled = stamps.are_settled(now);
        renamed.stamps = Some(stamps);
        Ok(true)
    }

    /// Opens a file if it holds the message of the snapshot, octet for octet as long as it was listed.
    fn open_verified(
        &self,
        index: usize,
        folder: BorrowedFd<'_>,
        name: &[u8],
    ) -> Result<Attempt<MessageBody>, Errno> {
        let Some(listed) = self.snapshot.version(index) else { return Ok(Attempt::Absent) };
        let file = match sys::open_file(folder, name) {
            Ok(file) => file,
            Err(errno) if sys::is_absent(errno) => return Ok(Attempt::Absent),
            Err(Errno::LOOP | Errno::NXIO) => return Ok(Attempt::Other),
            Err(errno) => return Err(errno),
        };
        let stat = fs::fstat(&file)?;
        match self.owner.objection(&stat) {
            None => {}
            // It may be the message all the same, as a backup brought it back.
            Some(SkipReason::OtherOwner { .. }) => return Err(Errno::ACCESS),
            Some(_) => return Ok(Attempt::Other),
        }
        let version = Version::of(&stat);
        if version != listed {
            self.doubt(index);
            if version.len != listed.len || !self.has_listed_size(index, &file)? {
                return Ok(Attempt::Other);
            }
        }
        Ok(Attempt::Done(MessageBody { file: file.into(), left: version.len }))
    }

    /// Counts a file anew: a restored backup has other times and the same messages.
    fn has_listed_size(&self, index: usize, file: &OwnedFd) -> Result<bool, Errno> {
        let listed = self.snapshot.maildrop.messages().get(index).map(|info| info.size);
        let (_, size) = scan::count(file.as_fd(), &mut Vec::new())?;
        Ok(listed == Some(size))
    }

    /// Remembers that the index is wrong about a message.
    fn doubt(&self, index: usize) {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(at) = doubted.binary_search(&index) {
            doubted.insert(at, index);
        }
    }

    /// Writes the index without the messages that it is wrong about, so that the next login counts them.
    fn settle_doubts(&mut self) {
        let doubted = self.doubted.get_mut().unwrap_or_else(PoisonError::into_inner);
        if doubted.is_empty() {
            return;
        }
        let snapshot = &self.snapshot;
        let is_sure = |base: &[u8]| {
            let range = snapshot.with_base(base);
            let at = doubted.partition_point(|index| *index < range.start);
            doubted.get(at).is_none_or(|index| *index >= range.end)
        };
        // Where it cannot be written, the next session finds the same out again.
        let _ = index::write(self.root.as_fd(), snapshot.facts().filter(|fact| is_sure(fact.base)));
        if let Some(slot) = &self.slot {
            slot.clear();
        }
    }

    fn in_folder<T>(
        &self,
        folder: Folder,
        run: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match folder {
            Folder::Cur => run(self.cur.as_fd()),
            // Messages stay in new only where they cannot be moved: rare enough to open it each time.
            Folder::New => run(sys::open_dir(self.root.as_fd(), b"new")?.as_fd()),
        }
    }

    fn renamed(&self) -> MutexGuard<'_, Renamed> {
        self.renamed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Renamed {
    /// The names of one message, not borrowed: the search goes on without the lock.
    fn of(&self, index: usize) -> Vec<(Folder, Box<[u8]>)> {
        let start = self.names.partition_point(|(other, ..)| *other < index);
        let names = self.names.get(start..).unwrap_or_default().iter();
        names
            .take_while(|(other, ..)| *other == index)
            .map(|(_, folder, name)| (*folder, name.clone()))
            .collect()
    }
}

impl OpenMaildrop for OpenMaildir {
    type Body = MessageBody;

    fn maildrop(&self) -> Maildrop {
        self.snapshot.maildrop.clone()
    }

    /// Names that begin with a dot are no messages and do not count. M-MD-11.
    fn skipped(&self) -> Vec<Skipped> {
        self.snapshot.skipped.in_maildir(&self.path)
    }

    fn read(&self, number: MessageNumber) -> Result<MessageBody, ReadError> {
        let index = number.index();
        match self.find(index, |folder, name| self.open_verified(index, folder, name)) {
            Ok(Attempt::Done(body)) => Ok(body),
            Ok(Attempt::Absent) => Err(ReadError::Gone),
            Ok(Attempt::Other) => Err(ReadError::Changed),
            Err(errno) => Err(ReadError::Io {
                action: "open a message in",
                path: self.path.clone(),
                source: errno.into(),
            }),
        }
    }

    fn update(self, deletions: &Deletions, retrieved: &Retrieved) -> Result<(), UpdateError> {
        self.update_observed(deletions, retrieved, |_| {})
    }
}

impl Drop for OpenMaildir {
    fn drop(&mut self) {
        self.settle_doubts();
    }
}

/// The snapshot of a locked Maildir: from memory, by the index, or from the files.
fn take_snapshot(
    root: BorrowedFd<'_>,
    folders: &Folders<'_>,
    slot: Option<&Slot>,
) -> Result<Arc<Snapshot>, Errno> {
    let stamp = index::stamp(root);
    let cached = slot.and_then(Slot::load);
    if let Some(snapshot) = &cached
        && snapshot.is_current(&folders.stamps()?, stamp)
    {
        return Ok(Arc::clone(snapshot));
    }
    remove_stale_deliveries(root);
    // Facts in memory are those of the index, if nobody has written it since.
    let from_memory = cached.filter(|snapshot| snapshot.index.is_some() && snapshot.index == stamp);
    let from_disk = match &from_memory {
        Some(_) => None,
        None => index::read(root, [folders.cur.as_fd(), folders.new.as_fd()]),
    };
    let (facts, index) = match (&from_memory, &from_disk) {
        (Some(snapshot), _) => (snapshot.facts().collect(), snapshot.index),
        (None, Some((octets, stamp))) => match index::decode(octets) {
            Some(facts) => (facts, Some(*stamp)),
            None => (Vec::new(), None),
        },
        (None, None) => (Vec::new(), None),
    };
    let scan::Scan { mut snapshot, is_index_outdated } = scan::scan(folders, &facts)?;
    snapshot.index = if is_index_outdated || index.is_none() {
        // A disk that is full or may not be written costs time at the next login, and nothing else.
        index::write(root, snapshot.facts()).ok()
    } else {
        index
    };
    let snapshot = Arc::new(snapshot);
    if let Some(slot) = slot {
        slot.store(&snapshot);
    }
    Ok(snapshot)
}

/// Removes what deliveries left in tmp when they were killed. Failures do not matter here.
fn remove_stale_deliveries(root: BorrowedFd<'_>) {
    if let Ok(tmp) = sys::open_dir(root, b"tmp") {
        let _ = super::deliver::remove_stale(tmp.as_fd(), sys::now());
    }
}

/// An error of opening a Maildir; what is not there is `Missing`.
pub(super) fn open_error(action: &'static str, path: &Path, errno: Errno) -> OpenError {
    match errno {
        Errno::NOENT => OpenError::Missing { path: path.to_owned() },
        errno => OpenError::Io { action, path: path.to_owned(), source: errno.into() },
    }
}

/// The same for tmp, new or cur.
pub(super) fn folder_error(folder: &'static str, path: &Path, errno: Errno) -> OpenError {
    match errno {
        Errno::NOENT => OpenError::Incomplete { path: path.to_owned(), folder },
        errno => OpenError::Io { action: "open", path: path.join(folder), source: errno.into() },
    }
}

/// The octets of a stored message, exactly as many as were counted for LIST.
#[derive(Debug)]
pub struct MessageBody {
    file: File,
    /// Octets that are still to come.
    left: u64,
}

impl MessageBody {
    /// Octets of the stored message that are still to be read.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.left
    }
}

impl Read for MessageBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..want) else { return Ok(0) };
        if buffer.is_empty() {
            return Ok(0);
        }
        let got = self.file.read(buffer)?;
        if got == 0 {
            let cut =
                "the message file became shorter while it was read; log in again to read it as it is now";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cut));
        }
        self.left = self.left.saturating_sub(got as u64);
        Ok(got)
    }
}
