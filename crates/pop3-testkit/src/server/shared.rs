//! What all threads of a server see.

use std::{
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use pop3_io::rustls::ServerConfig;
use pop3_proto::server::Config;
use pop3_sasl::{Decoy, Mechanism};

use super::{BearerForm, Kind, accounts::Accounts, records::Records, scripts::Scripts};
use crate::{
    certificates::{self, Certificate},
    fault::{Plan, Watched},
};

/// A server's settings, its mail, and what has happened on it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) accounts: Accounts,
    pub(super) records: Records,
    pub(super) scripts: Scripts,
    pub(super) login: LoginSettings,
    /// The usual one where there is none; it is made when it is first needed, since that takes a while.
    pub(super) certificate: Option<Certificate>,
    pub(super) with_stls: Config,
    pub(super) without_stls: Config,
    pub(super) plan: Mutex<Arc<Watched>>,
    pub(super) sockets: Mutex<Sockets>,
}

/// How users may log in.
#[derive(Debug)]
pub(super) struct LoginSettings {
    pub(super) mechanisms: Vec<Mechanism>,
    pub(super) is_apop: bool,
    pub(super) needs_tls: bool,
    pub(super) bearer_form: BearerForm,
    pub(super) external: Option<Box<str>>,
    pub(super) anonymous: Option<Box<str>>,
    pub(super) decoy: Decoy,
}

/// The connections of the sessions that run, so that they can be cut.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    is_stopped: bool,
    open: Vec<Weak<TcpStream>>,
}

impl Shared {
    pub(super) fn config(&self, kind: Kind) -> &Config {
        match kind {
            Kind::Plain => &self.without_stls,
            Kind::Stls | Kind::Tls => &self.with_stls,
        }
    }

    pub(super) fn tls(&self) -> Result<Arc<ServerConfig>, certificates::Error> {
        match &self.certificate {
            Some(certificate) => Ok(certificate.config()),
            None => Ok(Certificate::for_localhost()?.config()),
        }
    }

    pub(super) fn plan(&self) -> Arc<Watched> {
        Arc::clone(&lock(&self.plan))
    }

    pub(super) fn set_plan(&self, plan: Plan) {
        *lock(&self.plan) = Arc::new(Watched::new(plan));
    }

    /// Notes a connection; false when the server stops, and it is to be closed at once.
    pub(super) fn admit(&self, socket: &Arc<TcpStream>) -> bool {
        let mut sockets = lock(&self.sockets);
        sockets.open.retain(|open| open.strong_count() > 0);
        sockets.open.push(Arc::downgrade(socket));
        !sockets.is_stopped
    }

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.sockets).is_stopped
    }

    /// Cuts every connection: whoever reads from one, or writes to one, gets an error.
    pub(super) fn stop(&self) {
        let mut sockets = lock(&self.sockets);
        sockets.is_stopped = true;
        for socket in sockets.open.drain(..).filter_map(|socket| socket.upgrade()) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(sockets);
        self.records.wake();
    }
}

/// No value here is left half-changed by a thread that panics.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
