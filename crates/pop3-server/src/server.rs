use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use pop3_proto::server::{Config as CheckedPolicy, Connection, InvalidPolicy, Server as Protocol};
use pop3_store::Store;
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::info;

use crate::{
    Authenticator, Config, Kind, Listener, accept,
    admission::Counters,
    log_limiter::{LogLimiter, STRETCH},
    offers::Offers,
    penalties::Penalties,
    timestamp::timestamp,
    turns::Turns,
};

/// A POP3 server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Opens the listeners and serves on them until the returned value is told to stop.
    ///
    /// # Errors
    ///
    /// [`StartError`]: nothing is listening then.
    pub async fn bind<S: Store, A: Authenticator>(
        config: Config,
        store: S,
        authenticator: A,
    ) -> Result<Running, StartError> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        let penalties = Arc::new(Penalties::new(&config.limits));
        let shared = Arc::new(Shared {
            offers: Offers::default(),
            counters: Arc::new(Counters::new(config.limits.clone())),
            turns: Turns::new(
                config.limits.password_checks,
                config.limits.password_wait,
                Arc::clone(&penalties),
            ),
            handshakes: Turns::new(
                config.limits.tls_handshakes,
                config.limits.tls_handshake,
                Arc::clone(&penalties),
            ),
            penalties,
            log: LogLimiter::default(),
            sessions: AtomicU64::new(0),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            tracker: TaskTracker::new(),
            store,
            authenticator,
            config,
        });
        let mut sockets = Vec::new();
        for listener in &shared.config.listeners {
            sockets.push((listen(*listener, shared.config.limits.write_stall)?, listener.kind));
        }
        let mut addresses = Vec::new();
        for (socket, _) in &sockets {
            addresses
                .push(socket.local_addr().map_err(|source| StartError::Listen { address: None, source })?);
        }
        for ((socket, kind), address) in sockets.into_iter().zip(&addresses) {
            info!(%address, %kind, "listening");
            shared.tracker.spawn(accept::accept(Arc::clone(&shared), socket, kind));
        }
        // Not one of the connections: it ends with `stop`.
        tokio::spawn(summarise(Arc::clone(&shared)));
        Ok(Running {
            addresses,
            stop: shared.stop.clone(),
            abort: shared.abort.clone(),
            tracker: shared.tracker.clone(),
            grace: shared.config.limits.shutdown_grace,
        })
    }
}

/// What the sessions share.
#[derive(Debug)]
pub(crate) struct Shared<S, A> {
    pub(crate) config: Config,
    pub(crate) offers: Offers,
    pub(crate) store: S,
    pub(crate) authenticator: A,
    pub(crate) counters: Arc<Counters>,
    pub(crate) penalties: Arc<Penalties>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) handshakes: Arc<Turns>,
    pub(crate) log: LogLimiter,
    pub(crate) sessions: AtomicU64,
    /// No new sessions, and idle ones end.
    pub(crate) stop: CancellationToken,
    /// All sessions end that are not in UPDATE.
    pub(crate) abort: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Config {
    /// The listeners on which none of these users can log in, whatever the password.
    pub fn useless_listeners(&self, authenticator: &impl Authenticator) -> Vec<Listener> {
        let is_useless = |listener: &&Listener| !Offers::is_of_use(self, listener.kind, authenticator);
        self.listeners.iter().filter(is_useless).copied().collect()
    }

    /// Everything for which a server would not start with this, apart from what only an attempt to listen
    /// can show.
    #[must_use]
    pub fn problems(&self) -> Vec<StartError> {
        let mut problems = Vec::new();
        if self.listeners.is_empty() {
            problems.push(StartError::NoListener);
        }
        let host = self.apop_host.as_deref();
        let apop_timestamp = host.map(timestamp).transpose().ok().flatten();
        if host.is_some() && !apop_timestamp.as_deref().is_some_and(pop3_sasl::apop::is_valid_timestamp) {
            problems.push(StartError::ApopHost);
        }
        let is_nothing_enabled = self.enables_nothing();
        if is_nothing_enabled {
            problems.push(StartError::NothingEnabled);
        }
        for (index, listener) in self.listeners.iter().enumerate() {
            let Listener { address, kind } = *listener;
            let others = self.listeners.get(..index).unwrap_or_default();
            if let Some(other) = others.iter().find(|other| overlap(other.address, address)) {
                problems.push(StartError::AddressTwice { address, other: other.address });
            }
            if kind != Kind::Plain && self.tls.is_none() {
                problems.push(StartError::NoCertificate { address, kind });
            }
            let policy = match CheckedPolicy::new(self.policy_for(kind, &self.mechanisms)) {
                Ok(policy) => policy,
                Err(error) => {
                    // The same for all listeners.
                    if index == 0 {
                        problems.push(error.into());
                    }
                    continue;
                }
            };
            // A timestamp that is wrong was found above.
            let apop_timestamp = host.is_some().then(|| "<1@localhost>".into());
            let connection = Connection { is_tls: kind == Kind::Tls, apop_timestamp };
            if Protocol::new(policy, connection).is_err() && !is_nothing_enabled {
                problems.push(StartError::NoLogin { address });
            }
        }
        problems
    }
}

