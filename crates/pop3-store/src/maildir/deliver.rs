//! Delivery: written in tmp, flushed to the disk, and only then visible in new.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use pop3_proto::types::UniqueId;
use rustix::{
    fs::{self, FileType, Gid, Uid},
    io::Errno,
};

use super::{name, sys, unique};
use crate::store::advice;

/// Names that are tried when a name is taken, before the delivery gives up.
const ATTEMPTS: usize = 16;
/// A file in tmp that nobody touched for 36 hours belongs to a delivery that died.
const STALE: i64 = 36 * 3600 * 1_000_000_000;

/// Why a message was not delivered. Nothing of it is left in the Maildir.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The message could not be read from where it comes.
    #[error("cannot read the message to deliver: {0}; nothing was delivered, send it again")]
    Source(#[source] io::Error),
    /// An earlier write of this delivery failed, so the message is not whole.
    #[error("a part of the message could not be written to {}; nothing was delivered, send it again", .path.display())]
    Incomplete {
        /// The file in tmp.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("cannot {action} {}: {source}; nothing was delivered, {}", .path.display(), advice(.source))]
    Io {
        /// What was attempted, as in "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A message that is in new and on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Where it is until a reader moves it to cur.
    pub path: PathBuf,
    /// The unique-id it will be listed with.
    pub unique_id: Option<UniqueId<'static>>,
}

/// The directories of a Maildir that a delivery needs.
#[derive(Debug)]
pub(super) struct Dirs {
    path: PathBuf,
    tmp: OwnedFd,
    new: OwnedFd,
    /// Whom the messages must belong to, when this process is somebody else who may say so.
    owner: Option<(Uid, Gid)>,
}

impl Dirs {
    pub(super) fn open(root: BorrowedFd<'_>, path: &Path) -> Result<Self, DeliveryError> {
        let failed = |action, name: &str, errno: Errno| io_error(action, path.join(name), errno);
        let tmp = sys::open_dir(root, b"tmp").map_err(|errno| failed("open", "tmp", errno))?;
        let new = sys::open_dir(root, b"new").map_err(|errno| failed("open", "new", errno))?;
        let owner = sys::heir(root).map_err(|errno| failed("open", "", errno))?;
        Ok(Self { path: path.to_owned(), tmp, new, owner })
    }

    fn in_tmp(&self, name: &[u8]) -> PathBuf {
        self.path.join("tmp").join(std::ffi::OsStr::from_bytes(name))
    }

    fn in_new(&self, name: &[u8]) -> PathBuf {
        self.path.join("new").join(std::ffi::OsStr::from_bytes(name))
    }

    /// Makes the names in new durable.
    fn flush(&self) -> Result<(), DeliveryError> {
        fs::fsync(&self.new).map_err(|errno| io_error("flush", self.path.join("new"), errno))
    }
}

/// A message on its way into a Maildir: write it piece by piece, then [`commit`](Self::commit).
///
/// The octets are stored as they are written; line ends may be LF or CRLF. Dropping a delivery without
/// commit leaves nothing behind.
#[derive(Debug)]
#[must_use = "a delivery that is not committed delivers nothing"]
pub struct Delivery {
    dirs: Arc<Dirs>,
    file: BufWriter<File>,
    name: Vec<u8>,
    stage: Stage,
    has_failed: bool,
}

/// Where the file of a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    InTmp,
    InNew,
    Committed,
}

impl Delivery {
    pub(super) fn start(dirs: Arc<Dirs>) -> Result<Self, DeliveryError> {
        Self::start_with(dirs, || unique::name(unique::seconds()))
    }

    /// Takes the first of these names that is free in tmp.
    pub(super) fn start_with(
        dirs: Arc<Dirs>,
        mut names: impl FnMut() -> Vec<u8>,
    ) -> Result<Self, DeliveryError> {
        let mut attempt = 1;
        loop {
            let name = names();
            match sys::create_file(dirs.tmp.as_fd(), &name) {
                Ok(file) => return Self::new(dirs, file, name),
                Err(Errno::EXIST) if attempt < ATTEMPTS => attempt += 1,
                Err(errno) => return Err(io_error("create", dirs.in_tmp(&name), errno)),
            }
        }
    }

    fn new(dirs: Arc<Dirs>, file: OwnedFd, name: Vec<u8>) -> Result<Self, DeliveryError> {
        // From here on dropping cleans up.
        let file = BufWriter::with_capacity(16 * 1024, File::from(file));
        let this = Self { dirs, file, name, stage: Stage::InTmp, has_failed: false };
        sys::give(this.file.get_ref(), this.dirs.owner)
            .map_err(|errno| io_error("set the owner of", this.dirs.in_tmp(&this.name), errno))?;
        Ok(this)
    }

    /// Makes the message visible in new, and durable: when this returns `Ok`, no crash loses it.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`]; nothing was delivered.
    pub fn commit(mut self) -> Result<Delivered, DeliveryError> {
        self.seal()?;
        self.publish()?;
        self.commit_published()
    }

    /// Makes the name in new durable, the last step.
    pub(super) fn commit_published(self) -> Result<Delivered, DeliveryError> {
        self.dirs.flush()?;
        Ok(self.finish())
    }

    /// Flushes the message to the disk, still in tmp.
    pub(super) fn seal(&mut self) -> Result<(), DeliveryError> {
        if self.has_failed {
            return Err(DeliveryError::Incomplete { path: self.dirs.in_tmp(&self.name) });
        }
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        flushed.map_err(|source| DeliveryError::Io {
            action: "write",
            path: self.dirs.in_tmp(&self.name),
            source,
        })
    }

    /// Moves the sealed message to new.
    pub(super) fn publish(&mut self) -> Result<(), DeliveryError> {
        let (tmp, new) = (self.dirs.tmp.as_fd(), self.dirs.new.as_fd());
        let moved = sys::rename_new(tmp, &self.name, new, &self.name);
        moved.map_err(|errno| io_error("deliver into", self.dirs.in_new(&self.name), errno))?;
        self.stage = Stage::InNew;
        Ok(())
    }

    /// Leaves the message where it is for good.
    fn finish(mut self) -> Delivered {
        self.stage = Stage::Committed;
        Delivered { path: self.dirs.in_new(&self.name), unique_id: name::unique_id(&self.name) }
    }

    fn note<T>(&mut self, written: io::Result<T>) -> io::Result<T> {
        written.map_err(|source| {
            self.has_failed |= source.kind() != io::ErrorKind::Interrupted;
            let kind = source.kind();
            let path = self.dirs.in_tmp(&self.name);
            io::Error::new(kind, DeliveryError::Io { action: "write", path, source })
        })
    }
}

impl Write for Delivery {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.file.write(octets);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.note(flushed)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let dir = match self.stage {
            Stage::InTmp => &self.dirs.tmp,
            // Others may have seen it, but whoever delivers was told that it failed and will do it again.
            Stage::InNew => &self.dirs.new,
            Stage::Committed => return,
        };
        let _ = sys::unlink(dir.as_fd(), &self.name);
    }
}

