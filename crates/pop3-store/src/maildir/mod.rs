//! Maildirs: one file per message, in the directories tmp, new and cur.
//!
//! [`MaildirStore`] is the [`Store`](crate::Store) of a server: a directory with one Maildir per user.
//! [`Maildir`] is one of them, for deliveries and for programs that know where their mail is.
//!
//! Beside tmp, new and cur a Maildir gets two files from this crate: `pop3-lock`, which is locked while a
//! session lasts, and `pop3-index`, which may be removed at any time and only saves time. Maildir++
//! subfolders (`.Sent` and the like) are not part of the maildrop.

mod cache;
mod deliver;
mod index;
mod lock;
mod name;
mod scan;
mod session;
mod skipped;
mod snapshot;
mod store;
mod sys;
#[cfg(test)]
mod tests;
mod unique;

use std::{
    io::Read,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustix::{
    fs::{self, Mode, OFlags},
    io::Errno,
};

pub use deliver::{Batch, Delivered, Delivery, DeliveryError};
pub use session::{MessageBody, OpenMaildir};
pub use store::{Layout, MaildirStore};

use crate::OpenError;
use session::{folder_error, open_error};

/// One Maildir.
///
/// ```
/// use std::io::Write as _;
/// use pop3_store::{OpenMaildrop as _, maildir::Maildir};
///
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("mail");
/// let maildir = Maildir::create(&path)?;
/// let mut delivery = maildir.start_delivery()?;
/// delivery.write_all(b"Subject: hello\n\nworld\n")?;
/// let delivered = delivery.commit()?;
///
/// let open = maildir.lock()?;
/// let maildrop = open.maildrop();
/// assert_eq!(maildrop.messages()[0].size.0, 16 + 2 + 7);
/// assert_eq!(Some(&maildrop.messages()[0].unique_id), delivered.unique_id.as_ref());
/// assert!(maildir.lock().is_err(), "one session at a time");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Maildir {
    path: PathBuf,
    root: OwnedFd,
    dirs: OnceLock<Arc<deliver::Dirs>>,
}

impl Maildir {
    /// Opens a Maildir that is there. The last component of `path` may not be a symbolic link.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when the directory is not there, [`OpenError::Incomplete`] when one of tmp, new
    /// and cur in it is not; [`OpenError::Io`] when it cannot be opened or they are not on one file system.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = fs::open(&path, flags, Mode::empty()).map_err(|errno| open_error("open", &path, errno))?;
        Self::from_root(root, path)
    }

    /// Opens a Maildir, and creates what is missing of it, for its owner alone. What root creates gets the
    /// owner of the directory that it is created in.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] when a directory cannot be created or opened.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        create_directories(&path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let root = fs::open(&path, flags, Mode::empty()).map_err(|errno| open_error("open", &path, errno))?;
        complete(root.as_fd()).map_err(|errno| open_error("create a Maildir in", &path, errno))?;
        Self::from_root(root, path)
    }

    /// As [`create`](Self::create), in this Maildir's directory. `path` is relative, and no component of it may be a
    /// symbolic link or `..`.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnsafeName`] for another path; [`OpenError::Io`] when a directory cannot be created or opened.
    pub fn create_below(&self, path: &str) -> Result<Self, OpenError> {
        path.split('/').try_for_each(store::check_component)?;
        let shown = self.path.join(path);
        let root = create_beneath(self.root.as_fd(), path);
        let root = root.map_err(|errno| open_error("create", &shown, errno))?;
        complete(root.as_fd()).map_err(|errno| open_error("create a Maildir in", &shown, errno))?;
        Self::from_root(root, shown)
    }

    fn from_root(root: OwnedFd, path: PathBuf) -> Result<Self, OpenError> {
        let failed = |errno| open_error("use the Maildir", &path, errno);
        let device = fs::fstat(&root).map_err(failed)?.st_dev;
        for folder in FOLDERS {
            let stat = sys::stat(root.as_fd(), folder.as_bytes());
            let stat = stat.map_err(|errno| folder_error(folder, &path, errno))?;
            if sys::kind(&stat) != fs::FileType::Directory {
                return Err(folder_error(folder, &path, Errno::NOTDIR));
            }
            if stat.st_dev != device {
                return Err(failed(Errno::XDEV));
            }
        }
        Ok(Self { path, root, dirs: OnceLock::new() })
    }

    /// Where the Maildir is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the exclusive-access lock and the snapshot of the messages.
    ///
    /// # Errors
    ///
    /// As [`Store::open`](crate::Store::open).
    pub fn lock(&self) -> Result<OpenMaildir, OpenError> {
        let root = sys::open_dir(self.root.as_fd(), b".");
        let root = root.map_err(|errno| open_error("open", &self.path, errno))?;
        OpenMaildir::open(root, &self.path, None)
    }

    /// Begins a delivery. It needs no lock: deliveries and sessions never wait for one another.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Io`] when no file can be created in tmp.
    pub fn start_delivery(&self) -> Result<Delivery, DeliveryError> {
        Delivery::start(self.dirs()?)
    }

    /// Delivers everything that `message` gives. When this returns `Ok`, no crash loses it.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`]; nothing was delivered.
    pub fn deliver(&self, message: impl Read) -> Result<Delivered, DeliveryError> {
        deliver::deliver(self.dirs()?, message)
    }

    fn dirs(&self) -> Result<Arc<deliver::Dirs>, DeliveryError> {
        if let Some(dirs) = self.dirs.get() {
            return Ok(Arc::clone(dirs));
        }
        let dirs = Arc::new(deliver::Dirs::open(self.root.as_fd(), &self.path)?);
        Ok(Arc::clone(self.dirs.get_or_init(|| dirs)))
    }
}

