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
    fs::{File, TryLockError},
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use pop3_client::proto::types::ListedUniqueId;
use pop3_store::maildir::{Batch, Delivery, Maildir};
use tracing::{debug, info, warn};

use super::{
    account::Account,
    content::Digest,
    directory::Directory,
    journal::{self, Damage, Entry, Journal, State},
    plan::Listed,
    sizes::Sizes,
};
use crate::program::exit::{Exit, Failure};

pub(super) const JOURNAL: &str = "journal";
/// A file beside the journal whose time says when the server was last lost on CAPA.
const WITHOUT_CAPA: &str = "without-capa";
/// A file beside the journal that says how the server's sizes were.
const SIZES: &str = "sizes";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The Maildir of one account's fetches, locked.
#[derive(Debug)]
pub(super) struct Spool {
    /// The Maildir's own `new`.
    new: Directory,
    /// The Maildir, to look into `cur`.
    root: Directory,
    /// The account's directory, a Maildir too.
    state: Directory,
    staging: Maildir,
    /// Its `new`.
    staged: Directory,
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
        maildir.join(account.path()).exists()
    }

    /// Opens the Maildir, takes the account's lock, reads its journal, and finishes what a killed run
    /// began.
    pub(super) fn open(maildir: &Path, account: &Account) -> Result<Self, Failure> {
        let cannot_store = |error| Failure::new(Exit::CannotStore, error);
        let target = Maildir::create(maildir).map_err(cannot_store)?;
        let staging = target.create_below(&account.path()).map_err(cannot_store)?;
        let directory = |maildir: &Maildir| Directory::of(maildir).map_err(failed("open", maildir.path()));
        let open = |parent: &Directory, name: &str| {
            parent.folder(name).map_err(failed("open", &parent.path().join(name)))
        };
        let (root, state) = (directory(&target)?, directory(&staging)?);
        let lock = take_lock(&state, maildir, account)?;
        let (journal, file) = open_journal(&state, account)?;
        let mut spool = Self {
            new: open(&root, "new")?,
            staged: open(&state, "new")?,
            root,
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
        for name in names {
            let moved = self.staged.rename(name, &self.new, name);
            moved.map_err(failed("deliver into", &self.new.path().join(name)))?;
        }
        self.flush_directories()
    }

    fn flush_directories(&self) -> Result<(), Failure> {
        let mut directories = [&self.new, &self.staged].into_iter();
        directories.try_for_each(|directory| directory.flush().map_err(failed("flush", directory.path())))
    }

    /// Finishes step 4 for what the journal names, and takes back everything before step 3.
    fn recover(&mut self) -> Result<(), Failure> {
        let (mut published, mut discarded) = (0, 0);
        for name in names_in(&self.staged)? {
            let is_new = self.journal.has_file(&name) && !self.is_in_maildir(&name)?;
            let (done, action) = match is_new {
                true => (self.staged.rename(&name, &self.new, &name), "deliver"),
                false => (self.staged.remove(&name), "remove"),
            };
            done.map_err(failed(action, &self.staged.path().join(&name)))?;
            published += usize::from(is_new);
            discarded += usize::from(!is_new);
        }
        if published + discarded > 0 {
            self.flush_directories()?;
            info!(published, discarded, "finished what an interrupted run began");
        }
        let tmp = self.state.folder("tmp").map_err(failed("open", &self.state.path().join("tmp")))?;
        for name in names_in(&tmp)? {
            let path = tmp.path().join(&name);
            debug!(path = %path.display(), "removing what was not received in full");
            tmp.remove(&name).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    /// Whether a file is in the Maildir under this name, perhaps with flags. After a power failure it may
    /// be there and here.
    fn is_in_maildir(&self, name: &str) -> Result<bool, Failure> {
        let cur = self.root.folder("cur").map_err(failed("open", &self.root.path().join("cur")))?;
        Ok(self.new.contains(name) || names_in(&cur)?.iter().any(|found| is_of(found, name)))
    }

    /// The file of a message, whatever flags it has by now; `None` where it is gone.
    pub(super) fn find(&self, name: &str) -> Option<File> {
        self.new.file(name).ok().or_else(|| {
            let cur = self.root.folder("cur").ok()?;
            let found = cur.names().ok()?.into_iter().find(|found| is_of(found, name))?;
            cur.file(&found).ok()
        })
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
        let text = self.journal.text(&self.account);
        let written = self.state.replace("journal.new", &text).and_then(|file| {
            self.state.rename("journal.new", &self.state, JOURNAL)?;
            self.state.flush()?;
            Ok(file)
        });
        self.file = written.map_err(failed("write", &self.state.path().join("journal.new")))?;
        Ok(())
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
        let noted = self.state.file(WITHOUT_CAPA).and_then(|file| file.metadata()?.modified());
        // A time that is still to come says nothing.
        noted.is_ok_and(|noted| noted.elapsed().is_ok_and(|age| age < DAY))
    }

    /// The next runs need not find out again. Where it cannot be written, they will.
    pub(super) fn note_without_capa(&self) {
        let _ = self.state.replace(WITHOUT_CAPA, "");
    }

    /// How the server's sizes were; where that is not known any more, it will be.
    pub(super) fn sizes(&self) -> Sizes {
        let text = self.state.read(SIZES).unwrap_or_default();
        String::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Where it cannot be written, the next runs find out again.
    pub(super) fn note_sizes(&self, sizes: Sizes) {
        if sizes != self.sizes() {
            let _ = self.state.replace(SIZES, &sizes.to_string());
        }
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
        let length = self.file.metadata().map(|metadata| metadata.len());
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        if let (Err(_), Ok(length)) = (&written, length) {
            // A part of a line may stand there now. What this run goes on to write must not follow it: a
            // damaged line that is not the last one stops every later run.
            let _ = self.file.set_len(length);
        }
        written.map_err(failed("write", &self.state.path().join(JOURNAL)))
    }
}

/// Whether `found` is the file called `name`, perhaps with flags.
fn is_of(found: &str, name: &str) -> bool {
    found.split(':').next() == Some(name)
}

pub(super) fn take_lock(state: &Directory, maildir: &Path, account: &Account) -> Result<File, Failure> {
    let path = state.path().join("lock");
    let file = state.file_or_new("lock").map_err(failed("open", &path))?;
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
fn open_journal(state: &Directory, account: &Account) -> Result<(Journal, File), Failure> {
    let path = &state.path().join(JOURNAL);
    let text = match state.read(JOURNAL) {
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
        let file = state.replace(JOURNAL, &journal::header(account)).map_err(failed("write", path))?;
        state.flush().map_err(failed("flush", state.path()))?;
        return Ok((journal, file));
    }
    let file = state.file_to_append(JOURNAL).map_err(failed("open", path))?;
    if good < text.len() {
        let length = u64::try_from(good).unwrap_or(u64::MAX);
        file.set_len(length).and_then(|()| file.sync_all()).map_err(failed("repair", path))?;
    }
    Ok((journal, file))
}

fn names_in(directory: &Directory) -> Result<Vec<String>, Failure> {
    directory.names().map_err(failed("read", directory.path()))
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
