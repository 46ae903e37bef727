//! Snapshots kept in memory between sessions, so that the next login on an unchanged Maildir is a few
//! system calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::snapshot::Snapshot;

/// The last snapshot of each user, up to a number of messages in all.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    snapshots: HashMap<Box<str>, (u64, Arc<Snapshot>)>,
    /// Messages in all of them.
    messages: usize,
    /// Counts uses, to know the least recent one.
    clock: u64,
}

/// The place of one user in the cache.
#[derive(Debug)]
pub(super) struct Slot {
    cache: Arc<Cache>,
    user: Box<str>,
}

impl Cache {
    /// A cache of snapshots with at most `limit` messages together.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    pub(super) fn slot(self: &Arc<Self>, user: &str) -> Slot {
        Slot { cache: Arc::clone(self), user: user.into() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remove(&mut self, user: &str) {
        if let Some((_, snapshot)) = self.snapshots.remove(user) {
            self.messages = self.messages.saturating_sub(weight(&snapshot));
        }
    }

    /// Drops the least recently used until three quarters of the limit are left: rarely, and many at once.
    fn make_room(&mut self, limit: usize) {
        let mut by_use: Vec<(u64, Box<str>)> =
            self.snapshots.iter().map(|(user, (used, _))| (*used, user.clone())).collect();
        by_use.sort_unstable();
        for (_, user) in by_use {
            if self.messages <= limit / 4 * 3 {
                break;
            }
            self.remove(&user);
        }
    }
}

impl Slot {
    pub(super) fn load(&self) -> Option<Arc<Snapshot>> {
        let mut inner = self.cache.inner();
        inner.clock += 1;
        let now = inner.clock;
        let (used, snapshot) = inner.snapshots.get_mut(&self.user)?;
        *used = now;
        Some(Arc::clone(snapshot))
    }

    pub(super) fn store(&self, snapshot: &Arc<Snapshot>) {
        let mut inner = self.cache.inner();
        inner.remove(&self.user);
        if weight(snapshot) > self.cache.limit {
            return;
        }
        inner.clock += 1;
        let now = inner.clock;
        inner.messages = inner.messages.saturating_add(weight(snapshot));
        inner.snapshots.insert(self.user.clone(), (now, Arc::clone(snapshot)));
        if inner.messages > self.cache.limit {
            inner.make_room(self.cache.limit);
        }
    }

    pub(super) fn clear(&self) {
        self.cache.inner().remove(&self.user);
    }
}

/// Messages, and two for what an empty snapshot takes.
fn weight(snapshot: &Snapshot) -> usize {
    snapshot.entries.len().saturating_add(2)
}
