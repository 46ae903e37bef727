//! LOGIN: the name, then the password, whatever the server calls them.

use super::ClientMechanism;
use super::credentials::Credentials;
use super::error::ClientError;
use crate::{Mechanism, Secret};

/// draft-murchison-sasl-login-00; the text of the challenges means nothing (section 2.1).
#[derive(Debug)]
pub(super) struct Login {
    /// What is still to be sent, the next one last.
    pending: Vec<Secret>,
}

impl Login {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, ClientError> {
        let name = Secret::from(&*credentials.name(Mechanism::Login)?);
        let password = credentials.password(Mechanism::Login)?.clone();
        Ok(Self { pending: vec![password, name] })
    }
}

impl ClientMechanism for Login {
    fn name(&self) -> &str {
        Mechanism::Login.name()
    }

    fn is_plaintext(&self) -> bool {
        true
    }

    fn initial_response(&mut self) -> Option<Secret> {
        None
    }

    fn step(&mut self, _prompt: &[u8]) -> Result<Secret, ClientError> {
        self.pending.pop().ok_or(ClientError::UnexpectedChallenge { mechanism: Mechanism::Login })
    }

    fn finish(&self) -> Result<(), ClientError> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            Err(ClientError::Incomplete { mechanism: Mechanism::Login })
        }
    }
}
