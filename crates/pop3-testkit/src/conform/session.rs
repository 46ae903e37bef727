//! One session with the server under test, brought to the state that a case begins in.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use pop3_io::trust::Roots;
use pop3_sasl::{Choice, Client, ClientMechanism as _, ClientOptions, Credentials, Mechanism, Nonce};
use rustls::{ClientConfig, pki_types::ServerName};

use super::{
    base64,
    case::{Mode, State},
    guard::Guard,
    logins::{Ledger, Watch},
    options::Options,
    text::shown,
    tls,
    wire::{Missing, Patience, Wire},
};

/// How the server is reached and spoken to.
#[derive(Debug)]
pub(super) struct Target<'o> {
    pub(super) options: &'o Options,
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
    pub(super) way: Way,
    pub(super) logins: Rc<Ledger>,
}

/// How a user logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    UserPass,
    Sasl(Mechanism),
}

/// A connection, and what may be sent on it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) guard: Guard,
    pub(super) greeting: Vec<u8>,
    pub(super) is_octet_by_octet: bool,
    pub(super) is_logged_in: bool,
    pub(super) said_dele: bool,
}

/// Why a session did not get as far as it should.
#[derive(Debug)]
pub(super) struct Unready {
    /// A sentence.
    pub(super) why: String,
    /// What was said until then.
    pub(super) said: Vec<String>,
    /// The server has refused the login.
    pub(super) is_refusal: bool,
}

impl<'o> Target<'o> {
    /// # Errors
    ///
    /// A sentence about the host name or the certificates.
    pub(super) fn new(options: &'o Options) -> Result<Self, String> {
        let host = options.host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses = (host, options.port)
            .to_socket_addrs()
            .map_err(|error| format!("{host} is not found ({error}); check the name of the host"))?;
        let address =
            addresses.next().ok_or_else(|| format!("{host} has no address; check the name of the host"))?;
        // In clear, handshakes happen only where a case asks for one; no certificate can matter there.
        let trust = if options.mode == Mode::Plain { &Roots::InsecureAcceptAny } else { &options.trust };
        let config = tls::configuration(trust)?;
        let name = match options.mode {
            Mode::Plain => tls::server_name(host).ok(),
            _ => Some(tls::server_name(host)?),
        };
        let logins = Ledger::new(options.failed_logins);
        Ok(Self { options, address, tls: Arc::new(config), name, way: Way::UserPass, logins })
    }

    /// Opens a session.
    ///
    /// # Errors
    ///
    /// [`Unready`] says how far it got.
    pub(super) fn open(&self, state: State) -> Result<Session, Unready> {
        std::thread::sleep(self.options.pause);
        let mut session = self.connect()?;
        if state == State::Tcp {
            return Ok(session);
        }
        if self.options.mode == Mode::Tls {
            self.handshake(&mut session)?;
        }
        if state == State::Connected {
            return Ok(session);
        }
        session.read_greeting(self.options.timeout)?;
        if state == State::Clear {
            return Ok(session);
        }
        if self.options.mode == Mode::Stls {
            session.ask("STLS", self.options.timeout)?;
            self.handshake(&mut session)?;
        }
        if state == State::Transaction { self.log_in_patiently(session) } else { Ok(session) }
    }

    fn connect(&self) -> Result<Session, Unready> {
        let timeout = self.options.timeout;
        let logins = Watch::new(Rc::clone(&self.logins));
        let wire = Wire::connect(self.address, timeout, logins).map_err(|error| Unready {
            why: format!("cannot connect to {}: {error}; check host and port", self.address),
            said: Vec::new(),
            is_refusal: false,
        })?;
        Ok(Session {
            wire,
            guard: Guard::new(self.options.writable),
            greeting: Vec::new(),
            is_octet_by_octet: false,
            is_logged_in: false,
            said_dele: false,
        })
    }

    fn handshake(&self, session: &mut Session) -> Result<(), Unready> {
        self.start_tls(session, None).map_err(|error| {
            session.unready(format!(
                "the TLS handshake with {} fails: {error}; check the port and --ca, or say --insecure",
                self.address
            ))
        })
    }

