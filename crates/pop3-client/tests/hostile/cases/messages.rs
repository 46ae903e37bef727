//! Messages that are cut, that never end, that come in odd pieces; and many of them at once.

use std::{io, time::Duration};

use pop3_client::{
    Connector, Error, Login, Options, Timeouts,
    proto::{client::PeerMisbehaved, types::MessageNumber},
};

use super::{Session, read_all, read_some};
use crate::support::{Peer, Server};

const PIPELINING: &str = "+OK\r\nUSER\r\nPIPELINING\r\n.\r\n";

fn number(number: u32) -> MessageNumber {
    MessageNumber::new(number).unwrap()
}

fn transaction(
    change: impl FnOnce(&mut Options),
    script: impl FnOnce(&mut Peer) + Send + 'static,
) -> (Server, Session<pop3_client::Transaction>) {
    let server = Server::once(move |peer| {
        peer.send("+OK\r\n");
        peer.log_in_after_greeting(PIPELINING);
        script(peer);
    });
    let mut options = server.plain();
    change(&mut options);
    let session = wait!(Session::connect(&Connector::new(options).unwrap())).unwrap();
    let session = wait!(session.login(&Login::password("alice", "wonderland"))).unwrap();
    (server, session)
}

// Conformance: A-82, C-1939-05
#[test]
fn dots_survive_every_cut() {
    let wire = b"+OK\r\n..\r\n...\r\n..x\r\n\r\n. y\r\n.\rz\r\nlf\n..\n.\nend\r\n.\r\n";
    let expected = b".\r\n..\r\n.x\r\n\r\n y\r\n\rz\r\nlf\n..\n.\nend\r\n";
    let (server, mut session) = transaction(
        |_| {},
        move |peer| {
            for cut in 0..wire.len() {
                peer.expect("RETR 1");
                let (first, second) = wire.split_at(cut);
                peer.send(first);
                peer.send(second);
            }
            peer.expect("RETR 1");
            for octet in wire {
                peer.send([*octet]);
            }
        },
    );
    for _ in 0..=wire.len() {
        let mut message = wait!(session.retr(number(1))).unwrap();
        assert_eq!(read_all(&mut message).unwrap(), expected);
    }
    server.finish();
}

// Conformance: A-82, C-1939-06
#[test]
fn a_connection_that_ends_before_the_message_is_an_error() {
    for cut in [
        "+OK",
        "+OK\r\n",
        "+OK\r\nhalf",
        "+OK\r\nline\r\n",
        "+OK\r\nline\r\n.",
        "+OK\r\nline\r\n.\n",
        "+OK\r\n.\r",
    ] {
        let (server, mut session) = transaction(|_| {}, move |peer| peer.answer("RETR 1", cut));
        let result = wait!(session.retr(number(1))).map_err(io::Error::from);
        let error = result.and_then(|mut message| read_all(&mut message)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut:?}: {error}");
        assert!(matches!(Error::from(error), Error::Peer(PeerMisbehaved::UnexpectedEof)));
        // The session is over, and says so at once.
        assert!(wait!(session.noop()).is_err());
        server.finish();
    }
}

// Conformance: A-79, C-ROB-03
#[test]
fn a_message_that_stands_still_is_given_up() {
    let read = Duration::from_millis(50);
    let (server, mut session) = transaction(
        |options| options.timeouts = Timeouts { read, ..options.timeouts },
        |peer| {
            peer.answer("RETR 1", "+OK\r\nfirst line\r\nsecond");
            peer.expect_end();
        },
    );
    let mut message = wait!(session.retr(number(1))).unwrap();
    let error = read_all(&mut message).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    drop(session);
    server.finish();
}

