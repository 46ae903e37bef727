//! What root makes for a server that runs as somebody else.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, fchown},
    path::Path,
};

/// The directory that a file is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives what root has just created to the owner of the directory that it is in: the owner of the directory
/// could not open it otherwise. Nothing happens when this process is not root, or the owner is root.
///
/// It is done on the open file, so that a link that somebody puts in its place gives nothing away.
pub(crate) fn give_to_owner_of(folder: &Path, created: &File) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let folder = fs::metadata(folder)?;
    match folder.uid() {
        0 => Ok(()),
        // Some file systems have one owner for everything, and know no change.
        uid if created.metadata()?.uid() == uid => Ok(()),
        uid => fchown(created, Some(uid), Some(folder.gid())),
    }
}
