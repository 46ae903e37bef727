//! A POP3 client: sessions whose state is their type, over tokio and over std.
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use pop3_client::{Connector, Login, Options, Session};
//!
//! let connector = Connector::new(Options::new("pop.example.org"))?;
//! let session = Session::connect(&connector).await?;
//! let mut session = session.login(&Login::password("alice", "wonderland")).await?;
//! for listing in session.list().await? {
//!     println!("message {}: {} octets", listing.number, listing.size);
//! }
//! session.quit().await?;
//! # Ok(()) }
//! ```
//!
//! That removes nothing. A message may be removed once it is on the disk, the file and the name of the file:
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn example(mut session: pop3_client::Session<pop3_client::Transaction>) -> Result<(), Box<dyn std::error::Error>> {
//! use std::fs::File;
//! use tokio::io::AsyncReadExt as _;
//!
//! for listing in session.list().await? {
//!     let mut octets = Vec::new();
//!     session.retr(listing.number).await?.read_to_end(&mut octets).await?;
//!     let path = format!("mail/{}.eml", listing.number);
//!     std::fs::write(&path, &octets)?;
//!     File::open(&path)?.sync_all()?;
//!     File::open("mail")?.sync_all()?;
//!     session.dele(listing.number).await?;
//! }
//! session.quit().await?; // Only now are the messages removed.
//! # Ok(()) }
//! ```
//!
//! The same over std, without a runtime, is in [`blocking`]; both are made from one set of commands, so
//! what is said here holds for both.
//!
//! # A session
//!
//! - [`Options`] say where the server is and how to encrypt; [`Url`] reads `pop:` URLs into them. A
//!   [`Connector`] reads the certificates to trust, once for all its sessions.
//! - `Session<Authorization>` has no maildrop: `capabilities`, `start_tls`, `login`, `quit`.
//! - `login` gives a `Session<Transaction>`: `stat`, `list`, `uidl`, `top`, `retr`, `dele`, `rset`,
//!   `noop`. A login that the server refuses gives the session back in [`LoginError`].
//! - `quit` consumes the session. In TRANSACTION it is what removes the marked messages; a session that is
//!   dropped removes nothing. RFC 1939 section 6.
//!
//! # Messages
//!
//! `retr` gives a `Message`, an `AsyncRead` (or `Read`) over the octets without byte-stuffing, with CRLF
//! line ends; nothing of it is held beyond one buffer of 64 KiB. Its end is the termination line: a
//! connection that ends before is an error, never a short message. Dropped half-read, the rest is read and
//! discarded by the next command.
//!
//! `retr_many`, `top_many` and `dele_many` keep several commands under way where the server announces
//! PIPELINING (RFC 2449 section 6.6), and one at a time elsewhere.
//!
//! # Security
//!
//! The default is TLS with a verified certificate, from the first octet on ([`Security::ImplicitTls`]) or
//! by STLS ([`Security::StlsRequired`]): where the server does not start TLS, nothing more is sent. What
//! weakens this bears `Insecure` in its name. The name in the certificate has to be the one in
//! [`Options::host`], whatever DNS says. After STLS nothing that was said before it is believed.
//!
//! A password goes over an encrypted connection only. Among SASL mechanisms SCRAM goes before PLAIN; one
//! that failed is not followed by a weaker one; APOP is used only when [`Method::Apop`] asks for it.
//!
//! # Errors
//!
//! [`Error`] is sorted by whom to blame; what it prints says what happened and what to do. What a server
//! wrote is printed with everything escaped that could harm a terminal or a log. [`Error::is_temporary`]
//! goes by the response codes of RFC 2449 and RFC 3206, never by words.
//!
//! # Features
//!
//! - `tokio` (default): the async session.
//! - `cli` (default): the program `pop3-client`. Without it the library brings none of what only a program
//!   needs.
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
pub use login::{Login, Method, UnknownMethod};
pub use options::{Options, Security, Timeouts};
pub use pop3_io::{
    rustls,
    trust::{Identity, Roots},
};
/// The protocol core: the types of listings, capabilities and responses.
pub use pop3_proto as proto;
/// The SASL mechanisms: credentials and their secrets.
pub use pop3_sasl as sasl;
#[cfg(feature = "tokio")]
pub use session::{Message, Retrievals, Retrieved, Session, Stream};
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
