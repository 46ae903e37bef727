//! A server to connect to, and the certificates that its connections trust.

use std::sync::{Arc, OnceLock};

use pop3_io::{
    rustls::{ClientConfig, pki_types::ServerName},
    trust::{self, Roots},
};

use crate::{Error, Options, Security};

/// A server to connect to, as often as needed: the certificates to trust are read once.
///
/// Clones share what was read; connectors with other options share nothing.
#[derive(Debug, Clone)]
pub struct Connector {
    options: Arc<Options>,
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Connector {
    /// Checks the options, and reads the certificates to trust if they ask for TLS.
    ///
    /// # Errors
    ///
    /// [`Error::HostName`] and [`Error::Roots`].
    pub fn new(options: Options) -> Result<Self, Error> {
        let connector = Self { options: Arc::new(options), tls: Arc::default() };
        connector.server_name()?;
        if connector.options.security != Security::InsecurePlain {
            connector.tls()?;
        }
        Ok(connector)
    }

    /// What the connections are made with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The name that the certificate has to be for: what the user gave, whatever DNS makes of it.
    /// RFC 7817 section 3, RFC 9525 section 6.
    pub(crate) fn server_name(&self) -> Result<ServerName<'static>, Error> {
        let host = &self.options.host;
        trust::server_name(host).ok_or_else(|| Error::HostName { host: host.clone() })
    }

    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(config(&self.options)?);
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

fn config(options: &Options) -> Result<ClientConfig, Error> {
    let path = || match &options.roots {
        Roots::File(path) => Some(path.clone()),
        _ => None,
    };
    if let Some(config) = &options.tls {
        return Ok(ClientConfig::clone(config));
    }
    let mut config = trust::client_config(&options.roots, options.identity.as_ref())
        .map_err(|source| Error::Roots { path: path(), source })?;
    if options.security == Security::ImplicitTls {
        // Registered for POP3; a server that chooses none is fine. RFC 7301 section 3.2.
        config.alpn_protocols = vec![b"pop3".to_vec()];
    }
    Ok(config)
}
