//! Users and their secrets: a table in memory, and the file that it is read from.

mod edit;
mod entry;
mod file;
mod hash;
mod memory;
mod refused;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
};

use pop3_sasl::{Decoy, ScramCredentials, ScramHash, Secret};

pub use edit::{EditError, UsersFileEditor};
pub use entry::{EntryError, check_name};
pub use file::{UsersFile, UsersFileError};
pub use hash::{HashError, NewSecrets};

use entry::{Readable, Stored};
use hash::Salts;
use refused::Refused;

use crate::{Authenticator, Lookup, Proof, Share, Unavailable};

/// Users in memory.
///
/// ```
/// use pop3_server::{Authenticator as _, users::Users};
///
/// let users = Users::new().with_password("alice", "tanstaaf");
/// assert!(users.is_password("alice", "tanstaaf")?);
/// assert!(!users.is_password("alice", "wrong")?);
/// assert!(!users.is_password("mallory", "tanstaaf")?);
/// # Ok::<(), pop3_server::Unavailable>(())
/// ```
#[derive(Debug, Clone)]
pub struct Users {
    entries: BTreeMap<Box<str>, Vec<Stored>>,
    salts: Salts,
    hasher: RandomState,
    refused: Refused,
}

impl Default for Users {
    fn default() -> Self {
        Self::new()
    }
}

impl Users {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        let mut secret = [0; 32];
        // Without randomness from the system the decoys could be guessed; nothing else depends on it.
        let _ = getrandom::fill(&mut secret);
        Self::with_salts(Salts::new(&secret))
    }

    fn with_salts(salts: Salts) -> Self {
        Self { entries: BTreeMap::new(), salts, hasher: RandomState::new(), refused: Refused::default() }
    }

    /// Adds a user whose password is kept readably: for tests, and for APOP. What SCRAM needs is made of it
    /// at the first login with SCRAM.
    #[must_use]
    pub fn with_password(mut self, name: &str, password: &str) -> Self {
        self.refused = Refused::default();
        self.entries.entry(name.into()).or_default().push(Stored::Plain(Readable::new(password)));
        self
    }

    /// Adds a user with secrets as they stand in a users file, separated by spaces.
    ///
    /// # Errors
    ///
    /// [`EntryError`] when the name or a secret cannot be used.
    pub fn with_secrets(mut self, name: &str, secrets: &str) -> Result<Self, EntryError> {
        check_name(name)?;
        self.refused = Refused::default();
        self.entries.entry(name.into()).or_default().extend(entry::parse_secrets(secrets)?);
        Ok(self)
    }

    /// Reads the text of a users file.
    fn parse(text: &str, salts: Salts) -> Result<Self, (usize, EntryError)> {
        let mut users = Self::with_salts(salts);
        for (index, line) in text.lines().enumerate() {
            let at = |error| (index + 1, error);
            if let Some((name, secrets)) = entry::parse_line(line).map_err(at)?
                && users.entries.insert(name.into(), secrets).is_some()
            {
                return Err(at(EntryError::Twice));
            }
        }
        Ok(users)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|name| &**name)
    }

    /// Whether there is such a user.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The names of those who cannot log in this way, in order.
    pub fn without(&self, proof: Proof) -> impl Iterator<Item = &str> {
        let has = move |stored: &Stored| match (stored, proof) {
            (Stored::Plain(_), _) => true,
            (Stored::Scram(credentials), Proof::Scram(hash)) => credentials.hash() == hash,
            _ => false,
        };
        self.entries.iter().filter(move |(_, secrets)| !secrets.iter().any(has)).map(|(name, _)| &**name)
    }

    /// Where only some of the users can use SCRAM-SHA-256, which is then not offered by default.
    fn without_scram(&self) -> Option<String> {
        let proof = Proof::Scram(ScramHash::Sha256);
        let first = self.without(proof).next().filter(|_| self.usable_by(proof) == Share::Some)?;
        let count = self.without(proof).count();
        Some(format!(
            "{count} users have no secret for SCRAM-SHA-256, {first} for one: it is not for all of them"
        ))
    }

    /// The secrets to check a password with, and whether they are this user's. An unknown name is checked
    /// with those of a user who is chosen by that name, so that it takes as long as some user's would.
    fn secrets(&self, name: &str) -> (&[Stored], bool) {
        if let Some(secrets) = self.entries.get(name) {
            return (secrets, true);
        }
        let count = self.entries.len().max(1) as u64;
        let at = usize::try_from(self.hasher.hash_one(name) % count).unwrap_or_default();
        (self.entries.values().nth(at).map_or(&[], Vec::as_slice), false)
    }
}

impl Authenticator for Users {
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Unavailable> {
        let (secrets, is_known) = self.secrets(user);
        let is_right = if secrets.is_empty() {
            hash::check_dummy(password)
        } else {
            entry::is_password(secrets, password)
        };
        let is_right = is_right & is_known;
        if !is_right {
            self.refused.insert(user, password);
        }
        Ok(is_right)
    }

    fn was_refused(&self, user: &str, password: &str) -> bool {
        self.refused.contains(user, password)
    }

    fn scram(&self, user: &str, hash: ScramHash) -> Result<Lookup<ScramCredentials>, Unavailable> {
        let Some(secrets) = self.entries.get(user) else { return Ok(Lookup::NoUser) };
        let stored = secrets.iter().find_map(|stored| match stored {
            Stored::Scram(credentials) if credentials.hash() == hash => Some(&**credentials),
            _ => None,
        });
        let derived = || {
            secrets.iter().find_map(|stored| match stored {
                Stored::Plain(readable) => readable.scram(&self.salts, hash, user),
                _ => None,
            })
        };
        Ok(stored.or_else(derived).cloned().map_or(Lookup::OtherKind, Lookup::Found))
    }

    fn shared_secret(&self, user: &str) -> Result<Lookup<Secret>, Unavailable> {
        let Some(secrets) = self.entries.get(user) else { return Ok(Lookup::NoUser) };
        let readable = secrets.iter().find_map(|stored| match stored {
            Stored::Plain(readable) => Some(readable.secret.clone()),
            _ => None,
        });
        Ok(readable.map_or(Lookup::OtherKind, Lookup::Found))
    }

    fn usable_by(&self, proof: Proof) -> Share {
        match self.without(proof).count() {
            0 => Share::All,
            count if count == self.entries.len() => Share::None,
            _ => Share::Some,
        }
    }

    fn decoy(&self) -> Decoy {
        self.salts.decoy()
    }
}
