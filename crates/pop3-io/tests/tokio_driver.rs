//! The tokio driver, on a clock that the test moves.
#![cfg(feature = "tokio")]

mod support;

use std::{io, ops::ControlFlow, sync::Arc, time::Duration};

use pop3_io::{
    Error,
    rustls::pki_types::ServerName,
    tokio::{Body, Driver, Limits, Stream},
};
use pop3_proto::server::{CloseReason, Event, Server};
use support::{maildrop, message, on_the_wire, server, tls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, advance, sleep, timeout},
};

const LIMITS: Limits = Limits { write: Duration::from_secs(300), read: None };

type Session = Driver<Server, DuplexStream>;

/// A session whose client's end is in hand; the wire holds so many octets.
fn session(room: usize) -> (Session, DuplexStream) {
    let (ours, theirs) = duplex(room);
    (Driver::new(server(), ours, 1024, LIMITS), theirs)
}

async fn next(
    session: &mut Session,
) -> Result<Event<'static>, pop3_io::Error<pop3_proto::server::PeerMisbehaved>> {
    session.run(|_, event| ControlFlow::Break(event.into_owned())).await
}

/// A session in TRANSACTION with so many messages, and nothing left to read at the client's end.
async fn logged_in(room: usize, messages: usize) -> (Session, DuplexStream) {
    let (mut session, mut client) = session(room);
    client.write_all(b"USER a\r\nPASS b\r\n").await.unwrap();
    assert!(matches!(next(&mut session).await, Ok(Event::Login(_))));
    session.machine.accept(maildrop(messages)).unwrap();
    session.flush().await.unwrap();
    for _ in 0..3 {
        line(&mut client).await;
    }
    (session, client)
}

async fn line(client: &mut DuplexStream) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}

// Conformance: S-1939-20, S-1939-21, S-1939-22, S-1939-23, A-32
#[tokio::test(start_paused = true)]
async fn ten_minutes_of_silence_end_a_session_without_a_word() {
    let (mut session, mut client) = logged_in(4096, 1).await;
    let began = Instant::now();
    let talk = async {
        client.write_all(b"DELE 1\r\n").await.unwrap();
        line(&mut client).await;
        for _ in 0..3 {
            sleep(Duration::from_secs(599)).await;
            client.write_all(b"NOOP\r\n").await.unwrap();
            assert!(line(&mut client).await.starts_with("+OK"));
        }
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let serve = async {
        let event = next(&mut session).await;
        assert!(matches!(event, Ok(Event::Close(CloseReason::Autologout))), "{event:?}");
        drop(session);
    };
    let (rest, ()) = tokio::join!(talk, serve);
    assert_eq!(rest, b"");
    let took = began.elapsed().as_secs();
    assert!((599 * 3 + 600..599 * 3 + 602).contains(&took), "{took}");
}

// Conformance: S-1939-24
#[tokio::test(start_paused = true)]
async fn twenty_minutes_of_slow_reading_are_no_silence() {
    let (mut session, mut client) = logged_in(1024, 1).await;
    let message = message(1_200_000);
    let expected = on_the_wire(&message);
    let body = Body::open(support::Body::new(message), 1).unwrap();
    let read = async {
        client.write_all(b"RETR 1\r\n").await.unwrap();
        line(&mut client).await;
        let mut got = Vec::new();
        let mut piece = [0; 1024];
        // A kilobyte a second.
        while got.len() < expected.len() {
            let count = client.read(&mut piece).await.unwrap();
            assert_ne!(count, 0);
            got.extend_from_slice(&piece[..count]);
            sleep(Duration::from_secs(1)).await;
        }
        client.write_all(b"NOOP\r\n").await.unwrap();
        assert!(line(&mut client).await.starts_with("+OK"));
        drop(client);
        got
    };
    let serve = async {
        assert!(matches!(next(&mut session).await, Ok(Event::Retrieve { .. })));
        session.send_message(body).await.unwrap();
        let event = next(&mut session).await;
        assert!(matches!(event, Ok(Event::Close(CloseReason::Eof))), "{event:?}");
    };
    let began = Instant::now();
    let (got, ()) = tokio::join!(read, serve);
    assert!(began.elapsed() > Duration::from_secs(1200));
    assert!(got == expected);
}

// Conformance: A-50
#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up() {
    let (mut session, mut client) = logged_in(1024, 1).await;
    client.write_all(b"RETR 1\r\n").await.unwrap();
    next(&mut session).await.unwrap();
    let body = Body::open(support::Body::new(message(100_000)), 100_000).unwrap();
    let began = Instant::now();
    let error = session.send_message(body).await.unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut), "{error}");
    assert_eq!(began.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_is_given_up_where_that_is_wanted() {
    let (ours, _theirs) = duplex(4096);
    let limits = Limits { read: Some(Duration::from_secs(20)), ..LIMITS };
    let mut session = Driver::new(server(), ours, 1024, limits);
    let began = Instant::now();
    let error = next(&mut session).await.unwrap_err();
    assert!(matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::TimedOut), "{error}");
    assert_eq!(began.elapsed().as_secs(), 20);
}

