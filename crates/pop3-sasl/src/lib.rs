//! SASL.
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
