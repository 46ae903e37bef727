//! Which servers a client believes: what rustls has to know about their certificates.

mod file;

use std::{io, net::IpAddr, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

use file::TrustedFile;

/// Whose word is taken for a server's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// What this machine trusts.
    #[default]
    System,
    /// The certificates in this PEM file and no others: CAs, or a server's own, which is taken octet for octet as it
    /// stands there, as long as its dates, names and key usage are right, also if it is marked as a CA. One that is not
    /// marked as a CA signs nothing. RFC 5280 section 4.2.1.9. Of a CA in the file its dates and limits do not count: it is
    /// trusted because it is there. RFC 5280 section 6.1.1.
    File(PathBuf),
    /// As [`File`](Self::File), with the text of the file in memory.
    Pem(Vec<u8>),
    /// The same, each certificate in DER.
    Der(Vec<Vec<u8>>),
    /// Nobody's: any certificate of anybody is accepted. Encrypted, but for whom is not known.
    InsecureAcceptAny,
}

/// The certificate that a client shows, for servers that ask for one. RFC 8446 section 4.4.2.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a chain and its key, both in PEM; one text may hold both.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] when one of them is missing or damaged.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> io::Result<Self> {
        let damaged = |what: &str, error: &dyn std::fmt::Display| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the {what} cannot be read ({error})"))
        };
        let certificates = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = certificates.map_err(|error| damaged("certificate", &error))?;
        if chain.is_empty() {
            return Err(damaged("certificate", &"it is missing"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| damaged("private key", &error))?;
        Ok(Self { chain, key })
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

/// Reads the certificates to trust, and makes the configuration of a client that trusts them: TLS 1.2 and
/// later (RFC 8997). It shows the certificate of `identity` to servers that ask for one.
///
/// # Errors
///
/// [`io::Error`] when no certificate is given, one cannot be read, or the key of `identity` is not that of
/// its certificate.
pub fn client_config(roots: &Roots, identity: Option<&Identity>) -> io::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let verifier: Arc<dyn ServerCertVerifier> = match roots {
        Roots::System => Arc::new(Verifier::new(provider).map_err(io::Error::other)?),
        Roots::File(path) => Arc::new(TrustedFile::pem(&std::fs::read(path)?, provider)?),
        Roots::Pem(text) => Arc::new(TrustedFile::pem(text, provider)?),
        Roots::Der(certificates) => {
            let certificates = certificates.iter().cloned().map(CertificateDer::from).collect();
            Arc::new(TrustedFile::new(certificates, provider)?)
        }
        Roots::InsecureAcceptAny => Arc::new(AcceptAny(provider)),
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match identity.cloned() {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).map_err(io::Error::other),
    }
}

/// The name that a certificate has to be for: what the user gave, whatever DNS makes of it. `None` when it
/// is neither a host name nor an address. RFC 7817 section 3, RFC 9525 section 6.
#[must_use]
pub fn server_name(host: &str) -> Option<ServerName<'static>> {
    match host.parse::<IpAddr>() {
        Ok(address) => Some(ServerName::from(address)),
        Err(_) => ServerName::try_from(host.to_owned()).ok(),
    }
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