    /// The handshake, perhaps with an application protocol.
    pub(super) fn start_tls(&self, session: &mut Session, alpn: Option<&str>) -> Result<(), String> {
        let name = self.name.clone().ok_or_else(|| format!("{} is no host name", self.options.host))?;
        let mut config = Arc::clone(&self.tls);
        if let Some(alpn) = alpn {
            let mut other = ClientConfig::clone(&config);
            other.alpn_protocols = vec![alpn.as_bytes().to_vec()];
            config = Arc::new(other);
        }
        session.wire.start_tls(config, name, self.options.timeout).map_err(|error| error.to_string())
    }

    /// A session that just ended may still hold the lock, where its end was abrupt; so a refusal is tried
    /// again some times, as far as `--failed-logins` allows. The password is known to be good: no wrong one is
    /// ever repeated.
    fn log_in_patiently(&self, mut session: Session) -> Result<Session, Unready> {
        let mut wait = Duration::from_millis(100);
        loop {
            let unready = match self.log_in(&mut session) {
                Ok(()) => return Ok(session),
                Err(unready) => unready,
            };
            let is_hopeless = unready.said.iter().any(|line| line.contains("[AUTH]"));
            if !unready.is_refusal || is_hopeless || self.logins.is_spent() || wait > Duration::from_secs(2) {
                return Err(unready);
            }
            session.wire.close();
            std::thread::sleep(wait);
            wait *= 2;
            session = self.open(State::Authorization)?;
        }
    }

    /// Logs in once.
    ///
    /// # Errors
    ///
    /// [`Unready`] with the server's refusal.
    pub(super) fn log_in(&self, session: &mut Session) -> Result<(), Unready> {
        if self.logins.is_spent() {
            return Err(session.unready(self.logins.why_spent()));
        }
        let done = match self.way {
            Way::UserPass => self.pass(session),
            Way::Sasl(mechanism) => self.authenticate(session, mechanism),
        };
        session.is_logged_in = done.is_ok();
        done.inspect_err(|unready| {
            if unready.is_refusal {
                self.logins.set_refusal(&unready.why);
            }
        })
    }

    fn pass(&self, session: &mut Session) -> Result<(), Unready> {
        let (account, timeout) = (&self.options.account, self.options.timeout);
        session.ask(&format!("USER {}", account.user), timeout).inspect_err(|unready| {
            // Here it is the login that is refused: PASS does not follow.
            if unready.is_refusal {
                self.logins.count_tried();
            }
        })?;
        let pass = format!("PASS {}", account.password);
        session.ask_secretly(&pass, "PASS {password}", timeout).map(drop)
    }

    fn authenticate(&self, session: &mut Session, mechanism: Mechanism) -> Result<(), Unready> {
        let (account, timeout) = (&self.options.account, self.options.timeout);
        let broken = |session: &Session, error: String| {
            session.unready(format!("{} breaks off: {error}", mechanism.name()))
        };
        let credentials = Credentials::new(&account.user).with_password(account.password.clone());
        let nonce = fresh_nonce().map_err(|error| broken(session, error))?;
        let client = Client::new(&Choice::new(mechanism), &credentials, &ClientOptions::new(nonce));
        let mut client = client.map_err(|error| broken(session, error.to_string()))?;
        session.send(&format!("AUTH {}", mechanism.name()), None)?;
        // More rounds than any of these mechanisms has.
        for _ in 0..6 {
            let line = session.line(timeout)?;
            if line.starts_with(b"+OK") {
                return client.finish().map_err(|error| broken(session, error.to_string()));
            }
            let challenge = line.strip_prefix(b"+").map(|rest| rest.strip_prefix(b" ").unwrap_or(rest));
            let Some(challenge) = challenge else { return Err(session.refusal(&line)) };
            let challenge = base64::decoded(challenge);
            let challenge = challenge.ok_or_else(|| broken(session, "this is no base64".to_owned()))?;
            let step = client.step(&challenge).map_err(|error| broken(session, error.to_string()))?;
            session.send(&base64::encoded(&step), Some("{response}"))?;
        }
        Err(broken(session, "it never ends".to_owned()))
    }
}

/// # Errors
///
/// A sentence when the system has no randomness.
pub(super) fn fresh_nonce() -> Result<Nonce, String> {
    let mut octets = [0; 18];
    getrandom::fill(&mut octets).map_err(|error| format!("the system gives no random octets: {error}"))?;
    Ok(Nonce::from_random(octets))
}

