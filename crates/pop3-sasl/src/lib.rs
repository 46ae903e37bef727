//! SASL mechanisms for POP3 as small machines without I/O, for the client and for the server, and the APOP
//! digest.
//!
//! | mechanism | specification | who begins | needs TLS |
//! |---|---|---|---|
//! | SCRAM-SHA-256, SCRAM-SHA-256-PLUS | RFC 7677 | client | no; -PLUS binds to it |
//! | SCRAM-SHA-1, SCRAM-SHA-1-PLUS | RFC 5802 | client | no; -PLUS binds to it |
//! | PLAIN | RFC 4616 | client | yes |
//! | LOGIN | draft-murchison-sasl-login-00 | server | yes |
//! | CRAM-MD5 | RFC 2195 | server | no, but it keeps plain secrets on the server |
//! | OAUTHBEARER | RFC 7628 | client | yes |
//! | XOAUTH2 | Google, Microsoft | client | yes |
//! | EXTERNAL | RFC 4422 appendix A | client | it is TLS that authenticates |
//! | ANONYMOUS | RFC 4505 | client | no |
//!
//! # How it works
//!
//! A machine takes and gives raw octets. Base64, `+ `, `=` and `*` are the protocol's (RFC 5034), the socket
//! and the clock are the caller's, and so is randomness: a [`Nonce`] is passed in.
//!
//! A **client** calls [`choose`] with what the server offered, makes a [`Client`], sends
//! [`initial_response`](ClientMechanism::initial_response) and answers every challenge with
//! [`step`](ClientMechanism::step). When the server reports success it asks
//! [`finish`](ClientMechanism::finish), and takes that for the truth: a server that says `+OK` before it has
//! proved that it knows the password is not the server (RFC 5802 section 5).
//!
//! A **server** makes a [`Server`] and does what each [`Step`] says: send a challenge, answer a [`Question`],
//! let the client in, or refuse it. A question can be answered at leisure, so that the machine never waits
//! for a database or a token service: the caller does.
//!
//! # A whole exchange
//!
//! ```
//! use pop3_sasl::{
//!     Answer, Client, ClientMechanism, ClientOptions, Credentials, Decoy, Mechanism, Nonce, Policy, Question,
//!     ScramCredentials, ScramHash, Server, ServerOptions, Step, choose,
//! };
//!
//! // Once, when the user is added: what the server stores. Salt and nonces are random in earnest.
//! let stored = ScramCredentials::derive(ScramHash::Sha256, "pencil", &[1; 16], 4096)?.to_stored();
//!
//! // The client looks at what the server offers; the channel is not encrypted, so PLAIN is out of question.
//! let credentials = Credentials::new("tim").with_password("pencil");
//! let choice = choose(&["PLAIN", "SCRAM-SHA-256"], &credentials, &Policy::new()).ok_or("nothing fits")?;
//! assert_eq!(choice.mechanism(), Mechanism::ScramSha256);
//! let options = ClientOptions::new(Nonce::from_random([2; 18]));
//! let mut client = Client::new(&choice, &credentials, &options)?;
//!
//! // The server has got `AUTH SCRAM-SHA-256`, with the initial response.
//! let decoy = Decoy::new(b"a secret of this server", 4096, 16);
//! let options = ServerOptions::new().scram(Nonce::from_random([3; 18]), decoy);
//! let mut server = Server::new(choice.mechanism(), &options)?;
//! let mut step = server.start(client.initial_response().as_deref())?;
//!
//! let identity = loop {
//!     step = match step {
//!         Step::Challenge(challenge) => server.respond(&client.step(&challenge)?)?,
//!         Step::Question(Question::Scram { name, .. }) => {
//!             let found = if &*name == "tim" { Some(stored.parse()?) } else { None };
//!             server.answer(Answer::Scram(found))?
//!         }
//!         Step::Question(other) => return Err(format!("SCRAM does not ask {other:?}").into()),
//!         Step::Success(identity) => break identity,
//!         Step::Failure(failure) => return Err(failure.into()),
//!     };
//! };
//! assert_eq!(identity.user(), Some("tim"));
//! client.finish()?; // The server has proved that it knows the password too.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is taken care of
//!
//! - Names and passwords go through SASLprep ([`prepare_query`], [`prepare_stored`]).
//! - Secrets are compared in constant time, wiped after use, and never printed ([`Secret`]).
//! - An unknown user is led through SCRAM with a stable made-up salt ([`Decoy`]) and fails where a wrong
//!   password fails.
//! - Acting as somebody else fails unless [`ServerOptions::allow_authzid`] was called and the caller agreed.
//! - A client refuses a SCRAM server that asks for fewer than [`ITERATIONS_MIN`] or more than
//!   [`ITERATIONS_MAX`] iterations.
//! - Messages and fields are bounded, and no input makes a machine panic.
//!
//! What is left to the caller: offering plaintext mechanisms only inside TLS ([`Mechanism::is_plaintext`]),
//! the same work for unknown users in [`Question::Password`], one text for every [`Failure`], and a limit on
//! rounds and time. SCRAM's key derivation takes milliseconds and more: in an asynchronous program
//! [`ClientMechanism::step`], [`ScramCredentials::derive`] and [`ScramCredentials::verify_password`] belong on
//! a thread that may block.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod apop;

mod bearer;
mod channel_binding;
mod client;
mod crypto;
mod gs2;
mod mechanism;
mod prepare;
mod scram;
mod secret;
mod server;
mod token_error;

pub use channel_binding::{ChannelBinding, EXPORTER_LABEL, EXPORTER_LENGTH};
pub use client::{
    BindingUse, Choice, Client, ClientError, ClientMechanism, ClientOptions, Credentials, Field,
    ITERATIONS_MAX, PlaintextUse, Policy, choose,
};
pub use mechanism::Mechanism;
pub use prepare::{PrepareError, prepare_query, prepare_stored};
pub use scram::{CredentialsError, Decoy, ITERATIONS_MIN, InvalidNonce, Nonce, ScramCredentials, ScramHash};
pub use secret::Secret;
pub use server::{
    Answer, Failure, Identity, PasswordQuestion, Question, Server, ServerError, ServerOptions, Step,
    TokenQuestion, Trace,
};
pub use token_error::TokenError;
