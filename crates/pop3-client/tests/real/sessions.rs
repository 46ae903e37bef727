//! Whole sessions, in clear, with STLS and with TLS.

use std::io::Read as _;

use pop3_client::{
    Connector, Error, Login, Method, blocking,
    proto::types::{Capability, MessageNumber},
    sasl::Mechanism,
};
use tokio::io::AsyncReadExt as _;

use crate::support::real_server::{PASSWORD, RealServer, USER};

const STORED: [&str; 3] =
    ["Subject: one\n\n.\n..\nbody", "Subject: two\r\n\r\nbody\r\n", "Subject: three\n\nbody\nof three\n"];
const SENT: [&str; 3] = [
    "Subject: one\r\n\r\n.\r\n..\r\nbody\r\n",
    "Subject: two\r\n\r\nbody\r\n",
    "Subject: three\r\n\r\nbody\r\nof three\r\n",
];

fn server() -> RealServer {
    RealServer::start(STORED.map(|message| message.as_bytes().to_vec()))
}

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

// Conformance: C-1939-08, C-1939-15, C-8314-10
#[test]
fn a_whole_blocking_session() {
    for way in 0..3 {
        let server = server();
        let options = server.ways()[way].clone();
        let session = blocking::Session::connect(&Connector::new(options).unwrap()).unwrap();
        assert_eq!(session.is_tls(), way > 0);
        let mut session = session.login(&Login::password(USER, PASSWORD)).unwrap();
        assert_eq!(session.stat().unwrap().count, 3);
        let sizes: Vec<u64> = session.list().unwrap().iter().map(|line| line.size.0).collect();
        assert_eq!(sizes, SENT.map(|message| message.len() as u64));
        assert_eq!(session.uidl().unwrap()[2], session.uidl_one(number(3)).unwrap());
        for (index, sent) in SENT.iter().enumerate() {
            let mut text = String::new();
            session.retr(number(index as u32 + 1)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, *sent);
        }
        let mut top = String::new();
        session.top(number(3), 1).unwrap().read_to_string(&mut top).unwrap();
        assert_eq!(top, "Subject: three\r\n\r\nbody\r\n");
        session.dele(number(1)).unwrap();
        assert!(matches!(session.list_one(number(1)), Err(Error::Refused { .. })));
        session.rset().unwrap();
        assert_eq!(session.dele_many([number(2), number(9)]).unwrap().len(), 1);
        session.noop().unwrap();
        session.quit().unwrap();
        assert_eq!(server.stored().len(), 2);
    }
}

#[test]
fn a_whole_async_session() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for way in 0..3 {
        let server = server();
        let options = server.ways()[way].clone();
        runtime.block_on(async {
            let session = pop3_client::Session::connect(&Connector::new(options).unwrap()).await.unwrap();
            let mut session = session.login(&Login::password(USER, PASSWORD)).await.unwrap();
            let mut retrievals = session.retr_many((1..=3).map(number)).await.unwrap();
            let mut texts = Vec::new();
            while let Some(retrieved) = retrievals.next().await.unwrap() {
                let mut text = String::new();
                retrieved.message.unwrap().read_to_string(&mut text).await.unwrap();
                texts.push(text);
            }
            assert_eq!(texts, SENT);
            session.dele(number(3)).await.unwrap();
            session.quit().await.unwrap();
        });
        assert_eq!(server.stored().len(), 2);
    }
}

#[test]
fn an_async_session_runs_as_a_task_and_is_given_up_by_dropping_it() {
    let server = server();
    let connector = Connector::new(server.ways()[2].clone()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let task = async move {
        let session = pop3_client::Session::connect(&connector).await?;
        let mut session = session.login(&Login::password(USER, PASSWORD)).await?;
        session.dele(number(1)).await?;
        Ok::<_, Error>(session.stat().await?.count)
    };
    assert_eq!(runtime.block_on(async { tokio::spawn(task).await.unwrap().unwrap() }), 2);
    assert_eq!(server.stored().len(), 3);
}

// Conformance: C-5802-04
#[test]
fn every_way_to_log_in() {
    let server = RealServer::with_scram([]);
    let scram = Method::Sasl(Mechanism::ScramSha256);
    for options in server.ways() {
        for method in [Method::Any, Method::UserPass, Method::Sasl(Mechanism::Plain), scram] {
            let connector = Connector::new(options.clone()).unwrap();
            let session = blocking::Session::connect(&connector).unwrap();
            let login = Login::password(USER, PASSWORD).with_method(method);
            session.login(&login).unwrap().quit().unwrap();
            let wrong = Login::password(USER, "wrong").with_method(method);
            let session = blocking::Session::connect(&connector).unwrap();
            let refused = session.login(&wrong).unwrap_err();
            assert!(matches!(refused.error, Error::LoginRefused { is_credentials: true, .. }), "{refused}");
        }
    }
}

// Conformance: C-REL-10
#[test]
fn a_maildrop_in_use_is_told_from_a_wrong_password() {
    let server = server();
    let connector = Connector::new(server.ways()[0].clone()).unwrap();
    let login = Login::password(USER, PASSWORD);
    let first = blocking::Session::connect(&connector).unwrap().login(&login).unwrap();
    let refused = blocking::Session::connect(&connector).unwrap().login(&login).unwrap_err();
    assert!(refused.error.is_temporary(), "{refused}");
    assert!(matches!(refused.error, Error::LoginRefused { is_credentials: false, .. }));
    first.quit().unwrap();
}

// Conformance: A-83, C-2595-02
#[test]
fn capabilities_are_asked_for_in_each_context() {
    let server = server();
    let connector = Connector::new(server.ways()[1].clone()).unwrap();
    let mut session = blocking::Session::connect(&connector).unwrap();
    assert!(!session.capabilities().unwrap().contains(&Capability::Stls));
    assert!(session.capabilities().unwrap().mechanisms().count() > 0);
    let mut session = session.login(&Login::password(USER, PASSWORD)).unwrap();
    assert!(session.capabilities().unwrap().contains(&Capability::Pipelining));
}

/// Connects, and gives how the handshake was made.
fn handshake(connector: &Connector) -> Result<Option<pop3_io::rustls::HandshakeKind>, Error> {
    let session = blocking::Session::connect(connector)?;
    let blocking::Stream::TlsClient(stream) = session.stream() else { panic!("no TLS") };
    let kind = stream.conn.handshake_kind();
    session.quit()?;
    Ok(kind)
}

// Conformance: A-85
#[test]
fn a_session_of_another_trust_is_not_resumed() {
    use pop3_client::{Roots, Security};
    use pop3_io::rustls::HandshakeKind;
    let server = server();
    let own = crate::support::options("127.0.0.1", server.tls, Security::ImplicitTls)
        .with_roots(Roots::File(server.ca.file()));
    let anybody = Connector::new(own.clone().with_roots(Roots::InsecureAcceptAny)).unwrap();
    assert_ne!(handshake(&anybody).unwrap(), Some(HandshakeKind::Resumed));
    assert_eq!(handshake(&anybody).unwrap(), Some(HandshakeKind::Resumed));
    // What that one knows helps nobody else: the certificate is looked at again.
    let another = crate::support::certificates::Ca::new();
    let strict = Connector::new(own.clone().with_roots(Roots::File(another.file()))).unwrap();
    assert!(matches!(handshake(&strict), Err(Error::Tls { .. })));
    let right = Connector::new(own).unwrap();
    assert_ne!(handshake(&right).unwrap(), Some(HandshakeKind::Resumed));
    assert_eq!(handshake(&right.clone()).unwrap(), Some(HandshakeKind::Resumed));
}
