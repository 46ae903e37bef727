//! What transcripts cannot show.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::*;
use crate::{
    machine::{Elapsed, Machine},
    types::{Command, Mechanism, MessageNumber, Secret},
};

fn client_with(config: Config) -> Client {
    let mut client = Client::new(config);
    feed(&mut client, b"+OK ready\r\n");
    client
}

fn pipelining() -> Config {
    Config { pipelining: PipeliningPolicy::Always, ..Config::default() }
}

/// Feeds octets and gives the events as text.
fn feed(client: &mut Client, octets: &[u8]) -> Vec<String> {
    let mut input = octets;
    let mut events = Vec::new();
    while let Some(event) = client.next_event(&mut input).unwrap() {
        events.push(format!("{event:?}"));
    }
    events
}

fn error(client: &mut Client, octets: &[u8]) -> PeerMisbehaved {
    let mut input = octets;
    loop {
        match client.next_event(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error"),
            Err(error) => return error,
        }
    }
}

fn written(client: &mut Client) -> String {
    let out = client.poll_transmit().unwrap_or_default().to_vec();
    client.handle_transmitted(out.len());
    String::from_utf8(out).unwrap()
}

fn logged_in(config: Config) -> Client {
    let mut client = client_with(config);
    client.send(&Command::User("mrose".into())).unwrap();
    feed(&mut client, b"+OK\r\n");
    client.send(&Command::Pass(Secret::new("secret".into()))).unwrap();
    feed(&mut client, b"+OK\r\n");
    written(&mut client);
    client
}

fn auth() -> Command<'static> {
    Command::Auth { mechanism: Mechanism::new("PLAIN").unwrap(), initial_response: None }
}

// Conformance: C-1939-01, C-2595-01, C-2449-05
#[test]
fn misuse_changes_nothing() {
    let mut client = Client::new(pipelining());
    assert_eq!(client.send(&Command::Quit), Err(UsageError::GreetingPending));
    assert_eq!(client.respond(Secret::new(b"x")), Err(UsageError::NoChallenge));
    assert_eq!(client.cancel_auth(), Err(UsageError::NoChallenge));
    assert_eq!(client.handle_tls_established(), Err(UsageError::NotPipelinable));
    assert!(client.poll_transmit().is_none());

    let mut client = client_with(pipelining());
    assert_eq!(client.send(&Command::Stat), Err(UsageError::WrongState(SessionState::Authorization)));
    let bad = client.send(&Command::User("a\r\nQUIT".into()));
    assert!(matches!(bad, Err(UsageError::InvalidValue(_))), "{bad:?}");
    assert!(client.send(&Command::Pass(Secret::new("".into()))).is_err());
    assert_eq!((client.outstanding(), client.poll_transmit()), (0, None));
    client.send(&Command::Stls).unwrap();
    assert_eq!(client.send(&Command::Capa), Err(UsageError::NotPipelinable));
    feed(&mut client, b"+OK\r\n");
    assert_eq!(client.send(&Command::Capa), Err(UsageError::TlsHandshakePending));
    assert_eq!(written(&mut client), "STLS\r\n");
    client.handle_tls_established().unwrap();
    assert_eq!(client.handle_tls_established(), Err(UsageError::NotPipelinable));
    client.send(&auth()).unwrap();
    assert_eq!(client.respond(Secret::new(b"x")), Err(UsageError::NoChallenge));
    feed(&mut client, b"+ \r\n");
    client.respond(Secret::new(b"x")).unwrap();
    assert_eq!(client.respond(Secret::new(b"x")), Err(UsageError::NoChallenge));
    assert_eq!(client.cancel_auth(), Err(UsageError::NoChallenge));
    feed(&mut client, b"+OK\r\n");
    assert_eq!(client.send(&auth()), Err(UsageError::WrongState(SessionState::Transaction)));
    client.send(&Command::Quit).unwrap();
    assert_eq!(client.send(&Command::Noop), Err(UsageError::Closed));
    feed(&mut client, b"+OK\r\n");
    assert_eq!(client.send(&Command::Noop), Err(UsageError::Closed));
}

#[test]
fn an_error_is_said_again_and_nothing_goes_out_any_more() {
    let mut client = logged_in(pipelining());
    client.send(&auth()).unwrap_err();
    client.send(&Command::Stat).unwrap();
    assert_eq!(error(&mut client, b"hello\r\n"), PeerMisbehaved::NoStatusIndicator);
    assert!(client.poll_transmit().is_none(), "what was queued is dropped");
    assert_eq!(client.state(), SessionState::Closed);
    for _ in 0..2 {
        assert_eq!(error(&mut client, b"+OK 1 2\r\n"), PeerMisbehaved::NoStatusIndicator);
    }
    assert_eq!(client.send(&Command::Noop), Err(UsageError::Closed));
    client.handle_eof().unwrap();
    assert_eq!(error(&mut client, b""), PeerMisbehaved::NoStatusIndicator);

    let mut client = client_with(Config::default());
    client.send(&auth()).unwrap();
    feed(&mut client, b"+ \r\n");
    client.handle_eof().unwrap();
    assert_eq!(error(&mut client, b""), PeerMisbehaved::UnexpectedEof);
    assert_eq!(client.respond(Secret::new(b"secret")), Err(UsageError::NoChallenge));
    assert!(client.poll_transmit().is_none());
}

