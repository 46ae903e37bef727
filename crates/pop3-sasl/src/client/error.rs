//! What can go wrong on the client's side.

use std::fmt;

use crate::{Mechanism, PrepareError, TokenError};

/// One of the values a person gives to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The identity to act as.
    AuthorizationIdentity,
    /// The name of the server, as OAUTHBEARER tells it.
    Host,
    /// The user name.
    Name,
    /// The password.
    Password,
    /// The bearer token.
    Token,
    /// The trace of ANONYMOUS.
    Trace,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorizationIdentity => "authorization identity",
            Self::Host => "host name",
            Self::Name => "user name",
            Self::Password => "password",
            Self::Token => "token",
            Self::Trace => "trace",
        })
    }
}

/// Why an exchange was not begun, or was broken off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The mechanism needs what was not given.
    #[error("{mechanism} needs a {field}; none was given")]
    MissingCredentials {
        /// The mechanism that was to be used.
        mechanism: Mechanism,
        /// What it lacks.
        field: Field,
    },
    /// What was given cannot be sent with this mechanism.
    #[error("the {field} cannot be sent with {mechanism}: it holds a character that has no place there")]
    InvalidField {
        /// The mechanism that was to be used.
        mechanism: Mechanism,
        /// What does not fit.
        field: Field,
    },
    /// SASLprep refused what was given.
    #[error("the {field} cannot be used: {error}")]
    Preparation {
        /// What does not fit.
        field: Field,
        /// Why.
        error: PrepareError,
    },
    /// A `-PLUS` mechanism without channel binding data, or such data with another mechanism.
    #[error("{mechanism} does not go with the channel binding that was chosen; use binding with -PLUS only")]
    ChannelBindingMismatch {
        /// The mechanism that was to be used.
        mechanism: Mechanism,
    },
    /// The server sent a challenge where the mechanism has none.
    #[error("the server sent a challenge that {mechanism} does not have at this point; it was not answered")]
    UnexpectedChallenge {
        /// The mechanism in use.
        mechanism: Mechanism,
    },
    /// The challenge breaks the grammar of the mechanism.
    #[error("the server sent a {mechanism} challenge that cannot be read; the login was broken off")]
    MalformedChallenge {
        /// The mechanism in use.
        mechanism: Mechanism,
    },
    /// The server's nonce does not begin with ours, or adds nothing to it (RFC 5802 section 5.1).
    #[error(
        "the server answered for another exchange (its SCRAM nonce is not ours); the login was broken off"
    )]
    NonceMismatch,
    /// RFC 5802 section 9: too few iterations help an attacker, too many are an attack themselves.
    #[error(
        "the server asks for {iterations} SCRAM iterations, and between {min} and {max} are allowed; the login was broken off"
    )]
    IterationsOutOfBounds {
        /// What the server asked for.
        iterations: u32,
        /// The policy's floor.
        min: u32,
        /// The policy's ceiling.
        max: u32,
    },
    /// The server could not prove that it knows the password: it, or somebody in between, is not who it says.
    #[error("the server could not prove that it knows the password; the connection cannot be trusted")]
    ServerSignatureMismatch,
    /// The server ended a SCRAM exchange with `e=`; the text is one of RFC 5802 section 7, or `other-error`.
    #[error("the server refused the login: {0}")]
    ServerError(&'static str),
    /// The server refused the bearer token.
    #[error("the server refused the token: {0}")]
    TokenRefused(TokenError),
    /// Success was reported before the mechanism was complete (RFC 5802 section 5, RFC 4422 section 3.6).
    #[error("the server reported success before {mechanism} was complete; the connection cannot be trusted")]
    Incomplete {
        /// The mechanism in use.
        mechanism: Mechanism,
    },
}
