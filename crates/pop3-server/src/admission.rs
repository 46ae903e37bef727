//! How many are in: altogether, from one address, of one user.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
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
    /// Who has not logged in.
    waiting: HashMap<u64, Waiting>,
    /// The same by address and by network, the oldest first.
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
    by_network: HashMap<IpAddr, BTreeSet<u64>>,
    /// The networks by how many wait. Among equals, the one with the oldest is the last.
    crowds: BTreeSet<(usize, Reverse<u64>, IpAddr)>,
    /// The number of the next connection.
    next: u64,
}

/// A connection that has not logged in, and could give way to a newcomer.
#[derive(Debug)]
struct Waiting {
    address: IpAddr,
    gives_way: GivesWay,
}

/// Whether a connection has given way, and why.
#[derive(Debug, Clone, Default)]
struct GivesWay {
    token: CancellationToken,
    why: Arc<OnceLock<Full>>,
}

/// What is full.
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

    /// A place for a connection. When there is none left, one that has not logged in gives way: an idle connection must
    /// not keep out a user who comes for mail. Beyond the share of an address it is the address's own oldest; on
    /// a full server, the oldest of the network that has most connections without a login.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admission, Full> {
        let address = network(address);
        let mut counts = self.counts();
        let of_address = counts.of_address.get(&address).copied().unwrap_or_default();
        if of_address >= self.limits.connections_per_address {
            if !counts.make_room_of(address) {
                return Err(Full::Address);
            }
        } else if counts.connections >= self.limits.connections && !counts.make_room() {
            return Err(Full::Server);
        }
        *counts.of_address.entry(address).or_default() += 1;
        counts.connections += 1;
        let number = counts.next;
        counts.next += 1;
        let gives_way = GivesWay::default();
        counts.wait(number, Waiting { address, gives_way: gives_way.clone() });
        drop(counts);
        Ok(Admission { counters: Arc::clone(self), address, number, gives_way })
    }

    /// Lets a connection that has not logged in give way; false when there is none.
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
        let Some((_, Reverse(oldest), _)) = self.crowds.last().copied() else { return false };
        self.end(oldest, Full::Server)
    }

    fn make_room_of(&mut self, address: IpAddr) -> bool {
        let oldest = self.by_address.get(&address).and_then(|numbers| numbers.first().copied());
        oldest.is_some_and(|oldest| self.end(oldest, Full::Address))
    }

    fn end(&mut self, number: u64, why: Full) -> bool {
        let Some(ended) = self.wait_no_longer(number) else { return false };
        self.leave(ended.address);
        // From here on its own guard gives nothing back.
        let _ = ended.gives_way.why.set(why);
        ended.gives_way.token.cancel();
        true
    }

    fn wait(&mut self, number: u64, waiting: Waiting) {
        let address = waiting.address;
        self.by_address.entry(address).or_default().insert(number);
        self.change_crowd(wide_network(address), |numbers| {
            numbers.insert(number);
        });
        self.waiting.insert(number, waiting);
    }

    fn wait_no_longer(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        if let Entry::Occupied(mut numbers) = self.by_address.entry(waiting.address) {
            numbers.get_mut().remove(&number);
            if numbers.get().is_empty() {
                numbers.remove();
            }
        }
        self.change_crowd(wide_network(waiting.address), |numbers| {
            numbers.remove(&number);
        });
        Some(waiting)
    }

    fn change_crowd(&mut self, network: IpAddr, change: impl FnOnce(&mut BTreeSet<u64>)) {
        let numbers = self.by_network.entry(network).or_default();
        let rank = |numbers: &BTreeSet<u64>| Some((numbers.len(), Reverse(*numbers.first()?), network));
        if let Some(rank) = rank(numbers) {
            self.crowds.remove(&rank);
        }
        change(numbers);
        match rank(numbers) {
            Some(rank) => drop(self.crowds.insert(rank)),
            None => drop(self.by_network.remove(&network)),
        }
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
    gives_way: GivesWay,
}

