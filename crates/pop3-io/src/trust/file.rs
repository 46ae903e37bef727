//! The certificates of one file, and no others.
//!
//! Such a file holds CAs, or the very certificate of a server that vouches for itself. The usual tools
//! make the latter with the mark of a CA (`openssl req -x509`), which the path validation of RFC 5280
//! refuses to take from a server.

use std::{io, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};

/// Takes what a CA of the file vouches for, and what is octet for octet in the file itself.
#[derive(Debug)]
pub(super) struct TrustedFile {
    certificates: Vec<CertificateDer<'static>>,
    issued: Arc<WebPkiServerVerifier>,
}

impl TrustedFile {
    /// Reads the certificates of a text in PEM.
    pub(super) fn pem(text: &[u8], provider: Arc<CryptoProvider>) -> io::Result<Self> {
        let certificates = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
        Self::new(certificates.map_err(|error| unreadable(&error))?, provider)
    }

    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| unreadable(&error))?;
        }
        if roots.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it"));
        }
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let issued = builder.build().map_err(io::Error::other)?;
        Ok(Self { certificates, issued })
    }
}

/// Something looks like a certificate and is none; the words of the libraries alone do not say so.
fn unreadable(error: &dyn std::error::Error) -> io::Error {
    let text = format!("what stands there as a certificate cannot be read ({error})");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Whether all that is wrong is the mark of a CA. The dates are checked before it: a certificate that is
/// too old or too young fails with that, which the tests hold the library to.
fn is_ca_as_server(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

impl ServerCertVerifier for TrustedFile {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.issued.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(error) if is_ca_as_server(&error) && self.certificates.contains(certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.issued.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.issued.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issued.supported_verify_schemes()
    }
}
