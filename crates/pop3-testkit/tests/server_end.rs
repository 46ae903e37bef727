//! How sessions and servers end: stalled, cut, many at once.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod support;

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use pop3_testkit::{
    TestServer,
    fault::Rule,
    server::{Builder, End},
    transcript::Entry,
};
use support::{LIMIT, Raw, server};

fn rule(text: &str) -> Rule {
    text.parse().unwrap()
}

fn faulty(faults: &[&str]) -> Builder {
    let builder = TestServer::builder().user("alice", "wonderland");
    let builder = builder.message("alice", *b"Subject: one\r\n\r\nbody\r\n");
    faults.iter().fold(builder, |builder, fault| builder.fault(rule(fault)))
}

/// Whoever drops a server waits no longer than for its threads to notice.
fn end(server: TestServer) -> Vec<pop3_testkit::server::SessionRecord> {
    let began = Instant::now();
    let records = server.shut_down();
    assert!(began.elapsed() < LIMIT / 2, "stopping took {:?}", began.elapsed());
    records
}

#[test]
fn stalled_sessions_do_not_keep_a_server() {
    let faults = [
        "session 1 CAPA: hang",
        "session 2 CAPA: stall after 3 for 60m",
        "session 3 CAPA: stall after 3",
        "session 4 CAPA: endless line",
        "session 5 CAPA: half-close after 5",
        "session 6 tls: hang",
    ];
    let server = faulty(&faults).start().unwrap();
    let mut clients = Vec::new();
    for _ in 1..=5 {
        let mut raw = Raw::connect(server.plain_address());
        raw.line();
        raw.send("CAPA\r\n");
        // One number after the other.
        clients.push(raw);
    }
    let mut stls = Raw::connect(server.stls_address());
    stls.line();
    stls.ask("STLS");
    // One that never begins its handshake, one that says nothing, and one that is in the midst of a line.
    let _silent = TcpStream::connect(server.tls_address()).unwrap();
    let _idle = Raw::connect(server.plain_address());
    let mut half = Raw::connect(server.plain_address());
    half.send("NO");
    let reached = |entry: &Entry| matches!(entry, Entry::Hang | Entry::Wait(_) | Entry::Endless);
    server
        .wait_until("all of them stall", LIMIT, |all| {
            let stalled = all.iter().filter(|record| record.transcript.entries().iter().any(reached));
            all.len() == 9 && stalled.count() >= 5
        })
        .unwrap();
    let records = end(server);
    assert_eq!(records.len(), 9);
    for record in records {
        assert_eq!(record.end, Some(End::Stopped), "{record}");
    }
}

