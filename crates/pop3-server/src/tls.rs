//! Certificate and key, and what TLS is spoken with them.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem, pem::PemObject as _},
};

/// The protocol that clients name in ALPN, where they use it at all.
const ALPN: &[u8] = b"pop3";

/// Reads a certificate chain and its key from two PEM files (they may be the same).
///
/// TLS 1.2 and later (RFC 8997), tickets for resumption, no client certificates. A client that offers
/// ALPN has to offer `pop3` among the rest; one that does not is welcome.
///
/// # Errors
///
/// [`TlsError`] names the file and says what to do.
pub fn from_files(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = read_chain(chain)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, "private key", error))?;
    build(certificates, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { chain: chain.to_owned(), key: key.to_owned() }
        }
        source => TlsError::Unusable { chain: chain.to_owned(), key: key.to_owned(), source },
    })
}

/// Whether every certificate of a chain is valid at this time.
///
/// # Errors
///
/// [`TlsError::Expired`] and [`TlsError::NotYetValid`], and those of reading the file.
pub fn check_dates(chain: &Path, at: SystemTime) -> Result<(), TlsError> {
    let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(since_1970);
    let until = |time: UnixTime| Duration::from_secs(time.as_secs().abs_diff(at.as_secs()));
    for certificate in read_chain(chain)? {
        let damaged = || TlsError::Malformed { path: chain.to_owned(), what: "certificate" };
        let certificate = webpki::EndEntityCert::try_from(&certificate).map_err(|_| damaged())?;
        // Nobody is trusted here, so this always fails; the dates are looked at first.
        let usage = webpki::KeyUsage::server_auth();
        let path = chain.to_owned();
        match certificate.verify_for_usage(&[], &[], &[], at, usage, None, None) {
            Err(webpki::Error::CertExpired { not_after, .. }) => {
                return Err(TlsError::Expired { path, ago: until(not_after) });
            }
            Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
                return Err(TlsError::NotYetValid { path, left: until(not_before) });
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(path, "certificate", error))?;
    if certificates.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned(), what: "certificate" });
    }
    Ok(certificates)
}

/// As [`from_files`], from a chain and a key in memory.
///
/// # Errors
///
/// [`rustls::Error`] when the two do not belong together or cannot be used.
pub fn build(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Without these TLS 1.2 would not resume at all, and TLS 1.3 only out of memory of ours.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    // A mail program opens one connection at a time.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

fn unreadable(path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { path, what, source },
        pem::Error::NoItemsFound => TlsError::Empty { path, what },
        _ => TlsError::Malformed { path, what },
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the {what} {}: {source}; check the path and that the server's user may read it", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("there is no {what} in {}; it has to be in PEM form, between lines of `-----BEGIN` and `-----END`", .path.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// A file is damaged.
    #[error("the {what} in {} is damaged PEM; make the file again, or copy it again from where it came", .path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// The time of a certificate is over. RFC 5280 section 4.1.2.5.
    #[error(
        "a certificate in {} expired {} ago, and clients refuse it; renew it",
        .path.display(), InWords(.ago)
    )]
    Expired {
        /// Which file.
        path: PathBuf,
        /// How long ago.
        ago: Duration,
    },
    /// The time of a certificate has not come. RFC 5280 section 4.1.2.5.
    #[error(
        "a certificate in {} is not valid until in {}, and clients refuse it; is the clock of this machine right?",
        .path.display(), InWords(.left)
    )]
    NotYetValid {
        /// Which file.
        path: PathBuf,
        /// How long until then.
        left: Duration,
    },
    /// The two do not belong together.
    #[error(
        "the private key {} does not belong to the certificate {}; give the key that the certificate was made with",
        .key.display(), .chain.display()
    )]
    Mismatch {
        /// The certificate chain.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The TLS library refuses them.
    #[error("the certificate {} with the key {} cannot be used: {source}; make new ones", .chain.display(), .key.display())]
    Unusable {
        /// The certificate chain.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
        /// What the TLS library said.
        source: rustls::Error,
    },
}

/// A time as people say it.
struct InWords<'a>(&'a Duration);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..60 => (seconds, "second"),
            60..3_600 => (seconds / 60, "minute"),
            3_600..86_400 => (seconds / 3_600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}
