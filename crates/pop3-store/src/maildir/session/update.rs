//! UPDATE: the marked messages go, and what was retrieved is noted.

use std::{io, os::fd::AsFd as _};

use pop3_proto::{
    server::{Deletions, Retrieved},
    types::MessageNumber,
};
use rustix::{fs, io::Errno};

use super::{
    super::{
        name,
        snapshot::Folder,
        sys::{self, Version},
    },
    Attempt, OpenMaildir,
};
use crate::UpdateError;

/// Moments of UPDATE at which a crash may happen. Tests stop there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum UpdateStep {
    Remove(MessageNumber),
    Note(MessageNumber),
    Flush,
    Done,
}

/// How often in a row UPDATE looks in vain for the marked messages that are not where they were. A message
/// that another program renames while a directory is read can be missed by one look.
const LOOKS: usize = 3;

/// Marked messages that are still to be removed, and how the attempts on them ended so far.
type Waiting = Vec<(MessageNumber, Attempt<()>)>;

/// What became of the marked messages.
#[derive(Default)]
struct Removal {
    is_touched: bool,
    kept: Vec<MessageNumber>,
    cause: Option<io::Error>,
}

impl Removal {
    fn note(&mut self, number: MessageNumber, ended: Result<(), io::Error>) {
        match ended {
            Ok(()) => self.is_touched = true,
            Err(error) => {
                self.kept.push(number);
                self.cause.get_or_insert(error);
            }
        }
    }
}

impl OpenMaildir {
    pub(in super::super) fn update_observed(
        self,
        deletions: &Deletions,
        retrieved: &Retrieved,
        mut at: impl FnMut(UpdateStep),
    ) -> Result<(), UpdateError> {
        let Removal { mut is_touched, kept, cause } = self.remove_all(deletions, &mut at);
        let is_kept = |number: &&MessageNumber| deletions.numbers().binary_search(number).is_err();
        let seen = retrieved.numbers().iter().filter(is_kept).copied().collect();
        is_touched |= self.note_seen(seen, &mut at);
        at(UpdateStep::Flush);
        if is_touched {
            self.flush()?;
        }
        at(UpdateStep::Done);
        match cause {
            Some(source) => Err(UpdateError::Partial { kept, path: self.path.clone(), source }),
            None => Ok(()),
        }
    }

    /// Removes the marked messages: first where they were, then those that are left where a look at the
    /// directories finds them. One look serves all of them; after an expunge by another program, a look
    /// for each of its messages would take minutes.
    fn remove_all(&self, deletions: &Deletions, at: &mut impl FnMut(UpdateStep)) -> Removal {
        let mut removal = Removal::default();
        let marked = deletions.numbers().iter().map(|number| (*number, Attempt::Absent)).collect();
        let mut waiting = self.remove_known(marked, &mut removal, at);
        let mut in_vain = 0;
        while !waiting.is_empty() && in_vain < LOOKS {
            let before = waiting.len();
            match self.rescan() {
                Ok(true) => waiting = self.remove_known(waiting, &mut removal, at),
                Ok(false) => break,
                Err(errno) => {
                    waiting.drain(..).for_each(|(number, _)| removal.note(number, Err(errno.into())));
                }
            }
            in_vain = if waiting.len() < before { 0 } else { in_vain + 1 };
        }
        for (number, last) in waiting {
            let ended = match last {
                Attempt::Other => {
                    Err(io::Error::other("another program changed the message since the login"))
                }
                // That it is gone already is no failure: it is what was wanted.
                Attempt::Absent | Attempt::Done(()) => self.remove_twins(number.index()).map_err(Into::into),
            };
            removal.note(number, ended);
        }
        removal.kept.sort_unstable();
        removal
    }

    /// Removes those of these messages that are where they are known to be, and gives the others.
    fn remove_known(
        &self,
        waiting: Waiting,
        removal: &mut Removal,
        at: &mut impl FnMut(UpdateStep),
    ) -> Waiting {
        let mut missing = Vec::new();
        for (number, before) in waiting {
            at(UpdateStep::Remove(number));
            match self.remove(number.index()).map(|now| before.or(now)) {
                Ok(Attempt::Done(())) => removal.note(number, Ok(())),
                Ok(last) => missing.push((number, last)),
                Err(errno) => removal.note(number, Err(errno.into())),
            }
        }
        missing
    }

