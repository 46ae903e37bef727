//! For each unknown name a user who stands in for it: a login takes as long, and SCRAM shows parameters as that user's.
//!
//! Names and users have places on a ring, by a hash with a lasting key. The stand-in of a name is the next user on the
//! ring. So it stays the same after a restart, and when the file changes, nearly all names keep theirs.

use std::collections::BTreeMap;

use pop3_sasl::{Decoy, ScramHash};

use super::entry::Stored;
use crate::Proof;

#[derive(Debug, Clone)]
pub(super) struct StandIns {
    all: Ring,
    scram: [(ScramHash, Ring); 2],
}

/// Users by their places.
type Ring = Box<[(u64, Box<str>)]>;

impl StandIns {
    pub(super) fn new(entries: &BTreeMap<Box<str>, Vec<Stored>>, decoy: &Decoy) -> Self {
        let ring = |proof: Option<Proof>| {
            let takes_part = |secrets: &[Stored]| {
                proof.is_none_or(|proof| secrets.iter().any(|stored| stored.serves(proof)))
            };
            let users = entries.iter().filter(|(_, secrets)| takes_part(secrets));
            let mut ring: Vec<_> = users.map(|(name, _)| (decoy.choice(name), name.clone())).collect();
            ring.sort_unstable();
            ring.into_boxed_slice()
        };
        let scram = [ScramHash::Sha1, ScramHash::Sha256].map(|hash| (hash, ring(Some(Proof::Scram(hash)))));
        Self { all: ring(None), scram }
    }

    /// The stand-in among all users, or among those who can use SCRAM with this hash; `None` where there are no such users.
    pub(super) fn of(&self, name: &str, hash: Option<ScramHash>, decoy: &Decoy) -> Option<&str> {
        let of_hash = |hash| self.scram.iter().find(|(of, _)| *of == hash).map(|(_, ring)| ring);
        let ring = hash.map_or(Some(&self.all), of_hash)?;
        let place = decoy.choice(name);
        let next = ring.partition_point(|(of, _)| *of < place);
        ring.get(next).or_else(|| ring.first()).map(|(_, name)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(users: impl Iterator<Item = u32>) -> BTreeMap<Box<str>, Vec<Stored>> {
        users.map(|n| (format!("user{n}").into(), vec![Stored::Plain("secret".into())])).collect()
    }

    // Conformance: A-95
    #[test]
    fn a_name_keeps_its_stand_in_when_other_users_come_and_go() {
        let decoy = Decoy::new(b"secret", 4096, 16);
        let before = StandIns::new(&entries(0..100), &decoy);
        let again = StandIns::new(&entries(0..100), &decoy);
        let after = StandIns::new(&entries(1..101), &decoy);
        let names: Vec<_> = (0..1000).map(|n| format!("unknown{n}")).collect();
        let stand_in = |of: &StandIns, name: &str| of.of(name, None, &decoy).unwrap().to_owned();
        assert!(names.iter().all(|name| stand_in(&before, name) == stand_in(&again, name)));
        let changed = names.iter().filter(|name| stand_in(&before, name) != stand_in(&after, name)).count();
        assert!(changed < 150, "{changed}");
        // Many users stand in for names.
        let mut used: Vec<_> = names.iter().map(|name| stand_in(&before, name)).collect();
        used.sort();
        used.dedup();
        assert!(used.len() > 60, "{}", used.len());
    }

    #[test]
    fn where_there_are_no_users_there_is_no_stand_in() {
        let decoy = Decoy::new(b"secret", 4096, 16);
        let nobody = StandIns::new(&entries(0..0), &decoy);
        assert_eq!(
            (nobody.of("a", None, &decoy), nobody.of("a", Some(ScramHash::Sha1), &decoy)),
            (None, None)
        );
    }
}
