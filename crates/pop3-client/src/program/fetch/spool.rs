//! Where messages are stored, step by step, each step durable before the next:
//!
//! 1. A message is received into `DIR/pop3-client/ACCOUNT/tmp`.
//! 2. Whole and flushed to the disk, it stands in `DIR/pop3-client/ACCOUNT/new`, where nobody else looks.
//! 3. The journal says which file holds which unique-id, and is flushed.
//! 4. The file is moved to `DIR/new`, where mail programs see it, and both directories are flushed.
//! 5. Only then may the server be told to remove it.
//!
//! At the next start, a file of step 2 that the journal does not name is thrown away, and its message is
//! fetched again; one that the journal names is moved on. So every message of the journal is in `DIR`
//! exactly once, wherever the last run was killed: before step 3 it has not happened, after it it has.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, lchown},
    path::{Path, PathBuf},
    time::Duration,
};

use pop3_client::proto::types::ListedUniqueId;
use pop3_store::maildir::{Batch, Delivery, Maildir};
use tracing::{debug, info, warn};

use super::{
    account::Account,
    content::Digest,
    journal::{self, Damage, Entry, Journal, State},
    plan::Listed,
    sizes::Sizes,
};
use crate::program::exit::{Exit, Failure};

/// A file beside the journal whose time says when the server was last lost on CAPA.
const WITHOUT_CAPA: &str = "without-capa";
/// A file beside the journal that says how the server's sizes were.
const SIZES: &str = "sizes";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The Maildir of one account's fetches, locked.
#[derive(Debug)]
pub(super) struct Spool {
    /// The Maildir's own `new`.
    new: PathBuf,
    cur: PathBuf,
    /// The account's directory, a Maildir too.
    state: PathBuf,
    staging: Maildir,
    account: Account,
    journal: Journal,
    file: File,
    /// Held as long as this lives; the system gives it back when the process ends in whatever way.
    _lock: File,
}

/// A message that was received in full, and what the journal will say of it.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) delivery: Delivery,
    pub(super) unique_id: Option<ListedUniqueId<'static>>,
    /// As the server listed it, in octets.
    pub(super) size: u64,
    /// What came, in octets.
    pub(super) octets: u64,
    pub(super) state: State,
    pub(super) digest: Digest,
    /// The file of what came short when it was fetched before.
    pub(super) supersedes: Option<String>,
}

/// A message that came and was stored before.
#[derive(Debug)]
pub(super) struct Recognised {
    /// What the journal says of it from now on, its file included.
    pub(super) entry: Entry,
    /// What came, in octets.
    pub(super) octets: u64,
    /// The file of what came short when it was fetched before, if that is another.
    pub(super) supersedes: Option<String>,
}

impl Spool {
    /// Whether something was fetched from the account into this Maildir before.
    pub(super) fn is_in(maildir: &Path, account: &Account) -> bool {
        account.path(maildir).exists()
    }

    /// Opens the Maildir, takes the account's lock, reads its journal, and finishes what a killed run
    /// began.
    pub(super) fn open(maildir: &Path, account: &Account) -> Result<Self, Failure> {
        let target = Maildir::create(maildir).map_err(|error| Failure::new(Exit::CannotStore, error))?;
        let state = account.path(target.path());
        let staging = Maildir::create(&state).map_err(|error| Failure::new(Exit::CannotStore, error))?;
        belongs_to_owner_of(maildir, &state).map_err(failed("set the owner of", &state))?;
        let lock = take_lock(&state, maildir, account)?;
        let path = state.join("journal");
        let (journal, file) = open_journal(&path, account)?;
        let mut spool = Self {
            new: target.path().join("new"),
            cur: target.path().join("cur"),
            state,
            staging,
            account: account.clone(),
            journal,
            file,
            _lock: lock,
        };
        spool.recover()?;
        Ok(spool)
    }

    pub(super) const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Step 1 begins.
    pub(super) fn start(&self) -> Result<Delivery, Failure> {
        self.staging.start_delivery().map_err(|error| Failure::new(Exit::CannotStore, error))
    }

    /// Steps 2 to 4 for messages that were received.
    pub(super) fn store(&mut self, received: Vec<Received>) -> Result<(), Failure> {
        if received.is_empty() {
            return Ok(());
        }
        let names = self.stage(received)?;
        self.publish(&names)
    }

