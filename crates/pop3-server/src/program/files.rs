//! Files that are made once, and are nobody else's business. What root makes belongs to the owner of the
//! directory that it is made in.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use rustix::fs::OFlags;

use crate::ownership::{folder, give_to_owner_of};

/// Creates a directory for its owner alone, and those above it; true when it was not there.
pub(super) fn create_directory(path: &Path) -> anyhow::Result<bool> {
    let is_new = !path.is_dir();
    create_missing(path).with_context(|| {
        format!("cannot create the directory {}, check the path and its permissions", path.display())
    })?;
    // One that cannot be read would look empty, and everything would be made again.
    fs::read_dir(path).with_context(|| {
        format!("cannot read the directory {}, check whom it belongs to and its permissions", path.display())
    })?;
    Ok(is_new)
}

fn create_missing(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if path.parent().is_some_and(|parent| !parent.as_os_str().is_empty()) {
        create_missing(folder(path))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        // A path that ends in `..` is there as soon as the directories above it are.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        created => created?,
    }
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
    give_to_owner_of(folder(path), &OpenOptions::new().read(true).custom_flags(flags).open(path)?)
}

/// Writes a file that is whole or not there, readable for its owner alone, and on the disk.
pub(super) fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let new = beside(path, ".new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        give_to_owner_of(folder(path), &file)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder(path))?.sync_all()
    };
    write().with_context(|| {
        let _ = fs::remove_file(&new);
        format!("cannot write {}, check the path, its permissions and the space on the disk", path.display())
    })
}

/// A path with something behind its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// A secret of 32 octets that is made at first use, and stays.
pub(super) fn lasting_secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(secret) if secret.len() >= 16 => Ok(secret),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(|| {
            format!("cannot read {}, check whom it belongs to and its permissions", path.display())
        }),
        _ => {
            let mut secret = vec![0; 32];
            getrandom::fill(&mut secret).map_err(|error| {
                anyhow::anyhow!("the system gives no random numbers: {error}; try again later")
            })?;
            write_private(path, &secret)?;
            Ok(secret)
        }
    }
}

/// A password that is easy to copy and hard to guess: 24 letters and digits, 119 bits.
pub(super) fn password() -> anyhow::Result<String> {
    // Without those that look alike, and as many as leave no remainder: 31 of 32 values are used.
    const LETTERS: &[u8; 31] = b"abcdefghijkmnpqrstuvwxyz2345678";
    let mut password = String::new();
    while password.len() < 24 {
        let mut random = [0; 64];
        getrandom::fill(&mut random).map_err(|error| {
            anyhow::anyhow!("the system gives no random numbers: {error}; try again later")
        })?;
        let letters = random.iter().filter_map(|octet| LETTERS.get(usize::from(octet & 31)));
        password.extend(letters.map(|letter| char::from(*letter)).take(24 - password.len()));
    }
    Ok(password)
}
