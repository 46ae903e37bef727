//! Where a server is, and what is asked of the connection to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pop3_io::{
    rustls::ClientConfig,
    trust::{Identity, Roots},
};

use pop3_proto::{
    body::LineEnds,
    client::{Config, Pace, PipeliningPolicy},
};

use crate::Url;

/// Whether and how the connection is encrypted. There is no setting that tries TLS and falls back in
/// silence: the two that may send anything in clear say so in their names. RFC 8314 section 5.2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first octet on, usually port 995. RFC 8314 section 3.3.
    #[default]
    ImplicitTls,
    /// STLS as the first command, or nothing, usually port 110. RFC 2595 section 4.
    StlsRequired,
    /// No TLS; everybody on the way reads along, the password too.
    InsecurePlain,
    /// STLS where the server announces it, else no TLS: whoever stands in between can choose.
    InsecureOpportunistic,
}

impl Security {
    /// The registered port: 995 for implicit TLS, 110 for the others.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::ImplicitTls => 995,
            Self::StlsRequired | Self::InsecurePlain | Self::InsecureOpportunistic => 110,
        }
    }

    /// Whether a password may go over a connection that is not encrypted.
    pub(crate) const fn allows_plaintext(self) -> bool {
        matches!(self, Self::InsecurePlain | Self::InsecureOpportunistic)
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection to come about, over all addresses of the host; the look-up of the name is the
    /// system's own affair.
    pub connect: Duration,
    /// For the greeting. A server that waits for TLS from the first octet on sends none.
    pub greeting: Duration,
    /// For the next octet of the server: of a response, of a message.
    pub read: Duration,
    /// For the server to take the next octet.
    pub write: Duration,
    /// For the whole session, if it shall have an end.
    pub session: Option<Duration>,
}

impl Default for Timeouts {
    /// 30 seconds to connect; 1 minute for the greeting; 3 minutes for the next octet, as servers take their time over large
    /// maildrops; 1 minute to be listened to; no end.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_secs(60),
            read: Duration::from_secs(180),
            write: Duration::from_secs(60),
            session: None,
        }
    }
}

/// A server and how to talk to it.
///
/// ```
/// use pop3_client::{Options, Security};
/// let options = Options::new("pop.example.org");
/// assert_eq!((options.security, options.port), (Security::ImplicitTls, 995));
/// let options = Options::new("pop.example.org").with_security(Security::StlsRequired);
/// assert_eq!(options.port, 110);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// A DNS name or an IP address; the server's certificate has to be for it.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Where to connect to instead of looking the host up, as before a change of its DNS entry. The server's
    /// certificate is checked for the host all the same.
    pub address: Option<SocketAddr>,
    /// Whether and how to encrypt.
    pub security: Security,
    /// Which certificates to trust.
    pub roots: Roots,
    /// The certificate to show to a server that asks for one.
    pub identity: Option<Identity>,
    /// All that TLS does, in place of `roots` and `identity`.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How many commands to have outstanding where the server announces PIPELINING; from 1, which is
    /// none beside the one, to [`MAX_WINDOW`](Self::MAX_WINDOW). RFC 2449 section 6.6.
    pub window: usize,
    /// Whether CAPA is sent. Some old servers close the connection on it.
    pub asks_capabilities: bool,
    /// What ends a line of a message; lenient for servers that send LF alone.
    pub line_ends: LineEnds,
    /// The most lines of one listing.
    pub max_listing: usize,
    /// The most octets of one message, of RETR and of TOP; the session is over when a message has more.
    pub max_message: u64,
    /// The least rate in the long run, in octets per second, of everything that the server sends; 0 takes any rate. It
    /// counts once the client has waited twice [`Timeouts::read`] for one response.
    pub min_rate: u32,
}

impl Options {
    /// The most commands that may be outstanding. Their octets fit the send buffer of any system, so that
    /// writing them never waits for the server to read while the server waits for us to.
    pub const MAX_WINDOW: usize = 64;

    /// A server on the port of implicit TLS.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: Security::ImplicitTls.port(),
            address: None,
            security: Security::ImplicitTls,
            roots: Roots::System,
            identity: None,
            tls: None,
            timeouts: Timeouts::default(),
            window: 32,
            asks_capabilities: true,
            line_ends: LineEnds::Strict,
            max_listing: 1_000_000,
            max_message: 1 << 30,
            min_rate: 100,
        }
    }

    /// The server of a URL: `pops:` is implicit TLS, `pop:` is STLS, which is required then.
    #[must_use]
    pub fn from_url(url: &Url) -> Self {
        let options = Self::new(url.host()).with_security(url.security());
        Self { port: url.port(), ..options }
    }

    /// Sets whether and how to encrypt; a port that was the usual one is changed to the new usual one.
    #[must_use]
    pub fn with_security(mut self, security: Security) -> Self {
        if self.port == self.security.port() {
            self.port = security.port();
        }
        self.security = security;
        self
    }

    /// Sets the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets which certificates to trust.
    #[must_use]
    pub fn with_roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self
    }

    /// Sets the certificate to show to a server that asks for one.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Sets how long to wait.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    pub(crate) fn window(&self) -> usize {
        self.window.clamp(1, Self::MAX_WINDOW)
    }

    /// The configuration of the machine.
    pub(crate) fn machine(&self) -> Config {
        let mut config = Config::default();
        config.pipelining = match self.window() {
            1 => PipeliningPolicy::Never,
            _ => PipeliningPolicy::WhenAdvertised,
        };
        config.max_listing = self.max_listing;
        config.max_message = self.max_message;
        let patience = self.timeouts.read.saturating_mul(2);
        config.pace = Pace { octets_per_second: self.min_rate, patience };
        config.line_ends = self.line_ends;
        config
    }
}
