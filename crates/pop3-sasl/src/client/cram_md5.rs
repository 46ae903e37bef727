//! CRAM-MD5 (RFC 2195): the name and an HMAC of the challenge.

use md5::Md5;

use super::ClientMechanism;
use super::credentials::Credentials;
use super::error::ClientError;
use crate::apop::to_hex;
use crate::crypto::hmac;
use crate::{Mechanism, Secret};

#[derive(Debug)]
pub(super) struct CramMd5 {
    name: String,
    /// Gone once it was used.
    password: Option<Secret>,
}

impl CramMd5 {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, ClientError> {
        let name = credentials.name(Mechanism::CramMd5)?.into_owned();
        // RFC 2195 knows no preparation: the octets are the key.
        let password = Some(credentials.password(Mechanism::CramMd5)?.clone());
        Ok(Self { name, password })
    }
}

impl ClientMechanism for CramMd5 {
    fn name(&self) -> &str {
        Mechanism::CramMd5.name()
    }

    fn is_plaintext(&self) -> bool {
        false
    }

    fn initial_response(&mut self) -> Option<Secret> {
        None
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientError> {
        let mechanism = Mechanism::CramMd5;
        let password = self.password.take().ok_or(ClientError::UnexpectedChallenge { mechanism })?;
        if challenge.is_empty() {
            return Err(ClientError::MalformedChallenge { mechanism });
        }
        let digest = to_hex(&hmac::<Md5>(&password, &[challenge]));
        Ok(Secret::concat(&[self.name.as_bytes(), b" ", digest.as_bytes()]))
    }

    fn finish(&self) -> Result<(), ClientError> {
        match self.password {
            None => Ok(()),
            Some(_) => Err(ClientError::Incomplete { mechanism: Mechanism::CramMd5 }),
        }
    }
}
