//! A CA of the tests, and certificates by it.

use std::{path::PathBuf, sync::Arc};

use pop3_io::rustls::{
    self, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A CA, whose certificate is in a file.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Ca {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = tempfile::tempdir().unwrap();
        // A name of its own, so that another CA is not taken for it.
        params.distinguished_name.push(DnType::CommonName, folder.path().display().to_string());
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// The file to trust.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for these names, in PEM, and its key.
    pub fn issue(&self, names: &[&str], common_name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server with a certificate for these names, DNS names or addresses.
    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.server_named(names, "server of the tests")
    }

    pub fn server_named(&self, names: &[&str], common_name: &str) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(names, common_name);
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Arc::new(config)
    }
}