    /// Step 3 for messages that are stored already.
    pub(super) fn note_recognised(&mut self, recognised: Vec<Recognised>) -> Result<(), Failure> {
        let mut text = String::new();
        for Recognised { entry, supersedes, .. } in &recognised {
            text.push_str(&entry.line());
            text.extend(supersedes.as_deref().map(journal::removed_line));
        }
        self.append(&text)?;
        for Recognised { entry, supersedes, .. } in recognised {
            self.journal.add(entry);
            supersedes.iter().for_each(|name| self.journal.remove(name));
        }
        Ok(())
    }

    /// Steps 2 and 3.
    fn stage(&mut self, received: Vec<Received>) -> Result<Vec<String>, Failure> {
        let mut batch = Batch::new();
        let mut entries = Vec::with_capacity(received.len());
        let mut superseded = Vec::new();
        for Received { delivery, unique_id, size, octets, state, digest, supersedes } in received {
            batch.add(delivery);
            superseded.extend(supersedes);
            entries.push(Entry {
                name: String::new(),
                unique_id,
                size,
                state,
                absent_since: None,
                digest: Some(digest),
                is_confirmed: false,
                octets: (state == State::Short).then_some(octets),
            });
        }
        let delivered = batch.commit().map_err(|error| Failure::new(Exit::CannotStore, error))?;
        let mut text = String::new();
        let mut names = Vec::with_capacity(entries.len());
        for (entry, delivered) in entries.iter_mut().zip(delivered) {
            entry.name = delivered.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            text.push_str(&entry.line());
            names.push(entry.name.clone());
        }
        text.extend(superseded.iter().map(|name| journal::removed_line(name)));
        self.append(&text)?;
        entries.into_iter().for_each(|entry| self.journal.add(entry));
        superseded.iter().for_each(|name| self.journal.remove(name));
        Ok(names)
    }

    /// Step 4.
    fn publish(&self, names: &[String]) -> Result<(), Failure> {
        let staged = self.staging_new();
        for name in names {
            let (from, to) = (staged.join(name), self.new.join(name));
            fs::rename(&from, &to).map_err(failed("deliver into", &to))?;
        }
        self.flush_directories()
    }

    fn flush_directories(&self) -> Result<(), Failure> {
        for directory in [&self.new, &self.staging_new()] {
            flush(directory).map_err(failed("flush", directory))?;
        }
        Ok(())
    }

    fn staging_new(&self) -> PathBuf {
        self.state.join("new")
    }

