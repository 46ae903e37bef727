//! STLS and implicit TLS: who stands in between, and who has the wrong certificate.

use pop3_client::{
    Connector, Error, Login, Method, Options, Roots, Security,
    proto::{client::PeerMisbehaved, types::Capability},
};

use super::Session;
use crate::support::{Server, certificates::Ca, options};

fn stls(server: &Server, ca: &Ca) -> Connector {
    let options = options("127.0.0.1", server.port, Security::StlsRequired);
    Connector::new(options.with_roots(Roots::File(ca.file()))).unwrap()
}

// Conformance: A-77, C-STLS-01
#[test]
fn octets_behind_the_ok_of_stls_end_the_session() {
    for injected in ["+OK injected\r\n", "x", "\r\n", "-ERR\r\n"] {
        let ca = Ca::new();
        let server = Server::once(move |peer| {
            peer.send("+OK\r\n");
            peer.answer("STLS", &format!("+OK begin\r\n{injected}"));
            peer.expect_end();
        });
        let error = wait!(Session::connect(&stls(&server, &ca))).unwrap_err();
        assert!(matches!(error, Error::Peer(PeerMisbehaved::PlaintextAfterStls)), "{error}");
        server.finish();
    }
}

// Conformance: A-78, C-STLS-02, C-STLS-03, C-STLS-08, C-2595-05, C-8314-02, C-2384-06
#[test]
fn without_tls_nothing_but_stls_is_sent() {
    for answer in ["-ERR what?\r\n", "-ERR [REFERRAL/evil.example] elsewhere\r\n", "+Okay\r\n", "\r\n", ""] {
        let ca = Ca::new();
        let server = Server::once(move |peer| {
            peer.send("+OK\r\n");
            peer.expect("STLS");
            if !answer.is_empty() {
                peer.send(answer);
                peer.expect_end();
            }
        });
        let error = wait!(Session::connect(&stls(&server, &ca))).unwrap_err();
        match answer.starts_with("-ERR") {
            true => assert!(matches!(error, Error::TlsUnavailable { .. }), "{answer:?}: {error}"),
            false => assert!(matches!(error, Error::Peer(_)), "{answer:?}: {error}"),
        }
        server.finish();
    }
}

