//! A directory with one Maildir per user.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{self, Mode, OFlags},
    io::Errno,
};

use super::{
    FOLDERS, FOLDERS_OF_A_SESSION, Maildir, OpenMaildir, cache::Cache, create_beneath, create_directories,
    name::MAX_NAME, restore, session::open_error, sys,
};
use crate::{OpenError, Store};

/// Snapshots kept in memory hold at most so many messages together, unless said otherwise.
const CACHED_MESSAGES: usize = 200_000;

/// Where under the root the Maildir of a user is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `ROOT/USER` is the Maildir.
    #[default]
    User,
    /// `ROOT/USER/NAME` is the Maildir, as in `Maildir` or `.maildir` below a home directory. The name is
    /// one component of a path.
    Below(Box<str>),
}

/// The store of a server whose users have a Maildir each.
///
/// ```
/// use pop3_store::{OpenMaildrop as _, Store as _, maildir::MaildirStore};
///
/// # let root = tempfile::tempdir()?;
/// # let root = root.path();
/// let store = MaildirStore::open_root(root)?.create_missing(true);
/// store.maildir("alice")?.deliver(&b"Subject: hello\n\nworld\n"[..])?;
/// assert_eq!(store.open("alice")?.maildrop().messages().len(), 1);
/// assert!(store.open("../alice").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MaildirStore {
    path: PathBuf,
    root: OwnedFd,
    layout: Layout,
    creates_missing: bool,
    pub(super) cache: Arc<Cache>,
}

impl MaildirStore {
    /// A store of the Maildirs under this directory. The directory stays open; a path to it may go
    /// through symbolic links, what is below it may not.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] or [`OpenError::Io`] when the directory cannot be opened.
    pub fn open_root(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = fs::open(&path, flags, Mode::empty()).map_err(|errno| open_error("open", &path, errno))?;
        let cache = Arc::new(Cache::new(CACHED_MESSAGES));
        Ok(Self { path, root, layout: Layout::default(), creates_missing: false, cache })
    }

    /// As [`open_root`](Self::open_root), but creates the directory if it is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] when the directory cannot be created or opened.
    pub fn create_root(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        create_directories(&path)?;
        Self::open_root(path)
    }

    /// Says where the Maildir of a user is.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Whether a Maildir that is missing is created at the first login or delivery, and one that lacks tmp,
    /// new or cur is completed. It is not, at first. What root creates gets the owner of the directory that it
    /// is created in.
    #[must_use]
    pub fn create_missing(mut self, creates_missing: bool) -> Self {
        self.creates_missing = creates_missing;
        self
    }

    /// How many messages the snapshots that are kept in memory may have together, at some 200 octets
    /// each; 0 keeps none. 200,000 at first.
    #[must_use]
    pub fn cached_messages(mut self, limit: usize) -> Self {
        self.cache = Arc::new(Cache::new(limit));
        self
    }

    /// The directory with the Maildirs.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The Maildir of a user, for deliveries.
    ///
    /// # Errors
    ///
    /// [`OpenError`] other than [`OpenError::InUse`]: this takes no lock.
    pub fn maildir(&self, user: &str) -> Result<Maildir, OpenError> {
        let (root, path) = self.resolve(user, &FOLDERS)?;
        Maildir::from_root(root, path)
    }

    /// The directory of a user's Maildir, with these folders in it if they may be created, and its path for
    /// messages to humans.
    fn resolve(&self, user: &str, needed: &[&str]) -> Result<(OwnedFd, PathBuf), OpenError> {
        check_user(user)?;
        let (below, path) = match &self.layout {
            Layout::User => (user.to_owned(), self.path.join(user)),
            Layout::Below(name) => {
                check_component(name)?;
                (format!("{user}/{name}"), self.path.join(user).join(&**name))
            }
        };
        let failed = |action| {
            let path = &path;
            move |errno| open_error(action, path, errno)
        };
        let root = match open_beneath(self.root.as_fd(), &below) {
            // Missing it is not: that it cannot be created is what there is to say.
            Err(Errno::NOENT) if self.creates_missing => {
                create_beneath(self.root.as_fd(), &below).map_err(|errno| OpenError::Io {
                    action: "create",
                    path: path.clone(),
                    source: errno.into(),
                })?
            }
            opened => opened.map_err(failed("open the maildrop"))?,
        };
        if self.creates_missing {
            restore(root.as_fd(), needed).map_err(failed("create tmp, new or cur in"))?;
        }
        Ok((root, path))
    }

    #[cfg(test)]
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

impl Store for MaildirStore {
    type Maildrop = OpenMaildir;