    /// Finishes step 4 for what the journal names, and takes back everything before step 3.
    fn recover(&mut self) -> Result<(), Failure> {
        let staged = self.staging_new();
        let (mut published, mut discarded) = (0, 0);
        for name in names_in(&staged).map_err(failed("read", &staged))? {
            let from = staged.join(&name);
            let is_new = self.journal.has_file(&name) && !self.is_in_maildir(&name)?;
            let (done, action) = match is_new {
                true => (fs::rename(&from, self.new.join(&name)), "deliver"),
                false => (fs::remove_file(&from), "remove"),
            };
            done.map_err(failed(action, &from))?;
            published += usize::from(is_new);
            discarded += usize::from(!is_new);
        }
        if published + discarded > 0 {
            self.flush_directories()?;
            info!(published, discarded, "finished what an interrupted run began");
        }
        let tmp = self.state.join("tmp");
        for name in names_in(&tmp).map_err(failed("read", &tmp))? {
            let path = tmp.join(name);
            debug!(path = %path.display(), "removing what was not received in full");
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    /// Whether a file is in the Maildir under this name, perhaps with flags. After a power failure it may
    /// be there and here.
    fn is_in_maildir(&self, name: &str) -> Result<bool, Failure> {
        if self.new.join(name).symlink_metadata().is_ok() {
            return Ok(true);
        }
        let names = names_in(&self.cur).map_err(failed("read", &self.cur))?;
        Ok(names.iter().any(|found| found.split(':').next() == Some(name)))
    }

    /// The file of a message, whatever flags it has by now; `None` where it is gone.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        let new = self.new.join(name);
        if new.symlink_metadata().is_ok() {
            return Some(new);
        }
        let found = names_in(&self.cur).ok()?;
        let found = found.into_iter().find(|found| found.split(':').next() == Some(name))?;
        Some(self.cur.join(found))
    }

    /// Notes what is known of these from now on.
    pub(super) fn note(&mut self, entries: Vec<Entry>) -> Result<(), Failure> {
        let text: String = entries.iter().map(Entry::line).collect();
        self.append(&text)?;
        entries.into_iter().for_each(|entry| self.journal.add(entry));
        Ok(())
    }

    /// The server's listing, whole: what is long gone from it is forgotten.
    pub(super) fn note_listing(&mut self, listed: &[Listed], today: u64) -> Result<(), Failure> {
        if !self.journal.note_listing(listed, today) {
            return Ok(());
        }
        let path = self.state.join("journal");
        let fresh = self.state.join("journal.new");
        let text = self.journal.text(&self.account);
        let written = write_flushed(&fresh, &text).and_then(|file| {
            fs::rename(&fresh, &path)?;
            flush(&self.state)?;
            Ok(file)
        });
        self.file = written.map_err(failed("write", &fresh))?;
        belongs_to_owner_of(&self.state, &path).map_err(failed("set the owner of", &path))
    }

    /// The server confirmed by its answer to QUIT that these are removed.
    pub(super) fn note_removed(&mut self, removed: &[&Listed]) -> Result<(), Failure> {
        let mut names = HashSet::new();
        for listed in removed {
            let is_stored = |entry: &&Entry| {
                entry.size == listed.size && entry.state != State::Removed && !names.contains(&entry.name)
            };
            let stored = match &listed.unique_id {
                Some(unique_id) => self.journal.entries(unique_id).find(is_stored),
                None => self.journal.entries_without_id().find(is_stored),
            };
            let name = stored.map(|entry| entry.name.clone());
            names.extend(name);
        }
        let text: String = names.iter().map(|name| journal::removed_line(name)).collect();
        names.iter().for_each(|name| self.journal.remove(name));
        self.append(&text)
    }

    /// Whether the server was lost on CAPA, and only then, within the last day. No longer: it may have been
    /// the network, and without CAPA there is neither SASL nor pipelining.
    pub(super) fn is_without_capa(&self) -> bool {
        let noted = fs::metadata(self.state.join(WITHOUT_CAPA)).and_then(|metadata| metadata.modified());
        // A time that is still to come says nothing.
        noted.is_ok_and(|noted| noted.elapsed().is_ok_and(|age| age < DAY))
    }

    /// The next runs need not find out again. Where it cannot be written, they will.
    pub(super) fn note_without_capa(&self) {
        let path = self.state.join(WITHOUT_CAPA);
        let _ = write_flushed(&path, "").and_then(|_| belongs_to_owner_of(&self.state, &path));
    }

    /// How the server's sizes were; where that is not known any more, it will be.
    pub(super) fn sizes(&self) -> Sizes {
        let text = fs::read_to_string(self.state.join(SIZES)).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    /// Where it cannot be written, the next runs find out again.
    pub(super) fn note_sizes(&self, sizes: Sizes) {
        if sizes == self.sizes() {
            return;
        }
        let path = self.state.join(SIZES);
        let _ =
            write_flushed(&path, &sizes.to_string()).and_then(|_| belongs_to_owner_of(&self.state, &path));
    }

    /// What came shorter than it was listed is whole all the same: this server's sizes are like that.
    pub(super) fn accept(&mut self, shorter: &[(Listed, Digest)]) -> Result<(), Failure> {
        let mut names = HashSet::new();
        let mut accepted = Vec::new();
        for (listed, digest) in shorter {
            let is_it = |entry: &&Entry| {
                entry.state == State::Short
                    && (entry.size, entry.digest) == (listed.size, Some(*digest))
                    && !names.contains(&entry.name)
            };
            let stored = match &listed.unique_id {
                Some(unique_id) => self.journal.entries(unique_id).find(is_it),
                None => self.journal.entries_without_id().find(is_it),
            };
            let Some(stored) = stored else { continue };
            names.insert(stored.name.clone());
            accepted.push(Entry { state: State::Whole, is_confirmed: false, octets: None, ..stored.clone() });
        }
        let text: String = accepted.iter().map(Entry::line).collect();
        self.append(&text)?;
        accepted.into_iter().for_each(|entry| self.journal.add(entry));
        Ok(())
    }

    /// Everything that the server lists is stored: what it does not list is gone, and a message of the same
    /// content that comes later is another message.
    pub(super) fn note_gone(&mut self) -> Result<(), Failure> {
        let gone = self.journal.gone();
        let text: String = gone.iter().map(Entry::line).collect();
        self.append(&text)?;
        gone.into_iter().for_each(|entry| self.journal.add(entry));
        Ok(())
    }

    /// The session broke while this message was fetched: next time it comes last.
    pub(super) fn note_failure(&mut self, unique_id: &ListedUniqueId<'static>) -> Result<(), Failure> {
        self.journal.failed(unique_id);
        self.append(&journal::failed_line(unique_id))
    }

    fn append(&mut self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let path = self.state.join("journal");
        let length = self.file.metadata().map(|metadata| metadata.len());
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let (Err(_), Ok(length)) = (&written, length) {
            // A part of a line may stand there now. What this run goes on to write must not follow it: a
            // damaged line that is not the last one stops every later run.
            let _ = self.file.set_len(length);
        }
        written.map_err(failed("write", &path))
    }
}

pub(super) fn take_lock(state: &Path, maildir: &Path, account: &Account) -> Result<File, Failure> {
    let path = state.join("lock");
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    let file = opened.map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            Exit::TryLater,
            format_args!(
                "another pop3-client is fetching {account} into {}; wait until it is done",
                maildir.display()
            ),
        )),
        Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
    }
}

