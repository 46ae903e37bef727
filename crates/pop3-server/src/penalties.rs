//! How long the answer to a failed login waits.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{Limits, admission::network};

/// Failures by address. What was tried is kept as a keyed hash, to know a repetition when it comes.
#[derive(Debug)]
pub(crate) struct Penalties {
    first: Duration,
    longest: Duration,
    hasher: RandomState,
    failures: Mutex<HashMap<IpAddr, Failures>>,
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
/// Addresses that are remembered; where more come, the later ones pay the first delay only.
const ADDRESSES: usize = 65_536;

/// What somebody tried to log in with, as far as it needs to be known to see it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tried(u64);

impl Penalties {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            first: limits.failure_delay,
            longest: limits.failure_delay_max,
            hasher: RandomState::new(),
            failures: Mutex::default(),
        }
    }

    pub(crate) fn tried(&self, name: &str, password: &str) -> Tried {
        Tried(self.hasher.hash_one((name, password)))
    }

    /// Notes a failure, and says how long its answer waits. The same wrong password again, as a telephone
    /// sends it every five minutes, makes it no worse.
    pub(crate) fn fail(&self, address: IpAddr, tried: Option<Tried>, now: Instant) -> Duration {
        if self.first.is_zero() {
            return Duration::ZERO;
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES {
            failures.retain(|_, failures| now.duration_since(failures.last) < MEMORY);
            if failures.len() >= ADDRESSES {
                return self.first;
            }
        }
        let tried = tried.map(|Tried(hash)| hash);
        let entry = failures.entry(network(address)).or_insert(Failures { count: 0, last: now, tried: None });
        if now.duration_since(entry.last) >= MEMORY {
            entry.count = 0;
            entry.tried = None;
        }
        if entry.count == 0 || tried.is_none() || tried != entry.tried {
            entry.count = entry.count.saturating_add(1);
        }
        entry.last = now;
        entry.tried = tried;
        let doublings = entry.count.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest)
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
                penalties.fail(one, Some(tried), now).as_secs()
            })
            .collect();
        assert_eq!(seconds[..5], [2, 4, 8, 15, 15]);
        assert_eq!(seconds[999], 15);
        assert_eq!(penalties.fail(two, None, now).as_secs(), 2);
        assert_eq!(penalties.fail(one, None, now + MEMORY).as_secs(), 2, "forgotten in the end");
    }

    // Conformance: A-37
    #[test]
    fn the_same_wrong_password_again_costs_no_more() {
        let penalties = penalties();
        let address = "192.0.2.1".parse().unwrap();
        let now = Instant::now();
        let tried = penalties.tried("alice", "old password");
        for _ in 0..50 {
            assert_eq!(penalties.fail(address, Some(tried), now).as_secs(), 2);
        }
        assert_ne!(tried, penalties.tried("alice", "old passwore"));
        assert_ne!(tried, penalties.tried("bob", "old password"));
        // Where nothing is known of what was tried, every failure counts.
        assert_eq!(penalties.fail(address, None, now).as_secs(), 4);
        assert_eq!(penalties.fail(address, None, now).as_secs(), 8);
    }

    #[test]
    fn addresses_are_remembered_up_to_a_limit() {
        let penalties = penalties();
        let now = Instant::now();
        for n in 0..ADDRESSES as u32 + 10 {
            penalties.fail(IpAddr::V4(n.into()), None, now);
        }
        assert!(penalties.failures.lock().unwrap().len() <= ADDRESSES);
        penalties.fail(IpAddr::V4(0xffff_ffff.into()), None, now + MEMORY);
        assert_eq!(penalties.failures.lock().unwrap().len(), 1);
    }
}