/// Writes the summaries of lines that were left out of the log, also when nothing else is written any more.
async fn summarise<S: Store, A: Authenticator>(shared: Arc<Shared<S, A>>) {
    while shared.stop.run_until_cancelled(sleep(STRETCH)).await.is_some() {
        shared.log.report(Instant::now());
    }
}

/// Whether two listeners cannot be there at one time: `0.0.0.0` takes a port on every address.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_all = |address: SocketAddr| address.ip().is_unspecified();
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || is_all(one) || is_all(other))
}

/// Octets that the system keeps for a client that does not take them. With its usual megabytes, somebody
/// on a slow line would show no progress for longer than the limit on standing still, and it is memory.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

fn listen(listener: Listener, dead_after: Duration) -> Result<TcpListener, StartError> {
    let address = listener.address;
    let open = || -> io::Result<TcpListener> {
        use socket2::{Domain, Protocol, Socket, Type};
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            // Otherwise it would depend on the system whether `[::]` takes IPv4 away from others.
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        // What is set here, accepted connections have from the start. Answers are written in one piece;
        // to hold them back would only cost time.
        socket.set_tcp_nodelay(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(UNSENT)?;
        notice_dead_peers(&socket, dead_after)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    open().map_err(|source| StartError::Listen { address: Some(address), source })
}

/// A client whose network is gone without a word, such as a telephone, would keep its maildrop locked until
/// the autologout. The system asks whether it is still there (RFC 9293 section 3.8.4), and gives up when
/// nothing was acknowledged for this time.
fn notice_dead_peers(socket: &socket2::Socket, dead_after: Duration) -> io::Result<()> {
    let idle = (dead_after / 3).max(Duration::from_secs(1));
    let interval = (dead_after / 6).max(Duration::from_secs(1));
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(idle).with_interval(interval))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(dead_after))?;
    Ok(())
}

/// A server that serves. Dropping it ends every session at once, apart from those in UPDATE.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    stop: CancellationToken,
    abort: CancellationToken,
    tracker: TaskTracker,
    grace: std::time::Duration,
}

impl Running {
    /// Where it listens, in the order of the listeners, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops: no connection is accepted any more, idle sessions end, messages that are being sent get
    /// their time to the end, sessions in UPDATE finish. Nothing that QUIT did not ask for is removed.
    /// Returns when all is quiet. Given up half-way, it can be called again.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tracker.close();
        if timeout(self.grace, self.tracker.wait()).await.is_err() {
            self.abort.cancel();
            self.tracker.wait().await;
        }
    }

    /// The connections, listeners included, that are still at work.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tracker.len()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system does not let it listen.
    #[error("cannot listen on {}: {source}; {}", Shown(.address), advice(.source))]
    Listen {
        /// Where.
        address: Option<SocketAddr>,
        /// What the system said.
        source: io::Error,
    },
    /// Nowhere to listen.
    #[error("there is no address to listen on; name at least one")]
    NoListener,
    /// Two listeners for one address and port.
    #[error(
        "two listeners cannot share a port: {address} and {other}; remove one of them, or give it another port"
    )]
    AddressTwice {
        /// The second.
        address: SocketAddr,
        /// The first.
        other: SocketAddr,
    },
    /// TLS without a certificate.
    #[error(
        "the listener {address} speaks {kind}, but there is no certificate; give one and its key, or make the listener plain"
    )]
    NoCertificate {
        /// Which listener.
        address: SocketAddr,
        /// What it should speak.
        kind: Kind,
    },
    /// Nobody could log in.
    #[error(
        "nobody could log in on {address}: passwords are accepted under TLS only, and nothing else is enabled; \
         make it a listener with STLS or TLS, or enable a mechanism such as SCRAM-SHA-256"
    )]
    NoLogin {
        /// On which listener.
        address: SocketAddr,
    },
    /// Nobody could log in anywhere.
    #[error(
        "nobody could log in: USER and PASS are off, no mechanism is enabled, and neither is APOP; enable one of them"
    )]
    NothingEnabled,
    /// The host name of APOP cannot stand in a timestamp.
    #[error(
        "the host name for APOP has to be a host name, without spaces, `<`, `>` and `@`; correct it, or leave APOP off"
    )]
    ApopHost,
    /// The policy breaks a rule.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
}

struct Shown<'a>(&'a Option<SocketAddr>);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("an address"),
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "stop the program that has this port, or choose another address",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address, choose one that it has",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need root or CAP_NET_BIND_SERVICE, or choose a higher port"
        }
        _ if rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::AFNOSUPPORT) => {
            "this machine has no IPv6, remove this listener"
        }
        _ => "choose another address",
    }
}
