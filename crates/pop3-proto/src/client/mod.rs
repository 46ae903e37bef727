//! The client's side of a session: commands out, responses matched to them in order.

mod config;
mod error;
mod event;
mod lines;
mod machine;
mod outstanding;
mod progress;

pub use config::{Config, Pace, PipeliningPolicy, SessionState};
pub use error::{Excerpt, PeerMisbehaved, UsageError};
pub use event::Event;
pub use machine::Client;
pub use outstanding::CommandId;

#[cfg(test)]
mod tests;
