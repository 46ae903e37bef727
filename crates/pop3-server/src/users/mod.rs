//! Users and their secrets: a table in memory, and the file that it is read from.

mod edit;
mod entry;
mod file;
mod hash;
mod memory;
mod refused;
mod stand_in;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::OnceLock};

use pop3_sasl::{Decoy, ScramCredentials, ScramHash, Secret};

pub use edit::{EditError, UsersFileEditor};
pub use entry::{EntryError, check_name};
pub use file::{UsersFile, UsersFileError};
pub use hash::{HashError, NewSecrets};

use entry::Stored;
use hash::Salts;
use refused::Refused;
use stand_in::StandIns;

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
    /// Made when they are first asked for, and anew after a change.
    stand_ins: OnceLock<StandIns>,
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
        Self { entries: BTreeMap::new(), salts, stand_ins: OnceLock::new(), refused: Refused::default() }
    }

    /// Adds a user whose password is kept readably: for tests, and for APOP. What SCRAM needs is made of it
    /// at each login with SCRAM.
    #[must_use]
    pub fn with_password(mut self, name: &str, password: &str) -> Self {
        self.begin_change();
        self.entries.entry(name.into()).or_default().push(Stored::Plain(Secret::from(password)));
        self
    }

    fn begin_change(&mut self) {
        self.refused = Refused::default();
        self.stand_ins = OnceLock::new();
    }

    /// Adds a user with secrets as they stand in a users file, separated by spaces.
    ///
    /// # Errors
    ///
    /// [`EntryError`] when the name or a secret cannot be used.
    pub fn with_secrets(mut self, name: &str, secrets: &str) -> Result<Self, EntryError> {
        check_name(name)?;
        self.begin_change();
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
        // Not at the first login, which would take longer.
        users.stand_ins();
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
        self.entries
            .iter()
            .filter(move |(_, secrets)| !secrets.iter().any(|stored| stored.serves(proof)))
            .map(|(name, _)| &**name)
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

    fn stand_ins(&self) -> &StandIns {
        self.stand_ins.get_or_init(|| StandIns::new(&self.entries, self.salts.decoy()))
    }

    /// The secrets to check a password with, and whether they are this user's. An unknown name is checked with those of
    /// its stand-in, so that it takes as long as some user's would.
    fn secrets(&self, name: &str) -> (&[Stored], bool) {
        // Looked for in both cases: each of the two takes its time.
        let stand_in = self.stand_ins().of(name, None, self.salts.decoy());
        match self.entries.get(name) {
            Some(secrets) => (secrets, true),
            None => (stand_in.and_then(|name| self.entries.get(name)).map_or(&[], Vec::as_slice), false),
        }
    }

    /// The SCRAM credentials of secrets, made for this name where they are stored readably.
    fn credentials(&self, secrets: &[Stored], hash: ScramHash, name: &str) -> Option<ScramCredentials> {
        let stored = secrets.iter().find_map(|stored| match stored {
            Stored::Scram(credentials) if credentials.hash() == hash => Some((**credentials).clone()),
            _ => None,
        });
        let derived = || {
            secrets.iter().find_map(|stored| match stored {
                Stored::Plain(secret) => {
                    self.salts.derive(hash, name, std::str::from_utf8(secret.expose()).ok()?)
                }
                _ => None,
            })
        };
        stored.or_else(derived)
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
        // For an unknown name the decoy looks for a stand-in. For a known one it takes as long here.
        std::hint::black_box(self.stand_ins().of(user, Some(hash), self.salts.decoy()));
        Ok(self.credentials(secrets, hash, user).map_or(Lookup::OtherKind, Lookup::Found))
    }

    fn shared_secret(&self, user: &str) -> Result<Lookup<Secret>, Unavailable> {
        let Some(secrets) = self.entries.get(user) else { return Ok(Lookup::NoUser) };
        let readable = secrets.iter().find_map(|stored| match stored {
            Stored::Plain(secret) => Some(secret.clone()),
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

    /// Shows the iterations and the salt length of a stand-in, and does the same work.
    fn decoy(&self, user: &str, hash: ScramHash) -> Decoy {
        let decoy = self.salts.decoy();
        let stand_in = self.stand_ins().of(user, Some(hash), decoy).and_then(|name| self.entries.get(name));
        match stand_in.and_then(|secrets| self.credentials(secrets, hash, user)) {
            Some(like) => decoy.with_parameters(like.iterations(), like.salt().len()),
            None => decoy.clone(),
        }
    }
}
