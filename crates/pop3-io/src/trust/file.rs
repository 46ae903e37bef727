//! The certificates of one file, and no others.
//!
//! Such a file holds CAs, or the very certificate of a server that vouches for itself. The usual tools
//! make the latter with the mark of a CA (`openssl req -x509`), which the path validation of RFC 5280
//! refuses to take from a server.

use std::{io, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};
use webpki::{EndEntityCert, KeyUsage};

/// Accepts what a CA of the file has signed, and what is octet for octet in the file itself. A certificate that says
/// that it is not a CA (RFC 5280 section 4.2.1.9) is there for itself alone.
#[derive(Debug)]
pub(super) struct TrustedFile {
    certificates: Vec<CertificateDer<'static>>,
    /// Where there is a CA among them.
    issued: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
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
        if certificates.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it"));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            if is_ca(certificate).map_err(|error| unreadable(&error))? {
                roots.add(certificate.clone()).map_err(|error| unreadable(&error))?;
            }
        }
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&provider));
        let issued = (!roots.is_empty()).then(|| builder.build()).transpose().map_err(io::Error::other)?;
        Ok(Self { certificates, issued, provider })
    }
}

/// Whether a certificate may sign others: it says so, or is of version 1, which cannot say.
fn is_ca(certificate: &CertificateDer<'_>) -> Result<bool, webpki::Error> {
    let parsed = match EndEntityCert::try_from(certificate) {
        Err(webpki::Error::UnsupportedCertVersion) => return Ok(true),
        parsed => parsed?,
    };
    // Nobody is trusted here, so this always fails: by its dates first, then because it is a CA.
    let at =
        |time| parsed.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None).map(drop);
    let result = match at(UnixTime::now()) {
        Err(webpki::Error::CertExpired { not_after: valid, .. }) => at(valid),
        Err(webpki::Error::CertNotValidYet { not_before: valid, .. }) => at(valid),
        result => result,
    };
    Ok(matches!(result, Err(webpki::Error::CaUsedAsEndEntity)))
}

/// The dates and the key usage of a certificate that needs nobody's signature.
fn check_alone(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    use webpki::Error as E;
    let result = EndEntityCert::try_from(certificate).and_then(|parsed| {
        parsed.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None).map(drop)
    });
    Err(rustls::Error::InvalidCertificate(match result {
        // Everything else was looked at before these two. The usual tools mark a server's own certificate as a CA.
        Ok(()) | Err(E::UnknownIssuer | E::CaUsedAsEndEntity) => return Ok(()),
        Err(E::CertExpired { time, not_after }) => CertificateError::ExpiredContext { time, not_after },
        Err(E::CertNotValidYet { time, not_before }) => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        Err(error) => CertificateError::Other(OtherError(Arc::new(error))),
    }))
}

/// Something looks like a certificate and is none; the words of the libraries alone do not say so.
fn unreadable(error: &dyn std::error::Error) -> io::Error {
    let text = format!("what stands there as a certificate cannot be read ({error})");
    io::Error::new(io::ErrorKind::InvalidData, text)
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
        let issued = match &self.issued {
            Some(issued) => issued.verify_server_cert(certificate, chain, name, ocsp, now),
            None => Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        };
        if issued.is_ok() || !self.certificates.contains(certificate) {
            return issued;
        }
        check_alone(certificate, now)?;
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