/// The open directory of the Maildir.
impl AsFd for Maildir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

/// What makes a directory a Maildir.
const FOLDERS: [&str; 3] = ["tmp", "new", "cur"];

/// What a session needs; tmp is for deliveries.
const FOLDERS_OF_A_SESSION: [&str; 2] = ["new", "cur"];

/// Creates what is missing in the directory of a Maildir, as [`complete`]: a backup may lose directories that
/// are empty. A failure counts only where one of `needed` is missing.
fn restore(root: BorrowedFd<'_>, needed: &[&str]) -> rustix::io::Result<()> {
    let is_missing = |folder: &&str| matches!(sys::stat(root, folder.as_bytes()), Err(Errno::NOENT));
    if !FOLDERS.iter().any(is_missing) {
        return Ok(());
    }
    match complete(root) {
        Err(errno) if needed.iter().any(is_missing) => Err(errno),
        // A disk that is full or may not be written keeps nobody from reading.
        _ => Ok(()),
    }
}

/// Creates what is missing in the directory of a Maildir, and makes it durable: a message in a directory
/// that a crash can take away would not be.
fn complete(root: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let mut is_new = false;
    for folder in FOLDERS {
        is_new |= sys::create_dir(root, folder.as_bytes())?;
    }
    if is_new {
        lock::create(root)?;
        fs::fsync(root)?;
    }
    Ok(())
}

/// Opens a directory below `root`, and creates what is missing of the path. No symbolic link is followed.
fn create_beneath(root: BorrowedFd<'_>, path: &str) -> rustix::io::Result<OwnedFd> {
    let mut dir: Option<OwnedFd> = None;
    for component in path.split('/') {
        let at = dir.as_ref().map_or(root, OwnedFd::as_fd);
        if sys::create_dir(at, component.as_bytes())? {
            fs::fsync(at)?;
        }
        dir = Some(sys::open_dir(at, component.as_bytes())?);
    }
    dir.ok_or(Errno::NOENT)
}

/// Creates a directory and those above it, and flushes every directory that got a new entry.
fn create_directories(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directories(parent)?;
    }
    // A path that ends in `..` is there as soon as the directories above it are.
    let Some(name) = path.file_name() else { return Ok(()) };
    let failed =
        |action| move |errno: Errno| OpenError::Io { action, path: path.to_owned(), source: errno.into() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = fs::open(parent.unwrap_or(Path::new(".")), flags, Mode::empty())
        .map_err(failed("open the directory above"))?;
    sys::create_dir(above.as_fd(), name.as_bytes()).map_err(failed("create"))?;
    fs::fsync(above).map_err(failed("flush the directory above"))
}