// Conformance: C-2449-05
#[test]
fn responses_belong_to_commands_in_order() {
    let mut client = logged_in(pipelining());
    let ids: Vec<_> = (0..100).map(|_| client.send(&Command::Noop).unwrap()).collect();
    assert!(ids.is_sorted());
    assert_eq!(client.outstanding(), 100);
    let mut input: &[u8] = &b"+OK\r\n-ERR no\r\n".repeat(50);
    for (index, id) in ids.iter().enumerate() {
        let Ok(Some(Event::Response { id: answered, response, is_last })) = client.next_event(&mut input)
        else {
            panic!()
        };
        assert_eq!((answered, response.is_ok(), is_last), (*id, index % 2 == 0, true));
    }
    assert_eq!(client.outstanding(), 0);
    for _ in 0..128 {
        client.send(&Command::Noop).unwrap();
    }
    assert_eq!(client.send(&Command::Noop), Err(UsageError::TooManyOutstanding));
}

// Conformance: C-1939-06, A-82
#[test]
fn the_end_of_the_connection_is_an_error_wherever_something_is_missing() {
    let clean: [&[u8]; 2] = [b"", b"+OK\r\n"];
    let mut client = client_with(Config::default());
    client.handle_eof().unwrap();
    assert_eq!(feed(&mut client, clean[0]), ["Closed"]);
    assert_eq!(client.state(), SessionState::Closed);

    let mut client = Client::new(Config::default());
    client.handle_eof().unwrap();
    assert_eq!(error(&mut client, b""), PeerMisbehaved::UnexpectedEof);

    let mut client = client_with(Config::default());
    feed(&mut client, b"+O");
    client.handle_eof().unwrap();
    assert_eq!(error(&mut client, b""), PeerMisbehaved::UnexpectedEof);

    for missing in [&b""[..], b"+", b"+OK\r\n", b"+OK\r\ntext", b"+OK\r\ntext\r\n.\r"] {
        let mut client = logged_in(Config::default());
        client.send(&Command::Retr(MessageNumber::FIRST)).unwrap();
        feed(&mut client, missing);
        client.handle_eof().unwrap();
        assert_eq!(error(&mut client, b""), PeerMisbehaved::UnexpectedEof, "{missing:?}");
    }
    // What came before the end is still read.
    let mut client = logged_in(Config::default());
    client.send(&Command::Quit).unwrap();
    client.handle_eof().unwrap();
    let events = feed(&mut client, b"+OK bye\r\n");
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1], "Closed");
}

// Conformance: S-ROB-04
#[test]
fn no_secret_shows_in_debug() {
    let digest = *b"tanstaaftanstaaf";
    let commands = [
        Command::Pass(Secret::new("tanstaaf".into())),
        Command::Apop { name: "mrose".into(), digest },
        Command::Auth {
            mechanism: Mechanism::new("PLAIN").unwrap(),
            initial_response: Some(Secret::new(Cow::Borrowed(b"tanstaaf"))),
        },
    ];
    let mut shown = String::new();
    for command in &commands {
        let mut client = client_with(Config::default());
        client.send(command).unwrap();
        shown += &format!("{command:?} {client:?}\n");
    }
    let mut client = client_with(Config::default());
    client.send(&auth()).unwrap();
    written(&mut client);
    shown += &format!("{:?}\n", feed(&mut client, b"+ dGFuc3RhYWY=\r\n"));
    client.respond(Secret::new(b"tanstaaf")).unwrap();
    shown += &format!("{client:?}\n");
    for secret in ["tanstaaf", "dGFuc3RhYWY", "116, 97, 110", "74616e"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("[REDACTED]"));
}

// Conformance: P-1939-04, P-5034-07, C-5034-03
#[test]
fn commands_go_out_in_one_form() {
    let number = MessageNumber::new(10).unwrap();
    let mut client = logged_in(pipelining());
    for command in [
        Command::Stat,
        Command::List(Some(number)),
        Command::Top { number, lines: 0 },
        Command::Uidl(None),
        Command::Quit,
    ] {
        client.send(&command).unwrap();
    }
    assert_eq!(written(&mut client), "STAT\r\nLIST 10\r\nTOP 10 0\r\nUIDL\r\nQUIT\r\n");
    let mut client = client_with(Config::default());
    let initial_response = Some(Secret::new(Cow::Borrowed(&b""[..])));
    client.send(&Command::Auth { mechanism: Mechanism::new("EXTERNAL").unwrap(), initial_response }).unwrap();
    assert_eq!(written(&mut client), "AUTH EXTERNAL =\r\n");
}

