//! The loop that takes connections in.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use pop3_store::Store;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tracing::{debug, warn};

use crate::{Authenticator, Kind, Shared, admission::Full, log_limiter::About, session::Session};

/// The first wait when no connection can be taken in; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The response to a connection over the limit. RFC 3206 section 4: it may be better later.
const SERVER_FULL: &[u8] = b"-ERR [SYS/TEMP] The server has too many sessions; try again later\r\n";
const ADDRESS_FULL: &[u8] =
    b"-ERR [SYS/TEMP] There are too many sessions from your address; try again later\r\n";

/// Takes connections in until the server stops.
pub(crate) async fn accept<S: Store, A: Authenticator>(
    shared: Arc<Shared<S, A>>,
    listener: TcpListener,
    kind: Kind,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let Some(accepted) = shared.stop.run_until_cancelled(listener.accept()).await else { return };
        match accepted {
            Ok((socket, peer)) => {
                wait = FIRST_WAIT;
                admit(&shared, socket, peer, kind);
            }
            // The client has gone again before it was taken in.
            Err(error) if is_of_one_connection(&error) => debug!(%error, "a connection was lost"),
            Err(error) => {
                // Out of files or memory: those who are in will leave, and then there is room again. Whoever
                // has not logged in leaves now.
                if is_shortage(&error) && shared.counters.make_room() {
                    wait = FIRST_WAIT;
                }
                if shared.log.admits(About::Connection, Instant::now()) {
                    warn!(%error, ?wait, "cannot accept connections now");
                }
                shared.stop.run_until_cancelled(sleep(wait)).await;
                wait = wait.saturating_mul(2).min(LONGEST_WAIT);
            }
        }
    }
}

fn admit<S: Store, A: Authenticator>(
    shared: &Arc<Shared<S, A>>,
    socket: TcpStream,
    peer: SocketAddr,
    kind: Kind,
) {
    let admission = match shared.counters.admit(peer.ip()) {
        Ok(admission) => admission,
        Err(full) => {
            let (response, limit, count) = match full {
                Full::Server => (SERVER_FULL, "connections", shared.config.limits.connections),
                Full::Address => {
                    let count = shared.config.limits.connections_per_address;
                    (ADDRESS_FULL, "connections_per_address", count)
                }
            };
            if shared.log.admits(About::Connection, Instant::now()) {
                warn!(%peer, "no place for a connection: limits.{limit} is {count}, and none of them can give way");
            }
            if kind != Kind::Tls {
                // Fits into the buffer of any socket that was just opened. Under TLS it would cost a
                // handshake, which is what there is no room for.
                let _ = socket.try_write(response);
            }
            return;
        }
    };
    let id = shared.sessions.fetch_add(1, Ordering::Relaxed);
    let session = Session::new(Arc::clone(shared), id, peer, admission);
    shared.tracker.spawn(session.run(socket, kind));
}

/// Whether a connection that ends would help.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno as E;
    matches!(E::from_io_error(error), Some(E::MFILE | E::NFILE | E::NOBUFS | E::NOMEM))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}