impl Session {
    fn read_greeting(&mut self, timeout: Duration) -> Result<(), Unready> {
        let line = self.line(timeout)?;
        if !line.starts_with(b"+OK") {
            return Err(self.unready(format!("the greeting is no +OK: {}", shown(&line))));
        }
        self.greeting = line;
        Ok(())
    }

    /// Sends a command and wants +OK.
    pub(super) fn ask(&mut self, command: &str, timeout: Duration) -> Result<Vec<u8>, Unready> {
        self.ask_secretly(command, command, timeout)
    }

    fn ask_secretly(&mut self, command: &str, said: &str, timeout: Duration) -> Result<Vec<u8>, Unready> {
        self.send(command, Some(said))?;
        let line = self.line(timeout)?;
        if line.starts_with(b"+OK") { Ok(line) } else { Err(self.refusal(&line)) }
    }

    /// Sends a command and reads what follows its +OK to the end: `None` after -ERR.
    pub(super) fn ask_for_lines(
        &mut self,
        command: &str,
        timeout: Duration,
    ) -> Result<Option<Vec<Vec<u8>>>, Unready> {
        let from = self.wire.said().len();
        self.send(command, None)?;
        if !self.line(timeout)?.starts_with(b"+OK") {
            return Ok(None);
        }
        let mut lines = Vec::new();
        let mut patience = Patience::new(timeout);
        loop {
            let line = self.line(timeout)?;
            if line == b"." {
                return Ok(Some(lines));
            }
            if !patience.bears(&line) {
                self.wire.shorten(from, &format!("S: (to {command}, a response without an end)"));
                self.wire.close_abruptly();
                return Err(self.unready(format!("the response to {command} does not end")));
            }
            lines.push(line.strip_prefix(b".").map(<[u8]>::to_vec).unwrap_or(line));
        }
    }

    fn send(&mut self, line: &str, said: Option<&str>) -> Result<(), Unready> {
        let octets = format!("{line}\r\n").into_bytes();
        self.check(&octets).map_err(|why| self.unready(why))?;
        let sent = self.wire.send(&octets, said.unwrap_or(line), false);
        sent.map_err(|error| self.unready(format!("cannot write to the server: {error}")))
    }

    /// Whether these octets may be sent.
    ///
    /// # Errors
    ///
    /// A sentence that says why not; then nothing of them may go out.
    pub(super) fn check(&mut self, octets: &[u8]) -> Result<(), String> {
        self.wire.logins.check(octets)?;
        self.guard.check(octets)
    }

    fn line(&mut self, timeout: Duration) -> Result<Vec<u8>, Unready> {
        self.wire.line(timeout).map_err(|missing| self.unready(sentence(&missing, timeout)))
    }

    fn refusal(&self, line: &[u8]) -> Unready {
        let why = format!("the server refuses with: {}", shown(line));
        Unready { is_refusal: true, ..self.unready(why) }
    }

    fn unready(&self, why: String) -> Unready {
        Unready { why, said: self.wire.said().to_vec(), is_refusal: false }
    }

    /// Ends the session in order, so that the next can have the maildrop; marks are undone first.
    pub(super) fn quit(&mut self, timeout: Duration) {
        if self.wire.has_ended() {
            return;
        }
        let short = timeout.min(Duration::from_secs(5));
        if self.said_dele && self.is_logged_in && self.ask("RSET", short).is_err() {
            // Who cannot undo must not say QUIT.
            self.wire.close();
            return;
        }
        if self.send("QUIT", None).is_ok() && self.line(short).is_ok() {
            self.wire.end(short.min(Duration::from_secs(2)));
        }
        self.wire.close();
    }
}

/// What a person is told when a line is missing.
pub(super) fn sentence(missing: &Missing, timeout: Duration) -> String {
    match missing {
        Missing::Late(octets) if octets.is_empty() => {
            format!("nothing came within {} s", timeout.as_secs_f32())
        }
        Missing::Late(octets) => {
            format!(
                "a line without its end, and no more within {} s: {}",
                timeout.as_secs_f32(),
                shown(octets)
            )
        }
        Missing::Ended(octets) if octets.is_empty() => "the server ended the connection".to_owned(),
        Missing::Ended(octets) => format!("the connection ended in a line: {}", shown(octets)),
        Missing::BareLf(line) => format!("a line that ends in LF without CR: {}", shown(line)),
        Missing::TooLong => "a line without an end".to_owned(),
    }
}
