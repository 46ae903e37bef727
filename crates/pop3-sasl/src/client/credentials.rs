//! What a person or a program has to log in with.

use std::borrow::Cow;

use super::error::{ClientError, Field};
use crate::{Mechanism, Secret, prepare_query};

/// Everything to log in with; [`choose`](crate::choose) uses the mechanisms it is enough for.
///
/// `Debug` shows names and hides password and token.
///
/// ```
/// use pop3_sasl::Credentials;
/// let credentials = Credentials::new("tim").with_password("secret");
/// assert!(!format!("{credentials:?}").contains("secret"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub(super) name: Option<String>,
    pub(super) authzid: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) token: Option<Secret>,
    pub(super) is_external: bool,
    pub(super) trace: Option<String>,
}

impl Credentials {
    /// Logs in as `name`; a password or a token has to be added.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// Logs in by what the server already knows, such as a TLS client certificate (RFC 4422 appendix A).
    #[must_use]
    pub fn external() -> Self {
        Self { is_external: true, ..Self::default() }
    }

    /// Logs in as nobody. `trace` is a word or a mail address for the server's log, at most 255 characters;
    /// an address is a person's own to give away, so leave it empty unless they agreed (RFC 4505 section 2).
    #[must_use]
    pub fn anonymous(trace: &str) -> Self {
        Self { trace: Some(trace.to_owned()), ..Self::default() }
    }

    /// Adds the password.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<Secret>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Adds an OAuth 2 bearer token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Asks to act as somebody else, which the server has to allow. LOGIN, CRAM-MD5 and XOAUTH2 cannot say
    /// this, and are not chosen then.
    #[must_use]
    pub fn with_authzid(mut self, authzid: &str) -> Self {
        self.authzid = Some(authzid.to_owned());
        self
    }

    pub(super) fn name(&self, mechanism: Mechanism) -> Result<Cow<'_, str>, ClientError> {
        let name = self.name.as_deref();
        prepare(name.ok_or(ClientError::MissingCredentials { mechanism, field: Field::Name })?, Field::Name)
    }

    pub(super) fn authzid(&self) -> Result<Option<Cow<'_, str>>, ClientError> {
        self.authzid.as_deref().map(|authzid| prepare(authzid, Field::AuthorizationIdentity)).transpose()
    }

    /// The password as it was given, which holds no NUL and is not empty.
    pub(super) fn password(&self, mechanism: Mechanism) -> Result<&Secret, ClientError> {
        let field = Field::Password;
        let password = self.password.as_ref().ok_or(ClientError::MissingCredentials { mechanism, field })?;
        if password.is_empty() || password.contains(&0) {
            return Err(ClientError::InvalidField { mechanism, field });
        }
        Ok(password)
    }

    pub(super) fn token(&self, mechanism: Mechanism) -> Result<&str, ClientError> {
        let field = Field::Token;
        let token = self.token.as_ref().ok_or(ClientError::MissingCredentials { mechanism, field })?;
        token
            .expose_str()
            .filter(|token| crate::bearer::is_token(token))
            .ok_or(ClientError::InvalidField { mechanism, field })
    }
}

fn prepare(text: &str, field: Field) -> Result<Cow<'_, str>, ClientError> {
    prepare_query(text).map_err(|error| ClientError::Preparation { field, error })
}
