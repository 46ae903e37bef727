//! How many are in: altogether, from one address, of one user.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

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
    /// Who has not logged in, the oldest first.
    before_login: BTreeMap<u64, Waiting>,
    /// The number of the next connection.
    next: u64,
}

/// A connection that has not logged in, and could give way to a newcomer.
#[derive(Debug)]
struct Waiting {
    address: IpAddr,
    gives_way: CancellationToken,
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

    /// A place for a connection. When there is none left, the oldest connection that has not logged in
    /// gives way: whoever only sits there must not keep out those who come for their mail.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admission, Full> {
        let address = network(address);
        let mut counts = self.counts();
        // First the share of one address: nobody can drive others out from a single one.
        if counts.of_address.get(&address).is_some_and(|count| *count >= self.limits.connections_per_address)
        {
            return Err(Full::Address);
        }
        if counts.connections >= self.limits.connections && !counts.make_room() {
            return Err(Full::Server);
        }
        *counts.of_address.entry(address).or_default() += 1;
        counts.connections += 1;
        let number = counts.next;
        counts.next += 1;
        let gives_way = CancellationToken::new();
        counts.before_login.insert(number, Waiting { address, gives_way: gives_way.clone() });
        drop(counts);
        Ok(Admission { counters: Arc::clone(self), address, number, gives_way })
    }

    /// Lets the oldest connection that has not logged in give way; false when there is none.
    pub(crate) fn make_room(&self) -> bool {
        self.counts().make_room()
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

impl Counts {
    fn make_room(&mut self) -> bool {
        let Some((_, oldest)) = self.before_login.pop_first() else { return false };
        self.leave(oldest.address);
        // From here on its own guard gives nothing back.
        oldest.gives_way.cancel();
        true
    }

    fn leave(&mut self, address: IpAddr) {
        self.connections = self.connections.saturating_sub(1);
        release(&mut self.of_address, &address);
    }
}

/// A place for a connection.
#[derive(Debug)]
pub(crate) struct Admission {
    counters: Arc<Counters>,
    address: IpAddr,
    number: u64,
    gives_way: CancellationToken,
}

impl Admission {
    /// Cancelled when the place is somebody else's.
    pub(crate) fn gives_way(&self) -> CancellationToken {
        self.gives_way.clone()
    }

    /// Keeps the place from now on: a login is being looked at, or was right.
    pub(crate) fn keep(&self) {
        self.counters.counts().before_login.remove(&self.number);
    }

    /// Gives way again where others came later: the login was wrong, or is not decided.
    pub(crate) fn keep_no_longer(&self) {
        let mut counts = self.counters.counts();
        if !self.gives_way.is_cancelled() {
            let waiting = Waiting { address: self.address, gives_way: self.gives_way.clone() };
            counts.before_login.insert(self.number, waiting);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.counters.counts();
        if !self.gives_way.is_cancelled() {
            counts.before_login.remove(&self.number);
            counts.leave(self.address);
        }
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
pub(crate) fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
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
        let second = counters.admit(one).unwrap();
        assert_eq!(counters.admit(one).unwrap_err(), Full::Address);
        let third = counters.admit(two).unwrap();
        for admission in [&first, &second, &third] {
            admission.keep();
        }
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
    fn the_oldest_that_has_not_logged_in_gives_way() {
        let counters = counters(3, 2, 1);
        let [one, two, three] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| text.parse().unwrap());
        let logged_in = counters.admit(one).unwrap();
        logged_in.keep();
        let trying = counters.admit(one).unwrap();
        let idle = counters.admit(two).unwrap();
        // Whoever has its share drives nobody out.
        assert_eq!(counters.admit(one).unwrap_err(), Full::Address);
        // A login that is being looked at is let be, and gives way first once it was wrong.
        trying.keep();
        let newcomer = counters.admit(three).unwrap();
        assert!(idle.gives_way().is_cancelled() && !trying.gives_way().is_cancelled());
        trying.keep_no_longer();
        let next = counters.admit(three).unwrap();
        assert!(trying.gives_way().is_cancelled() && !newcomer.gives_way().is_cancelled());
        assert!(!logged_in.gives_way().is_cancelled());
        // Those whose place was taken give nothing back, and cannot come in again.
        trying.keep_no_longer();
        drop((trying, idle));
        let left = || {
            let counts = counters.counts();
            (counts.connections, counts.before_login.len(), counts.of_address.len())
        };
        assert_eq!(left(), (3, 2, 2));
        drop((logged_in, newcomer, next));
        assert_eq!(left(), (0, 0, 0));
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
