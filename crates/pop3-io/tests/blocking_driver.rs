//! The blocking driver, over real sockets.

mod support;

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    ops::ControlFlow,
    thread,
    time::Duration,
};

use pop3_io::{
    Error,
    blocking::{Driver, Stream},
    rustls::pki_types::ServerName,
};
use pop3_proto::{
    client::{self, Client},
    server::{CloseReason, Event, Server, UpdateOutcome},
    types::{Command, MessageNumber, Secret},
};
use support::{maildrop, message, on_the_wire, server, tls};

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

type Session<S> = Driver<Server, S>;

/// Serves one message until the session ends.
fn serve<S: std::io::Read + std::io::Write>(mut session: Session<S>, body: &[u8]) -> CloseReason {
    loop {
        match session.run(|_, event| ControlFlow::Break(event.into_owned())).unwrap() {
            Event::Login(_) => session.machine.accept(maildrop(1)).unwrap(),
            Event::Retrieve { .. } => {
                session.send_message(&mut support::Body::new(body.to_vec())).unwrap();
            }
            Event::Update { .. } => session.machine.finish_update(UpdateOutcome::Removed).unwrap(),
            Event::Close(reason) => {
                session.flush().unwrap();
                return reason;
            }
            event => panic!("{event:?}"),
        }
    }
}

#[test]
fn a_session_with_a_client_of_octets() {
    let (mut client, socket) = sockets();
    let message = message(300_000);
    let expected = on_the_wire(&message);
    let server = thread::spawn(move || serve(Driver::new(server(), socket, 64), &message));
    client.write_all(b"USER a\r\nPASS b\r\nRETR 1\r\nQUIT\r\n").unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(server.join().unwrap(), CloseReason::Quit);
    let lines: Vec<&[u8]> = got.split_inclusive(|octet| *octet == b'\n').collect();
    let head: usize = lines[..4].iter().map(|line| line.len()).sum();
    let last = lines.last().unwrap().len();
    assert!(got[head..got.len() - last] == expected);
}

// Conformance: S-1939-35
#[test]
fn a_message_that_fails_has_no_end() {
    let (mut client, socket) = sockets();
    let server = thread::spawn(move || {
        let mut session = Driver::new(server(), socket, 1024);
        loop {
            match session.run(|_, event| ControlFlow::Break(event.into_owned())).unwrap() {
                Event::Login(_) => session.machine.accept(maildrop(1)).unwrap(),
                Event::Retrieve { .. } => {
                    let mut body = support::Body::failing_at(message(300_000), 150_000);
                    session.send_message(&mut body).unwrap();
                }
                Event::Close(reason) => return reason,
                event => panic!("{event:?}"),
            }
        }
    });
    client.write_all(b"USER a\r\nPASS b\r\nRETR 1\r\n").unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(server.join().unwrap(), CloseReason::BodyFailed);
    assert!(!got.ends_with(b"\r\n.\r\n"));
}

#[test]
fn an_end_in_the_midst_of_a_session_is_told() {
    let (client, socket) = sockets();
    let server = thread::spawn(move || serve(Driver::new(server(), socket, 1024), b""));
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(server.join().unwrap(), CloseReason::Eof);
}

/// Our client and our server, with TLS in place, both blocking; pieces of a message are never larger than
/// was asked for.
// Conformance: S-2595-04, S-2595-08
#[test]
fn both_ends_under_tls() {
    let (server_config, client_config) = tls();
    let (ours, theirs) = sockets();
    let message = message(100_000);
    let expected = {
        let wire = String::from_utf8(on_the_wire(&message)).unwrap();
        wire.strip_suffix(".\r\n").unwrap().replace("\r\n.", "\r\n")
    };
    let server = thread::spawn(move || {
        let mut session = Driver::new(server(), Stream::Plain(theirs), 1024);
        let event = session.run(|_, event| ControlFlow::Break(event.into_owned())).unwrap();
        assert!(matches!(event, Event::StartTls));
        let accept = |stream| match stream {
            Stream::Plain(socket) => Stream::accept_tls(socket, server_config),
            _ => unreachable!("it was plain"),
        };
        let mut session = session.upgrade(accept).unwrap();
        session.machine.handle_tls_established().unwrap();
        serve(session, &message)
    });
    let mut driver = Driver::new(Client::new(client::Config::default()), Stream::Plain(ours), 4096);
    driver.machine.send(&Command::Stls).unwrap_err();
    driver.run(|_, event| ControlFlow::Break(matches!(event, client::Event::Greeting { .. }))).unwrap();
    driver.machine.send(&Command::Stls).unwrap();
    driver
        .run(|_, event| match event {
            client::Event::StartTls => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connect = |stream| match stream {
        Stream::Plain(socket) => Stream::connect_tls(socket, client_config, name, Duration::from_secs(60)),
        _ => unreachable!("it was plain"),
    };
    let mut driver = driver.upgrade(connect).unwrap();
    driver.machine.handle_tls_established().unwrap();
    assert!(driver.stream().is_tls());
    let mut ask = |command: &Command<'_>| {
        driver.machine.send(command).unwrap();
        let (mut got, mut longest) = (Vec::new(), 0);
        driver
            .run_limited(100, &mut |_, event| match event {
                client::Event::MessageChunk { chunk, .. } => {
                    longest = longest.max(chunk.len());
                    got.extend_from_slice(chunk);
                    ControlFlow::Continue(())
                }
                client::Event::Response { is_last: false, .. } => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            })
            .unwrap();
        assert!(longest <= 100, "{longest}");
        String::from_utf8(got).unwrap()
    };
    ask(&Command::User("a".into()));
    ask(&Command::Pass(Secret::new("b".into())));
    assert!(ask(&Command::Retr(MessageNumber::FIRST)) == expected);
    ask(&Command::Quit);
    assert_eq!(server.join().unwrap(), CloseReason::Quit);
}

// Conformance: A-6, S-2595-13
#[test]
fn a_handshake_that_fails_is_an_error_of_tls() {
    let (server_config, _) = tls();
    let (mut client, socket) = sockets();
    let server = thread::spawn(move || {
        let mut session = Driver::new(server(), Stream::Plain(socket), 1024);
        session.run(|_, event| ControlFlow::Break(matches!(event, Event::StartTls))).unwrap();
        let upgraded = session.upgrade(|stream| match stream {
            Stream::Plain(socket) => Stream::accept_tls(socket, server_config),
            _ => unreachable!("it was plain"),
        });
        matches!(upgraded, Err(Error::Tls(_)))
    });
    client.write_all(b"STLS\r\n").unwrap();
    let mut said = vec![0; "+OK POP3 server ready\r\n+OK Begin TLS negotiation now\r\n".len()];
    client.read_exact(&mut said).unwrap();
    client.write_all(b"CAPA\r\nCAPA\r\nCAPA\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert!(server.join().unwrap());
}
