//! What rustls has to know about the servers that we trust.

mod trusted_file;

use std::{
    io,
    net::IpAddr,
    path::Path,
    sync::{Arc, OnceLock},
};

use pop3_io::rustls::{
    self, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

use crate::{Error, Options, Roots, Security};
use trusted_file::TrustedFile;

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
        let name = match host.parse::<IpAddr>() {
            Ok(address) => Ok(ServerName::from(address)),
            Err(_) => ServerName::try_from(host.clone()),
        };
        name.map_err(|_| Error::HostName { host: host.clone() })
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
    let provider = Arc::new(aws_lc_rs::default_provider());
    let failed = |path: Option<&Path>, source| Error::Roots { path: path.map(Path::to_owned), source };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(None, io::Error::other(error)))?;
    let builder = match &options.roots {
        Roots::System => {
            let verifier = Verifier::new(provider).map_err(|error| failed(None, io::Error::other(error)))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Roots::File(path) => {
            let verifier = TrustedFile::read(path, provider).map_err(|source| failed(Some(path), source))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Roots::InsecureAcceptAny => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider)))
        }
    };
    let mut config = builder.with_no_client_auth();
    if options.security == Security::ImplicitTls {
        // Registered for POP3; a server that chooses none is fine. RFC 7301 section 3.2.
        config.alpn_protocols = vec![b"pop3".to_vec()];
    }
    Ok(config)
}

/// Takes every certificate; only the signatures of the handshake are checked.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