/// Every size around the ends of chunks and buffers, and wrong guesses of it.
#[tokio::test]
async fn messages_of_every_size_arrive_whole_and_behind_their_first_line() {
    const K: usize = 1024;
    let sizes = [0, 1, 2, 100, 16 * K - 1, 16 * K, 64 * K, 128 * K - 1, 128 * K, 128 * K + 1, 400 * K];
    for size in sizes {
        for guess in [0, size as u64, size as u64 / 2, u64::MAX] {
            let (mut session, mut client) = logged_in(4096, 2).await;
            let message = message(size);
            let body = Body::open(support::Body::new(message.clone()), guess).unwrap();
            let serve = async {
                assert!(matches!(next(&mut session).await, Ok(Event::Retrieve { .. })));
                session.send_message(body).await.unwrap();
                assert!(matches!(next(&mut session).await, Ok(Event::Update { .. })));
                session.flush().await.unwrap();
            };
            let read = async {
                client.write_all(b"NOOP\r\nRETR 1\r\nSTAT\r\nQUIT\r\n").await.unwrap();
                assert!(line(&mut client).await.starts_with("+OK"));
                assert!(line(&mut client).await.starts_with("+OK"));
                let expected = on_the_wire(&message);
                let mut got = vec![0; expected.len()];
                client.read_exact(&mut got).await.unwrap();
                assert!(got == expected, "{size}");
                assert_eq!(line(&mut client).await, "+OK 2 0\r\n");
            };
            tokio::join!(serve, read);
        }
    }
}

// Conformance: A-66, S-1939-35
#[tokio::test]
async fn a_message_that_fails_half_way_has_no_end() {
    for fails_at in [200_000, 300_000] {
        let (mut session, mut client) = logged_in(4096, 1).await;
        let body = support::Body::failing_at(message(400_000), fails_at);
        let body = Body::open(body, 400_000).unwrap();
        let serve = async {
            next(&mut session).await.unwrap();
            session.send_message(body).await.unwrap();
            let event = next(&mut session).await;
            assert!(matches!(event, Ok(Event::Close(CloseReason::BodyFailed))), "{event:?}");
            drop(session);
        };
        let read = async {
            client.write_all(b"RETR 1\r\nNOOP\r\n").await.unwrap();
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            assert!(!got.ends_with(b"\r\n.\r\n") && !got.ends_with(b"+OK \r\n"));
        };
        tokio::join!(serve, read);
    }
    // What fails before the first octet is known before anything is said.
    assert!(Body::open(support::Body::failing_at(message(100), 0), 100).is_err());
}

/// A run is dropped again and again while it reads or writes.
#[tokio::test(start_paused = true)]
async fn giving_up_a_run_loses_and_repeats_nothing() {
    let (mut session, mut client) = session(7);
    let script = b"USER a\r\nPASS b\r\nSTAT\r\nLIST\r\nRETR 1\r\nUIDL\r\nQUIT\r\n";
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let write = async {
        for octet in script {
            writer.write_all(&[*octet]).await.unwrap();
            sleep(Duration::from_millis(3)).await;
        }
    };
    let serve = async {
        loop {
            let Ok(event) = timeout(Duration::from_millis(2), next(&mut session)).await else { continue };
            match event.unwrap() {
                Event::Login(_) => session.machine.accept(maildrop(2)).unwrap(),
                Event::Retrieve { .. } => {
                    let body = Body::open(support::Body::new(b"hello\n".to_vec()), 6).unwrap();
                    session.send_message(body).await.unwrap();
                }
                Event::Update { .. } => {
                    session.machine.finish_update(pop3_proto::server::UpdateOutcome::Removed).unwrap();
                }
                Event::Close(_) => break session.close().await.unwrap(),
                event => panic!("{event:?}"),
            }
        }
    };
    let read = async {
        let mut got = Vec::new();
        let mut octet = [0; 1];
        while reader.read(&mut octet).await.unwrap() == 1 {
            got.push(octet[0]);
            sleep(Duration::from_millis(1)).await;
        }
        String::from_utf8(got).unwrap()
    };
    let ((), (), got) = tokio::join!(write, serve, read);
    let expected = "+OK POP3 server ready\r\n+OK Send PASS\r\n+OK Maildrop open and locked\r\n+OK 2 0\r\n\
                    +OK List follows\r\n1 0\r\n2 0\r\n.\r\n+OK 0 octets\r\nhello\r\n.\r\n\
                    +OK List follows\r\n1 id0\r\n2 id1\r\n.\r\n+OK Goodbye\r\n";
    assert_eq!(got, expected);
}

async fn until_tls(
    mut session: Driver<Server, Stream<DuplexStream>>,
) -> Driver<Server, Stream<DuplexStream>> {
    let event = session.run(|_, event| ControlFlow::Break(event.into_owned())).await;
    assert!(matches!(event, Ok(Event::StartTls)), "{event:?}");
    session
}

