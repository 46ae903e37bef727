//! What goes in and out of a server machine.

use std::fmt;

use crate::{Mechanism, ScramCredentials, ScramHash, Secret, TokenError};

/// The longest trace, in characters (RFC 4505 section 2).
const TRACE_MAX: usize = 255;

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send this as a challenge, and give the response to [`Server::respond`](crate::Server::respond).
    ///
    /// Data that goes with success travels like this too, answered by an empty line (RFC 5034 section 4).
    Challenge(Vec<u8>),
    /// Find out, and tell [`Server::answer`](crate::Server::answer).
    Question(Question),
    /// The client is who it says.
    Success(Identity),
    /// It is not, or nobody knows.
    Failure(Failure),
}

/// What only the outside can know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question {
    /// Is this the user's password? Do the same work for an unknown user. Answer: [`Answer::Password`].
    Password(PasswordQuestion),
    /// Whose token is this? Answer: [`Answer::Token`].
    Token(TokenQuestion),
    /// What is stored for SCRAM? Answer: [`Answer::Scram`].
    Scram {
        /// The user, prepared with SASLprep.
        name: Box<str>,
        /// The hash function the credentials have to be made with.
        hash: ScramHash,
    },
    /// What is the user's secret itself? Only CRAM-MD5 asks for it. Answer: [`Answer::SharedSecret`].
    SharedSecret {
        /// The user, prepared with SASLprep.
        name: Box<str>,
    },
    /// May `authcid`, who has proved to be just that, act as `authzid`? Asked only if
    /// [`ServerOptions::allow_authzid`](crate::ServerOptions::allow_authzid) was called; without it a
    /// different authorization identity fails. Answer: [`Answer::Authorization`].
    Authorization {
        /// Who it is.
        authcid: Box<str>,
        /// Whom it wants to act as.
        authzid: Box<str>,
    },
}

/// A name and a password to be verified.
#[derive(Debug)]
pub struct PasswordQuestion {
    pub(super) name: Box<str>,
    pub(super) password: Secret,
    pub(super) as_sent: Secret,
}

impl PasswordQuestion {
    /// The user, prepared with SASLprep.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password, prepared with SASLprep (RFC 4616 section 2).
    #[must_use]
    pub fn password(&self) -> &str {
        self.password.expose_str().unwrap_or_default()
    }

    /// The password as it came, for a hash that was made without preparation, as other servers make theirs.
    /// Of ASCII text the two are equal.
    #[must_use]
    pub fn password_as_sent(&self) -> &str {
        self.as_sent.expose_str().unwrap_or_default()
    }
}

/// A bearer token to be verified.
#[derive(Debug)]
pub struct TokenQuestion {
    pub(super) mechanism: Mechanism,
    pub(super) claimed: Option<Box<str>>,
    pub(super) token: Secret,
}

impl TokenQuestion {
    /// OAUTHBEARER or XOAUTH2.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whom the client claims to be, prepared with SASLprep. It proves nothing, and is compared with the
    /// token's identity afterwards.
    #[must_use]
    pub fn claimed(&self) -> Option<&str> {
        self.claimed.as_deref()
    }

    /// The token: signature, audience, scope and expiry are to be checked (RFC 7628 section 3.2).
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.expose_str().unwrap_or_default()
    }
}

/// The answer to a [`Question`], variant for variant.
#[derive(Debug)]
pub enum Answer<'a> {
    /// Whether the password is right.
    Password(bool),
    /// The user the token was issued for, or why it is refused; the refusal is sent to the client.
    Token(Result<&'a str, TokenError>),
    /// The stored credentials, or `None` for an unknown user, who is then led through the exchange by
    /// [`Decoy`](crate::Decoy).
    Scram(Option<ScramCredentials>),
    /// An answer to [`Question::Scram`] too: an unknown user, who is led through the exchange by this decoy in place of
    /// that of the options. For servers whose users differ in iterations or salt lengths.
    ScramDecoy(crate::Decoy),
    /// The user's secret, or `None` for an unknown user.
    SharedSecret(Option<Secret>),
    /// Whether one may act as the other.
    Authorization(bool),
}

/// Who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A user.
    User {
        /// Whose maildrop to open: the authorization identity.
        user: Box<str>,
        /// Who proved to be there; the same, unless somebody acts for somebody else.
        authcid: Box<str>,
    },
    /// Nobody in particular (RFC 4505).
    Anonymous {
        /// For the log.
        trace: Trace,
    },
}

impl Identity {
    /// Whose maildrop to open; `None` for ANONYMOUS.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::User { user, .. } => Some(user),
            Self::Anonymous { .. } => None,
        }
    }

    pub(super) fn user_only(name: Box<str>) -> Self {
        Self::User { user: name.clone(), authcid: name }
    }
}

/// What an anonymous client says about itself. It can be anything, and so it prints with control characters
/// escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Trace(Box<str>);

impl Trace {
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        (text.chars().count() <= TRACE_MAX).then(|| Self(text.into()))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Why an exchange failed. For the log: towards the client every failure should look the same
/// (RFC 4422 section 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Unknown user, wrong password, refused token, or no certificate: these look the same here too.
    #[error("the credentials are wrong")]
    BadCredentials,
    /// The credentials are right, but not for the identity that was asked for.
    #[error("the user may not act as the authorization identity")]
    NotAuthorized,
    /// The message breaks the grammar of the mechanism, or is far too long.
    #[error("the client broke the rules of the mechanism")]
    Malformed,
    /// SASLprep refuses the name or the password, or leaves nothing of it.
    #[error("the name or the password holds what SASLprep forbids, or is empty")]
    Preparation,
    /// CRAM-MD5 begins with the server (RFC 5034 section 4).
    #[error("the client sent an initial response, and the server speaks first in this mechanism")]
    UnexpectedInitialResponse,
    /// The channel binding is of a type that is not offered, is missing, or is not that of this channel.
    #[error("the channel binding does not fit the channel; somebody may be in between")]
    ChannelBinding,
    /// The client believes that no `-PLUS` was offered, although it was (RFC 5802 section 6).
    #[error("the client did not see that -PLUS is offered; somebody in between may have removed it")]
    Downgrade,
}

impl Failure {
    /// Whether the credentials are to blame, as the AUTH response code says (RFC 3206 section 5).
    #[must_use]
    pub const fn is_credentials(self) -> bool {
        matches!(self, Self::BadCredentials | Self::NotAuthorized | Self::Preparation)
    }
}

/// The machine was used the wrong way. It is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A response or an answer that nobody asked for, or one after the end.
    #[error("the SASL exchange is not at the point where this call belongs")]
    OutOfOrder,
    /// The answer belongs to another question, or holds SCRAM credentials of another hash function.
    #[error("the answer does not belong to the question that is open")]
    WrongAnswer,
    /// The options lack what the mechanism needs.
    #[error("{mechanism} cannot be set up: {option} is missing or cannot be used")]
    MissingOption {
        /// The mechanism.
        mechanism: Mechanism,
        /// The method of [`ServerOptions`](crate::ServerOptions) to call.
        option: &'static str,
    },
}
