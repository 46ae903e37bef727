//! A throw-away certification authority and what it signs.
//!
//! One authority and one certificate are made for the whole process, when they are first needed; every
//! [`TestServer`](crate::TestServer) presents that certificate unless it is given another. No key outlives
//! the process.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use pop3_io::rustls::{
    self, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// What the usual certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no certificate.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The library that makes certificates refused, over a name for instance.
    #[error("cannot make a certificate for {names}: {reason}; use DNS names and IP addresses")]
    Make {
        /// What it was to be for.
        names: Box<str>,
        /// What the library said.
        reason: Box<str>,
    },
    /// A file could not be used.
    #[error("cannot read {}: {reason}; give a certificate and its key in PEM", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: Box<str>,
    },
    /// The TLS library refused.
    #[error("cannot set up TLS: {0}; give a certificate and the key that belongs to it")]
    Tls(#[from] rustls::Error),
}

/// A certification authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

impl Authority {
    /// An authority of this name, with a key of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Make`].
    pub fn new(name: &str) -> Result<Self, Error> {
        let failed = |error| make_error(&[name], &error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).map_err(failed)?;
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Ok(Self { issuer: Issuer::new(params, key), pem, der })
    }

    /// The authority of this process.
    ///
    /// # Errors
    ///
    /// [`Error::Make`], every time.
    pub fn of_this_process() -> Result<&'static Self, Error> {
        static AUTHORITY: OnceLock<Result<Authority, Error>> = OnceLock::new();
        AUTHORITY.get_or_init(|| Self::new("pop3-testkit")).as_ref().map_err(Clone::clone)
    }

    /// Its certificate, which a client has to trust, in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// A server's certificate for these DNS names and IP addresses.
    ///
    /// # Errors
    ///
    /// [`Error::Make`].
    pub fn issue(&self, names: &[&str]) -> Result<Certificate, Error> {
        self.sign(names, |_| {})
    }

    /// A server's certificate that was valid in the year 2001.
    ///
    /// # Errors
    ///
    /// [`Error::Make`].
    pub fn issue_expired(&self, names: &[&str]) -> Result<Certificate, Error> {
        self.sign(names, |params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        })
    }

    fn sign(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<Certificate, Error> {
        let failed = |error| make_error(names, &error);
        let key = KeyPair::generate().map_err(failed)?;
        let all: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(all).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nobody"));
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let config = config(chain, PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
        Ok(Certificate { config, pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

fn make_error(names: &[&str], error: &rcgen::Error) -> Error {
    Error::Make { names: names.join(", ").into(), reason: error.to_string().into() }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // Registered for POP3; RFC 7301.
    config.alpn_protocols = vec![b"pop3".to_vec()];
    Ok(Arc::new(config))
}

/// What a server presents in the TLS handshake, and the key to it.
#[derive(Debug, Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
    pem: String,
    key_pem: String,
}

impl Certificate {
    /// For localhost, 127.0.0.1 and ::1, by the authority of this process; it is made once.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn for_localhost() -> Result<Self, Error> {
        static CERTIFICATE: OnceLock<Result<Certificate, Error>> = OnceLock::new();
        CERTIFICATE.get_or_init(|| Authority::of_this_process()?.issue(&NAMES)).clone()
    }

    /// For another host than the one that a client reaches: a client has to refuse it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn of_another_name() -> Result<Self, Error> {
        Authority::of_this_process()?.issue(&["another-host.example"])
    }

    /// For localhost, but no longer valid: a client has to refuse it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn expired() -> Result<Self, Error> {
        Authority::of_this_process()?.issue_expired(&NAMES)
    }

    /// For localhost, but by an authority that nobody has heard of: a client has to refuse it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn of_unknown_authority() -> Result<Self, Error> {
        Authority::new("somebody else")?.issue(&NAMES)
    }

    /// A certificate, with its chain behind it, and its key, from PEM.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] names `origin` when the text holds no certificate or no key; [`Error::Tls`].
    pub fn from_pem(chain: &str, key: &str, origin: impl Into<PathBuf>) -> Result<Self, Error> {
        use pop3_io::rustls::pki_types::pem::PemObject as _;
        let origin = origin.into();
        let failed = |reason: String| Error::Read { path: origin.clone(), reason: reason.into() };
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
        let parsed = parsed.map_err(|error| failed(error.to_string()))?;
        if parsed.is_empty() {
            return Err(failed("there is no certificate in it".into()));
        }
        let der = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| failed(error.to_string()))?;
        Ok(Self { config: config(parsed, der)?, pem: chain.to_owned(), key_pem: key.to_owned() })
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The key in PEM.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// For any server over rustls.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// A certificate in a file, for clients that want one; the file is removed with this value.
#[derive(Debug)]
pub(crate) struct PemFile {
    file: tempfile::NamedTempFile,
}

impl PemFile {
    pub(crate) fn new(pem: &str) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix("pop3-testkit-ca-").suffix(".pem").tempfile()?;
        std::fs::write(file.path(), pem)?;
        Ok(Self { file })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }
}