    fn open(&self, user: &str) -> Result<OpenMaildir, OpenError> {
        let (root, path) = self.resolve(user, &FOLDERS_OF_A_SESSION)?;
        OpenMaildir::open(root, &path, Some(self.cache.slot(user)))
    }
}

/// Refuses what could lead out of the root, hide a directory, or confuse whoever reads a log.
fn check_user(user: &str) -> Result<(), OpenError> {
    let is_safe = (1..=MAX_NAME).contains(&user.len())
        && !user.starts_with('.')
        && !user.chars().any(|letter| letter == '/' || letter.is_control());
    if is_safe { Ok(()) } else { Err(OpenError::UnsafeName) }
}

/// Refuses a name in the layout that is not one component. Whoever runs the server has chosen it, so it
/// may be a hidden one.
pub(super) fn check_component(name: &str) -> Result<(), OpenError> {
    let is_safe = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    if is_safe { Ok(()) } else { Err(OpenError::UnsafeName) }
}

/// Opens a directory below `root` without following any symbolic link.
fn open_beneath(root: BorrowedFd<'_>, path: &str) -> rustix::io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve =
            fs::ResolveFlags::BENEATH | fs::ResolveFlags::NO_SYMLINKS | fs::ResolveFlags::NO_MAGICLINKS;
        match fs::openat2(root, path, flags, Mode::empty(), resolve) {
            // An old kernel, a filter on system calls, or a rename somewhere on the way.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
            opened => return opened,
        }
    }
    open_by_component(root, path)
}

/// The same with system calls that every system has.
fn open_by_component(root: BorrowedFd<'_>, path: &str) -> rustix::io::Result<OwnedFd> {
    let mut dir: Option<OwnedFd> = None;
    for component in path.split('/') {
        let at = dir.as_ref().map_or(root, OwnedFd::as_fd);
        dir = Some(sys::open_dir(at, component.as_bytes())?);
    }
    dir.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    // Conformance: A-57, A-22
    #[test]
    fn unsafe_names_never_become_paths() {
        let root = tempfile::tempdir().unwrap();
        let store = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
        let long = "x".repeat(256);
        for user in
            ["", ".", "..", ".hidden", "../up", "a/b", "/etc", "a\0b", "a\nb", "a\u{7f}", "a\u{85}", &long]
        {
            let error = store.open(user).unwrap_err();
            assert!(matches!(error, OpenError::UnsafeName), "{user:?}");
            assert!(!error.to_string().contains(root.path().to_str().unwrap()));
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        for user in ["alice", "alice@example.com", "żółw", "a b", "%u", "a..b", &long[1..]] {
            assert!(store.open(user).is_ok(), "{user:?}");
        }
    }

    // Conformance: A-57
    #[test]
    fn symbolic_links_below_the_root_are_not_followed() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Maildir::create(elsewhere.path().join("Maildir")).unwrap();
        symlink(elsewhere.path(), root.path().join("home")).unwrap();
        std::fs::create_dir(root.path().join("inner")).unwrap();
        symlink(elsewhere.path().join("Maildir"), root.path().join("inner/Maildir")).unwrap();
        let store = MaildirStore::open_root(root.path()).unwrap().layout(Layout::Below("Maildir".into()));
        for user in ["home", "inner"] {
            assert!(matches!(store.open(user), Err(OpenError::Io { .. })), "{user}");
            let path = format!("{user}/Maildir");
            assert!(open_by_component(store.root.as_fd(), &path).is_err(), "{user}");
        }
        assert!(open_by_component(store.root.as_fd(), "inner").is_ok());
    }

    // Conformance: M-MD-01
    #[test]
    fn a_missing_maildir_is_missing_or_created() {
        let root = tempfile::tempdir().unwrap();
        let store = MaildirStore::open_root(root.path()).unwrap().layout(Layout::Below("Maildir".into()));
        let error = store.open("alice").unwrap_err();
        let path = root.path().join("alice/Maildir");
        assert!(matches!(&error, OpenError::Missing { path: missing } if *missing == path));
        let store = store.create_missing(true);
        drop(store.open("alice").unwrap());
        for folder in ["tmp", "new", "cur"] {
            assert!(path.join(folder).is_dir());
        }
        let hidden = MaildirStore::open_root(root.path()).unwrap().create_missing(true);
        let hidden = hidden.layout(Layout::Below(".maildir".into()));
        drop(hidden.open("alice").unwrap());
        assert!(root.path().join("alice/.maildir/cur").is_dir());
        for name in ["", ".", "..", "a/b", "../../etc"] {
            let store = MaildirStore::open_root(root.path()).unwrap().layout(Layout::Below(name.into()));
            assert!(matches!(store.open("alice"), Err(OpenError::UnsafeName)), "{name}");
        }
        // A directory that is only half a Maildir is completed too.
        std::fs::create_dir_all(root.path().join("bob/Maildir/new")).unwrap();
        assert!(store.maildir("bob").is_ok());
    }
}
