//! A renewed certificate, taken into a server that runs.

use std::sync::{Arc, PoisonError, RwLock};

use pop3_server::{
    Config,
    rustls::{
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    tls,
};
use tracing::{error, info};

use super::configuration::Configuration;

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

    /// Reads certificate and key again. When they cannot be used, those of before stay.
    pub(super) fn renew(&self, configuration: &Configuration) {
        let (Some(current), Some(files)) = (&self.0, &configuration.tls) else {
            info!("SIGHUP: there is no certificate to read; a change of the users file is seen without it");
            return;
        };
        match tls::from_files(&files.certificate, &files.key) {
            Ok(new) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new.cert_resolver);
                info!(certificate = %files.certificate.display(), "SIGHUP: certificate and key read again");
            }
            Err(error) => error!(%error, "SIGHUP: certificate and key stay those of before"),
        }
    }
}
