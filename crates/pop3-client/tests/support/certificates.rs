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
        config(&certificate, &key)
    }
}

/// A certificate that vouches for itself, marked as a CA, as `openssl req -x509` makes it.
pub struct SelfSigned {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl SelfSigned {
    pub fn new(names: &[&str]) -> Self {
        Self::valid_in(names, 1975, 4096)
    }

    /// Valid from the beginning of one year to the beginning of another.
    pub fn valid_in(names: &[&str], first: i32, end: i32) -> Self {
        Self::with(names, first, end, IsCa::Ca(BasicConstraints::Unconstrained))
    }

    /// With the mark that it is not a CA, or with none.
    pub fn no_ca(names: &[&str], is_marked: bool) -> Self {
        Self::with(names, 1975, 4096, if is_marked { IsCa::ExplicitNoCa } else { IsCa::NoCa })
    }

    fn with(names: &[&str], first: i32, end: i32, is_ca: IsCa) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = is_ca;
        params.distinguished_name.push(DnType::CommonName, "vouches for itself");
        params.not_before = rcgen::date_time_ymd(first, 1, 1);
        params.not_after = rcgen::date_time_ymd(end, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("server.pem"), certificate.pem()).unwrap();
        Self { certificate, issuer: Issuer::new(params, key), folder }
    }

    /// The file to trust.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    pub fn server(&self) -> Arc<ServerConfig> {
        config(&self.certificate, self.issuer.key())
    }

    /// A server with a certificate that this one has signed.
    pub fn issue(&self, names: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        config(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }

    /// The same, marked as a CA too.
    pub fn issue_ca(&self, names: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        config(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}

fn config(certificate: &rcgen::Certificate, key: &KeyPair) -> Arc<ServerConfig> {
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
