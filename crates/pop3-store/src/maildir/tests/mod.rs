//! Tests on real directories, with real files and, where it matters, real second processes.

mod crash;
mod delivery;
mod hostile;
mod index;
mod owners;
mod sessions;
mod skipped;
mod unique_ids;

use std::{
    fs,
    io::Read as _,
    os::unix::{ffi::OsStringExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use pop3_proto::types::MessageNumber;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use tempfile::TempDir;

use super::*;
use crate::{OpenMaildrop as _, ReadError, test_session::marks};

/// A Maildir in a directory of its own.
struct Scene {
    maildir: Maildir,
    parent: TempDir,
}

impl Scene {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        Self { maildir: Maildir::create(parent.path().join("mail")).unwrap(), parent }
    }

    /// With these messages, delivered at the seconds 1, 2, 3 and so on.
    fn with(messages: &[&[u8]]) -> Self {
        let scene = Self::new();
        for (at, message) in messages.iter().enumerate() {
            scene.put(format!("new/{}.M{at}.host", at + 1), message);
        }
        scene
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.maildir.path().join(name)
    }

    fn put(&self, name: impl AsRef<Path>, octets: &[u8]) {
        fs::write(self.path(name), octets).unwrap();
    }

    fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// The names in a folder, sorted.
    fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| String::from_utf8_lossy(&entry.unwrap().file_name().into_vec()).into_owned())
            .collect();
        names.sort();
        names
    }

    fn lock(&self) -> OpenMaildir {
        self.maildir.lock().unwrap()
    }

    /// One session that sends these commands and QUIT.
    fn session(&self, commands: &str) {
        let open = self.lock();
        let (deletions, retrieved) = marks(open.maildrop(), commands);
        open.update(&deletions, &retrieved).unwrap();
    }

    /// The contents of all messages, in message-number order.
    fn contents(&self) -> Vec<Vec<u8>> {
        let open = self.lock();
        (1..=ids(&open).len()).map(|number| text(&open, number).unwrap()).collect()
    }

    fn index(&self) -> PathBuf {
        self.path("pop3-index")
    }
}

fn number(number: usize) -> MessageNumber {
    MessageNumber::from_index(number - 1).unwrap()
}

fn text(open: &OpenMaildir, at: usize) -> Result<Vec<u8>, ReadError> {
    let mut text = Vec::new();
    open.read(number(at))?.read_to_end(&mut text).unwrap();
    Ok(text)
}

fn ids(open: &OpenMaildir) -> Vec<String> {
    open.maildrop().messages().iter().map(|info| info.unique_id.as_str().to_owned()).collect()
}

fn sizes(open: &OpenMaildir) -> Vec<u64> {
    open.maildrop().messages().iter().map(|info| info.size.0).collect()
}

/// Appends to a file in place, as no mail program should.
fn append(path: &Path, octets: &[u8]) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(octets).unwrap();
}

/// Sets the times of a file to so many hours before now.
fn age(path: &Path, hours: u64) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600);
    let times = fs::FileTimes::new().set_modified(then).set_accessed(then);
    fs::File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

/// Runs this without the right of root to ignore permissions.
fn without_privileges<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    // Capabilities are those of a thread.
    let drop_and_run = || {
        let mut sets = capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
        set_capabilities(None, sets).unwrap();
        run()
    };
    std::thread::scope(|scope| scope.spawn(drop_and_run).join().unwrap())
}

/// Sets the mode of a file or directory.
fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
