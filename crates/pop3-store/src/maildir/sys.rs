//! The system calls a Maildir needs, and nothing of what a Maildir means.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    fs::{self, AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid},
    io::{Errno, Result},
};

/// Opens a directory below `at`. The last component may not be a symbolic link.
pub(super) fn open_dir(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(at, name, flags, Mode::empty())
}

/// Opens what may be a message, without following a symbolic link and without waiting for the other end
/// of a FIFO or for a device.
pub(super) fn open_file(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    fs::openat(at, name, flags, Mode::empty())
}

/// Creates a file that did not exist, for its owner alone.
pub(super) fn create_file(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(at, name, flags, Mode::RUSR | Mode::WUSR)
}

/// Who gets what is created in this directory: its owner, when this process is root and the owner is not.
/// Without that the program that runs as this owner could not open it.
pub(super) fn heir(dir: BorrowedFd<'_>) -> Result<Option<(Uid, Gid)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let stat = fs::fstat(dir)?;
    Ok((stat.st_uid != 0).then(|| (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid))))
}

/// Gives an open file or directory to its heir. By descriptor: whatever its name leads to by now, only what
/// was created changes hands.
pub(super) fn give(file: impl AsFd, heir: Option<(Uid, Gid)>) -> Result<()> {
    match heir {
        // Some file systems have one owner for everything, and know no change.
        Some((uid, _)) if fs::fstat(&file)?.st_uid == uid.as_raw() => Ok(()),
        Some((uid, gid)) => fs::fchown(file, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// Creates a directory for its owner alone, who is the owner of the directory above; false when the name is
/// taken.
pub(super) fn create_dir(at: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    let heir = heir(at)?;
    match fs::mkdirat(at, name, Mode::RWXU) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(false),
        Err(errno) => return Err(errno),
    }
    if heir.is_some() {
        // Between the two calls the owner of the directory above may have put something else there. What
        // does not belong to root was not created here.
        let given = open_dir(at, name).and_then(|dir| match fs::fstat(&dir)?.st_uid {
            0 => give(dir, heir),
            _ => Ok(()),
        });
        if let Err(errno) = given {
            let _ = fs::unlinkat(at, name, AtFlags::REMOVEDIR);
            return Err(errno);
        }
    }
    Ok(true)
}

/// What `name` is, without following a symbolic link.
pub(super) fn stat(at: BorrowedFd<'_>, name: &[u8]) -> Result<Stat> {
    fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
}

pub(super) fn unlink(at: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
    fs::unlinkat(at, name, AtFlags::empty())
}

/// Renames, unless the new name is taken: then `Errno::EXIST`.
pub(super) fn rename_new(from: BorrowedFd<'_>, old: &[u8], to: BorrowedFd<'_>, new: &[u8]) -> Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match fs::renameat_with(from, old, to, new, fs::RenameFlags::NOREPLACE) {
        // Not every file system knows the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done,
    }
    fs::linkat(from, old, to, new, AtFlags::empty())?;
    unlink(from, old)
}

/// Replaces `new` by `old` in one step.
pub(super) fn rename_over(at: BorrowedFd<'_>, old: &[u8], new: &[u8]) -> Result<()> {
    fs::renameat(at, old, at, new)
}

/// Whether this error says that the name leads nowhere (any more).
pub(super) fn is_absent(errno: Errno) -> bool {
    // A file that another host of an NFS share removed is stale, not absent.
    matches!(errno, Errno::NOENT | Errno::STALE)
}

/// Calls `take` with every name in a directory and its kind, `.` and `..` among them.
#[cfg(target_os = "linux")]
pub(super) fn read_dir(dir: BorrowedFd<'_>, mut take: impl FnMut(&[u8], FileType)) -> Result<()> {
    fs::seek(dir, fs::SeekFrom::Start(0))?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut entries = fs::RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        take(entry.file_name().to_bytes(), entry.file_type());
    }
    Ok(())
}

/// Calls `take` with every name in a directory and its kind, `.` and `..` among them.
#[cfg(not(target_os = "linux"))]
pub(super) fn read_dir(dir: BorrowedFd<'_>, mut take: impl FnMut(&[u8], FileType)) -> Result<()> {
    for entry in fs::Dir::read_from(dir)? {
        let entry = entry?;
        take(entry.file_name().to_bytes(), entry.file_type());
    }
    Ok(())
}

/// How many names are in a directory, at most `limit`.
pub(super) fn count(dir: BorrowedFd<'_>, limit: usize) -> Result<usize> {
    let mut count = 0;
    for entry in fs::Dir::read_from(dir)? {
        if count >= limit {
            break;
        }
        let entry = entry?;
        count += usize::from(!matches!(entry.file_name().to_bytes(), b"." | b".."));
    }
    Ok(count)
}

/// What tells one version of a file from the next: its length in octets and its time of modification in
/// nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) len: u64,
    pub(super) mtime: i64,
}

impl Version {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { len: length(stat), mtime: mtime(stat) }
    }
}

/// What tells one state of a directory from the next.
///
/// Every name that comes or goes sets both times, and no program can set the time of change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) identity: Identity,
    mtime: i64,
    ctime: i64,
    len: u64,
}

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { identity: Identity::of(stat), mtime: mtime(stat), ctime: ctime(stat), len: length(stat) }
    }

    pub(super) fn of_fd(fd: impl AsFd) -> Result<Self> {
        fs::fstat(fd).map(|stat| Self::of(&stat))
    }

    /// Whether the last change lies so far back that another one would show in the times.
    ///
    /// File systems keep times in steps of up to two seconds.
    pub(super) fn is_settled(&self, now: i64) -> bool {
        let settled = now.saturating_sub(2_500_000_000);
        self.mtime < settled && self.ctime < settled
    }
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the fields of stat have other types on other systems"
)]
mod fields {
    use super::{Identity, Stat};

    impl Identity {
        pub(in super::super) fn of(stat: &Stat) -> Self {
            Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
        }
    }

    pub(super) fn length(stat: &Stat) -> u64 {
        stat.st_size as u64
    }

    pub(super) fn mtime(stat: &Stat) -> i64 {
        (stat.st_mtime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec as i64)
    }

    pub(super) fn ctime(stat: &Stat) -> i64 {
        (stat.st_ctime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_ctime_nsec as i64)
    }

    pub(in super::super) fn atime(stat: &Stat) -> i64 {
        (stat.st_atime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_atime_nsec as i64)
    }

    pub(in super::super) fn kind(stat: &Stat) -> rustix::fs::FileType {
        rustix::fs::FileType::from_raw_mode(stat.st_mode)
    }
}

pub(super) use fields::{atime, kind};
use fields::{ctime, length, mtime};

/// Nanoseconds since 1970 by the clock of this machine.
pub(super) fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
