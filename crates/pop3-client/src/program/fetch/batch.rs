//! What came and is not yet durable, and what to make of a message that came: whole, or perhaps cut.

use pop3_store::maildir::Delivery;

use super::{
    Run,
    content::{Digest, Unclaimed},
    journal::{Entry, State},
    plan::Listed,
    sizes::{Extent, Sizes},
    spool::{Received, Recognised},
};
use crate::program::exit::Failure;

/// Messages that are made durable together; each holds an open file until then.
const BATCH: usize = 64;
/// Files of the program itself: streams, the socket, signals, the directories, the journal and its lock.
const OWN_FILES: usize = 18;
/// Octets that are made durable together, as nearly as messages allow.
const BATCH_OCTETS: u64 = 32 << 20;

/// A message that came in full.
pub(super) struct Arrived {
    pub(super) delivery: Delivery,
    pub(super) octets: u64,
    pub(super) digest: Digest,
}

/// Messages that are received and not yet durable.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) received: Vec<Received>,
    /// Messages that are made durable together, at most.
    pub(super) most: usize,
    /// Of the received ones, those of another size than the server said, by their place.
    pub(super) odd: Vec<usize>,
    pub(super) recognised: Vec<Recognised>,
    pub(super) octets: u64,
    pub(super) unclaimed: Unclaimed,
    /// How the server's sizes are, this session's included.
    pub(super) sizes: Sizes,
    /// Whether they were known to be loose before this session.
    pub(super) are_loose: bool,
    /// What came shorter than listed, as it is stored; whether it is whole is settled when all have come.
    pub(super) doubted: Vec<(Listed, Digest)>,
    /// The last message was of another size than the server said.
    pub(super) is_last_odd: bool,
    /// Messages that the server said it had removed, seen again for the first time.
    pub(super) still_there: usize,
}

/// What to make of a message that came.
pub(super) enum Verdict {
    Whole,
    /// The end of the session will tell.
    Doubted,
    MuchShorter,
}

/// As many messages as this process may have files open for.
pub(super) fn most_messages() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    limit.saturating_sub(OWN_FILES).clamp(1, BATCH)
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.received.len() >= self.most || self.recognised.len() >= BATCH || self.octets >= BATCH_OCTETS
    }

    pub(super) fn store(&mut self, run: &mut Run<'_>) -> Result<(), Failure> {
        let received = std::mem::take(&mut self.received);
        let count = u64::try_from(received.len()).unwrap_or(u64::MAX);
        self.odd.clear();
        run.spool.store(received)?;
        run.fetched += count;
        run.octets += std::mem::take(&mut self.octets);
        let recognised = std::mem::take(&mut self.recognised);
        run.recognised += u64::try_from(recognised.len()).unwrap_or(u64::MAX);
        run.spool.note_recognised(recognised)
    }

    /// Takes up a message that came in full.
    pub(super) fn add(&mut self, run: &Run<'_>, listed: &Listed, arrived: Arrived) -> Verdict {
        let Arrived { delivery, octets, digest } = arrived;
        let (unique_id, size) = (listed.unique_id.clone(), listed.size);
        let before = run.spool.journal().short(listed);
        if before.is_none() {
            self.sizes.note(size, octets);
        }
        self.is_last_odd = octets != size;
        let stored = self.unclaimed.take(unique_id.as_ref(), &digest);
        // Cut twice at the same octet is less likely than listed wrong. Other messages may be cut to the same
        // octets, to none for one.
        let is_same_again = before.is_some_and(|entry| entry.digest == Some(digest))
            || stored.as_ref().is_some_and(|entry| entry.unique_id == unique_id || entry.size == size);
        let verdict = match Extent::of(size, octets) {
            Extent::Full => Verdict::Whole,
            Extent::Shorter if is_same_again || self.are_loose => Verdict::Whole,
            Extent::Shorter => Verdict::Doubted,
            Extent::MuchShorter => Verdict::MuchShorter,
        };
        let state = if matches!(verdict, Verdict::Whole) { State::Whole } else { State::Short };
        let noted = (state == State::Short).then_some(octets);
        if let Some(stored) = stored {
            let supersedes = before.map(|entry| entry.name.clone()).filter(|name| *name != stored.name);
            let was_removed = stored.state == State::Removed;
            if was_removed && !stored.is_confirmed {
                self.still_there += 1;
            }
            let is_confirmed = was_removed || (is_same_again && state == State::Short);
            let entry =
                Entry { unique_id, size, state, absent_since: None, is_confirmed, octets: noted, ..stored };
            self.recognised.push(Recognised { entry, octets, supersedes });
            self.doubt(&verdict, listed, digest);
            return verdict;
        }
        if let Some(fuller) = before.filter(|entry| entry.octets.is_some_and(|before| octets <= before))
            && octets < size
            && !run.arguments.all
        {
            // Cut once more, and no later: what is stored is the better part, and dropping this one removes it.
            if state == State::Whole {
                let entry = Entry { state, is_confirmed: false, octets: None, ..fuller.clone() };
                self.recognised.push(Recognised { entry, octets, supersedes: None });
            }
            self.doubt(&verdict, listed, fuller.digest.unwrap_or(digest));
            return verdict;
        }
        if octets != size {
            self.odd.push(self.received.len());
        }
        let supersedes = before.map(|entry| entry.name.clone());
        self.received.push(Received { delivery, unique_id, size, octets, state, digest, supersedes });
        self.octets += octets;
        self.doubt(&verdict, listed, digest);
        verdict
    }

    fn doubt(&mut self, verdict: &Verdict, listed: &Listed, digest: Digest) {
        if matches!(verdict, Verdict::Doubted) {
            self.doubted.push((listed.clone(), digest));
        }
    }

    /// The server and this client no longer agreed where a message ends. Messages of another size than the
    /// server said may be parts of messages, or several in one: they are fetched again, after the others.
    /// Those that were before, and are no better, are stored; but the server is to keep them.
    pub(super) fn distrust(&mut self, run: &mut Run<'_>) -> Result<(), Failure> {
        for index in std::mem::take(&mut self.odd).into_iter().rev() {
            let Some(received) = self.received.get_mut(index) else { continue };
            match received.unique_id.clone() {
                Some(unique_id) if !run.spool.journal().has_failed(&unique_id) => {
                    self.received.remove(index);
                    run.spool.note_failure(&unique_id)?;
                }
                _ => received.state = State::Short,
            }
        }
        for Recognised { entry, octets, .. } in &mut self.recognised {
            if *octets != entry.size {
                (entry.state, entry.is_confirmed, entry.octets) = (State::Short, false, Some(*octets));
            }
        }
        Ok(())
    }
}
