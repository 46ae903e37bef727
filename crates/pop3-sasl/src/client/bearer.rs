//! OAUTHBEARER (RFC 7628) and XOAUTH2: one message with a token, and one answer to a refusal.

use super::ClientMechanism;
use super::credentials::Credentials;
use super::error::{ClientError, Field};
use super::options::ClientOptions;
use crate::bearer::SEPARATOR;
use crate::gs2::{Flag, Header};
use crate::{Mechanism, Secret, TokenError};

#[derive(Debug)]
pub(super) struct Bearer {
    mechanism: Mechanism,
    /// Gone once it was handed out.
    message: Option<Secret>,
    refused: Option<TokenError>,
}

impl Bearer {
    /// `n,[a=name],^A [host=…^A] [port=…^A] auth=Bearer token^A^A` (RFC 7628 section 3.1).
    pub(super) fn oauthbearer(
        credentials: &Credentials,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let mechanism = Mechanism::OauthBearer;
        let token = credentials.token(mechanism)?;
        // The identity is the token's; the name tells the server whom the user means (RFC 7628 section 3.1).
        let authzid = match credentials.authzid()? {
            None if credentials.name.is_some() => Some(credentials.name(mechanism)?),
            authzid => authzid,
        };
        let mut head = Header { flag: Flag::Unsupported, authzid }.write();
        if let Some((host, port)) = &options.service {
            if !host.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(ClientError::InvalidField { mechanism, field: Field::Host });
            }
            head.push_str(&format!("\u{1}host={host}\u{1}port={port}"));
        }
        let message = Secret::concat(&[
            head.as_bytes(),
            &[SEPARATOR],
            b"auth=Bearer ",
            token.as_bytes(),
            &[SEPARATOR, SEPARATOR],
        ]);
        Ok(Self { mechanism, message: Some(message), refused: None })
    }

    /// `user=name^Aauth=Bearer token^A^A`.
    pub(super) fn xoauth2(credentials: &Credentials) -> Result<Self, ClientError> {
        let mechanism = Mechanism::Xoauth2;
        // SASLprep lets no control character through, so a name cannot end its part early.
        let name = credentials.name(mechanism)?;
        let token = credentials.token(mechanism)?;
        let message = Secret::concat(&[
            b"user=",
            name.as_bytes(),
            &[SEPARATOR],
            b"auth=Bearer ",
            token.as_bytes(),
            &[SEPARATOR, SEPARATOR],
        ]);
        Ok(Self { mechanism, message: Some(message), refused: None })
    }

    /// What acknowledges a refusal: `^A` (RFC 7628 section 3.2.3), for XOAUTH2 an empty line.
    fn acknowledgement(&self) -> Secret {
        match self.mechanism {
            Mechanism::OauthBearer => Secret::from(&[SEPARATOR][..]),
            _ => Secret::default(),
        }
    }
}

impl ClientMechanism for Bearer {
    fn name(&self) -> &str {
        self.mechanism.name()
    }

    fn is_plaintext(&self) -> bool {
        true
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.message.take()
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientError> {
        if let Some(message) = self.message.take() {
            let unexpected = ClientError::UnexpectedChallenge { mechanism: self.mechanism };
            return if challenge.is_empty() { Ok(message) } else { Err(unexpected) };
        }
        if self.refused.is_some() {
            return Err(ClientError::UnexpectedChallenge { mechanism: self.mechanism });
        }
        // A challenge after the token is a refusal, even one that cannot be read.
        self.refused = Some(TokenError::parse(challenge).unwrap_or_default());
        Ok(self.acknowledgement())
    }

    fn finish(&self) -> Result<(), ClientError> {
        match (&self.refused, &self.message) {
            (Some(error), _) => Err(ClientError::TokenRefused(error.clone())),
            (None, Some(_)) => Err(ClientError::Incomplete { mechanism: self.mechanism }),
            (None, None) => Ok(()),
        }
    }

    fn token_error(&self) -> Option<&TokenError> {
        self.refused.as_ref()
    }
}
