use std::{error::Error, fmt, sync::Arc};

use pop3_sasl::{Decoy, Mechanism, ScramCredentials, ScramHash, Secret};

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

    /// The SCRAM credentials of a user, made with this hash.
    ///
    /// # Errors
    ///
    /// As for [`is_password`](Self::is_password).
    fn scram(&self, user: &str, hash: ScramHash) -> Result<Lookup<ScramCredentials>, Unavailable>;

    /// The secret itself, where it is stored readably: APOP and CRAM-MD5 need it.
    ///
    /// # Errors
    ///
    /// As for [`is_password`](Self::is_password).
    fn shared_secret(&self, user: &str) -> Result<Lookup<Secret>, Unavailable>;

    /// Which users could log in this way. The server does not offer what would fail with the right password.
    /// It asks for each connection, where nothing may block.
    fn usable_by(&self, _proof: Proof) -> Share {
        Share::All
    }

    /// What SCRAM shows for a name for which [`scram`](Self::scram) finds nothing. It should look like one of the users,
    /// always the same one for the same name, and take as long. RFC 5802 section 7.
    fn decoy(&self, user: &str, hash: ScramHash) -> Decoy;
}

impl<A: Authenticator> Authenticator for Arc<A> {
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Unavailable> {
        A::is_password(self, user, password)
    }

    fn was_refused(&self, user: &str, password: &str) -> bool {
        A::was_refused(self, user, password)
    }

    fn scram(&self, user: &str, hash: ScramHash) -> Result<Lookup<ScramCredentials>, Unavailable> {
        A::scram(self, user, hash)
    }

    fn shared_secret(&self, user: &str) -> Result<Lookup<Secret>, Unavailable> {
        A::shared_secret(self, user)
    }

    fn usable_by(&self, proof: Proof) -> Share {
        A::usable_by(self, proof)
    }

    fn decoy(&self, user: &str, hash: ScramHash) -> Decoy {
        A::decoy(self, user, hash)
    }
}

/// What is found of one kind of secret. The client sees no difference between the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<T> {
    /// The secret.
    Found(T),
    /// The user has secrets, and this kind is not among them.
    OtherKind,
    /// There is no such user.
    NoUser,
}

impl<T> Lookup<T> {
    /// The secret, if there is one.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(secret) => Some(secret),
            Self::OtherKind | Self::NoUser => None,
        }
    }
}

/// A way to prove who one is that needs more than the password itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// SCRAM with this hash. RFC 5802.
    Scram(ScramHash),
    /// A digest of the secret: APOP (RFC 1939 section 7) and CRAM-MD5 (RFC 2195).
    SharedSecret,
}

impl Proof {
    /// What a mechanism needs; `None` where the password is enough.
    #[must_use]
    pub const fn of(mechanism: Mechanism) -> Option<Self> {
        match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Some(Self::Scram(ScramHash::Sha1)),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => Some(Self::Scram(ScramHash::Sha256)),
            Mechanism::CramMd5 => Some(Self::SharedSecret),
            _ => None,
        }
    }
}

/// How many of the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// None of them.
    None,
    /// Some of them.
    Some,
    /// All of them, or there are no users at all.
    All,
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
