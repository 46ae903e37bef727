//! The mechanisms that are one message: PLAIN, EXTERNAL, ANONYMOUS.

use super::ClientMechanism;
use super::credentials::Credentials;
use super::error::{ClientError, Field};
use crate::{Mechanism, Secret};

/// The longest trace, in characters (RFC 4505 section 2).
const TRACE_MAX: usize = 255;

/// One message from the client, and nothing to come back.
#[derive(Debug)]
pub(super) struct Once {
    mechanism: Mechanism,
    /// Gone once it was handed out.
    message: Option<Secret>,
}

/// `[authzid] NUL authcid NUL password` (RFC 4616 section 2).
pub(super) fn plain(credentials: &Credentials) -> Result<Once, ClientError> {
    let mechanism = Mechanism::Plain;
    let authzid = credentials.authzid()?.unwrap_or_default();
    let name = credentials.name(mechanism)?;
    // The server prepares the password itself, so it goes out as it was given; it has to be text, though.
    let password = credentials.password(mechanism)?;
    if password.expose_str().is_none() {
        return Err(ClientError::InvalidField { mechanism, field: Field::Password });
    }
    let message = Secret::concat(&[authzid.as_bytes(), b"\0", name.as_bytes(), b"\0", password]);
    Ok(Once { mechanism, message: Some(message) })
}

/// The authorization identity, or nothing (RFC 4422 appendix A).
pub(super) fn external(credentials: &Credentials) -> Result<Once, ClientError> {
    let authzid = credentials.authzid()?.unwrap_or_default();
    Ok(Once { mechanism: Mechanism::External, message: Some(Secret::from(&*authzid)) })
}

/// The trace (RFC 4505 section 2).
pub(super) fn anonymous(credentials: &Credentials) -> Result<Once, ClientError> {
    let (mechanism, field) = (Mechanism::Anonymous, Field::Trace);
    let trace = credentials.trace.as_deref().ok_or(ClientError::MissingCredentials { mechanism, field })?;
    if trace.chars().count() > TRACE_MAX || trace.contains(char::is_control) {
        return Err(ClientError::InvalidField { mechanism, field });
    }
    Ok(Once { mechanism, message: Some(Secret::from(trace)) })
}

impl ClientMechanism for Once {
    fn name(&self) -> &str {
        self.mechanism.name()
    }

    fn is_plaintext(&self) -> bool {
        self.mechanism.is_plaintext()
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.message.take()
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientError> {
        let message = self.message.take().filter(|_| challenge.is_empty());
        message.ok_or(ClientError::UnexpectedChallenge { mechanism: self.mechanism })
    }

    fn finish(&self) -> Result<(), ClientError> {
        match self.message {
            None => Ok(()),
            Some(_) => Err(ClientError::Incomplete { mechanism: self.mechanism }),
        }
    }
}
