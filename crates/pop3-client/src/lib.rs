//! POP3 client.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that fails should panic"
    )
)]

pub mod blocking;
mod capabilities;
mod commands;
mod error;
mod exchange;
mod login;
mod options;
#[cfg(feature = "tokio")]
mod session;
mod tls;
mod url;

pub use capabilities::Capabilities;
pub use error::{Error, LoginError};
pub use login::{Login, Method};
pub use options::{Options, Roots, Security, Timeouts};
pub use pop3_proto as proto;
pub use pop3_sasl as sasl;
#[cfg(feature = "tokio")]
pub use session::{Message, Retrievals, Retrieved, Session};
pub use tls::Connector;
pub use url::{InvalidUrl, Url};

/// The state in which nobody is logged in. RFC 1939 section 4.
#[derive(Debug)]
pub enum Authorization {}

/// The state in which the maildrop is open. RFC 1939 section 5.
#[derive(Debug)]
pub enum Transaction {}

/// Octets that are read from a connection at once.
const READ_AT_ONCE: usize = 64 * 1024;