impl Admission {
    /// Cancelled when the place is somebody else's.
    pub(crate) fn gives_way(&self) -> CancellationToken {
        self.gives_way.token.clone()
    }

    /// Why the place is somebody else's, for the log.
    pub(crate) fn gave_way_to(&self) -> &'static str {
        match self.gives_way.why.get() {
            Some(Full::Address) => "its address has as many connections as it may have",
            Some(Full::Server) | None => "the server is full",
        }
    }

    /// Keeps the place from now on: a login is being looked at, or was right.
    pub(crate) fn keep(&self) {
        self.counters.counts().wait_no_longer(self.number);
    }

    /// Gives way again where others came later: the login was wrong, or is not decided.
    pub(crate) fn keep_no_longer(&self) {
        let mut counts = self.counters.counts();
        if !self.gives_way.token.is_cancelled() {
            counts.wait(self.number, Waiting { address: self.address, gives_way: self.gives_way.clone() });
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut counts = self.counters.counts();
        if !self.gives_way.token.is_cancelled() {
            counts.wait_no_longer(self.number);
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

/// What is treated as one among others: a customer of IPv6 has up to 2^16 networks of 64 bits.
pub(crate) fn wide_network(address: IpAddr) -> IpAddr {
    match network(address) {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 80 << 80)),
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
        let third = counters.admit(two).unwrap();
        for admission in [&first, &second, &third] {
            admission.keep();
        }
        assert_eq!(counters.admit(one).unwrap_err(), Full::Address);
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
            let lists = [counts.by_address.len(), counts.by_network.len(), counts.crowds.len()];
            (counts.connections, counts.waiting.len(), counts.of_address.len(), lists)
        };
        assert_eq!(left(), (3, 2, 2, [1, 1, 1]));
        drop((logged_in, newcomer, next));
        assert_eq!(left(), (0, 0, 0, [0, 0, 0]));
    }

    // Conformance: A-94
    #[test]
    fn beyond_the_share_of_an_address_its_own_oldest_gives_way() {
        let counters = counters(10, 3, 1);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let other = counters.admit(two).unwrap();
        let mine: Vec<_> = (0..3).map(|_| counters.admit(one).unwrap()).collect();
        mine[0].keep();
        let newcomer = counters.admit(one).unwrap();
        let given_way: Vec<_> = mine.iter().map(|admission| admission.gives_way().is_cancelled()).collect();
        assert_eq!(given_way, [false, true, false]);
        assert!(mine[1].gave_way_to().contains("its address"));
        assert!(!other.gives_way().is_cancelled() && !newcomer.gives_way().is_cancelled());
    }

    // Conformance: A-94
    #[test]
    fn the_network_that_waits_most_gives_way() {
        let counters = counters(5, 100, 1);
        let address = |text: &str| text.parse().unwrap();
        let user = counters.admit(address("192.0.2.1")).unwrap();
        // Addresses of one network of IPv6.
        let mut others: Vec<_> = (0..4)
            .map(|number| counters.admit(address(&format!("2001:db8:0:{number}::1"))).unwrap())
            .collect();
        for number in 0..100 {
            others.push(counters.admit(address(&format!("2001:db8:0:{number}::2"))).unwrap());
            assert!(!user.gives_way().is_cancelled(), "{number}");
        }
        assert_eq!(others.iter().filter(|other| !other.gives_way().is_cancelled()).count(), 4);
        // Where nobody has more than another, the oldest gives way.
        drop(others);
        let all: Vec<_> = (2..6).map(|n| counters.admit(address(&format!("192.0.2.{n}"))).unwrap()).collect();
        let _newcomer = counters.admit(address("192.0.2.9")).unwrap();
        assert!(user.gives_way().is_cancelled() && all.iter().all(|other| !other.gives_way().is_cancelled()));
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
