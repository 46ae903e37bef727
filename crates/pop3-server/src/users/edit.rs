//! Changes to a users file: one at a time, and all or nothing.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};
use zeroize::Zeroizing;

use super::{EntryError, NewSecrets, check_name, entry};
use crate::ownership::{folder, give_to_owner_of};

/// Holds a users file for a change; others wait. Lines that are not touched stay as they are, comments
/// among them. Root keeps the owner of the file; a new one gets the owner of its directory.
#[derive(Debug)]
pub struct UsersFileEditor {
    path: PathBuf,
    lines: Vec<Zeroizing<String>>,
    /// What the file was before, if it is there.
    before: Option<Metadata>,
    _lock: File,
}

/// Why a users file was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A system call failed.
    #[error("cannot {action} {}: {source}; check the path and its permissions, and that the disk is not full", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The name or a line is wrong.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

impl UsersFileEditor {
    /// Takes the file for a change, or begins a new one.
    ///
    /// # Errors
    ///
    /// [`EditError::Io`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, EditError> {
        let path = path.into();
        let lock_path = beside(&path, ".lock");
        let failed = |action, path: &Path, source| EditError::Io { action, path: path.to_owned(), source };
        let lock = open_lock(&lock_path).map_err(|source| failed("create", &lock_path, source))?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(|errno| failed("lock", &lock_path, errno.into()))?;
        let (text, before) = match fs::read_to_string(&path) {
            Ok(text) => (Zeroizing::new(text), fs::metadata(&path).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Zeroizing::default(), None),
            Err(source) => return Err(failed("read", &path, source)),
        };
        let lines = text.lines().map(|line| Zeroizing::new(line.to_owned())).collect();
        Ok(Self { path, lines, before, _lock: lock })
    }

    /// Adds a user, or replaces the secrets of one; true when the user is new.
    ///
    /// # Errors
    ///
    /// [`EntryError::Name`].
    pub fn set(&mut self, name: &str, secrets: &NewSecrets) -> Result<bool, EntryError> {
        check_name(name)?;
        let line = Zeroizing::new(format!("{name}:{}", secrets.as_str()));
        match self.position(name) {
            Some(at) => {
                if let Some(old) = self.lines.get_mut(at) {
                    *old = line;
                }
                Ok(false)
            }
            None => {
                self.lines.push(line);
                Ok(true)
            }
        }
    }

    /// Takes a user out; false when there is none.
    pub fn remove(&mut self, name: &str) -> bool {
        let at = self.position(name);
        if let Some(at) = at {
            self.lines.remove(at);
        }
        at.is_some()
    }

    /// Whether there is such a user.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Another user whose name differs from this one in capitals alone. Mail for either goes to one of them
    /// only where it is written exactly so.
    #[must_use]
    pub fn alike(&self, name: &str) -> Option<&str> {
        let folded = name.to_lowercase();
        self.names().find(|other| *other != name && other.to_lowercase() == folded)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(':').map(|(name, _)| name))
    }

    fn position(&self, name: &str) -> Option<usize> {
        let is_it =
            |line: &str| !line.starts_with('#') && line.split_once(':').is_some_and(|(n, _)| n == name);
        self.lines.iter().position(|line| is_it(line))
    }

    /// Writes the file anew beside the old one, readable for its owner alone, and puts it in its place.
    ///
    /// # Errors
    ///
    /// [`EditError`]; the old file is untouched. A line that is wrong is refused here, before the
    /// server stumbles over it.
    pub fn save(self) -> Result<(), EditError> {
        for line in &self.lines {
            entry::parse_line(line)?;
        }
        let new = beside(&self.path, ".new");
        let failed = |action, path: &Path, source| EditError::Io { action, path: path.to_owned(), source };
        let written = self.write(&new).and_then(|()| fs::rename(&new, &self.path));
        if let Err(source) = written {
            let _ = fs::remove_file(&new);
            return Err(failed("write", &new, source));
        }
        let folder = folder(&self.path);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| failed("flush", folder, source))
    }

    /// A change by root is for a server that runs as somebody else, who has to read the file afterwards.
    fn set_owner(&self, file: &File) -> io::Result<()> {
        let Some(before) = self.before.as_ref().filter(|_| rustix::process::geteuid().is_root()) else {
            return give_to_owner_of(folder(&self.path), file);
        };
        fchown(file, Some(before.uid()), Some(before.gid()))?;
        if before.uid() == 0 && before.gid() != 0 {
            // The file of root is read by way of its group.
            file.set_permissions(Permissions::from_mode(0o600 | before.mode() & 0o040))?;
        }
        Ok(())
    }

    fn write(&self, new: &Path) -> io::Result<()> {
        // What a run that was killed left behind may have other permissions.
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        for line in &self.lines {
            file.write_all(line.as_bytes())?;
            file.write_all(b"\n")?;
        }
        self.set_owner(&file)?;
        file.sync_all()
    }
}

/// The lock file, created if it is not there. A link is not followed: root would create a file wherever the
/// owner of the directory likes.
fn open_lock(path: &Path) -> io::Result<File> {
    let open = |is_new: bool| {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        OpenOptions::new().write(true).create_new(is_new).mode(0o600).custom_flags(flags).open(path)
    };
    match open(false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match open(true) {
            // Another change was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open(false),
            created => {
                let created = created?;
                give_to_owner_of(folder(path), &created)?;
                Ok(created)
            }
        },
        opened => opened,
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}
