//! Files in new and cur that are not listed, so that they can be named in a log.

use std::{ffi::OsStr, mem::discriminant, os::unix::ffi::OsStrExt as _, path::Path};

use super::snapshot::Folder;
use crate::{SkipReason, Skipped};

/// One entry for each reason: what is kept does not grow with the number of files.
#[derive(Debug, Clone, Default)]
pub(super) struct SkippedFiles(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    reason: SkipReason,
    count: u32,
    folder: Folder,
    name: Box<[u8]>,
}

impl SkippedFiles {
    pub(super) fn note(&mut self, reason: SkipReason, folder: Folder, name: &[u8]) {
        let is_alike = |entry: &&mut Entry| discriminant(&entry.reason) == discriminant(&reason);
        match self.0.iter_mut().find(is_alike) {
            Some(entry) => entry.count = entry.count.saturating_add(1),
            None => self.0.push(Entry { reason, count: 1, folder, name: name.into() }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with paths.
    pub(super) fn in_maildir(&self, maildir: &Path) -> Vec<Skipped> {
        let with_path = |entry: &Entry| {
            let folder = match entry.folder {
                Folder::Cur => "cur",
                Folder::New => "new",
            };
            let example = maildir.join(folder).join(OsStr::from_bytes(&entry.name));
            Skipped { reason: entry.reason, count: entry.count, example }
        };
        self.0.iter().map(with_path).collect()
    }
}
