use std::{net::SocketAddr, sync::Arc, time::Duration};

use pop3_proto::server::{OfferedMechanism, Policy};
use pop3_sasl::Mechanism;

use crate::{Proof, Share};

/// What a server is started with.
///
/// ```
/// use pop3_server::{Config, Listener};
///
/// let mut config = Config::default();
/// config.listeners.push(Listener::plain(([127, 0, 0, 1], 0)));
/// config.policy.allow_plaintext_without_tls = true; // A test's server; never one in earnest.
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen, and how.
    pub listeners: Vec<Listener>,
    /// Certificate, key and TLS versions; needed by listeners of [`Kind::Stls`] and [`Kind::Tls`].
    /// [`tls`](crate::tls) makes one.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What is offered, and how patient the server is. Its `mechanisms` are replaced by those below, and
    /// its `stls` follows from the kind of the listener.
    pub policy: Policy,
    /// The mechanisms of AUTH, in the order in which they are announced. RFC 5034.
    pub mechanisms: Vec<Mechanism>,
    /// Whether to offer mechanisms that only some of the users can use. Without it a mechanism is offered when
    /// all users can use it: a client chooses the strongest one it sees, and would fail with the right
    /// password. What none of them can use is never offered.
    pub offers_what_some_can: bool,
    /// The host name in the timestamp of the greeting. With it APOP is offered, and secrets have to be
    /// stored readably. RFC 1939 section 7.
    pub apop_host: Option<Box<str>>,
    /// How much of everything.
    pub limits: Limits,
}

impl Default for Config {
    /// PASS, and AUTH with PLAIN and SCRAM-SHA-256; no listeners yet.
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            tls: None,
            policy: Policy::default(),
            mechanisms: vec![Mechanism::ScramSha256, Mechanism::Plain],
            offers_what_some_can: false,
            apop_host: None,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Whether no way to log in is enabled, whatever the listener.
    pub(crate) fn enables_nothing(&self) -> bool {
        !self.policy.user_pass && self.mechanisms.is_empty() && self.apop_host.is_none()
    }

    /// Whether a mechanism is offered to users of whom this share can use it.
    pub(crate) fn is_offered(&self, mechanism: Mechanism, usable_by: impl Fn(Proof) -> Share) -> bool {
        match Proof::of(mechanism).map(usable_by) {
            None | Some(Share::All) => true,
            Some(Share::Some) => self.offers_what_some_can,
            Some(Share::None) => false,
        }
    }

    /// The policy as the connections of one kind of listener see it, with these mechanisms.
    pub(crate) fn policy_for(&self, kind: Kind, mechanisms: &[Mechanism]) -> Policy {
        let offered = mechanisms.iter().filter_map(|mechanism| {
            let name = pop3_proto::types::Mechanism::new(mechanism.name()).ok()?;
            Some(if mechanism.is_plaintext() {
                OfferedMechanism::plaintext(name)
            } else {
                OfferedMechanism::safe(name)
            })
        });
        let mut policy = self.policy.clone();
        policy.mechanisms = offered.collect();
        policy.stls = kind == Kind::Stls;
        policy
    }
}

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// Port 0 lets the system choose. An IPv6 address listens on IPv6 alone.
    pub address: SocketAddr,
    /// What is spoken there.
    pub kind: Kind,
}

impl Listener {
    /// A listener that never speaks TLS.
    pub fn plain(address: impl Into<SocketAddr>) -> Self {
        Self { address: address.into(), kind: Kind::Plain }
    }

    /// A listener that begins in clear and offers STLS. RFC 2595 section 4.
    pub fn stls(address: impl Into<SocketAddr>) -> Self {
        Self { address: address.into(), kind: Kind::Stls }
    }

    /// A listener with TLS from the first octet on. RFC 8314 section 3.
    pub fn tls(address: impl Into<SocketAddr>) -> Self {
        Self { address: address.into(), kind: Kind::Tls }
    }
}

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No TLS at all.
    Plain,
    /// In clear at first; STLS is offered.
    Stls,
    /// TLS from the first octet on.
    Tls,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Stls => "STLS",
            Self::Tls => "TLS",
        })
    }
}

/// How much of everything, and how long.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at one time. A newcomer to a full server takes the place of a connection without a login: the oldest
    /// of the network that has most of them.
    pub connections: usize,
    /// Connections at one time from one address; an IPv6 network of 64 bits counts as one. A newcomer beyond that takes
    /// the place of the address's oldest connection without a login.
    pub connections_per_address: usize,
    /// Sessions at one time of one user, where the store lets several in at all.
    pub sessions_per_user: usize,
    /// Passwords that are checked at one time: each check may take a core and some 20 MiB.
    pub password_checks: usize,
    /// How long a login waits for its turn to be checked, before it is told to try again later.
    pub password_wait: Duration,
    /// How long the answer to the first failed login from an address, or for a name, waits; doubled with
    /// every further one that is not a repetition of the one before. The right password never waits.
    pub failure_delay: Duration,
    /// The longest such wait.
    pub failure_delay_max: Duration,
    /// TLS handshakes that are computed at one time. The signature of a P-256 key takes a small part of a millisecond, that
    /// of an RSA key of 4096 bits several milliseconds, in which the core does nothing else.
    pub tls_handshakes: usize,
    /// The time from the first octet of a TLS handshake to its end, the wait for its turn included.
    pub tls_handshake: Duration,
    /// How long a client may take no octet of what it is sent, and how long it may be unreachable: then its
    /// connection ends, and its maildrop is free.
    pub write_stall: Duration,
    /// How long messages that are being sent may go on when the server is told to stop.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            connections: 10_000,
            connections_per_address: 100,
            sessions_per_user: 10,
            password_checks: cores,
            password_wait: Duration::from_secs(30),
            failure_delay: Duration::from_secs(2),
            failure_delay_max: Duration::from_secs(15),
            // The other cores go on with the sessions.
            tls_handshakes: (cores / 2).max(1),
            tls_handshake: Duration::from_secs(10),
            write_stall: Duration::from_secs(180),
            shutdown_grace: Duration::from_secs(30),
        }
    }
}
