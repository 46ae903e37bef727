//! The greeting, and servers that know little.

use std::{io, time::Duration};

use pop3_client::{Connector, Error, Login, Timeouts, proto::client::PeerMisbehaved};

use super::Session;
use crate::support::{Server, options};

// Conformance: C-1939-01
#[test]
fn nothing_is_sent_before_the_greeting() {
    let server = Server::once(|peer| {
        assert!(peer.is_silent());
        peer.send("+OK\r\n");
        peer.answer("CAPA", "-ERR\r\n");
    });
    let mut session = wait!(Session::connect(&server.connector())).unwrap();
    assert!(!wait!(session.capabilities()).unwrap().is_known());
    server.finish();
}

// Conformance: C-1939-02, C-ROB-06
#[test]
fn a_greeting_of_err_ends_the_attempt_and_its_text_is_shown_harmless() {
    let server = Server::once(|peer| {
        peer.send("-ERR [SYS/TEMP] come \x1b[2Jback\r\n");
        peer.expect_end();
    });
    let error = wait!(Session::connect(&server.connector())).unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }));
    assert!(error.is_temporary());
    let text = error.to_string();
    assert!(text.contains("come \\u{1b}[2Jback"), "{text}");
    server.finish();
}

// Conformance: C-1939-02, C-STLS-06
#[test]
fn what_is_no_greeting_ends_the_attempt() {
    for greeting in ["+Do you want to log in?\r\n", "+OKAY\r\n", "220 smtp\r\n", "* OK imap\r\n", "\r\n"] {
        let server = Server::once(move |peer| {
            peer.send(greeting);
            peer.expect_end();
        });
        let error = wait!(Session::connect(&server.connector())).unwrap_err();
        assert!(matches!(error, Error::Peer(PeerMisbehaved::NotAGreeting(_))), "{greeting:?}: {error}");
        let shown = greeting.trim_end();
        assert!(error.to_string().contains(&format!("\"{shown}\"; ")), "{error}");
        server.finish();
    }
}

// Conformance: A-79, C-ROB-01
#[test]
fn an_endless_greeting_is_cut_off() {
    let server = Server::once(|peer| {
        peer.send("+OK ");
        while peer.try_send(&[b'x'; 4096]).is_ok() {}
    });
    let error = wait!(Session::connect(&server.connector())).unwrap_err();
    assert!(matches!(error, Error::Peer(PeerMisbehaved::LineTooLong { .. })), "{error}");
    server.finish();
}

// Conformance: C-ROB-03, A-79
#[test]
fn a_server_that_does_not_greet_is_given_up() {
    let server = Server::once(|peer| {
        peer.expect_end();
    });
    let timeouts = Timeouts { greeting: Duration::from_millis(50), ..Timeouts::default() };
    let connector = Connector::new(server.plain().with_timeouts(timeouts)).unwrap();
    let error = wait!(Session::connect(&connector)).unwrap_err();
    let Error::NoGreeting { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("use implicit TLS (pops://) there"), "{error}");
    assert!(error.is_temporary());
    server.finish();
}

// Conformance: C-ROB-03
#[test]
fn a_server_that_drips_is_given_up_when_the_time_for_the_session_is_over() {
    let server = Server::once(|peer| {
        peer.send("+OK ");
        // One octet at a time, each of them in time.
        while peer.is_silent() && peer.try_send(b"x").is_ok() {}
    });
    let session = Some(Duration::from_millis(700));
    let timeouts = Timeouts { session, ..Timeouts::default() };
    let connector = Connector::new(server.plain().with_timeouts(timeouts)).unwrap();
    let error = wait!(Session::connect(&connector)).unwrap_err();
    let Error::Io(source) = &error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    server.finish();
}

#[test]
fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = options("127.0.0.1", port, pop3_client::Security::InsecurePlain);
    let error = wait!(Session::connect(&Connector::new(options).unwrap())).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }));
    assert!(error.to_string().contains(&format!("127.0.0.1 port {port}")), "{error}");
}

// Conformance: C-2449-01, C-2449-02, C-1957-01, C-1939-03, C-1939-12
#[test]
fn a_server_of_nothing_but_rfc_1939_works() {
    let server = Server::once(|peer| {
        peer.send("+ok\r\n");
        peer.answer("CAPA", "-err\r\n");
        peer.answer("USER alice", "+OK\r\n");
        peer.answer("PASS wonderland", "+OK -ERR is not what this says\r\n");
        peer.answer("STAT", "+OK 1 12 and more\r\n");
        peer.answer("LIST", "+OK\r\n1 12 x\r\n.\r\n");
        peer.answer("UIDL", "-ERR what?\r\n");
        peer.answer("CAPA", "-ERR\r\n");
        // Without CAPA nothing is pipelined.
        peer.expect("RETR 1");
        assert!(peer.is_silent());
        peer.send("+OK\r\n..dot\r\n.\r\n");
        peer.answer("RETR 2", "-ERR\r\n");
        peer.answer("DELE 1", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let session = wait!(Session::connect(&server.connector())).unwrap();
    let mut session = wait!(session.login(&Login::password("alice", "wonderland"))).unwrap();
    assert_eq!(wait!(session.stat()).unwrap().count, 1);
    let number = wait!(session.list()).unwrap()[0].number;
    assert!(matches!(wait!(session.uidl()), Err(Error::Refused { .. })));
    let second = pop3_client::proto::types::MessageNumber::new(2).unwrap();
    let mut retrievals = wait!(session.retr_many([number, second])).unwrap();
    let mut first = wait!(retrievals.next()).unwrap().unwrap();
    assert_eq!(super::read_all(first.message.as_mut().unwrap()).unwrap(), b".dot\r\n");
    let refused = wait!(retrievals.next()).unwrap().unwrap();
    assert!(matches!(refused.message, Err(Error::Refused { .. })));
    assert!(wait!(retrievals.next()).unwrap().is_none());
    assert!(wait!(session.dele_many([number])).unwrap().is_empty());
    wait!(session.quit()).unwrap();
    server.finish();
}
