//! An open directory, and what is done with the files in it. Others may write there too, so no symbolic link is
//! followed, no FIFO is waited for, and a directory that is swapped for another one changes nothing.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use pop3_store::maildir::Maildir;
use rustix::fs::{self, AtFlags, CWD, Mode, OFlags};

/// Flags of everything that is opened.
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// A directory by its path. The last component may not be a symbolic link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_at(CWD, path, path.to_owned())
    }

    /// The directory of an open Maildir.
    pub(super) fn of(maildir: &Maildir) -> io::Result<Self> {
        Ok(Self { fd: maildir.as_fd().try_clone_to_owned()?, path: maildir.path().to_owned() })
    }

    /// A directory in this one.
    pub(super) fn folder(&self, name: &str) -> io::Result<Self> {
        Self::open_at(&self.fd, Path::new(name), self.path.join(name))
    }

    fn open_at(parent: impl AsFd, name: &Path, path: PathBuf) -> io::Result<Self> {
        let fd = fs::openat(parent, name, SAFE | OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Self { fd, path })
    }

    /// Where it was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of files. Names that are not UTF-8 are left out: pop3-client makes no such names.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd)? {
            let name = entry?.file_name().to_str().map(str::to_owned);
            names.extend(name.ok().filter(|name| name != "." && name != ".."));
        }
        Ok(names)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// A regular file, to read.
    pub(super) fn file(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::RDONLY)
    }

    /// A regular file, to append to.
    pub(super) fn file_to_append(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::APPEND)
    }

    /// A regular file, created if it is not there, for its owner alone.
    pub(super) fn file_or_new(&self, name: &str) -> io::Result<File> {
        self.open_file(name, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | SAFE | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("it is not a regular file")),
        }
    }

    /// What is in a regular file of at most 512 MiB, more than a journal of a million messages has.
    pub(super) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        const MOST: u64 = 512 << 20;
        let file = self.file(name)?;
        if file.metadata()?.len() > MOST {
            return Err(io::Error::other("it is larger than 512 MiB, and no file of pop3-client"));
        }
        let mut content = Vec::new();
        file.take(MOST).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Replaces a file by this text, on the disk, and leaves it open to append.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<File> {
        match self.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let flags = SAFE | OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let mut file = File::from(fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(file)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Moves a file or directory into `to`, in one step. What has that name there is replaced.
    pub(super) fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.fd, name, &to.fd, new)?)
    }

    /// Makes the names in it durable.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.fd)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    // Conformance: A-89
    #[test]
    fn links_and_fifos_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "kept").unwrap();
        let path = folder.path().join("in");
        std::fs::create_dir(&path).unwrap();
        symlink(&victim, path.join("link")).unwrap();
        symlink(folder.path().join("nothing"), path.join("dangling")).unwrap();
        symlink(folder.path(), path.join("up")).unwrap();
        fs::mknodat(CWD, path.join("fifo"), fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let directory = Directory::open(&path).unwrap();
        for name in ["link", "dangling", "fifo", "up"] {
            for opened in [directory.file(name), directory.file_to_append(name), directory.file_or_new(name)]
            {
                opened.unwrap_err();
            }
            assert!(directory.folder(name).is_err(), "{name}");
            directory.replace(name, "new").unwrap();
            assert_eq!(directory.read(name).unwrap(), b"new", "{name}");
        }
        assert_eq!(std::fs::read(&victim).unwrap(), b"kept");
        assert!(!folder.path().join("nothing").exists());
        assert!(Directory::open(&path.join("link")).is_err());
    }

    // Conformance: A-89
    #[test]
    fn a_file_of_gigabytes_without_content_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("journal")).unwrap().set_len(2 << 30).unwrap();
        let error = Directory::open(folder.path()).unwrap().read("journal").unwrap_err();
        assert!(error.to_string().contains("larger than 512 MiB"), "{error}");
    }

    #[test]
    fn a_directory_that_is_swapped_stays_the_one_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("in"), folder.path().join("other"));
        std::fs::create_dir(&path).unwrap();
        std::fs::create_dir(&other).unwrap();
        let directory = Directory::open(&path).unwrap();
        std::fs::rename(&path, folder.path().join("away")).unwrap();
        symlink(&other, &path).unwrap();
        directory.replace("a", "text").unwrap();
        directory.rename("a", &directory, "b").unwrap();
        assert_eq!(directory.names().unwrap(), ["b"]);
        assert_eq!(std::fs::read_dir(&other).unwrap().count(), 0);
    }
}
