//! A real POP3 server inside a test, with faults and dialects on demand; and a run that tells where any
//! server departs from the standards.
//!
//! Deliver a message, fetch it, and look at what was said:
//!
//! ```
//! use pop3_client::{Connector, Login, Options, Roots, Security, blocking::Session};
//! # use std::time::Duration;
//!
//! let server = pop3_testkit::TestServer::builder().user("alice", "wonderland").start()?;
//! server.deliver("alice", *b"Subject: hello\r\n\r\nHi!\r\n")?;
//! let options = Options::new("localhost").with_security(Security::StlsRequired);
//! let options = options.with_port(server.stls_port()).with_roots(Roots::File(server.ca_file()?));
//! let session = Session::connect(&Connector::new(options)?)?;
//! let mut session = session.login(&Login::password("alice", "wonderland"))?;
//! let number = session.list()?[0].number;
//! assert!(std::io::read_to_string(session.retr(number)?)?.ends_with("Hi!\r\n"));
//! session.quit()?;
//! server.wait_for_session(1, Duration::from_secs(10))?.transcript.assert_said("RETR 1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The test server
//!
//! [`TestServer`] is made of the core, the mechanisms and the store of the product, on threads of its own: it
//! starts in less than a millisecond, needs no runtime, and is gone when it is dropped, however its sessions
//! are stalled. By default it listens at two free ports of 127.0.0.1, one with STLS and one with TLS, and
//! hands out the certificate of a throw-away authority ([`TestServer::ca_file`]). [`server::Builder`] says
//! what else it can be.
//!
//! What happened stands in a [`server::SessionRecord`]: who logged in and how, what was retrieved, marked and
//! removed, how the session ended, and a [`transcript`] with every secret masked. Wait for a session with
//! [`TestServer::wait_for_session`] before looking at its end: the server may be a moment behind the client.
//!
//! # What goes wrong
//!
//! A [`fault::Plan`] says what goes wrong, in which session, at which command, and at which time:
//!
//! ```
//! # use pop3_testkit::TestServer;
//! let builder = TestServer::builder().user("alice", "wonderland");
//! let builder = builder.fault("RETR 2: reset after 100".parse()?);
//! let server = builder.fault("session 1 QUIT: close".parse()?).start()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`profile`] combines what a known server says and does; [`record`] takes down a real session, and serves
//! it again.
//!
//! # Features
//!
//! - `cli` (default): the programs `pop3-testkit`, which other languages' tests can use, and `pop3-conform`.
//!   Without it the library brings none of what only a program needs.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that fails should panic"
    )
)]

pub mod certificates;
#[cfg(feature = "cli")]
pub mod client_check;
#[cfg(feature = "cli")]
pub mod conform;
pub mod fault;
pub mod profile;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod program;
pub mod record;
pub mod server;
pub mod transcript;

pub use server::TestServer;

/// The examples of the guides are tests too.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    pub struct Readme;
    #[doc = include_str!("../../../docs/guide-developers.md")]
    pub struct Developers;
    #[doc = include_str!("../../../docs/guide-testkit.md")]
    pub struct Testkit;
}