#[test]
fn a_client_has_no_clock() {
    let mut client = client_with(Config::default());
    client.handle_timeout(Elapsed::from_secs(1_000_000));
    assert_eq!(client.poll_timeout(), None);
    assert!(client.send(&Command::Capa).is_ok());
}

// Conformance: C-2449-06
#[test]
fn a_message_of_any_size_passes_with_commands_waiting() {
    let mut client = logged_in(pipelining());
    client.send(&Command::Retr(MessageNumber::FIRST)).unwrap();
    for _ in 0..50 {
        client.send(&Command::Noop).unwrap();
    }
    feed(&mut client, b"+OK\r\n");
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..100 {
        let mut input = piece.as_slice();
        let Ok(Some(Event::MessageChunk { chunk, .. })) = client.next_event(&mut input) else { panic!() };
        assert_eq!(chunk.as_ptr(), piece.as_ptr(), "lent, not copied");
        assert_eq!(chunk.len(), piece.len());
    }
    assert_eq!(feed(&mut client, b"\r\n.\r\n+OK\r\n").len(), 3);
}

// Conformance: A-91
#[test]
fn a_message_larger_than_allowed_ends_the_session() {
    for pieces in [1, 3, 1000] {
        let mut config = pipelining();
        config.max_message = 1000;
        let mut client = logged_in(config);
        // The limit is for each message by itself.
        for _ in 0..3 {
            client.send(&Command::Retr(MessageNumber::FIRST)).unwrap();
            feed(&mut client, b"+OK\r\n");
            feed(&mut client, &[b'x'; 998]);
            assert!(feed(&mut client, b"\r\n.\r\n").last().unwrap().starts_with("End"));
        }
        client.send(&Command::Top { number: MessageNumber::FIRST, lines: 0 }).unwrap();
        feed(&mut client, b"+OK\r\n");
        let message = [b'x'; 1001];
        let error = message.chunks(pieces).find_map(|piece| {
            let mut input = piece;
            loop {
                match client.next_event(&mut input) {
                    Ok(Some(_)) => {}
                    Ok(None) => return None,
                    Err(error) => return Some(error),
                }
            }
        });
        assert_eq!(error, Some(PeerMisbehaved::MessageTooLarge { limit: 1000 }), "{pieces}");
        assert_eq!(client.state(), SessionState::Closed);
    }
}

// Conformance: A-93
#[test]
fn a_server_that_hardly_sends_anything_is_too_slow_for_each_response_by_itself() {
    let wait = |client: &mut Client, seconds| client.handle_waited(Elapsed::from_secs(seconds));
    let mut config = pipelining();
    config.pace = Pace { octets_per_second: 100, patience: core::time::Duration::from_secs(10) };
    let too_slow = Err(PeerMisbehaved::TooSlow { octets_per_second: 100 });
    // Of many answers, each may be waited for.
    let mut client = logged_in(config.clone());
    for _ in 0..100 {
        client.send(&Command::Noop).unwrap();
        wait(&mut client, 9);
        feed(&mut client, b"+OK\r\n");
    }
    // A line that never ends.
    client.send(&Command::Noop).unwrap();
    for _ in 0..10 {
        wait(&mut client, 1);
        feed(&mut client, b"x");
    }
    wait(&mut client, 1);
    for _ in 0..2 {
        assert_eq!(client.next_event(&mut &b"x"[..]).map(drop), too_slow);
    }
    // A message that is large enough for the time it takes; then it falls behind.
    let mut client = logged_in(config.clone());
    client.send(&Command::Retr(MessageNumber::FIRST)).unwrap();
    feed(&mut client, b"+OK\r\n");
    for _ in 0..50 {
        wait(&mut client, 9);
        feed(&mut client, &[b'x'; 900]);
    }
    wait(&mut client, 9);
    feed(&mut client, b"x");
    wait(&mut client, 9);
    assert_eq!(client.next_event(&mut &b"x"[..]).map(drop), too_slow);
    // What comes last counts, however long it took.
    let mut client = logged_in(config.clone());
    client.send(&Command::Retr(MessageNumber::FIRST)).unwrap();
    feed(&mut client, b"+OK\r\n");
    wait(&mut client, 19);
    assert_eq!(feed(&mut client, &[b'x'; 900]).len(), 1);
    // The greeting too.
    let mut client = Client::new(config);
    wait(&mut client, 11);
    assert_eq!(client.next_event(&mut &b"+"[..]).map(drop), too_slow);
    // Without a rate, any server will do.
    let mut client = logged_in(pipelining());
    client.send(&Command::Noop).unwrap();
    wait(&mut client, 1_000_000);
    assert_eq!(feed(&mut client, b"+OK\r\n").len(), 1);
}

#[test]
fn errors_say_what_happened() {
    let error = PeerMisbehaved::ListingTooLong { keyword: crate::types::Keyword::Uidl, limit: 3 };
    assert_eq!(error.to_string(), "the server's answer to UIDL has more than 3 lines");
    let error = UsageError::WrongState(SessionState::Authorization);
    assert_eq!(error.to_string(), "the command is not allowed in the AUTHORIZATION state");
}
