//! How long the answer to a failed login waits.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{Limits, admission::network};

/// Failures by address, and by name: whoever guesses one name's password from many addresses waits too.
/// Only answers to wrong passwords wait, so nobody can keep out who knows the right one.
///
/// What was tried is kept as a keyed hash, to know a repetition when it comes.
#[derive(Debug)]
pub(crate) struct Penalties {
    first: Duration,
    longest: Duration,
    hasher: RandomState,
    of_address: Table<IpAddr>,
    /// By keyed hash of the name, whether there is such a user or not.
    of_name: Table<u64>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
    /// Of the last name and password.
    tried: Option<u64>,
}

/// Failures are forgotten after this time without another.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// Between two looks for what is over, in a table that is full.
const SWEEP: Duration = Duration::from_secs(60);
/// Addresses, and names, that are remembered; where more come, the later ones pay the first delay only.
const REMEMBERED: usize = 65_536;

/// What somebody tried to log in with, as far as it needs to be known to see it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tried(u64);

/// What a login has against it: recent failures of its address and of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suspicion {
    None,
    One,
    Two,
}

impl Suspicion {
    pub(crate) const LEVELS: usize = 3;

    /// With one more reason.
    pub(crate) const fn more(self) -> Self {
        match self {
            Self::None => Self::One,
            Self::One | Self::Two => Self::Two,
        }
    }
}

impl Penalties {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            first: limits.failure_delay,
            longest: limits.failure_delay_max,
            hasher: RandomState::new(),
            of_address: Table::default(),
            of_name: Table::default(),
        }
    }

    pub(crate) fn tried(&self, name: &str, password: &str) -> Tried {
        Tried(self.hasher.hash_one((name, password)))
    }

    /// Whether there were failures lately from this address, and for this name.
    pub(crate) fn suspicion(&self, address: IpAddr, name: Option<&str>, now: Instant) -> Suspicion {
        let of_address = self.of_address.has_failed(&network(address), now);
        let of_name = name.is_some_and(|name| self.of_name.has_failed(&self.hasher.hash_one(name), now));
        let one = if of_address { Suspicion::One } else { Suspicion::None };
        if of_name { one.more() } else { one }
    }

    /// Notes a failure, and says how long its answer waits. The same wrong password again, as a telephone
    /// sends it every five minutes, makes it no worse.
    pub(crate) fn fail(
        &self,
        address: IpAddr,
        name: Option<&str>,
        tried: Option<Tried>,
        now: Instant,
    ) -> Duration {
        let of_address = self.of_address.fail(network(address), tried, now);
        let of_name = name.map_or(1, |name| self.of_name.fail(self.hasher.hash_one(name), tried, now));
        let doublings = of_address.max(of_name).saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// Failures by what they have in common.
#[derive(Debug)]
struct Table<K>(Mutex<Remembered<K>>);

#[derive(Debug)]
struct Remembered<K> {
    failures: HashMap<K, Failures>,
    /// When those that are over were last looked for.
    swept: Option<Instant>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self(Mutex::new(Remembered { failures: HashMap::new(), swept: None }))
    }
}

impl<K: Hash + Eq> Table<K> {
    fn has_failed(&self, key: &K, now: Instant) -> bool {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.failures.get(key).is_some_and(|failures| now.duration_since(failures.last) < MEMORY)
    }

    /// Notes a failure; the how manieth it is.
    fn fail(&self, key: K, tried: Option<Tried>, now: Instant) -> u32 {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { failures, swept } = &mut *remembered;
        if failures.len() >= REMEMBERED {
            // Not every time: whoever fills the table would have each failure cost a look at all of it.
            if swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP) {
                failures.retain(|_, failures| now.duration_since(failures.last) < MEMORY);
                *swept = Some(now);
            }
            if failures.len() >= REMEMBERED && !failures.contains_key(&key) {
                return 1;
            }
        }
        let tried = tried.map(|Tried(hash)| hash);
        let entry = failures.entry(key).or_insert(Failures { count: 0, last: now, tried: None });
        if now.duration_since(entry.last) >= MEMORY {
            entry.count = 0;
            entry.tried = None;
        }
        if entry.count == 0 || tried.is_none() || tried != entry.tried {
            entry.count = entry.count.saturating_add(1);
        }
        entry.last = now;
        entry.tried = tried;
        entry.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn penalties() -> Penalties {
        Penalties::new(&Limits::default())
    }

