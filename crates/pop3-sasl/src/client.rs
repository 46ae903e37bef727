//! The client's side of every mechanism.

mod bearer;
mod choose;
mod cram_md5;
mod credentials;
mod error;
mod login;
mod once;
mod options;
mod scram;

use std::fmt;

pub use choose::{BindingUse, Choice, PlaintextUse, Policy, choose};
pub use credentials::Credentials;
pub use error::{ClientError, Field};
pub use options::{ClientOptions, ITERATIONS_MAX};

use crate::{Mechanism, ScramHash, Secret, TokenError};

/// The client's side of one authentication exchange, in raw octets: base64 is the protocol's business.
///
/// A failed exchange is over; a new attempt takes a new machine.
pub trait ClientMechanism: fmt::Debug + Send + Sync {
    /// The name to put after AUTH.
    fn name(&self) -> &str;

    /// Whether whoever listens in can use what is sent, so that the channel has to be encrypted and the
    /// server's certificate verified first (RFC 5034 section 4).
    fn is_plaintext(&self) -> bool;

    /// The message a client-first mechanism begins with, once; `None` if the server speaks first.
    ///
    /// Send it with AUTH only if that line stays within 255 octets (RFC 5034 section 4). Otherwise send AUTH
    /// alone and this in answer to the empty challenge, or do not ask here at all and let
    /// [`step`](Self::step) answer that challenge.
    fn initial_response(&mut self) -> Option<Secret>;

    /// Answers a challenge.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if the server broke the mechanism or could not prove who it is: cancel with `*`
    /// (RFC 5034 section 4), and do not fall back to a weaker mechanism.
    fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientError>;

    /// To be asked when the server reports success, and believed instead of the server.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if the mechanism is not complete, for example because a SCRAM server never proved
    /// that it knows the password (RFC 5802 section 5): drop the connection.
    fn finish(&self) -> Result<(), ClientError>;

    /// What the server said when it refused a bearer token.
    fn token_error(&self) -> Option<&TokenError> {
        None
    }
}

/// A client machine for any mechanism of this crate.
///
/// ```
/// use pop3_sasl::{Choice, Client, ClientMechanism, ClientOptions, Credentials, Mechanism, Nonce};
///
/// let credentials = Credentials::new("tim").with_password("tanstaaftanstaaf");
/// let options = ClientOptions::new(Nonce::from_random([0; 18]));
/// let mut client = Client::new(&Choice::new(Mechanism::Plain), &credentials, &options)?;
/// assert_eq!(&client.initial_response().unwrap()[..], b"\0tim\0tanstaaftanstaaf");
/// client.finish()?;
/// # Ok::<(), pop3_sasl::ClientError>(())
/// ```
#[derive(Debug)]
pub struct Client {
    mechanism: Mechanism,
    inner: Box<dyn ClientMechanism>,
}

impl Client {
    /// Sets up the mechanism that was chosen.
    ///
    /// # Errors
    ///
    /// [`ClientError::MissingCredentials`] or [`ClientError::InvalidField`] if the credentials do not fit
    /// the mechanism; nothing has been sent then.
    pub fn new(
        choice: &Choice,
        credentials: &Credentials,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let mechanism = choice.mechanism();
        let inner: Box<dyn ClientMechanism> = match mechanism {
            Mechanism::Anonymous => Box::new(once::anonymous(credentials)?),
            Mechanism::CramMd5 => Box::new(cram_md5::CramMd5::new(credentials)?),
            Mechanism::External => Box::new(once::external(credentials)?),
            Mechanism::Login => Box::new(login::Login::new(credentials)?),
            Mechanism::OauthBearer => Box::new(bearer::Bearer::oauthbearer(credentials, options)?),
            Mechanism::Plain => Box::new(once::plain(credentials)?),
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => {
                Box::new(scram::Scram::new(ScramHash::Sha1, choice, credentials, options)?)
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                Box::new(scram::Scram::new(ScramHash::Sha256, choice, credentials, options)?)
            }
            Mechanism::Xoauth2 => Box::new(bearer::Bearer::xoauth2(credentials)?),
        };
        Ok(Self { mechanism, inner })
    }

    /// The mechanism this machine speaks.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }
}

impl ClientMechanism for Client {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn is_plaintext(&self) -> bool {
        self.inner.is_plaintext()
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.inner.initial_response()
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, ClientError> {
        self.inner.step(challenge)
    }

    fn finish(&self) -> Result<(), ClientError> {
        self.inner.finish()
    }

    fn token_error(&self) -> Option<&TokenError> {
        self.inner.token_error()
    }
}