// Conformance: A-83, C-2595-01, C-2595-02, C-STLS-04, C-STLS-07
#[test]
fn nothing_said_in_clear_is_believed_behind_tls() {
    let ca = Ca::new();
    let config = ca.server(&["127.0.0.1"]);
    let server = Server::once(move |peer| {
        peer.send("+OK lies <1896.1@liar.example>\r\n");
        peer.answer("CAPA", "+OK\r\nSASL CRAM-MD5\r\nPIPELINING\r\nSTLS\r\n.\r\n");
        peer.expect("STLS");
        assert!(peer.is_silent());
        peer.send("+OK\r\n");
        assert!(peer.start_tls(&config));
        peer.answer("CAPA", "+OK\r\nUSER\r\nUIDL\r\n.\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let options = options("127.0.0.1", server.port, Security::InsecureOpportunistic);
    let connector = Connector::new(options.with_roots(Roots::File(ca.file()))).unwrap();
    let mut session = wait!(Session::connect(&connector)).unwrap();
    assert!(session.is_tls());
    let capabilities = wait!(session.capabilities()).unwrap();
    assert!(!capabilities.contains(&Capability::Pipelining));
    assert!(capabilities.contains(&Capability::Uidl));
    assert_eq!(capabilities.mechanisms().count(), 0);
    let apop = Login::password("alice", "wonderland").with_method(Method::Apop);
    let refused = wait!(session.login(&apop)).unwrap_err();
    assert!(matches!(refused.error, Error::NoTimestamp), "{refused}");
    wait!(refused.session.unwrap().quit()).unwrap();
    server.finish();
}

// Conformance: C-2595-03, C-2595-04, C-5034-05, C-7817-01, C-7817-06, C-7817-09, C-7817-10, C-7817-12, C-8314-01
#[test]
fn the_certificate_has_to_be_for_the_name_that_was_given() {
    let (ca, other) = (Ca::new(), Ca::new());
    let long_gone = "192.0.2.1";
    let cases = [
        (ca.server(&["127.0.0.1"]), true),
        (ca.server(&["pop.example.org", long_gone, "127.0.0.1"]), true),
        (ca.server(&[long_gone]), false),
        (ca.server(&["pop.example.org"]), false),
        // A common name is no name, and neither is an address written as one.
        (ca.server_named(&[], "127.0.0.1"), false),
        (other.server(&["127.0.0.1"]), false),
    ];
    for (index, (config, is_accepted)) in cases.into_iter().enumerate() {
        for security in [Security::StlsRequired, Security::ImplicitTls] {
            let config = config.clone();
            let server = Server::once(move |peer| {
                if security == Security::StlsRequired {
                    peer.send("+OK\r\n");
                    peer.answer("STLS", "+OK\r\n");
                }
                let is_shaken = peer.start_tls(&config);
                if is_shaken && security == Security::ImplicitTls {
                    peer.send("+OK\r\n");
                }
                // Whatever the certificate, no octet of POP3 follows here.
                peer.expect_end();
            });
            let options = options("127.0.0.1", server.port, security).with_roots(Roots::File(ca.file()));
            let result = wait!(Session::connect(&Connector::new(options).unwrap()));
            match result {
                Ok(session) => assert!(is_accepted && session.is_tls(), "case {index}"),
                Err(Error::Tls { host, .. }) => assert!(!is_accepted && host == "127.0.0.1", "case {index}"),
                Err(error) => panic!("case {index}: {error}"),
            }
            server.finish();
        }
    }
}

// Conformance: C-7817-03, C-7817-07, C-7817-08
#[test]
fn wildcards_and_case() {
    let ca = Ca::new();
    for (names, host, is_accepted) in [
        (&["localhost"][..], "LocalHost", true),
        (&["*.example.org"], "pop.example.org", true),
        (&["p*.example.org"], "pop.example.org", false),
        (&["*.example.org"], "a.pop.example.org", false),
        (&["*.example.org"], "example.org", false),
    ] {
        let config = ca.server(names);
        let (client, server) = std::os::unix::net::UnixStream::pair().unwrap();
        let thread =
            std::thread::spawn(move || pop3_io::blocking::Stream::accept_tls(server, config).is_ok());
        // The name is what counts, not how the connection came about.
        let options = Options::new(host).with_roots(Roots::File(ca.file()));
        let connector = Connector::new(options).unwrap();
        let result = pop3_client::blocking::Session::open(client, &connector);
        let is_refused = matches!(result, Err(Error::Tls { .. }));
        assert_eq!(is_refused, !is_accepted, "{names:?} for {host}: {result:?}");
        let _ = thread.join().unwrap();
    }
}

// Conformance: C-8314-11
#[test]
fn a_cut_under_tls_is_an_error() {
    let ca = Ca::new();
    let config = ca.server(&["127.0.0.1"]);
    let server = Server::once(move |peer| {
        assert!(peer.start_tls(&config));
        peer.send("+OK\r\n");
        peer.log_in_after_greeting("+OK\r\nUSER\r\n.\r\n");
        peer.answer("RETR 1", "+OK\r\nwhole line\r\n");
    });
    let options = options("127.0.0.1", server.port, Security::ImplicitTls).with_roots(Roots::File(ca.file()));
    let session = wait!(Session::connect(&Connector::new(options).unwrap())).unwrap();
    let mut session = wait!(session.login(&Login::password("alice", "wonderland"))).unwrap();
    let number = pop3_client::proto::types::MessageNumber::FIRST;
    let mut message = wait!(session.retr(number)).unwrap();
    let error = super::read_all(&mut message).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    let text = Error::from(error).to_string();
    assert!(text.contains("the server closed the connection without ending TLS"), "{text}");
    assert!(!text.contains("docs.rs"), "{text}");
    server.finish();
}

#[test]
fn a_server_that_speaks_no_tls_is_told_from_a_bad_certificate() {
    let ca = Ca::new();
    let server = Server::once(|peer| {
        peer.send("+OK plain POP3 here\r\n");
    });
    let options = options("127.0.0.1", server.port, Security::ImplicitTls).with_roots(Roots::File(ca.file()));
    let error = wait!(Session::connect(&Connector::new(options).unwrap())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("port 110 wants STLS"), "{text}");
    server.finish();
}

// Conformance: C-2595-04
#[test]
fn a_certificate_of_anybody_is_taken_only_when_that_is_asked_for() {
    let ca = Ca::new();
    let config = ca.server(&["elsewhere.example"]);
    let server = Server::once(move |peer| {
        assert!(peer.start_tls(&config));
        peer.send("+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let options = options("127.0.0.1", server.port, Security::ImplicitTls);
    let connector = Connector::new(options.with_roots(Roots::InsecureAcceptAny)).unwrap();
    wait!(wait!(Session::connect(&connector)).unwrap().quit()).unwrap();
    server.finish();
}

#[test]
fn bad_roots_and_hosts_are_said_before_anything_is_connected() {
    let missing = std::path::PathBuf::from("/nonexistent/ca.pem");
    let error = Connector::new(Options::new("h").with_roots(Roots::File(missing))).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/ca.pem"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let error = Connector::new(Options::new("h").with_roots(Roots::File(empty))).unwrap_err();
    assert!(error.to_string().contains("no certificate in it"), "{error}");
    let error = Connector::new(Options::new("müller.example")).unwrap_err();
    assert!(matches!(error, Error::HostName { .. }), "{error}");
}
