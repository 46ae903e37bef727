use std::{error::Error, fmt, sync::Arc};

use pop3_sasl::{Decoy, ScramCredentials, ScramHash, Secret};

/// Who may log in, and what proves it.
///
/// Synchronous: the server calls it where blocking is allowed, a bounded number of calls at a time. Names
/// come prepared with SASLprep. For a user that does not exist every method should do the work that it
/// does for others, and take as long. RFC 4422 section 3.6.
pub trait Authenticator: Send + Sync + 'static {
    /// Whether this is the password of this user.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when it cannot be found out now.
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Unavailable>;

    /// Whether this password was just found wrong for this user, and nothing has changed since. It costs next
    /// to nothing, and spares the work of [`is_password`](Self::is_password) for programs that repeat an old
    /// password. `false` is always a right answer.
    fn was_refused(&self, _user: &str, _password: &str) -> bool {
        false
    }

    /// The SCRAM credentials of a user, if there are any of this hash.
    ///
    /// # Errors
    ///
    /// As for [`is_password`](Self::is_password).
    fn scram(&self, user: &str, hash: ScramHash) -> Result<Option<ScramCredentials>, Unavailable>;

    /// The secret itself, if it is stored readably: APOP and CRAM-MD5 need it.
    ///
    /// # Errors
    ///
    /// As for [`is_password`](Self::is_password).
    fn shared_secret(&self, user: &str) -> Result<Option<Secret>, Unavailable>;

    /// What SCRAM shows to those who ask for unknown users.
    fn decoy(&self) -> Decoy;
}

impl<A: Authenticator> Authenticator for Arc<A> {
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Unavailable> {
        A::is_password(self, user, password)
    }

    fn was_refused(&self, user: &str, password: &str) -> bool {
        A::was_refused(self, user, password)
    }

    fn scram(&self, user: &str, hash: ScramHash) -> Result<Option<ScramCredentials>, Unavailable> {
        A::scram(self, user, hash)
    }

    fn shared_secret(&self, user: &str) -> Result<Option<Secret>, Unavailable> {
        A::shared_secret(self, user)
    }

    fn decoy(&self) -> Decoy {
        A::decoy(self)
    }
}

/// Nobody can say now who may log in: the client is told to try again later, not that its password is
/// wrong. RFC 3206 section 4.
#[derive(Debug)]
pub struct Unavailable(Box<dyn Error + Send + Sync>);

impl Unavailable {
    /// With the reason, for the log.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
