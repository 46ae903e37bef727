//! TLS: from the first octet on, and by STLS; certificates that a client has to refuse.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod support;

use std::io::Read as _;

use pop3_client::{Connector, Login, Options, Roots, Security, blocking, sasl::Mechanism};
use pop3_testkit::{
    TestServer,
    certificates::{Authority, Certificate},
    server::{End, Kind},
    transcript::Side,
};
use support::{LIMIT, Raw, connector, server};

fn login() -> Login {
    Login::password("alice", "wonderland")
}

// Conformance: S-2595-04
#[test]
fn our_client_fetches_over_every_kind() {
    let server = server();
    let all = [Security::ImplicitTls, Security::StlsRequired, Security::InsecurePlain];
    for (number, security) in (1..).zip(all) {
        let session = blocking::Session::connect(&connector(&server, security)).unwrap();
        let mut session = session.login(&login()).unwrap();
        let mut text = String::new();
        let message = session.list().unwrap()[0].number;
        session.retr(message).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "Subject: one\r\n\r\n.dot\r\n");
        session.quit().unwrap();
        let record = server.wait_for_session(number, LIMIT).unwrap();
        assert_eq!(record.end, Some(End::Quit), "{security:?}");
        let is_tls = security != Security::InsecurePlain;
        assert_eq!((record.is_tls, record.transcript.is_tls()), (is_tls, is_tls));
        assert_eq!(record.login.as_deref(), Some("SCRAM-SHA-256"));
        record.transcript.assert_said("RETR 1");
        assert_eq!(record.transcript.has_said("STLS"), security == Security::StlsRequired);
    }
}

#[tokio::test]
async fn the_async_client_fetches_too() {
    use tokio::io::AsyncReadExt as _;
    let server = server();
    let session = pop3_client::Session::connect(&connector(&server, Security::StlsRequired)).await.unwrap();
    let mut session = session.login(&login()).await.unwrap();
    let number = session.list().await.unwrap()[1].number;
    let mut text = String::new();
    session.retr(number).await.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "Subject: two\r\n\r\nLF\r\n");
    session.quit().await.unwrap();
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert_eq!(record.retrieved[0].unique_id, "my-own-id");
}

fn refusal(certificate: Certificate) -> String {
    let server = TestServer::builder().user("alice", "wonderland").certificate(certificate).start().unwrap();
    for security in [Security::ImplicitTls, Security::StlsRequired] {
        let error = blocking::Session::connect(&connector(&server, security)).unwrap_err();
        let number = server.sessions().len().try_into().unwrap();
        let record = server.wait_for_session(number, LIMIT).unwrap();
        assert!(matches!(record.end, Some(End::Handshake(_))), "{record}");
        record.transcript.assert_not_said("USER *");
        if security == Security::StlsRequired {
            return error.to_string();
        }
    }
    unreachable!()
}

// Conformance: C-2595-03
#[test]
fn certificates_that_have_to_be_refused_are() {
    assert!(refusal(Certificate::of_another_name().unwrap()).contains("another-host.example"));
    assert!(refusal(Certificate::expired().unwrap()).contains("expired"));
    let unknown = refusal(Certificate::of_unknown_authority().unwrap());
    assert!(unknown.contains("authority") || unknown.contains("trust"), "{unknown}");
}

#[test]
fn a_certificate_of_ones_own_is_presented() {
    let authority = Authority::new("another one").unwrap();
    let issued = authority.issue(&["127.0.0.1"]).unwrap();
    let certificate = Certificate::from_pem(issued.pem(), issued.key_pem(), "made here").unwrap();
    let server = TestServer::builder().user("alice", "wonderland").certificate(certificate).start().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let options = Options::new("127.0.0.1").with_port(server.tls_port());
    let connector = Connector::new(options.with_roots(Roots::File(file.path().into()))).unwrap();
    blocking::Session::connect(&connector).unwrap().quit().unwrap();
    let error = Certificate::from_pem("nothing", issued.key_pem(), "the-file.pem").unwrap_err().to_string();
    assert!(error.contains("the-file.pem"), "{error}");
    let other = authority.issue(&["127.0.0.1"]).unwrap();
    assert!(Certificate::from_pem(issued.pem(), other.key_pem(), "two files").is_err());
}

#[test]
fn the_authority_is_handed_out_in_every_form() {
    let server = server();
    let pem = server.ca_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    let file = server.ca_file().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), pem);
    assert_eq!(server.ca_file().unwrap(), file);
    let mut roots = pop3_io::rustls::RootCertStore::empty();
    roots.add(server.ca_der().unwrap().into()).unwrap();
    drop(server);
    assert!(!file.exists());
}

// Conformance: S-STLS-01, S-STLS-02
#[test]
fn octets_behind_stls_are_refused() {
    let server = server();
    let mut raw = Raw::connect(server.stls_address());
    raw.send("STLS\r\nNOOP\r\n");
    assert_eq!(raw.rest(), "+OK POP3 server ready\r\n");
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert!(matches!(&record.end, Some(End::Misbehaved(how)) if how.contains("STLS")), "{record}");
    record.transcript.assert_commands(["STLS", "NOOP"]);
}

// Conformance: S-2595-10, S-STLS-06
#[test]
fn without_tls_nobody_logs_in_where_it_is_required() {
    let server = TestServer::builder().user("alice", "wonderland").apop(true).require_tls().start().unwrap();
    let mut raw = Raw::connect(server.stls_address());
    assert!(!raw.line().contains('<'));
    raw.ask("CAPA");
    assert!(!raw.lines().iter().any(|line| line.starts_with("SASL") || line == "USER"));
    assert!(raw.ask("USER alice").starts_with("-ERR"));
    assert!(raw.ask("AUTH SCRAM-SHA-256").starts_with("-ERR"));
    let connector = connector(&server, Security::StlsRequired);
    blocking::Session::connect(&connector).unwrap().login(&login()).unwrap().quit().unwrap();
}

#[test]
fn plain_is_without_stls() {
    let server = TestServer::builder().user("alice", "x").listen(Kind::Plain).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    assert!(raw.ask("STLS").starts_with("-ERR"));
    assert_eq!((server.address(Kind::Stls), server.address(Kind::Tls)), (None, None));
    assert_eq!(server.addresses().collect::<Vec<_>>(), [(Kind::Plain, server.plain_address())]);
}

// Conformance: S-5802-05
#[test]
fn scram_plus_binds_itself_to_tls() {
    let plus = Mechanism::ScramSha256Plus;
    let builder = TestServer::builder().user("alice", "wonderland");
    let server = builder.mechanisms([plus, Mechanism::ScramSha256]).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    raw.ask("CAPA");
    assert!(raw.lines().contains(&"SASL SCRAM-SHA-256".to_owned()));
    let connector = connector(&server, Security::ImplicitTls);
    blocking::Session::connect(&connector).unwrap().login(&login()).unwrap().quit().unwrap();
    assert_eq!(server.wait_for_session(2, LIMIT).unwrap().login.as_deref(), Some(plus.name()));
}

#[test]
fn a_wrong_password_is_refused_and_noted() {
    let server = server();
    let session = blocking::Session::connect(&connector(&server, Security::ImplicitTls)).unwrap();
    let error = session.login(&Login::password("alice", "wrong-one")).unwrap_err().error;
    assert!(error.to_string().contains("[AUTH]"), "{error}");
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert_eq!((record.failed_logins, record.user), (1, None));
    assert!(!record.transcript.lines(Side::Client).concat().contains("wrong-one"));
}