// Conformance: S-2595-04, S-2595-08, S-STLS-04
#[tokio::test]
async fn tls_in_place() {
    let (server_config, client_config) = tls();
    let (ours, mut theirs) = duplex(1024);
    let session = Driver::new(server(), Stream::Plain(ours), 1024, LIMITS);
    let serve = async {
        let session = until_tls(session).await;
        let accept = |stream: Stream<DuplexStream>| {
            Stream::accept_tls(stream.into_plain().unwrap(), server_config, || async { Ok(()) })
        };
        let mut session = session.upgrade(accept).await.unwrap();
        session.machine.handle_tls_established().unwrap();
        assert!(session.stream().is_tls() && session.stream().tls_parameters().is_some());
        let event = session.run(|_, event| ControlFlow::Break(event.into_owned())).await;
        assert!(matches!(event, Ok(Event::Close(CloseReason::Quit))), "{event:?}");
        session.close().await.unwrap();
    };
    let talk = async {
        line(&mut theirs).await;
        theirs.write_all(b"STLS\r\n").await.unwrap();
        line(&mut theirs).await;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = Stream::connect_tls(theirs, client_config, name).await.unwrap();
        stream.write_all(b"QUIT\r\n").await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
    };
    tokio::join!(serve, talk);
}

// Conformance: A-92
#[tokio::test(start_paused = true)]
async fn a_handshake_takes_its_turn_only_while_it_computes() {
    let (server_config, client_config) = tls();
    let turns = Arc::new(tokio::sync::Semaphore::new(1));
    let accept = |ours: DuplexStream| {
        let turns = Arc::clone(&turns);
        let turn = move || {
            let turns = Arc::clone(&turns);
            async move { turns.acquire_owned().await.map_err(io::Error::other) }
        };
        tokio::spawn(Stream::accept_tls(ours, Arc::clone(&server_config), turn))
    };
    // One that sends nothing, and one that sends its first message and no more.
    let (silent, _silent_client) = duplex(1 << 16);
    let (stalled, mut stalled_client) = duplex(1 << 16);
    let silent = accept(silent);
    let stalled = accept(stalled);
    let name = ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    let mut client =
        pop3_io::rustls::ClientConnection::new(Arc::clone(&client_config), name.clone()).unwrap();
    client.write_tls(&mut hello).unwrap();
    stalled_client.write_all(&hello).await.unwrap();
    // The answer to the first message came: it was computed.
    stalled_client.read_u8().await.unwrap();
    let (ours, theirs) = duplex(1 << 16);
    let accepted = accept(ours);
    let _client = Stream::connect_tls(theirs, client_config, name.clone()).await.unwrap();
    assert!(accepted.await.unwrap().unwrap().is_tls());
    assert!(!silent.is_finished() && !stalled.is_finished());
    // Without a turn nothing is computed.
    let taken = turns.acquire().await.unwrap();
    let (ours, mut theirs) = duplex(1 << 16);
    let waiting = accept(ours);
    theirs.write_all(&hello).await.unwrap();
    timeout(Duration::from_secs(1000), theirs.read_u8()).await.unwrap_err();
    drop(taken);
    theirs.read_u8().await.unwrap();
    assert!(!waiting.is_finished());
}

// Conformance: S-STLS-01, S-STLS-02, A-1
#[tokio::test]
async fn octets_behind_stls_are_no_input_for_anybody() {
    let (ours, mut theirs) = duplex(1024);
    let mut session = Driver::new(server(), Stream::Plain(ours), 1024, LIMITS);
    theirs.write_all(b"STLS\r\nNOOP\r\n").await.unwrap();
    let event = session.run(|_, event| ControlFlow::Break(event.into_owned())).await;
    assert!(matches!(event, Err(Error::Peer(_))), "{event:?}");
    assert_eq!(event.unwrap_err().to_string(), "the client sent octets between STLS and the TLS handshake");
}

#[tokio::test(start_paused = true)]
async fn input_is_discarded_up_to_a_number_a_time_or_the_end() {
    let (mut session, mut client) = session(1 << 16);
    client.write_all(&[b'x'; 5000]).await.unwrap();
    session.discard_input(3000, Duration::from_secs(5)).await;
    let began = Instant::now();
    session.discard_input(usize::MAX, Duration::from_secs(5)).await;
    assert_eq!(began.elapsed().as_secs(), 5);
    drop(client);
    session.discard_input(usize::MAX, Duration::from_secs(5)).await;
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_session_in_authorization_has_a_shorter_time() {
    let (mut session, _client) = session(4096);
    let wait = tokio::spawn(async move { next(&mut session).await.map(|event| format!("{event:?}")) });
    advance(Duration::from_secs(61)).await;
    assert_eq!(wait.await.unwrap().unwrap(), "Close(Autologout)");
}
