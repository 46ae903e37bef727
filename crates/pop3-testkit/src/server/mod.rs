//! The test server: a real POP3 server on the loopback interface, in this process.
//!
//! It is made of the same core, mechanisms and store as the product, runs on plain threads, and needs no
//! runtime: tests that block, tests of any async runtime, and other languages can use it alike. Dropping a
//! [`TestServer`] ends its sessions, however stalled, and joins its threads.

mod accept;
mod accounts;
mod builder;
mod carry_out;
mod error;
mod login;
mod records;
mod scripts;
mod session;
mod shared;
mod wire;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use pop3_store::memory::Message;

use crate::{
    certificates::{Authority, PemFile},
    fault::{Plan, Rule},
};
use accept::Listener;
use shared::Shared;

pub use builder::{BearerForm, Builder};
pub use error::Error;
pub use records::{End, HandledMessage, NotInTime, SessionRecord};
pub use scripts::Phase;

/// How sessions begin at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Without TLS, and without STLS.
    Plain,
    /// Without TLS, and with STLS. RFC 2595 section 4.
    Stls,
    /// With TLS from the first octet on. RFC 8314 section 3.3.
    Tls,
}

/// A POP3 server on 127.0.0.1, in this process.
///
/// ```
/// use std::{io::{BufRead as _, BufReader, Write as _}, net::TcpStream, time::Duration};
/// use pop3_testkit::TestServer;
///
/// let server = TestServer::builder().user("alice", "wonderland").start()?;
/// let stream = TcpStream::connect(server.plain_address())?;
/// (&stream).write_all(b"QUIT\r\n")?;
/// let lines: Vec<String> = BufReader::new(&stream).lines().collect::<Result<_, _>>()?;
/// assert_eq!(lines, ["+OK POP3 server ready", "+OK Goodbye"]);
/// server.wait_for_session(1, Duration::from_secs(10))?.transcript.assert_commands(["QUIT"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TestServer {
    shared: Arc<Shared>,
    listeners: Vec<Listener>,
    ca_file: OnceLock<PemFile>,
    ca_file_turn: Mutex<()>,
}

impl TestServer {
    /// A server that is still to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    // ---- where it is ----

    /// Where sessions of this kind begin; the first such address, if there are several.
    #[must_use]
    pub fn address(&self, kind: Kind) -> Option<SocketAddr> {
        let listener = self.listeners.iter().find(|listener| listener.kind() == kind);
        listener.map(Listener::address)
    }

