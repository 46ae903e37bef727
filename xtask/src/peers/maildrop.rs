//! Delivery, as a delivery agent does it, into Maildirs and mboxes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, fcntl_lock};

use super::root::give;

/// How long somebody else may have a lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the three folders.
pub(super) fn make_maildir(maildir: &Path, owner: Option<&str>) -> anyhow::Result<()> {
    for name in ["", "tmp", "new", "cur"] {
        let folder = maildir.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        own(&folder, owner, 0o700)?;
    }
    Ok(())
}

/// Writes a message into tmp and moves it to new.
pub(super) fn into_maildir(maildir: &Path, owner: Option<&str>, message: &[u8]) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    // The time comes first and has a fixed width, so that names sort in the order of delivery.
    let name = format!("{}.M{:06}P{}.localhost", now.as_secs(), now.subsec_micros(), process::id());
    let temporary = maildir.join("tmp").join(&name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .with_context(|| format!("cannot write {}", temporary.display()))?;
    file.write_all(message)?;
    own(&temporary, owner, 0o600)?;
    fs::rename(&temporary, maildir.join("new").join(&name))
        .with_context(|| format!("cannot deliver into {}", maildir.display()))
}

/// Appends a message, with the lock of a file beside it and that of fcntl.
pub(super) fn into_mbox(mbox: &Path, owner: &str, message: &[u8]) -> anyhow::Result<()> {
    let _lock = Dotlock::take(mbox)?;
    let mut file = OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .mode(0o600)
        .open(mbox)
        .with_context(|| format!("cannot write {}", mbox.display()))?;
    fcntl_lock(&file, FlockOperation::LockExclusive)
        .with_context(|| format!("cannot lock {}", mbox.display()))?;
    file.write_all(&as_mbox(message))?;
    own(mbox, Some(owner), 0o600)
}

fn own(path: &Path, owner: Option<&str>, mode: u32) -> anyhow::Result<()> {
    match owner {
        Some(owner) => give(path, owner, mode),
        None => fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot set the mode of {}", path.display())),
    }
}

/// What comes with CRLF is stored with LF, as it is done with what comes from a network.
pub(super) fn with_lf(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(content) => {
                text.extend_from_slice(content);
                text.push(b'\n');
            }
            None => text.extend_from_slice(line),
        }
    }
    text
}

/// A separator line, the message with LF line ends and `From ` quoted, and an empty line. Where the message has
/// no empty line at its header's end it gets one, or the next message would be its body.
fn as_mbox(message: &[u8]) -> Vec<u8> {
    let mut text = b"From sender@example.org Thu Jan  1 00:00:00 2026\n".to_vec();
    let mut has_body = false;
    for line in with_lf(message).split_inclusive(|octet| *octet == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        if content.starts_with(b"From ") {
            text.push(b'>');
        }
        has_body |= content.is_empty();
        text.extend_from_slice(content);
        text.push(b'\n');
    }
    if !has_body {
        text.push(b'\n');
    }
    text.push(b'\n');
    text
}

/// `alice.lock` beside `alice`, removed when this is dropped.
struct Dotlock {
    path: PathBuf,
}

impl Dotlock {
    fn take(mbox: &Path) -> anyhow::Result<Self> {
        let path = mbox.with_extension("lock");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match File::create_new(&path) {
                Ok(_) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot create {}", path.display()));
                }
            }
            if Instant::now() > deadline {
                bail!("{} is there; another program has the mbox", path.display());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dotlock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            eprintln!("cannot remove {}: {error}; remove it by hand", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_quotes_its_separator_and_ends_lines_with_lf() {
        let text = as_mbox(b"Subject: x\r\n\r\nFrom here\r\nend\r\n");
        assert!(text.ends_with(b"2026\nSubject: x\n\n>From here\nend\n\n"));
        assert!(as_mbox(b"Subject: x\n\nno end").ends_with(b"2026\nSubject: x\n\nno end\n\n"));
        assert!(as_mbox(b"Subject: x\n").ends_with(b"2026\nSubject: x\n\n\n"));
    }

    #[test]
    fn one_cr_before_each_lf_goes() {
        assert_eq!(with_lf(b"a\r\n\r\nb\n\rc\r\r\nd\r"), b"a\n\nb\n\rc\r\nd\r");
    }

    #[test]
    fn messages_sort_in_the_order_of_delivery() {
        let folder = tempfile::tempdir().unwrap();
        make_maildir(folder.path(), None).unwrap();
        for text in ["first", "second"] {
            into_maildir(folder.path(), None, text.as_bytes()).unwrap();
        }
        let mut paths: Vec<_> =
            fs::read_dir(folder.path().join("new")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert_eq!(
            paths.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>(),
            [b"first".to_vec(), b"second".to_vec()]
        );
    }

    #[test]
    fn a_dotlock_keeps_others_out_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let mbox = folder.path().join("alice");
        let lock = Dotlock::take(&mbox).unwrap();
        assert!(folder.path().join("alice.lock").exists());
        drop(lock);
        assert!(!folder.path().join("alice.lock").exists());
    }
}
