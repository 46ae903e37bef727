//! Which passwords were just found wrong.

use std::{
    collections::{HashSet, VecDeque},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Passwords remembered; with the next, the oldest is forgotten.
const REMEMBERED: usize = 4096;

/// Names with passwords that are not theirs, as keyed hashes. They are valid as long as the secrets of the
/// users are the same, so they are kept beside those.
#[derive(Debug, Default)]
pub(super) struct Refused {
    hasher: RandomState,
    hashes: Mutex<Hashes>,
}

#[derive(Debug, Default)]
struct Hashes {
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Refused {
    pub(super) fn contains(&self, user: &str, password: &str) -> bool {
        let hash = self.hasher.hash_one((user, password));
        self.hashes().known.contains(&hash)
    }

    pub(super) fn insert(&self, user: &str, password: &str) {
        let hash = self.hasher.hash_one((user, password));
        let mut hashes = self.hashes();
        if !hashes.known.insert(hash) {
            return;
        }
        hashes.order.push_back(hash);
        if hashes.order.len() > REMEMBERED
            && let Some(oldest) = hashes.order.pop_front()
        {
            hashes.known.remove(&oldest);
        }
    }

    fn hashes(&self) -> MutexGuard<'_, Hashes> {
        // At worst a hash that nobody asks for stays until it is the oldest.
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Other users begin without any.
impl Clone for Refused {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known() {
        let refused = Refused::default();
        for n in 0..2 * REMEMBERED {
            refused.insert("alice", &n.to_string());
            refused.insert("alice", &n.to_string());
        }
        assert!(!refused.contains("alice", "0"));
        assert!(refused.contains("alice", &(2 * REMEMBERED - 1).to_string()));
        assert!(refused.contains("alice", &REMEMBERED.to_string()));
        assert!(!refused.contains("bob", &REMEMBERED.to_string()));
        assert!(!refused.clone().contains("alice", &REMEMBERED.to_string()));
        let hashes = refused.hashes();
        assert_eq!((hashes.known.len(), hashes.order.len()), (REMEMBERED, REMEMBERED));
    }
}
