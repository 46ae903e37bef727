//! Users, what they log in with, and their mail.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use pop3_proto::types::UniqueId;
use pop3_sasl::{ScramCredentials, ScramHash, Secret, prepare_query};
use pop3_store::memory::{MemoryStore, Message};

use super::Error;

/// The fewest that a client has to accept; a test has no time for more. RFC 7677 section 4.
pub(super) const ITERATIONS: u32 = 4096;
/// Octets of salt.
pub(super) const SALT: usize = 16;

/// All users. Names are compared as SASLprep makes them.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    accounts: HashMap<Box<str>, Account>,
    pub(super) store: MemoryStore,
}

#[derive(Debug, Default)]
struct Account {
    /// Without one, there are tokens alone.
    password: Option<Secret>,
    tokens: Vec<Secret>,
    scram: [OnceLock<Option<ScramCredentials>>; 2],
}

fn key(name: &str) -> Box<str> {
    prepare_query(name).map_or_else(|_| name.into(), Into::into)
}

impl Accounts {
    pub(super) fn add(&mut self, name: &str, password: Secret) {
        let name = key(name);
        self.store.add_user(&name);
        self.accounts.insert(name, Account { password: Some(password), ..Account::default() });
    }

    pub(super) fn add_token(&mut self, name: &str, token: Secret) {
        let name = key(name);
        self.store.add_user(&name);
        self.accounts.entry(name).or_default().tokens.push(token);
    }

    pub(super) fn deliver(&self, user: &str, message: Arc<[u8]>) -> Result<String, Error> {
        let unique_id = self.store.deliver(&key(user), message).map_err(|_| no_such_user(user))?;
        Ok(unique_id.as_str().to_owned())
    }

    pub(super) fn deliver_as(&self, user: &str, unique_id: &str, message: Arc<[u8]>) -> Result<(), Error> {
        let invalid = |source| Error::UniqueId { unique_id: unique_id.into(), source };
        let unique_id = UniqueId::new(unique_id.to_owned()).map_err(invalid)?;
        self.store.deliver_as(&key(user), unique_id, message).map_err(|_| no_such_user(user))
    }

    pub(super) fn messages(&self, user: &str) -> Vec<Message> {
        self.store.messages(&key(user))
    }

    /// The name as the store knows it, if there is such a user.
    pub(super) fn name(&self, name: &str) -> Option<Box<str>> {
        let name = key(name);
        self.accounts.contains_key(&name).then_some(name)
    }

    pub(super) fn is_password(&self, name: &str, password: &[u8]) -> bool {
        self.accounts
            .get(&key(name))
            .and_then(|account| account.password.as_ref())
            .is_some_and(|known| **known == *password)
    }

    pub(super) fn password(&self, name: &str) -> Option<Secret> {
        self.accounts.get(&key(name))?.password.clone()
    }

    /// Whose token this is.
    pub(super) fn holder(&self, token: &str) -> Option<&str> {
        let has = |account: &Account| account.tokens.iter().any(|known| **known == *token.as_bytes());
        self.accounts.iter().find(|(_, account)| has(account)).map(|(name, _)| &**name)
    }

    /// Derived when first needed, and the same from then on, as a server that has stored them says it.
    pub(super) fn scram(&self, name: &str, hash: ScramHash) -> Option<ScramCredentials> {
        let account = self.accounts.get(&key(name))?;
        let [sha1, sha256] = &account.scram;
        let place = match hash {
            ScramHash::Sha1 => sha1,
            _ => sha256,
        };
        place.get_or_init(|| derive(hash, account.password.as_ref()?.expose_str()?)).clone()
    }
}

fn derive(hash: ScramHash, password: &str) -> Option<ScramCredentials> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).ok()?;
    ScramCredentials::derive(hash, password, &salt, ITERATIONS).ok()
}

fn no_such_user(user: &str) -> Error {
    Error::NoSuchUser { user: user.into() }
}
