//! The server's side of a session: snapshot, marks, listings and the answers to commands.
//!
//! [`Server`] answers what is pure protocol by itself; what only the outside can answer comes as an
//! [`Event`].

mod answers;
mod commands;
mod config;
mod error;
mod event;
mod listing;
mod machine;
mod maildrop;
mod text;
mod transitions;

use maildrop::MarkedMaildrop;

pub use config::{Config, Connection, InvalidPolicy, OfferedMechanism, Policy, Utf8Support};
pub use error::{PeerMisbehaved, UsageError};
pub use event::{Accepted, CloseReason, Event, Extent, Login, Rejection, UpdateOutcome};
pub use machine::Server;
pub use maildrop::{Deletions, Maildrop, MessageInfo, Retrieved};
pub use text::{Catalogue, Text};
pub use transitions::{SessionState, is_allowed};

#[cfg(test)]
mod tests;
