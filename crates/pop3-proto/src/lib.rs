//! POP3 as a sans-IO protocol core: octets in, events out; answers in, octets out.
//!
//! This crate speaks RFC 1939 and what was added to it (RFC 2449, 2595, 3206, 5034, 6856), for both sides, and
//! does no I/O: no sockets, no clock, no randomness, no cryptography, no files. Who uses it moves the octets;
//! `pop3-io` does so for blocking sockets and for tokio. It needs `alloc`; the feature `std` (on by default)
//! only lets the search for line ends choose its instructions at run time.
//!
//! # The run loop
//!
//! [`client::Client`] and [`server::Server`] are both a [`machine::Machine`], and a driver needs no more of
//! them than that: *after every call that may change the machine, write out
//! [`poll_transmit`](machine::Machine::poll_transmit) until it is empty, then feed
//! [`next_event`](machine::Machine::next_event) until it says `None`; only then wait.*
//!
//! ```
//! use pop3_proto::machine::{Elapsed, Machine};
//! use std::{io::{Read, Write}, time::Instant};
//!
//! /// Runs a machine over a stream that blocks, until `on_event` says that it has what it wants.
//! fn run<M: Machine, R>(
//!     machine: &mut M,
//!     stream: &mut (impl Read + Write),
//!     buffer: &mut Vec<u8>,
//!     began: Instant,
//!     mut on_event: impl FnMut(&mut M, M::Event<'_>) -> Option<R>,
//! ) -> std::io::Result<Option<R>>
//! where
//!     M::Error: std::error::Error + Send + Sync + 'static,
//! {
//!     loop {
//!         machine.handle_timeout(Elapsed(began.elapsed()));
//!         while let Some(octets) = machine.poll_transmit() {
//!             let count = stream.write(octets)?;
//!             machine.handle_transmitted(count);
//!         }
//!         let mut input = buffer.as_slice();
//!         let event = machine.next_event(&mut input).map_err(std::io::Error::other)?;
//!         let is_quiet = event.is_none();
//!         // The event borrows the buffer and not the machine: it can be answered while it is looked at.
//!         let done = event.and_then(|event| on_event(machine, event));
//!         let consumed = buffer.len() - input.len();
//!         buffer.drain(..consumed);
//!         if done.is_some() {
//!             return Ok(done);
//!         }
//!         if is_quiet && machine.poll_transmit().is_none() {
//!             let mut more = [0; 8192];
//!             match stream.read(&mut more)? {
//!                 0 => machine.handle_eof().map_err(std::io::Error::other)?,
//!                 count => buffer.extend_from_slice(&more[..count]),
//!             }
//!         }
//!     }
//! }
//! # let mut client = pop3_proto::client::Client::new(Default::default());
//! # let mut stream = std::io::Cursor::new(b"+OK ready\r\n".to_vec());
//! # let greeting = run(&mut client, &mut stream, &mut Vec::new(), Instant::now(), |_, event| {
//! #     matches!(event, pop3_proto::client::Event::Greeting { .. }).then_some("greeted")
//! # });
//! # assert_eq!(greeting.unwrap(), Some("greeted"));
//! ```
//!
//! The caller owns the input. A machine takes what it needs off the front of a slice and lends it out again
//! in the event; it keeps back one partial line and nothing else. `Ok(None)` with octets left is back-pressure:
//! an answer is owed, or the output has to be written first.
//!
//! # The two roles
//!
//! A client sends [`types::Command`]s with [`send`](client::Client::send), and gets [`client::Event`]s, which
//! name the command they answer. More than one command may be on its way where the server announced
//! PIPELINING. A `-ERR` is no error, it is a [`types::Response`]; an error is what ends the session.
//!
//! A server gets [`server::Event`]s, which are questions that only the outside can answer: is this password
//! right, where is this message, are these messages removed. Everything else it answers by itself, from the
//! [`server::Maildrop`] that it was given at login. One question is open at a time, and while it is no command
//! is read. Messages never enter either machine: on their way out they pass through a
//! [`body::BodyEncoder`], and on their way in they are lent out piece by piece.
//!
//! # A whole session
//!
//! Both machines, with two vectors for a wire:
//!
//! ```
//! use pop3_proto::{
//!     client::{self, Client},
//!     machine::Machine,
//!     server::{self, Config, Connection, Login, Maildrop, MessageInfo, Policy, Server, UpdateOutcome},
//!     types::{Command, MessageNumber, Octets, Secret, UniqueId},
//! };
//!
//! const MESSAGE: &[u8] = b"Subject: hello\r\n\r\n.dots are stuffed\r\n";
//!
//! /// What the server side of the world says to a machine's question.
//! fn answer(server: &mut Server, event: server::Event<'_>, wire: &mut Vec<u8>) -> Result<(), server::UsageError> {
//!     match event {
//!         server::Event::Login(Login::Password { name, password }) => {
//!             if name != "mrose" || password.expose() != "secret" {
//!                 return server.reject(server::Rejection::BadCredentials);
//!             }
//!             let size = Octets(MESSAGE.len() as u64);
//!             let unique_id = UniqueId::new("first").expect("an id");
//!             server.accept(Maildrop::new(vec![MessageInfo { size, unique_id }]))
//!         }
//!         server::Event::Retrieve { .. } => {
//!             let mut encoder = server.begin_message()?;
//!             transmit(server, wire); // the +OK goes first
//!             encoder.encode(MESSAGE).for_each(|octets| wire.extend_from_slice(octets));
//!             server.end_message(encoder)
//!         }
//!         server::Event::Update { deletions, .. } => {
//!             assert_eq!(deletions.numbers(), [MessageNumber::FIRST]);
//!             server.finish_update(UpdateOutcome::Removed)
//!         }
//!         _ => Ok(()),
//!     }
//! }
//!
//! fn transmit(machine: &mut impl Machine, wire: &mut Vec<u8>) {
//!     while let Some(octets) = machine.poll_transmit() {
//!         wire.extend_from_slice(octets);
//!         let count = octets.len();
//!         machine.handle_transmitted(count);
//!     }
//! }
//!
//! let mut policy = Policy::default();
//! policy.allow_plaintext_without_tls = true; // for this example only
//! let mut server = Server::new(Config::new(policy)?, Connection::default())?;
//! let mut client = Client::new(client::Config::default());
//!
//! let mut commands = vec![
//!     Command::User("mrose".into()),
//!     Command::Pass(Secret::new("secret".into())),
//!     Command::Retr(MessageNumber::FIRST),
//!     Command::Dele(MessageNumber::FIRST),
//!     Command::Quit,
//! ]
//! .into_iter();
//! let mut received = Vec::new();
//! while client.state() != client::SessionState::Closed {
//!     let mut to_client = Vec::new();
//!     let mut to_server = Vec::new();
//!     transmit(&mut client, &mut to_server);
//!     let mut input = to_server.as_slice();
//!     while let Some(event) = server.next_event(&mut input)? {
//!         answer(&mut server, event, &mut to_client)?;
//!     }
//!     transmit(&mut server, &mut to_client);
//!     let mut input = to_client.as_slice();
//!     while let Some(event) = client.next_event(&mut input)? {
//!         if let client::Event::MessageChunk { chunk, .. } = event {
//!             received.extend_from_slice(chunk);
//!         }
//!     }
//!     if client.outstanding() == 0 {
//!         if let Some(command) = commands.next() {
//!             client.send(&command)?;
//!         }
//!     }
//! }
//! assert_eq!(received, MESSAGE);
//! assert_eq!(server.state(), server::SessionState::Closed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What cannot go wrong
//!
//! * A message marked as deleted shows nowhere: every command looks messages up in one place.
//! * Nothing is removed without QUIT: [`server::Deletions`] exists only inside [`server::Event::Update`].
//! * Octets that came between STLS and the handshake are never read as anything: the machine gives up.
//! * A message that failed half-way never looks whole: [`abort_message`](server::Server::abort_message) closes
//!   without the termination line.
//! * A password prints as `[REDACTED]`: [`types::Secret`].
//! * No input makes a machine panic, and none makes it hold more than a line and a few KiB of output.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test that fails should panic"
    )
)]

extern crate alloc;

pub mod body;
pub mod client;
pub mod encode;
pub mod framing;
pub mod grammar;
pub mod machine;
mod outgoing;
pub mod server;
pub mod types;
