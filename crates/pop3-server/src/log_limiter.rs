//! How many lines others can put into the log.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

use crate::admission::wide_network;

/// The time that a budget is for.
pub(crate) const STRETCH: Duration = Duration::from_secs(10);
/// Lines in that time: about connections before login, except refused logins.
const CONNECTIONS: u32 = 200;
/// About refused logins, in all and of one network.
const REFUSALS: u32 = 1000;
const REFUSALS_OF_NETWORK: u32 = 50;
/// About the sessions of one user.
const OF_USER: u32 = 100;

/// Networks and users that are counted by themselves.
const COUNTED: usize = 10_000;
/// Networks and users that a summary names.
const NAMED: usize = 10;

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About<'a> {
    /// A connection on which nobody has logged in.
    Connection,
    /// A refused login from this address.
    Refusal(IpAddr),
    /// A session of this user.
    User(&'a str),
}

/// Keeps the log readable and the disk free, and lets no flood hide what else happens. Lines that are left out are
/// counted, and a summary says how many.
#[derive(Debug, Default)]
pub(crate) struct LogLimiter(Mutex<Stretch>);

#[derive(Debug, Default)]
struct Stretch {
    began: Option<Instant>,
    connections: Lines,
    refusals: Lines,
    of_network: HashMap<IpAddr, Lines>,
    of_user: HashMap<Box<str>, Lines>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Lines {
    written: u32,
    left_out: u64,
}

impl LogLimiter {
    /// Whether one more line may be written.
    pub(crate) fn admits(&self, about: About<'_>, now: Instant) -> bool {
        let mut stretch = self.stretch();
        stretch.turn_over(now);
        match about {
            About::Connection => stretch.connections.admit(CONNECTIONS),
            About::Refusal(address) => {
                let Stretch { refusals, of_network, .. } = &mut *stretch;
                match counted(of_network, wide_network(address)) {
                    Some(network) if refusals.written < REFUSALS => {
                        let is_admitted = network.admit(REFUSALS_OF_NETWORK);
                        refusals.written += u32::from(is_admitted);
                        is_admitted
                    }
                    // Too many lines in all. They are counted for the networks as far as these are counted.
                    Some(network) => network.admit(0),
                    None => refusals.admit(0),
                }
            }
            About::User(user) => match counted(&mut stretch.of_user, user.into()) {
                Some(lines) => lines.admit(OF_USER),
                // As many users in one stretch write more lines than this one.
                None => true,
            },
        }
    }

    /// Writes the summary of a stretch that is over.
    pub(crate) fn report(&self, now: Instant) {
        self.stretch().turn_over(now);
    }

    fn stretch(&self) -> MutexGuard<'_, Stretch> {
        // Every change is a single step, so a panic elsewhere leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The count of a network or a user, where there is room for one more.
fn counted<K: Hash + Eq>(counts: &mut HashMap<K, Lines>, key: K) -> Option<&mut Lines> {
    if counts.len() >= COUNTED && !counts.contains_key(&key) {
        return None;
    }
    Some(counts.entry(key).or_default())
}

impl Lines {
    fn admit(&mut self, budget: u32) -> bool {
        let is_admitted = self.written < budget;
        match is_admitted {
            true => self.written += 1,
            false => self.left_out = self.left_out.saturating_add(1),
        }
        is_admitted
    }
}

impl Stretch {
    fn turn_over(&mut self, now: Instant) {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) >= STRETCH) {
            self.report();
            *self = Self { began: Some(now), ..Self::default() };
        }
    }

    fn report(&self) {
        let left_out = self.connections.left_out;
        if left_out > 0 {
            warn!(left_out, "lines about connections before login were left out");
        }
        let (named, others) = summary(&self.of_network);
        for (network, left_out) in named {
            warn!(%network, left_out, "refused logins of this network were left out");
        }
        let left_out = others.saturating_add(self.refusals.left_out);
        if left_out > 0 {
            warn!(left_out, "refused logins of other networks were left out");
        }
        let (named, others) = summary(&self.of_user);
        for (user, left_out) in named {
            warn!(user = &**user, left_out, "lines about sessions of this user were left out");
        }
        if others > 0 {
            warn!(left_out = others, "lines about sessions of other users were left out");
        }
    }
}

/// Those with most lines left out, and how many lines the others have.
fn summary<K: Ord>(counts: &HashMap<K, Lines>) -> (Vec<(&K, u64)>, u64) {
    let left_out =
        counts.iter().map(|(key, lines)| (key, lines.left_out)).filter(|(_, left_out)| *left_out > 0);
    let mut left_out: Vec<_> = left_out.collect();
    left_out.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
    let others = left_out.split_off(left_out.len().min(NAMED));
    (left_out, others.iter().fold(0, |sum, (_, left_out)| sum.saturating_add(*left_out)))
}

impl Drop for LogLimiter {
    fn drop(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).report();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limiter: &LogLimiter, about: About<'_>, times: u32, now: Instant) -> u32 {
        (0..times).map(|_| u32::from(limiter.admits(about, now))).sum()
    }

    // Conformance: A-56
    #[test]
    fn each_has_a_budget_for_a_stretch_of_time() {
        let limiter = LogLimiter::default();
        let now = Instant::now();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        assert_eq!(written(&limiter, About::Connection, 5000, now), CONNECTIONS);
        // None of these hides another.
        assert_eq!(written(&limiter, About::Refusal(one), 5000, now), REFUSALS_OF_NETWORK);
        assert_eq!(written(&limiter, About::Refusal(other), 3, now), 3);
        assert_eq!(written(&limiter, About::User("alice"), 5000, now), OF_USER);
        assert_eq!(written(&limiter, About::User("bob"), 3, now), 3);
        assert_eq!(written(&limiter, About::Connection, 10, now + STRETCH), 10);
        assert_eq!(written(&limiter, About::Refusal(one), 10, now + STRETCH), 10);
    }

    // Conformance: A-56
    #[test]
    fn many_networks_and_users_cost_bounded_memory_and_lines() {
        let limiter = LogLimiter::default();
        let now = Instant::now();
        let mut lines = 0;
        for number in 0..2 * u32::try_from(COUNTED).unwrap() {
            let address = IpAddr::V4(number.to_be_bytes().into());
            lines += written(&limiter, About::Refusal(address), 2, now);
            limiter.admits(About::User(&number.to_string()), now);
        }
        assert_eq!(lines, REFUSALS);
        let stretch = limiter.stretch();
        assert_eq!((stretch.of_network.len(), stretch.of_user.len()), (COUNTED, COUNTED));
        let (named, others) = summary(&stretch.of_network);
        assert_eq!(named.len(), NAMED);
        let left_out =
            named.iter().map(|(_, left_out)| left_out).sum::<u64>() + others + stretch.refusals.left_out;
        assert_eq!(left_out, 4 * COUNTED as u64 - u64::from(REFUSALS));
    }
}
