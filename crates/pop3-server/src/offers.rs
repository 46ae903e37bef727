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
            // Better than to serve nobody: those who can use what is configured log in, and for the others the log has
            // the true reason.
            Err(InvalidPolicy::NoLogin) => {
                let all = self.policy(config, kind, config.mechanisms.clone())?;
                Protocol::new(all, Connection { is_tls, apop_timestamp })
            }
            machine => machine,
        }
    }

    /// Whether somebody can log in on listeners of this kind with what is of use to the users.
    pub(crate) fn is_of_use(config: &Config, kind: Kind, authenticator: &impl Authenticator) -> bool {
        let usable = |proof| authenticator.usable_by(proof) != Share::None;
        let is_plaintext_fine = kind != Kind::Plain || config.policy.allow_plaintext_without_tls;
        let by_password =
            config.policy.user_pass || config.mechanisms.iter().any(|it| Proof::of(*it).is_none());
        let by_proof = config.mechanisms.iter().filter_map(|mechanism| Proof::of(*mechanism)).any(usable);
        let by_apop = config.apop_host.is_some() && usable(Proof::SharedSecret);
        (by_password && is_plaintext_fine) || by_proof || by_apop
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
