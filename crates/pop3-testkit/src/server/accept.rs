//! Listeners.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use socket2::SockRef;

use super::{End, Error, Kind, session, shared::Shared};

/// Octets of a thread's stack: enough for a TLS handshake, and little for hundreds of sessions.
const SESSION_STACK: usize = 512 * 1024;
const ACCEPT_STACK: usize = 128 * 1024;
/// For the connection that wakes the thread where closing the listener does not.
const WAKE_UP: Duration = Duration::from_millis(200);

/// One address, and the thread that accepts there.
#[derive(Debug)]
pub(super) struct Listener {
    kind: Kind,
    address: SocketAddr,
    socket: Arc<TcpListener>,
    thread: JoinHandle<Vec<JoinHandle<()>>>,
}

impl Listener {
    pub(super) fn start(shared: &Arc<Shared>, kind: Kind, address: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let socket = Arc::new(TcpListener::bind(address).map_err(failed)?);
        let address = socket.local_addr().map_err(failed)?;
        let (accepting, shared) = (Arc::clone(&socket), Arc::clone(shared));
        let thread = thread::Builder::new().name("pop3-testkit-accept".into()).stack_size(ACCEPT_STACK);
        let thread = thread.spawn(move || accept(&accepting, &shared, kind)).map_err(Error::Thread)?;
        Ok(Self { kind, address, socket, thread })
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nobody any more, and waits for the sessions, whose connections are cut already.
    pub(super) fn end(self) {
        // Linux wakes who accepts when the socket is shut down; elsewhere it takes a connection.
        let _ = SockRef::from(&*self.socket).shutdown(Shutdown::Both);
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        while !self.thread.is_finished() {
            let _ = TcpStream::connect_timeout(&address, WAKE_UP);
            thread::yield_now();
        }
        for session in self.thread.join().unwrap_or_default() {
            let _ = session.join();
        }
    }
}

/// Gives the sessions that may still run when the server stops.
fn accept(listener: &TcpListener, shared: &Arc<Shared>, kind: Kind) -> Vec<JoinHandle<()>> {
    let mut sessions: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let accepted = listener.accept();
        if shared.is_stopped() {
            return sessions;
        }
        match accepted {
            Ok((socket, peer)) => {
                sessions.retain(|session| !session.is_finished());
                // Without a thread the connection is closed, which the client sees.
                sessions.extend(begin(shared, kind, socket, peer).ok());
            }
            // A connection that is gone before it was accepted, or no file descriptors for a moment.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn begin(
    shared: &Arc<Shared>,
    kind: Kind,
    socket: TcpStream,
    peer: SocketAddr,
) -> io::Result<JoinHandle<()>> {
    socket.set_nodelay(true)?;
    let socket = Arc::new(socket);
    if !shared.admit(&socket) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let number = shared.records.begin(kind, peer);
    let thread = thread::Builder::new().name(format!("pop3-session-{number}")).stack_size(SESSION_STACK);
    let running = Arc::clone(shared);
    let spawned = thread.spawn(move || session::run(running, number, kind, socket));
    if spawned.is_err() {
        shared.records.change(number, |record| record.end = Some(End::Stopped));
    }
    spawned
}