    // Conformance: A-36
    #[test]
    fn the_delay_grows_to_its_end_for_one_address_alone() {
        let penalties = penalties();
        let [one, two]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let now = Instant::now();
        let seconds: Vec<u64> = (0..1000)
            .map(|n| {
                let tried = penalties.tried("alice", &n.to_string());
                penalties.fail(one, None, Some(tried), now).as_secs()
            })
            .collect();
        assert_eq!(seconds[..5], [2, 4, 8, 15, 15]);
        assert_eq!(seconds[999], 15);
        assert_eq!(penalties.fail(two, None, None, now).as_secs(), 2);
        assert_eq!(penalties.fail(one, None, None, now + MEMORY).as_secs(), 2, "forgotten in the end");
    }

    // Conformance: A-37
    #[test]
    fn the_same_wrong_password_again_costs_no_more() {
        let penalties = penalties();
        let address = "192.0.2.1".parse().unwrap();
        let now = Instant::now();
        let tried = penalties.tried("alice", "old password");
        for _ in 0..50 {
            assert_eq!(penalties.fail(address, None, Some(tried), now).as_secs(), 2);
        }
        assert_ne!(tried, penalties.tried("alice", "old passwore"));
        assert_ne!(tried, penalties.tried("bob", "old password"));
        // Where nothing is known of what was tried, every failure counts.
        assert_eq!(penalties.fail(address, None, None, now).as_secs(), 4);
        assert_eq!(penalties.fail(address, None, None, now).as_secs(), 8);
    }

    // Conformance: A-38
    #[test]
    fn guessing_one_name_from_many_addresses_waits_too() {
        let penalties = penalties();
        let now = Instant::now();
        let guess = |n: u32, name: &str| {
            let tried = penalties.tried(name, &n.to_string());
            penalties.fail(IpAddr::V4(n.into()), Some(name), Some(tried), now).as_secs()
        };
        let seconds: Vec<u64> = (0..1000).map(|n| guess(n, "alice")).collect();
        assert_eq!((&seconds[..5], seconds[999]), (&[2, 4, 8, 15, 15][..], 15));
        assert_eq!(guess(2000, "bob"), 2, "nobody else pays for it");
        // Names are remembered up to a limit too, and those that are known stay so.
        for n in 0..REMEMBERED as u32 + 10 {
            guess(n, &n.to_string());
        }
        assert!(penalties.of_name.0.lock().unwrap().failures.len() <= REMEMBERED);
        assert_eq!(guess(5_000_000, "alice"), 15);
    }

    #[test]
    fn a_full_table_is_not_gone_through_for_each_failure() {
        let penalties = penalties();
        let now = Instant::now();
        let fail = |n: u32, at| {
            penalties.fail(IpAddr::V4(n.into()), None, None, at);
        };
        (0..REMEMBERED as u32).for_each(|n| fail(n, now));
        let swept = || penalties.of_address.0.lock().unwrap().swept;
        assert_eq!(swept(), None, "there was room");
        for (at, last) in [(now, now), (now + SWEEP / 2, now), (now + SWEEP, now + SWEEP)] {
            fail(u32::MAX, at);
            assert_eq!(swept(), Some(last));
        }
    }

    #[test]
    fn addresses_are_remembered_up_to_a_limit() {
        let penalties = penalties();
        let now = Instant::now();
        for n in 0..REMEMBERED as u32 + 10 {
            penalties.fail(IpAddr::V4(n.into()), None, None, now);
        }
        assert!(penalties.of_address.0.lock().unwrap().failures.len() <= REMEMBERED);
        penalties.fail(IpAddr::V4(0xffff_ffff.into()), None, None, now + MEMORY);
        assert_eq!(penalties.of_address.0.lock().unwrap().failures.len(), 1);
    }
}
