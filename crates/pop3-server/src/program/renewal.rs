//! A renewed certificate, taken into a server that runs.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use pop3_server::{
    Config,
    rustls::{
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    tls,
};
use tracing::{error, info, warn};

use super::{arguments::Site, configuration::Configuration, report};

/// The certificate that is shown from now on.
#[derive(Debug)]
struct Current(RwLock<Arc<dyn ResolvesServerCert>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A change is a single step, so a panic elsewhere leaves nothing half-done.
        let current = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        current.resolve(hello)
    }
}

/// What can be renewed in a server that runs.
#[derive(Debug)]
pub(super) struct Renewal(Option<Arc<Current>>);

impl Renewal {
    /// Lets the certificate of a server that is not started yet be changed later.
    pub(super) fn prepare(config: &mut Config) -> Self {
        Self(config.tls.as_mut().map(|tls| {
            let current = Arc::new(Current(RwLock::new(Arc::clone(&tls.cert_resolver))));
            Arc::make_mut(tls).cert_resolver = Arc::clone(&current) as _;
            current
        }))
    }

    /// Reads the configuration, and certificate and key again. Where the new pair cannot be used, the old one
    /// stays. Everything else takes a restart, and is named.
    pub(super) fn renew(&self, site: &Site, running: &Configuration) {
        let new = match Configuration::load(site) {
            Ok(new) => new,
            Err(error) => {
                let error = report::sentence(&error);
                error!(error, "SIGHUP: the configuration cannot be used; nothing was changed");
                return;
            }
        };
        let changes = running.changes(&new);
        let changes: Vec<&str> =
            changes.iter().map(String::as_str).filter(|key| !key.starts_with("tls.")).collect();
        if !changes.is_empty() {
            warn!(changed = changes.join(", "), "SIGHUP: these settings take a restart; the old ones stay");
        }
        if let Err(error) = new.known_users() {
            error!(%error, "SIGHUP: the users file cannot be used; the users stay as they are");
        }
        let (Some(current), Some(files)) = (&self.0, &new.tls) else {
            info!("SIGHUP: there is no certificate to read; a change of the users file is seen without it");
            return;
        };
        let read = tls::check_dates(&files.certificate, SystemTime::now())
            .and_then(|()| tls::from_files(&files.certificate, &files.key));
        match read {
            Ok(new) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new.cert_resolver);
                info!(certificate = %files.certificate.display(), "SIGHUP: certificate and key read again");
            }
            Err(error) => error!(%error, "SIGHUP: certificate and key stay as they are"),
        }
    }
}