/// Several deliveries that become visible and durable together, with one flush of the directory.
///
/// Each holds an open file until [`commit`](Self::commit): some dozens are a good size.
#[derive(Debug, Default)]
#[must_use = "a batch that is not committed delivers nothing"]
pub struct Batch {
    deliveries: Vec<Delivery>,
}

impl Batch {
    /// A batch without deliveries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a delivery that was written in full.
    pub fn add(&mut self, delivery: Delivery) {
        self.deliveries.push(delivery);
    }

    /// Deliveries in this batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Makes all messages durable, and visible in the order in which they were added.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`] of the first delivery that failed; then none was delivered.
    pub fn commit(mut self) -> Result<Vec<Delivered>, DeliveryError> {
        for delivery in &mut self.deliveries {
            delivery.seal()?;
        }
        for delivery in &mut self.deliveries {
            delivery.publish()?;
        }
        // Deliveries of one batch may go to several Maildirs.
        let mut flushed: Vec<&Arc<Dirs>> = Vec::new();
        for Delivery { dirs, .. } in &self.deliveries {
            if !flushed.iter().any(|done| Arc::ptr_eq(done, dirs)) {
                dirs.flush()?;
                flushed.push(dirs);
            }
        }
        Ok(self.deliveries.into_iter().map(Delivery::finish).collect())
    }
}

/// Delivers everything that `source` gives.
pub(super) fn deliver(dirs: Arc<Dirs>, mut source: impl Read) -> Result<Delivered, DeliveryError> {
    let mut delivery = Delivery::start(dirs)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = match source.read(&mut buffer) {
            Ok(0) => return delivery.commit(),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DeliveryError::Source(error)),
        };
        let piece = buffer.get(..len).unwrap_or_default();
        if let Err(source) = delivery.file.write_all(piece) {
            let path = delivery.dirs.in_tmp(&delivery.name);
            return Err(DeliveryError::Io { action: "write", path, source });
        }
    }
}

/// Removes files from tmp that nobody touched for 36 hours, as every reader of a Maildir may; says how
/// many.
pub(super) fn remove_stale(tmp: BorrowedFd<'_>, now: i64) -> rustix::io::Result<usize> {
    let mut names: Vec<Box<[u8]>> = Vec::new();
    sys::read_dir(tmp, |name, kind| {
        if !name.starts_with(b".") && matches!(kind, FileType::RegularFile | FileType::Unknown) {
            names.push(name.into());
        }
    })?;
    let mut removed = 0;
    for name in names {
        let is_stale = |stat: fs::Stat| {
            let touched = sys::Version::of(&stat).mtime.max(sys::atime(&stat));
            sys::kind(&stat) == FileType::RegularFile && now.saturating_sub(touched) > STALE
        };
        if sys::stat(tmp, &name).is_ok_and(is_stale) && sys::unlink(tmp, &name).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

fn io_error(action: &'static str, path: PathBuf, errno: Errno) -> DeliveryError {
    DeliveryError::Io { action, path, source: errno.into() }
}
