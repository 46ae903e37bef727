//! The exclusive-access lock of one session on one Maildir. RFC 1939 section 4.

use std::{
    collections::HashSet,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::{self, FlockOperation, Mode, OFlags},
    io::Errno,
};

use super::sys::{self, Identity};

/// The name of the lock file in the Maildir, outside of tmp, new and cur. It is never removed: a session
/// that waits with the old file open and one that creates a new file would both believe they have it.
pub(super) const NAME: &[u8] = b"pop3-lock";

/// Maildirs that are locked in this process.
///
/// Where `flock` is made of record locks, as on NFS, it does not exclude two sessions of one process.
static LOCKED: Mutex<Option<HashSet<Identity>>> = Mutex::new(None);

/// Held while a session lasts. The system releases it when the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock {
    file: OwnedFd,
    // Behind the file: fields are dropped in this order, and the table must be the last to know.
    _in_process: InProcess,
}

/// Why there is no lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LockError {
    InUse,
    System(Errno),
}

impl Lock {
    /// Takes the lock of this Maildir, without waiting.
    pub(super) fn take(maildir: BorrowedFd<'_>) -> Result<Self, LockError> {
        let stat = fs::fstat(maildir).map_err(LockError::System)?;
        let in_process = InProcess::take(Identity::of(&stat))?;
        let file = open(maildir).map_err(LockError::System)?;
        match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file, _in_process: in_process }),
            Err(Errno::WOULDBLOCK) => Err(LockError::InUse),
            Err(errno) => Err(LockError::System(errno)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has just forked holds a copy until it execs.
        let _ = fs::flock(self.file.as_fd(), FlockOperation::Unlock);
    }
}

/// Creates the lock file, so that a full disk cannot stand between a user and the first login.
pub(super) fn create(maildir: BorrowedFd<'_>) -> rustix::io::Result<()> {
    open(maildir).map(drop)
}

fn open(maildir: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let there = || fs::openat(maildir, NAME, flags, Mode::empty());
    let opened = match there() {
        Err(Errno::NOENT) => match create_new(maildir, flags) {
            // Another session was quicker.
            Err(Errno::EXIST) => there(),
            created => created,
        },
        opened => opened,
    };
    match opened {
        // Nothing can be removed there, but sessions still exclude one another, by the directory itself.
        Err(Errno::ROFS) => sys::open_dir(maildir, b"."),
        opened => opened,
    }
}

fn create_new(maildir: BorrowedFd<'_>, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let heir = sys::heir(maildir)?;
    let file = fs::openat(maildir, NAME, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR)?;
    // It is not removed when this fails: another session may have it open.
    sys::give(&file, heir)?;
    Ok(file)
}

#[derive(Debug)]
struct InProcess(Identity);

impl InProcess {
    fn take(maildir: Identity) -> Result<Self, LockError> {
        let is_free = locked().get_or_insert_default().insert(maildir);
        if is_free { Ok(Self(maildir)) } else { Err(LockError::InUse) }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        locked().get_or_insert_default().remove(&self.0);
    }
}

fn locked() -> MutexGuard<'static, Option<HashSet<Identity>>> {
    // Nothing between lock and unlock can leave the set half-changed.
    LOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}