#[test]
fn a_client_that_leaves_a_stall_ends_its_session() {
    let server = faulty(&["CAPA: hang", "NOOP: stall after 0 for 60m"]).start().unwrap();
    for (number, command) in [(1, "CAPA"), (2, "NOOP")] {
        let mut raw = Raw::connect(server.plain_address());
        raw.line();
        if number == 2 {
            raw.ask("USER alice");
            raw.ask("PASS wonderland");
        }
        raw.send(&format!("{command}\r\nQUIT\r\n"));
        server
            .wait_until("it stalls", LIMIT, |all| {
                let last = all.last().and_then(|record| record.transcript.entries().last());
                matches!(last, Some(Entry::Hang | Entry::Wait(_) | Entry::Said { .. }))
                    && all.len() == number
                    && all.last().is_some_and(|record| record.transcript.has_said(command))
            })
            .unwrap();
        // With linger 0 this is a reset, which also who only waits can see.
        socket2::SockRef::from(raw.0.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
        drop(raw);
        let record = server.wait_for_session(number.try_into().unwrap(), LIMIT).unwrap();
        assert!(matches!(record.end, Some(End::Reset | End::Eof)), "{record}");
        record.transcript.assert_said("QUIT");
    }
}

// Conformance: S-1939-16
#[test]
fn a_session_without_quit_removes_nothing() {
    let server = server();
    let mut raw = Raw::login(server.plain_address());
    raw.ask("DELE 1");
    drop(raw);
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert_eq!((record.marked.len(), record.removed.len()), (1, 0));
    assert_eq!(server.messages("alice").len(), 2);
}

#[test]
fn a_reset_is_a_reset() {
    let server = faulty(&["CAPA: reset"]).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    raw.send("CAPA\r\n");
    let error = raw.0.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert_eq!(record.end, Some(End::Fault));
    assert!(record.transcript.to_string().ends_with("C: CAPA\n@server-reset\n"));
}

#[test]
fn faults_can_be_set_while_it_runs() {
    let server = faulty(&[]).start().unwrap();
    let mut first = Raw::connect(server.plain_address());
    first.line();
    server.set_faults([rule("greeting: answer -ERR too busy")].into_iter().collect());
    let mut second = Raw::connect(server.plain_address());
    assert_eq!(second.line(), "-ERR too busy");
    assert!(first.ask("CAPA").starts_with("+OK"));
}

#[test]
fn retr_may_delete_and_quit_may_lie() {
    let server = faulty(&["session 1 RETR: delete", "session 2 QUIT: remove-nothing"]).start().unwrap();
    server.deliver("alice", *b"Subject: two\r\n\r\n").unwrap();
    let mut raw = Raw::login(server.plain_address());
    assert!(raw.ask("RETR 1").starts_with("+OK"));
    assert_eq!(raw.lines(), ["Subject: one", "", "body"]);
    assert!(raw.ask("RETR 1").starts_with("-ERR"));
    raw.ask("QUIT");
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert_eq!((record.removed.len(), record.retrieved.len()), (1, 1));
    record.transcript.assert_not_said("DELE *");

    let mut raw = Raw::login(server.plain_address());
    raw.ask("DELE 1");
    assert!(raw.ask("QUIT").starts_with("+OK"));
    let record = server.wait_for_session(2, LIMIT).unwrap();
    assert_eq!((record.end, record.marked.len()), (Some(End::Quit), 1));
    assert!(record.removed.is_empty());
    assert_eq!(server.messages("alice").len(), 1);
}

#[test]
fn a_long_message_is_kept_in_the_transcript() {
    let body = "x".repeat(70) + "\r\n";
    let message = format!("Subject: long\r\n\r\n{}", body.repeat(20_000));
    let server = TestServer::builder().user("alice", "wonderland").message("alice", message.as_bytes());
    let server = server.start().unwrap();
    let mut raw = Raw::login(server.plain_address());
    raw.send("RETR 1\r\nQUIT\r\n");
    let rest = raw.rest();
    assert!(rest.contains(&message));
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert!(record.transcript.octets(pop3_testkit::transcript::Side::Server).ends_with(rest.as_bytes()));
}

#[test]
fn a_line_without_an_end_ends_the_session() {
    let server = server();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    let line = vec![b'x'; 4 << 20];
    // The server may close before it has read all of it.
    let _ = raw.0.get_mut().write_all(&line);
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert!(matches!(record.end, Some(End::Misbehaved(_) | End::TooManyErrors | End::Reset)), "{record}");
}

#[test]
fn a_client_that_says_nothing_is_logged_out() {
    let builder = TestServer::builder().user("alice", "wonderland");
    let impatient = builder.policy(|policy| policy.authorization_idle = Duration::from_millis(20));
    let server = impatient.start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    assert_eq!(raw.rest(), "+OK POP3 server ready\r\n");
    assert_eq!(server.wait_for_session(1, LIMIT).unwrap().end, Some(End::Autologout));
}

#[test]
fn what_is_no_tls_ends_the_session() {
    let server = server();
    let mut raw = Raw::connect(server.stls_address());
    raw.line();
    raw.ask("STLS");
    raw.send("CAPA\r\nthis is not TLS\r\n");
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert!(matches!(record.end, Some(End::Handshake(_))), "{record}");
}

#[test]
fn an_exchange_survives_a_false_challenge_and_ends_with_a_false_answer() {
    let faults = ["sasl#1: answer + e30=", "sasl#2: answer -ERR not now"];
    let server = faulty(&faults).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    assert_eq!(raw.ask("AUTH PLAIN"), "+");
    assert_eq!(raw.ask("AGFsaWNlAHdvbmRlcmxhbmQ="), "+ e30=");
    assert_eq!(raw.ask("AGFsaWNlAHdvbmRlcmxhbmQ="), "-ERR not now");
    assert!(raw.ask("CAPA").starts_with("+OK"));
    raw.lines();
    raw.ask("AUTH PLAIN");
    assert!(raw.ask("AGFsaWNlAHdvbmRlcmxhbmQ=").starts_with("+OK"));
    let text = server.sessions()[0].transcript.to_string();
    assert!(!text.contains("AGFs"), "{text}");
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Two hundred servers in one process, each with a session under way; then they go, and their threads with
/// them. What starting one takes is printed, for those who want to know.
#[test]
fn two_hundred_at_once() {
    #[cfg(target_os = "linux")]
    let before = threads();
    let mut servers: Vec<(TestServer, Raw)> = Vec::new();
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let server = server();
        took.push(began.elapsed());
        let raw = Raw::login(server.plain_address());
        servers.push((server, raw));
    }
    for (server, raw) in &mut servers {
        assert_eq!(raw.ask("STAT"), "+OK 2 42");
        assert_eq!(server.sessions().len(), 1);
    }
    let first = took[0];
    took.sort_unstable();
    println!("starting one took {:?} (median), {:?} (slowest), the first {first:?}", took[100], took[199]);
    #[cfg(target_os = "linux")]
    {
        let at_most = threads();
        drop(servers);
        // Other tests of this file come and go; six hundred threads are not theirs.
        assert!(at_most >= before + 600 - 100, "{before}, {at_most}");
        assert!(threads() < before + 100, "{before}, {}", threads());
    }
}

#[test]
fn who_deletes_what_is_deleted_when_it_is_retrieved_hears_ok() {
    let server = faulty(&["RETR: delete"]).start().unwrap();
    let mut raw = Raw::login(server.plain_address());
    raw.ask("RETR 1");
    raw.lines();
    assert_eq!(raw.ask("dele 1"), "+OK Marked as deleted");
    assert!(raw.ask("DELE 1").starts_with("-ERR"), "it is marked once");
    assert!(raw.ask("RSET").starts_with("+OK"));
    raw.ask("RETR 1");
    raw.lines();
    assert!(raw.ask("RSET").starts_with("+OK"));
    assert!(raw.ask("DELE 1").starts_with("+OK"), "RSET has taken the mark away");
    raw.ask("QUIT");
    let record = server.wait_for_session(1, LIMIT).unwrap();
    assert_eq!((record.marked.len(), record.removed.len()), (1, 1), "{}", record.transcript);
}

#[test]
fn what_a_failed_test_prints_can_be_read() {
    let server = faulty(&[]).start().unwrap();
    let mut raw = Raw::login(server.plain_address());
    raw.ask("STAT");
    let late = server.wait_for_session(1, Duration::ZERO).unwrap_err();
    assert_eq!(
        format!("{late:?}"),
        "session 1 has not ended within 0ns; session 1 of alice still runs, and its client last said `STAT`\n\
         # session 1\nS: +OK POP3 server ready\nC: USER alice\nS: +OK Send PASS\nC: PASS *\n\
         S: +OK Maildrop open and locked\nC: STAT\nS: +OK 1 22"
    );
    let record = &late.sessions()[0];
    assert!(format!("{record:?}").contains(r#"["S: +OK POP3 server ready", "C: USER alice","#), "{record:?}");
    let error = server.deliver("bob", *b"").unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
}