// Conformance: A-79, C-ROB-02, C-ROB-03
#[test]
fn an_endless_message_ends_with_the_time_for_the_session() {
    let (server, mut session) = transaction(
        |options| options.timeouts.session = Some(Duration::from_millis(500)),
        |peer| {
            peer.answer("RETR 1", "+OK 12 octets\r\n");
            while peer.try_send(&[b'x'; 4096]).is_ok() {}
        },
    );
    let mut message = wait!(session.retr(number(1))).unwrap();
    let mut buffer = [0; 4096];
    let error = loop {
        match read_some(&mut message, &mut buffer) {
            Ok(count) => assert_ne!(count, 0),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    drop(session);
    server.finish();
}

#[test]
fn a_message_that_is_dropped_half_read_is_skipped_by_the_next_command() {
    let (server, mut session) = transaction(
        |_| {},
        |peer| {
            peer.answer("RETR 1", "+OK\r\nfirst\r\n");
            peer.send("second\r\n..\r\n.\r\n");
            peer.answer("STAT", "+OK 1 20\r\n");
            peer.answer("TOP 1 0", "+OK\r\nx\r\n\r\n.\r\n");
            peer.answer("QUIT", "+OK\r\n");
        },
    );
    let mut message = wait!(session.retr(number(1))).unwrap();
    let mut few = [0; 3];
    assert_eq!(read_some(&mut message, &mut few).unwrap(), 3);
    assert_eq!(&few, b"fir");
    assert_eq!(wait!(session.stat()).unwrap().count, 1);
    // Not read at all.
    let _ = wait!(session.top(number(1), 0)).unwrap();
    wait!(session.quit()).unwrap();
    server.finish();
}

// Conformance: C-STLS-06
#[test]
fn what_is_no_response_ends_the_session() {
    // A server that does not stuff: the message ends too early, and its rest stands where responses do.
    let (server, mut session) = transaction(
        |_| {},
        |peer| {
            peer.answer("RETR 1", "+OK\r\nbefore\r\n.\r\nafter\r\n.\r\n");
            peer.expect_end();
        },
    );
    let mut message = wait!(session.retr(number(1))).unwrap();
    assert_eq!(read_all(&mut message).unwrap(), b"before\r\n");
    let error = wait!(session.noop()).unwrap_err();
    assert!(matches!(error, Error::Peer(_)), "{error}");
    drop(session);
    server.finish();
}

// Conformance: C-STLS-06
#[test]
fn what_nobody_asked_for_is_no_answer_to_what_is_asked_next() {
    // A server that answers TOP twice: the second one is not message 2.
    const TWICE: &str = "+OK\r\none\r\n.\r\n+OK\r\none\r\n.\r\n";
    let (server, mut session) = transaction(
        |_| {},
        |peer| {
            peer.answer("TOP 1 0", TWICE);
            peer.expect_end();
        },
    );
    let mut top = wait!(session.top(number(1), 0)).unwrap();
    assert_eq!(read_all(&mut top).unwrap(), b"one\r\n");
    let error = wait!(session.retr(number(2))).unwrap_err();
    assert!(matches!(error, Error::Peer(PeerMisbehaved::UnsolicitedResponse)), "{error}");
    drop(session);
    server.finish();

    // The same among many.
    let (server, mut session) = transaction(
        |options| options.window = 1,
        |peer| {
            peer.answer("CAPA", PIPELINING);
            peer.answer("RETR 1", TWICE);
            peer.expect_end();
        },
    );
    let mut retrievals = wait!(session.retr_many([1, 2].map(number))).unwrap();
    let mut first = wait!(retrievals.next()).unwrap().unwrap();
    assert_eq!(read_all(first.message.as_mut().unwrap()).unwrap(), b"one\r\n");
    let error = wait!(retrievals.next()).unwrap_err();
    assert!(matches!(error, Error::Peer(PeerMisbehaved::UnsolicitedResponse)), "{error}");
    drop(session);
    server.finish();
}

// Conformance: C-2449-05, C-2449-07
#[test]
fn commands_are_pipelined_where_announced_and_answers_matched_in_order() {
    let (server, mut session) = transaction(
        |options| options.window = 3,
        |peer| {
            peer.answer("CAPA", PIPELINING);
            // Three come without an answer to the first, and the fourth only after one.
            peer.expect("RETR 1");
            peer.expect("RETR 2");
            peer.expect("RETR 3");
            assert!(peer.is_silent());
            peer.send("+OK\r\none\r\n.\r\n-ERR no two\r\n+OK\r\nthree\r\n.\r\n");
            peer.answer("RETR 4", "+OK\r\nfour\r\n.\r\n");
            peer.expect("DELE 1");
            peer.expect("DELE 2");
            peer.expect("DELE 3");
            peer.send("+OK\r\n-ERR\r\n+OK\r\n");
            peer.answer("QUIT", "+OK\r\n");
        },
    );
    let mut retrievals = wait!(session.retr_many((1..=4).map(number))).unwrap();
    let mut seen = Vec::new();
    while let Some(retrieved) = wait!(retrievals.next()).unwrap() {
        let text = retrieved.message.map(|mut message| read_all(&mut message).unwrap()).ok();
        seen.push((retrieved.number.value(), text));
    }
    let expected = [(1, Some("one\r\n")), (2, None), (3, Some("three\r\n")), (4, Some("four\r\n"))];
    assert_eq!(seen, expected.map(|(number, text)| (number, text.map(|text| text.as_bytes().to_vec()))));
    let refused = wait!(session.dele_many((1..=3).map(number))).unwrap();
    assert_eq!(refused.iter().map(|(number, _)| number.value()).collect::<Vec<_>>(), [2]);
    wait!(session.quit()).unwrap();
    server.finish();
}

#[test]
fn retrievals_may_be_left_anywhere() {
    let (server, mut session) = transaction(
        |options| options.window = 2,
        |peer| {
            peer.answer("CAPA", PIPELINING);
            peer.expect("RETR 1");
            peer.expect("RETR 2");
            peer.send("+OK\r\none, which is skipped\r\n.\r\n+OK\r\ntwo\r\n.\r\n");
            peer.answer("RETR 3", "+OK\r\nthree\r\n.\r\n");
            peer.answer("STAT", "+OK 3 9\r\n");
        },
    );
    let mut retrievals = wait!(session.retr_many((1..=9).map(number))).unwrap();
    assert_eq!(wait!(retrievals.next()).unwrap().unwrap().number, number(1));
    let mut second = wait!(retrievals.next()).unwrap().unwrap();
    let mut few = [0; 2];
    read_some(second.message.as_mut().unwrap(), &mut few).unwrap();
    assert_eq!(&few, b"tw");
    assert_eq!(wait!(session.stat()).unwrap().count, 3);
    server.finish();
}

// Conformance: C-2449-06
#[test]
fn a_server_that_reads_nothing_while_it_writes_does_not_stop_the_client() {
    const LINES: usize = 100 << 10;
    let line = [&[b'x'; 1022][..], b"\r\n"].concat();
    let (server, mut session) = transaction(
        |options| options.window = usize::MAX,
        move |peer| {
            peer.answer("CAPA", PIPELINING);
            peer.expect("RETR 1");
            // 100 MiB without a look at the commands that queue up behind.
            peer.send("+OK\r\n");
            for _ in 0..LINES / 64 {
                peer.try_send(&line.repeat(64)).unwrap();
            }
            peer.send(".\r\n");
            for number in 2..=200 {
                peer.answer(&format!("RETR {number}"), "+OK\r\n.\r\n");
            }
        },
    );
    let mut retrievals = wait!(session.retr_many((1..=200).map(number))).unwrap();
    let (mut count, mut octets) = (0, 0);
    let mut buffer = vec![0; 64 * 1024];
    while let Some(retrieved) = wait!(retrievals.next()).unwrap() {
        count += 1;
        let mut message = retrieved.message.unwrap();
        loop {
            match read_some(&mut message, &mut buffer).unwrap() {
                0 => break,
                more => octets += more,
            }
        }
    }
    assert_eq!((count, octets), (200, LINES << 10));
    server.finish();
}
