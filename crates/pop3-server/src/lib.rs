//! A POP3 server: listeners, TLS, authentication, limits and an orderly end, around the protocol machine
//! of `pop3-proto` and a store of `pop3-store`.
//!
//! [`Server::bind`] needs three things: a [`Config`], a [`Store`](pop3_store::Store) that has the mail, and
//! an [`Authenticator`] that knows who may have it. What it gives back serves until it is told to stop.
//!
//! ```
//! use std::{io::{BufRead as _, BufReader, Write as _}, net::TcpStream};
//! use pop3_server::{Config, Listener, Server, users::Users};
//! use pop3_store::memory::MemoryStore;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! store.add_user("alice");
//! store.deliver("alice", *b"Subject: hello\n\nworld\n")?;
//! let users = Users::new().with_password("alice", "tanstaaf");
//!
//! let mut config = Config::default();
//! config.listeners.push(Listener::plain(([127, 0, 0, 1], 0)));
//! config.policy.allow_plaintext_without_tls = true; // Within one machine, for a test.
//! let server = Server::bind(config, store, users).await?;
//!
//! let address = server.addresses()[0];
//! let lines = tokio::task::spawn_blocking(move || -> std::io::Result<Vec<String>> {
//!     let mut client = TcpStream::connect(address)?;
//!     client.write_all(b"USER alice\r\nPASS tanstaaf\r\nRETR 1\r\nQUIT\r\n")?;
//!     BufReader::new(client).lines().collect()
//! });
//! let lines = lines.await??;
//! assert_eq!(lines[4..8], ["Subject: hello", "", "world", "."]);
//! server.shut_down().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - Passwords are accepted under TLS only, unless [`Policy::allow_plaintext_without_tls`] says otherwise.
//!   What comes in clear behind STLS is never executed. RFC 2595 section 4.
//! - A client hears `+OK` to its login when its maildrop is open and locked, and not before. RFC 1939
//!   section 4.
//! - Messages are removed when QUIT was said, and in no other case: neither a lost connection nor a timeout
//!   nor [`Running::shut_down`] nor dropping [`Running`] does it. The answer to QUIT comes after the removal
//!   and says what came of it. RFC 1939 section 6.
//! - A wrong password and an unknown user are the same to whoever listens: in text, in time, in delay.
//! - Work that blocks is done where blocking is allowed, one trip for each command; a session that waits
//!   costs a few kilobytes. A message of any size passes in constant memory.
//! - Secrets are not logged. Names that clients send are escaped in the log.
//!
//! # Parts
//!
//! - [`Config`], [`Listener`], [`Limits`]: where, what and how much. [`Policy`] is the protocol's share.
//! - [`tls`]: certificate and key; TLS 1.2 and later, ALPN `pop3`, tickets.
//! - [`users`]: users in memory or in a file, with Argon2id hashes and SCRAM credentials.
//! - [`Authenticator`]: the same for those who have their users elsewhere.
//!
//! XOAUTH2, OAUTHBEARER and EXTERNAL are not offered: nothing here could check their tokens and certificates.
//!
//! The `pop3-server` program (feature `cli`, on by default) adds the configuration file, the first start,
//! `user` and `deliver`. A library is what `default-features = false` leaves.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that fails should panic"
    )
)]

mod accept;
mod admission;
mod authenticator;
mod config;
mod log_limiter;
mod offers;
mod ownership;
mod penalties;
mod server;
mod session;
mod timestamp;
pub mod tls;
mod turns;
pub mod users;

pub use authenticator::{Authenticator, Lookup, Proof, Share, Unavailable};
pub use config::{Config, Kind, Limits, Listener};
pub use server::{Running, Server, StartError};

use server::Shared;

pub use pop3_proto::server::Policy;
pub use pop3_sasl::Mechanism;
/// The TLS library, since a configuration of it is passed in.
pub use rustls;
