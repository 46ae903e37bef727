//! A POP3 server.

mod accept;
mod admission;
mod authenticator;
mod config;
mod penalties;
mod server;
mod session;
mod timestamp;
pub mod tls;
pub mod users;

pub use authenticator::{Authenticator, Unavailable};
pub use config::{Config, Kind, Limits, Listener};
pub use server::{Running, Server, StartError};

use server::Shared;

pub use pop3_proto::server::Policy;
pub use pop3_sasl::Mechanism;
/// The TLS library, since a configuration of it is passed in.
pub use rustls;
