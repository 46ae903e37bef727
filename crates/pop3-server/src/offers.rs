//! What is offered to a connection: what the configuration allows and the users can use.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use pop3_proto::server::{Config as CheckedPolicy, Connection, InvalidPolicy, Server as Protocol};
use pop3_sasl::Mechanism;

use crate::{Authenticator, Config, Kind, Proof, Share};

/// The policies that connections have, made once for each set of mechanisms.
#[derive(Debug, Default)]
pub(crate) struct Offers(Mutex<HashMap<(Kind, Vec<Mechanism>), CheckedPolicy>>);

impl Offers {
    /// The machine for a new connection. APOP is offered where there is a timestamp.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`] when nobody could log in, or the policy breaks another rule.
    pub(crate) fn machine(
        &self,
        config: &Config,
        kind: Kind,
        apop_timestamp: Option<Box<str>>,
        authenticator: &impl Authenticator,
    ) -> Result<Protocol, InvalidPolicy> {
        let is_tls = kind == Kind::Tls;
        let is_of_use =
            apop_timestamp.is_some() && authenticator.usable_by(Proof::SharedSecret) != Share::None;
        let connection = Connection { is_tls, apop_timestamp: apop_timestamp.clone().filter(|_| is_of_use) };
        let of_use = config
            .mechanisms
            .iter()
            .copied()
            .filter(|mechanism| config.is_offered(*mechanism, |proof| authenticator.usable_by(proof)));
        match Protocol::new(self.policy(config, kind, of_use.collect())?, connection) {
            // Those who could log in another way get the true reason in the log.
            Err(InvalidPolicy::NoLogin) => {
                let all = self.policy(config, kind, config.mechanisms.clone())?;
                Protocol::new(all, Connection { is_tls, apop_timestamp })
            }
            machine => machine,
        }
    }

    fn policy(
        &self,
        config: &Config,
        kind: Kind,
        mechanisms: Vec<Mechanism>,
    ) -> Result<CheckedPolicy, InvalidPolicy> {
        // An entry is complete or not there, whatever happens elsewhere.
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = made.get(&(kind, mechanisms.clone())) {
            return Ok(policy.clone());
        }
        let policy = CheckedPolicy::new(config.policy_for(kind, &mechanisms))?;
        made.insert((kind, mechanisms), policy.clone());
        Ok(policy)
    }
}
