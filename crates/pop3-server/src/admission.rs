//! How many are in: altogether, from one address, of one user.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::Limits;

/// Counts connections and sessions. A place is given back when its guard is dropped.
#[derive(Debug)]
pub(crate) struct Counters {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: usize,
    of_address: HashMap<IpAddr, usize>,
    of_user: HashMap<Box<str>, usize>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The server.
    Server,
    /// The share of one address.
    Address,
}

impl Counters {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    /// A place for a connection.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admission, Full> {
        let address = network(address);
        let mut counts = self.counts();
        if counts.connections >= self.limits.connections {
            return Err(Full::Server);
        }
        let of_address = counts.of_address.entry(address).or_default();
        if *of_address >= self.limits.connections_per_address {
            return Err(Full::Address);
        }
        *of_address += 1;
        counts.connections += 1;
        drop(counts);
        Ok(Admission { counters: Arc::clone(self), address })
    }

    /// A place for a session of a user.
    pub(crate) fn admit_user(self: &Arc<Self>, user: &str) -> Option<UserAdmission> {
        let mut counts = self.counts();
        let of_user = counts.of_user.entry(user.into()).or_default();
        if *of_user >= self.limits.sessions_per_user {
            return None;
        }
        *of_user += 1;
        drop(counts);
        Some(UserAdmission { counters: Arc::clone(self), user: user.into() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Every change is a single step, so a panic elsewhere leaves nothing half-done.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a connection.
#[derive(Debug)]
pub(crate) struct Admission {
    counters: Arc<Counters>,
    address: IpAddr,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.counters.counts();
        counts.connections = counts.connections.saturating_sub(1);
        release(&mut counts.of_address, &self.address);
    }
}

/// A place for a session of a user.
#[derive(Debug)]
pub(crate) struct UserAdmission {
    counters: Arc<Counters>,
    user: Box<str>,
}

impl Drop for UserAdmission {
    fn drop(&mut self) {
        release(&mut self.counters.counts().of_user, &self.user);
    }
}

/// One less; those who have none are forgotten.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// What counts as one address: whoever has one of IPv6 has 2^64 of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(connections: usize, per_address: usize, per_user: usize) -> Arc<Counters> {
        let limits = Limits {
            connections,
            connections_per_address: per_address,
            sessions_per_user: per_user,
            ..Limits::default()
        };
        Arc::new(Counters::new(limits))
    }

    // Conformance: A-48
    #[test]
    fn places_are_counted_and_given_back() {
        let counters = counters(3, 2, 1);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let first = counters.admit(one).unwrap();
        let _second = counters.admit(one).unwrap();
        assert_eq!(counters.admit(one).unwrap_err(), Full::Address);
        let _third = counters.admit(two).unwrap();
        assert_eq!(counters.admit(two).unwrap_err(), Full::Server);
        drop(first);
        assert!(counters.admit(two).is_ok());

        let session = counters.admit_user("alice").unwrap();
        assert!(counters.admit_user("alice").is_none());
        assert!(counters.admit_user("bob").is_some());
        drop(session);
        assert!(counters.admit_user("alice").is_some());
        assert!(counters.counts().of_user.is_empty(), "nobody is remembered for nothing");
    }

    // Conformance: A-48
    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let parse = |text: &str| network(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::ffff:1"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
        assert_ne!(parse("192.0.2.1"), parse("192.0.2.2"));
    }
}