    /// All addresses, in the order in which they were asked for.
    pub fn addresses(&self) -> impl Iterator<Item = (Kind, SocketAddr)> + '_ {
        self.listeners.iter().map(|listener| (listener.kind(), listener.address()))
    }

    /// Where sessions begin without TLS, be there STLS or not.
    ///
    /// # Panics
    ///
    /// When the server was told to listen with TLS alone.
    #[must_use]
    #[track_caller]
    pub fn plain_address(&self) -> SocketAddr {
        self.address(Kind::Plain).unwrap_or_else(|| self.stls_address())
    }

    /// Where sessions can begin TLS by STLS.
    ///
    /// # Panics
    ///
    /// When the server was told to listen otherwise.
    #[must_use]
    #[track_caller]
    pub fn stls_address(&self) -> SocketAddr {
        self.expect_address(Kind::Stls)
    }

    /// Where sessions begin with TLS.
    ///
    /// # Panics
    ///
    /// When the server was told to listen otherwise.
    #[must_use]
    #[track_caller]
    pub fn tls_address(&self) -> SocketAddr {
        self.expect_address(Kind::Tls)
    }

    /// The port of [`plain_address`](Self::plain_address).
    ///
    /// # Panics
    ///
    /// As there.
    #[must_use]
    #[track_caller]
    pub fn plain_port(&self) -> u16 {
        self.plain_address().port()
    }

    /// The port of [`stls_address`](Self::stls_address).
    ///
    /// # Panics
    ///
    /// As there.
    #[must_use]
    #[track_caller]
    pub fn stls_port(&self) -> u16 {
        self.stls_address().port()
    }

    /// The port of [`tls_address`](Self::tls_address).
    ///
    /// # Panics
    ///
    /// As there.
    #[must_use]
    #[track_caller]
    pub fn tls_port(&self) -> u16 {
        self.tls_address().port()
    }

    #[track_caller]
    #[allow(clippy::panic, reason = "a test that asks for an address that it did not order cannot go on")]
    fn expect_address(&self, kind: Kind) -> SocketAddr {
        match self.address(kind) {
            Some(address) => address,
            None => panic!("this test server has no {kind:?} address; add .listen(Kind::{kind:?})"),
        }
    }

    // ---- whom to trust ----

    /// The certificate that a client has to trust, in PEM: that of the throw-away authority, unless
    /// [`Builder::certificate`] gave a certificate by another.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`].
    pub fn ca_pem(&self) -> Result<String, Error> {
        Ok(Authority::of_this_process()?.pem().to_owned())
    }

    /// The same in DER.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`].
    pub fn ca_der(&self) -> Result<Vec<u8>, Error> {
        Ok(Authority::of_this_process()?.der().to_vec())
    }

    /// The same in a PEM file, which is there as long as the server is.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`], [`Error::CaFile`].
    pub fn ca_file(&self) -> Result<PathBuf, Error> {
        let _turn = self.ca_file_turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.ca_file.get() {
            return Ok(file.path());
        }
        let file = PemFile::new(&self.ca_pem()?).map_err(|source| Error::CaFile { source })?;
        Ok(self.ca_file.get_or_init(|| file).path())
    }

    // ---- mail ----

    /// Adds a message at the end of a maildrop, and gives its unique-id. A session that has the maildrop open
    /// does not see it. RFC 1939 section 4.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUser`].
    pub fn deliver(&self, user: &str, message: impl Into<Arc<[u8]>>) -> Result<String, Error> {
        self.shared.accounts.deliver(user, message.into())
    }

    /// The messages of a user as they are now; none when there is no such user.
    #[must_use]
    pub fn messages(&self, user: &str) -> Vec<Message> {
        self.shared.accounts.messages(user)
    }

    // ---- what goes wrong ----

    /// What goes wrong in the sessions that come; those that are there keep what they began with.
    pub fn set_faults(&self, plan: Plan) {
        self.shared.set_plan(plan);
    }

    /// The rules that no session has met so far, neither where nor when they say: those of the plan that
    /// sessions begin with now, the profile's included. A rule that is misspelt, as `RTER: reset`, is among
    /// them for ever, and so a test that means its faults ends with
    /// `assert_eq!(server.unmet_faults(), [])`.
    ///
    /// ```
    /// use pop3_testkit::TestServer;
    ///
    /// let server = TestServer::builder().fault("RTER: reset".parse()?).start()?;
    /// assert_eq!(server.unmet_faults()[0].to_string(), "RTER: reset");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unmet_faults(&self) -> Vec<Rule> {
        self.shared.plan().unmet()
    }

    // ---- what happened ----

    /// All sessions so far, those that still run included, in the order in which they came.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionRecord> {
        self.shared.records.all()
    }

    /// Waits until the session with this number has ended. Sessions are counted from 1.
    ///
    /// # Errors
    ///
    /// [`NotInTime`] says what did happen.
    pub fn wait_for_session(&self, number: u32, limit: Duration) -> Result<SessionRecord, NotInTime> {
        let what = || format!("session {number} has not ended").into();
        self.shared.records.wait(limit, what, |all| {
            all.iter().find(|record| record.number == number && record.end.is_some()).cloned()
        })
    }

    /// Waits until so many sessions have ended, and gives those, in the order in which they came.
    ///
    /// # Errors
    ///
    /// [`NotInTime`] says what did happen.
    pub fn wait_for_sessions(&self, count: usize, limit: Duration) -> Result<Vec<SessionRecord>, NotInTime> {
        let what = || format!("{count} sessions have not ended").into();
        self.shared.records.wait(limit, what, |all| {
            let ended: Vec<_> = all.iter().filter(|record| record.end.is_some()).cloned().collect();
            (ended.len() >= count).then_some(ended)
        })
    }

    /// Waits until the sessions are as they should be: `what` says in words what is waited for. It is looked
    /// at whenever something was said.
    ///
    /// # Errors
    ///
    /// [`NotInTime`] says what did happen.
    pub fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        mut is_so: impl FnMut(&[SessionRecord]) -> bool,
    ) -> Result<(), NotInTime> {
        self.shared.records.wait(limit, || format!("not so: {what}").into(), |all| is_so(all).then_some(()))
    }

    /// Ends all sessions, and gives what there is to say about them.
    #[must_use]
    pub fn shut_down(mut self) -> Vec<SessionRecord> {
        self.end();
        self.sessions()
    }

    fn end(&mut self) {
        self.shared.stop();
        self.listeners.drain(..).for_each(Listener::end);
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Any port of the loopback interface.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