    /// Removes one message, if it is where it is known to be.
    fn remove(&self, index: usize) -> Result<Attempt<()>, Errno> {
        let attempt = self.try_known(index, &mut |folder, name| {
            let stat = match sys::stat(folder, name) {
                Ok(stat) => stat,
                Err(errno) if sys::is_absent(errno) => return Ok(Attempt::Absent),
                Err(errno) => return Err(errno),
            };
            // A file that was put in the place of the marked one was never marked.
            if Some(Version::of(&stat)) != self.snapshot.version(index)
                && !matches!(self.open_verified(index, folder, name)?, Attempt::Done(_))
            {
                return Ok(Attempt::Other);
            }
            match sys::unlink(folder, name) {
                Ok(()) => Ok(Attempt::Done(())),
                Err(errno) if sys::is_absent(errno) => Ok(Attempt::Absent),
                Err(errno) => Err(errno),
            }
        })?;
        if matches!(attempt, Attempt::Done(())) {
            self.remove_twins(index)?;
        }
        Ok(attempt)
    }

    /// Removes the other names of the file that was just removed, or it would be listed again.
    fn remove_twins(&self, index: usize) -> Result<(), Errno> {
        let Some((_, message)) = self.snapshot.location(index) else { return Ok(()) };
        let is_twin = |twin: &&(Folder, Box<[u8]>)| name::base(&twin.1) == name::base(message);
        for (folder, twin) in self.snapshot.twins.iter().filter(is_twin) {
            self.in_folder(*folder, |folder| {
                let is_same = |stat| Some(Version::of(&stat)) == self.snapshot.version(index);
                match sys::stat(folder, twin).is_ok_and(is_same) {
                    true => sys::unlink(folder, twin),
                    false => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    /// Sets the flag `S` on messages; true when a name was changed.
    ///
    /// Nothing depends on the flag, so a failure is not worth an `-ERR` that would say that marked
    /// messages are still there.
    fn note_seen(&self, numbers: Vec<MessageNumber>, at: &mut impl FnMut(UpdateStep)) -> bool {
        let mut is_touched = false;
        let mut note = |number: &MessageNumber| {
            at(UpdateStep::Note(*number));
            let noted = self.note_known(number.index());
            is_touched |= matches!(noted, Ok(Attempt::Done(true)));
            matches!(noted, Ok(Attempt::Absent))
        };
        let missing: Vec<_> = numbers.into_iter().filter(&mut note).collect();
        if !missing.is_empty() && matches!(self.rescan(), Ok(true)) {
            missing.iter().for_each(|number| {
                note(number);
            });
        }
        is_touched
    }

    /// Sets the flag on one message, if it is where it is known to be.
    fn note_known(&self, index: usize) -> Result<Attempt<bool>, Errno> {
        self.try_known(index, &mut |folder, name| {
            let Some(seen) = name::with_seen(name) else { return Ok(Attempt::Done(false)) };
            match sys::rename_new(folder, name, self.cur.as_fd(), &seen) {
                Ok(()) => Ok(Attempt::Done(true)),
                Err(errno) if sys::is_absent(errno) => Ok(Attempt::Absent),
                Err(_) => Ok(Attempt::Done(false)),
            }
        })
    }

    /// Makes removals and renames durable.
    ///
    /// First cur, where messages went, then new, where they came from: the other way round, a power
    /// failure between the two could leave a message in neither.
    fn flush(&self) -> Result<(), UpdateError> {
        let flush = || {
            fs::fsync(&self.cur)?;
            let new = match sys::open_dir(self.root.as_fd(), b"new") {
                Ok(new) => new,
                // Somebody has taken it away, and with it what could come back.
                Err(Errno::NOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            };
            if self.snapshot.touches_new || is_recent(&fs::fstat(&new)?) {
                fs::fsync(new)?;
            }
            Ok(())
        };
        flush().map_err(|errno: Errno| UpdateError::Io {
            action: "flush the removals in",
            path: self.path.clone(),
            source: errno.into(),
        })
    }
}

/// Whether a change of this directory may not be on the disk yet.
///
/// A session that was killed, or another program, may have moved messages out of new without flushing it,
/// and what was removed from cur would come back there. Systems write by themselves within a minute.
fn is_recent(directory: &fs::Stat) -> bool {
    sys::now().saturating_sub(Version::of(directory).mtime) < RECENT
}

/// Ten minutes, in nanoseconds.
const RECENT: i64 = 600 * 1_000_000_000;