/// Reads the journal, takes off what a crash cut short, and opens it to append.
fn open_journal(path: &Path, account: &Account) -> Result<(Journal, File), Failure> {
    let text = match fs::read(path) {
        Ok(text) => {
            if text.is_empty() {
                warn!(
                    "{} is empty, so what was fetched before is not known any more and is fetched again; if \
                     there is a copy of it, stop this, put it back, and start again",
                    path.display()
                );
            }
            text
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let (journal, good) = Journal::parse(&text, account).map_err(|damage| {
        let what = match damage {
            Damage::Header => "is not the journal of this account".to_owned(),
            Damage::Line(number) => format!("is damaged in line {number}"),
        };
        let path = path.display();
        Failure::new(
            Exit::CannotStore,
            format_args!("{path} {what}; restore it, or move it away to fetch everything again"),
        )
    })?;
    if good == 0 {
        let file = write_flushed(path, &journal::header(account)).map_err(failed("write", path))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        flush(directory).map_err(failed("flush", directory))?;
        belongs_to_owner_of(directory, path).map_err(failed("set the owner of", path))?;
        return Ok((journal, file));
    }
    let mut options = OpenOptions::new();
    let file = options.append(true).open(path).map_err(failed("open", path))?;
    if good < text.len() {
        let length = u64::try_from(good).unwrap_or(u64::MAX);
        file.set_len(length).and_then(|()| file.sync_all()).map_err(failed("repair", path))?;
    }
    Ok((journal, file))
}

/// Replaces a file by this text, on the disk, and leaves it open to append.
fn write_flushed(path: &Path, text: &str) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

pub(super) fn flush(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Names of files; those that are no UTF-8 are none of ours.
fn names_in(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// Run by root for somebody else's Maildir, this gives what it makes to its owner.
fn belongs_to_owner_of(model: &Path, path: &Path) -> io::Result<()> {
    // Not what a link leads to: the owner could have root give away any file.
    let (wanted, found) = (fs::metadata(model)?, fs::symlink_metadata(path)?);
    if (wanted.uid(), wanted.gid()) == (found.uid(), found.gid()) || found.uid() != 0 {
        return Ok(());
    }
    let mut paths = vec![path.to_owned()];
    if found.is_dir() {
        paths.extend(path.parent().map(Path::to_owned));
        paths.extend(["tmp", "new", "cur", "pop3-lock"].map(|name| path.join(name)));
    }
    paths.iter().try_for_each(|path| lchown(path, Some(wanted.uid()), Some(wanted.gid())))
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> Failure + 'p {
    move |error| {
        let path = path.display();
        let advice = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room there",
            io::ErrorKind::PermissionDenied => "change its owner or mode, or choose another Maildir",
            _ => "check the path and the disk",
        };
        Failure::new(
            Exit::CannotStore,
            format_args!("cannot {action} {path}: {error}; {advice} and start again, nothing is lost"),
        )
    }
}

#[cfg(test)]
mod tests;
