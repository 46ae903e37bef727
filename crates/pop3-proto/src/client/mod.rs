//! The client's side of a session: commands out, responses matched to them in order.

mod error;
mod event;
mod machine;
mod outstanding;

pub use error::{PeerMisbehaved, UsageError};
pub use event::Event;
pub use machine::{Client, Config, PipeliningPolicy, SessionState};
pub use outstanding::CommandId;

#[cfg(test)]
mod tests;
