//! Maildrops for a POP3 server: where the mail is, who may have it open, and what QUIT removes.
//!
//! The crate is synchronous and knows no runtime and no socket. A server asks a [`Store`] for the
//! maildrop of a user who has logged in, gives the snapshot to its protocol machine, reads messages, and
//! hands the marks back in the UPDATE state:
//!
//! ```
//! use std::io::Read as _;
//! use pop3_proto::types::MessageNumber;
//! use pop3_store::{OpenError, OpenMaildrop as _, Store as _, memory::MemoryStore};
//!
//! let store = MemoryStore::new();
//! store.add_user("alice");
//! store.deliver("alice", *b"Subject: hello\n\nworld\n")?;
//!
//! // Login: the lock is taken, the messages are numbered.
//! let open = store.open("alice")?;
//! assert!(matches!(store.open("alice"), Err(OpenError::InUse)));
//!
//! // LIST counts line ends as they go on the wire, two octets each.
//! assert_eq!(open.maildrop().messages()[0].size.0, 25);
//!
//! // RETR gets what is stored.
//! let mut message = Vec::new();
//! open.read(MessageNumber::FIRST)?.read_to_end(&mut message)?;
//! assert_eq!(message, b"Subject: hello\n\nworld\n");
//!
//! // A lost connection: nothing is removed, and the maildrop is free again.
//! drop(open);
//! assert_eq!(store.open("alice")?.maildrop().messages().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds for every store
//!
//! - One session at a time has a maildrop open. RFC 1939 section 4.
//! - Numbers, sizes and unique-ids are fixed when it is opened; mail that arrives later is seen by the
//!   next session.
//! - The size of a message is the number of octets that RETR sends, without byte-stuffing. A message that
//!   no longer has the size that was listed is refused, not sent.
//! - Messages are removed by [`OpenMaildrop::update`] and in no other way. It needs `Deletions`, which
//!   only the UPDATE state of the protocol machine makes: autologout, a lost connection and a shutdown
//!   cannot remove anything. RFC 1939 section 6.
//! - A unique-id never changes, whatever happens to flags, directories and caches, and is never given to
//!   another message. RFC 1939 section 7.
//!
//! # Stores
//!
//! - [`memory`]: for tests and for embedding.
//! - [`maildir`] (on Unix): the format that most mail software shares. Also delivers, durably.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that fails should panic"
    )
)]

#[cfg(unix)]
pub mod maildir;
pub mod memory;
mod store;
#[cfg(test)]
mod test_session;

pub use store::{OpenError, OpenMaildrop, ReadError, SkipReason, Skipped, Store, UpdateError};
