//! The certificates that a client trusts and shows: in files, in memory, or in a whole configuration of rustls.

use std::{io::Write as _, net::TcpListener, sync::Arc, thread};

use pop3_client::{
    Connector, Identity, Login, Options, Roots, Security,
    blocking::Session,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
    },
};
use pop3_testkit::TestServer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

fn log_in(options: Options) -> Result<(), pop3_client::Error> {
    let session = Session::connect(&Connector::new(options)?)?;
    session.login(&Login::password("alice", "secret"))?.quit()
}

#[test]
fn certificates_are_trusted_wherever_they_are() {
    let server = TestServer::builder().user("alice", "secret").start().unwrap();
    let options = || Options::new("localhost").with_port(server.tls_port());
    let pem = std::fs::read(server.ca_file().unwrap()).unwrap();
    let der = server.ca_der().unwrap();
    for roots in [Roots::File(server.ca_file().unwrap()), Roots::Pem(pem), Roots::Der(vec![der.clone()])] {
        log_in(options().with_roots(roots)).unwrap();
    }
    assert!(log_in(options()).unwrap_err().is_about_trust());
    for nothing in
        [Roots::Pem(Vec::new()), Roots::Pem(b"no certificate".to_vec()), Roots::Der(vec![vec![1, 2]])]
    {
        let error = log_in(options().with_roots(nothing)).unwrap_err();
        assert!(matches!(error, pop3_client::Error::Roots { path: None, .. }), "{error}");
    }
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from(der)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let mut with_config = options();
    with_config.tls = Some(Arc::new(config));
    log_in(with_config).unwrap();
}

/// A CA, and a certificate of it for `localhost` with its key, all in PEM.
fn issued() -> (String, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".into()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(params, ca_key)).unwrap();
    (ca.pem(), leaf.pem(), key.serialize_pem())
}

#[test]
fn a_server_may_ask_for_a_certificate() {
    use pop3_client::rustls::pki_types::pem::PemObject as _;
    let (ca, certificate, key) = issued();
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    let server = thread::spawn(move || {
        // Refused without a certificate, and then greeting with one.
        for _ in 0..2 {
            let (socket, _) = listener.accept().unwrap();
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            let _ = stream.write_all(b"+OK ready\r\n").and_then(|()| stream.flush());
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let options = || {
        let options = Options::new("localhost").with_security(Security::ImplicitTls).with_port(port);
        options.with_roots(Roots::Pem(ca.clone().into_bytes()))
    };
    let connect = |options| Session::connect(&Connector::new(options)?);
    assert!(connect(options()).is_err());
    let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    drop(connect(options().with_identity(identity)).unwrap());
    server.join().unwrap();
    assert!(Identity::from_pem(b"", key.as_bytes()).is_err());
    assert!(Identity::from_pem(certificate.as_bytes(), b"").is_err());
}
