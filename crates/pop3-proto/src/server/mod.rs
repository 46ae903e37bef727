//! The server's side of a session.

mod maildrop;

pub use maildrop::{Deletions, Maildrop, MessageInfo, Retrieved};
