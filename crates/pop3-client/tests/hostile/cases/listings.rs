//! Listings of servers that cannot count.

use pop3_client::{
    Connector, Error, Login,
    proto::{
        client::PeerMisbehaved,
        types::{Keyword, MessageNumber},
    },
};

use super::Session;
use crate::support::{Peer, Server};

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

/// A session behind the login, with a limit for listings.
fn transaction(
    limit: usize,
    script: impl FnOnce(&mut Peer) + Send + 'static,
) -> (Server, Session<pop3_client::Transaction>) {
    let server = Server::once(move |peer| {
        peer.log_in();
        script(peer);
    });
    let mut options = server.plain();
    options.max_listing = limit;
    let session = wait!(Session::connect(&Connector::new(options).unwrap())).unwrap();
    let session = wait!(session.login(&Login::password("alice", "wonderland"))).unwrap();
    (server, session)
}

// Conformance: C-1939-04, C-ROB-05, A-80
#[test]
fn order_gaps_and_sizes_are_the_servers_affair() {
    let (server, mut session) = transaction(100, |peer| {
        peer.answer("LIST", "+OK\r\n7 0\r\n2 9223372036854775808 x y\r\n4294967295 1\r\n.\r\n");
        peer.answer("LIST 2", "+OK 2 120 and more\r\n");
        peer.answer("STAT", "+OK 3 320 and more\r\n");
    });
    let list = wait!(session.list()).unwrap();
    let pairs: Vec<_> = list.iter().map(|line| (line.number.value(), line.size.0)).collect();
    assert_eq!(pairs, [(7, 0), (2, 1 << 63), (u32::MAX, 1)]);
    assert_eq!(wait!(session.list_one(number(2))).unwrap().size.0, 120);
    assert_eq!(wait!(session.stat()).unwrap().size.0, 320);
    server.finish();
}

// Conformance: A-80, C-ROB-04
#[test]
fn a_line_that_cannot_be_is_an_error_that_names_the_command() {
    for lines in ["0 5\r\n", "1 5\r\n1 6\r\n", "3 1\r\n2 1\r\n3 1\r\n", "-ERR no\r\n", "4294967296 1\r\n"] {
        let (server, mut session) = transaction(100, move |peer| {
            peer.answer("LIST", &format!("+OK\r\n{lines}.\r\n"));
        });
        let error = wait!(session.list()).unwrap_err();
        let malformed = PeerMisbehaved::MalformedListing { keyword: Keyword::List };
        assert!(matches!(error, Error::Peer(found) if found == malformed), "{lines:?}: {error}");
        assert!(error.to_string().contains("LIST"), "{error}");
        server.finish();
    }
}

// Conformance, C-ROB-01
#[test]
fn an_endless_listing_is_cut_off() {
    for command in ["LIST", "UIDL", "CAPA"] {
        let (server, mut session) = transaction(10_000, move |peer| {
            peer.answer(command, "+OK\r\n");
            let mut line = 0u64;
            loop {
                line += 1;
                if peer.try_send(format!("{line} 1\r\n").repeat(64).as_bytes()).is_err() {
                    break;
                }
            }
        });
        let result = match command {
            "LIST" => wait!(session.list()).map(drop),
            "UIDL" => wait!(session.uidl()).map(drop),
            _ => wait!(session.capabilities()).map(drop),
        };
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Peer(PeerMisbehaved::ListingTooLong { .. })), "{command}: {error}");
        drop(session);
        server.finish();
    }
}

// Conformance: A-79, C-ROB-01
#[test]
fn an_endless_line_is_cut_off() {
    let (server, mut session) = transaction(100, |peer| {
        peer.answer("UIDL", "+OK\r\n1 ");
        while peer.try_send(&[b'u'; 4096]).is_ok() {}
    });
    let error = wait!(session.uidl()).unwrap_err();
    assert!(matches!(error, Error::Peer(PeerMisbehaved::LineTooLong { .. })), "{error}");
    drop(session);
    server.finish();
}

// Conformance: A-81, C-PROV-07, C-PROV-08, C-1939-10
#[test]
fn unique_ids_are_opaque() {
    let (server, mut session) = transaction(100, |peer| {
        let long = "x".repeat(200);
        peer.expect("UIDL");
        peer.send(format!("+OK\r\n1   ../../etc/passwd\r\n2 twin \r\n3 twin\r\n+OK 4 {long}\r\n").as_bytes());
        peer.send(b"5 with space \xe9\r\n.\r\n");
        peer.answer("UIDL 2", "+OK alone\r\n");
        peer.answer("UIDL 3", "+OK 3 three\r\n");
    });
    let ids: Vec<Vec<u8>> =
        wait!(session.uidl()).unwrap().iter().map(|line| line.unique_id.as_bytes().to_vec()).collect();
    let expected: [&[u8]; 5] = [b"../../etc/passwd", b"twin", b"twin", &[b'x'; 200], b"with space \xe9"];
    assert_eq!(ids, expected);
    assert_eq!(wait!(session.uidl_one(number(2))).unwrap().unique_id.as_bytes(), b"alone");
    assert_eq!(wait!(session.uidl_one(number(3))).unwrap().unique_id.as_bytes(), b"three");
    server.finish();
}

// Conformance: A-81, C-ROB-04
#[test]
fn a_message_without_a_size_or_a_unique_id_is_left_out() {
    let (server, mut session) = transaction(100, |peer| {
        peer.answer("UIDL", "+OK\r\n1 \r\n2\r\n3 a\0b\r\n4 four\r\n.\r\n");
        peer.answer("LIST", "+OK\r\n1 -1\r\n2 120\r\n3\r\n.\r\n");
        peer.answer("LIST 1", "+OK 1 -1\r\n");
        peer.answer("NOOP", "+OK\r\n");
    });
    let ids: Vec<u32> = wait!(session.uidl()).unwrap().iter().map(|line| line.number.value()).collect();
    assert_eq!(ids, [4]);
    let sizes: Vec<u32> = wait!(session.list()).unwrap().iter().map(|line| line.number.value()).collect();
    assert_eq!(sizes, [2]);
    assert!(matches!(wait!(session.list_one(number(1))), Err(Error::Peer(_))));
    wait!(session.noop()).unwrap();
    server.finish();
}

// Conformance: C-1939-15
#[test]
fn rset_takes_back_and_noop_does_nothing() {
    let (server, mut session) = transaction(100, |peer| {
        peer.answer("DELE 1", "+OK\r\n");
        peer.answer("DELE 1", "-ERR marked already\r\n");
        peer.answer("RSET", "+OK\r\n");
        peer.answer("NOOP", "+OK\r\n");
        peer.answer("QUIT", "-ERR some were not removed\r\n");
    });
    wait!(session.dele(number(1))).unwrap();
    let error = wait!(session.dele(number(1))).unwrap_err();
    assert!(error.to_string().contains("refused DELE: -ERR marked already"), "{error}");
    wait!(session.rset()).unwrap();
    wait!(session.noop()).unwrap();
    let quit = wait!(session.quit());
    assert!(matches!(quit, Err(Error::Refused { keyword: Keyword::Quit, .. })));
    server.finish();
}
