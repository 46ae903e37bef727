//! The test server as a client sees it on the wire, and as a test sees it from inside.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod support;

use std::time::Duration;

use pop3_testkit::{
    TestServer,
    server::{End, Kind, Phase},
};
use support::{LIMIT, Raw, server};

// Conformance: S-1939-16
#[test]
fn a_whole_session_and_its_record() {
    let server = server();
    let mut raw = Raw::login(server.plain_address());
    assert_eq!(raw.ask("STAT"), "+OK 2 42");
    assert_eq!(raw.ask("UIDL 2"), "+OK 2 my-own-id");
    assert!(raw.ask("RETR 1").starts_with("+OK"));
    assert_eq!(raw.lines(), ["Subject: one", "", "..dot"]);
    assert!(raw.ask("TOP 2 0").starts_with("+OK"));
    assert_eq!(raw.lines(), ["Subject: two", ""]);
    raw.ask("DELE 1");
    raw.ask("DELE  2 ");
    raw.ask("RSET");
    raw.ask("DELE 2");
    assert!(raw.ask("QUIT").starts_with("+OK"));
    assert_eq!(raw.rest(), "");

    let record = server.wait_for_session(1, LIMIT).unwrap();
    let ids = |messages: &[pop3_testkit::server::HandledMessage]| -> Vec<(u32, String)> {
        messages.iter().map(|message| (message.number, message.unique_id.clone())).collect()
    };
    assert_eq!(record.end, Some(End::Quit));
    assert_eq!((record.user.as_deref(), record.login.as_deref()), (Some("alice"), Some("PASS")));
    assert_eq!(ids(&record.retrieved), [(1, "memory-1".into())]);
    assert_eq!(ids(&record.topped), [(2, "my-own-id".into())]);
    assert_eq!(ids(&record.marked), [(2, "my-own-id".into())]);
    assert_eq!(ids(&record.removed), [(2, "my-own-id".into())]);
    assert!(!record.is_tls);
    record.transcript.assert_commands([
        "USER alice",
        "PASS *",
        "STAT",
        "UIDL 2",
        "RETR 1",
        "TOP 2 0",
        "DELE 1",
        "DELE  2 ",
        "RSET",
        "DELE 2",
        "QUIT",
    ]);
    assert!(!record.transcript.to_string().contains("wonderland"));
    assert!(record.transcript.to_string().ends_with("@server-eof\n"));
    let left: Vec<_> = server.messages("alice").into_iter().map(|message| message.is_seen).collect();
    assert_eq!(left, [true]);
}

// Conformance: S-2449-13, S-2449-14
#[test]
fn pipelined_commands_are_answered_in_order() {
    let server = server();
    let mut raw = Raw::connect(server.plain_address());
    raw.send("USER alice\r\nPASS wonderland\r\nSTAT\r\nRETR 2\r\nNOOP\r\nQUIT\r\n");
    let rest = raw.rest();
    let lines: Vec<&str> = rest.lines().collect();
    assert_eq!(lines[3], "+OK 2 42");
    assert_eq!(&lines[5..9], ["Subject: two", "", "LF", "."]);
    assert_eq!(lines.len(), 11, "{rest}");
}

#[test]
fn mail_comes_while_the_server_runs() {
    let server = server();
    let mut first = Raw::login(server.plain_address());
    let unique_id = server.deliver("alice", *b"Subject: three\r\n\r\n").unwrap();
    assert_eq!(first.ask("STAT"), "+OK 2 42");
    first.ask("QUIT");
    server.wait_for_session(1, LIMIT).unwrap();
    let mut second = Raw::login(server.plain_address());
    assert_eq!(second.ask("UIDL 3"), format!("+OK 3 {unique_id}"));
    assert!(server.deliver("bob", *b"").unwrap_err().to_string().contains("no user \"bob\""));
    assert!(server.messages("bob").is_empty());
}

#[test]
fn a_message_may_come_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Subject: filed\n\n.\n").unwrap();
    let server = TestServer::builder().user("alice", "wonderland").eml("alice", file.path()).start().unwrap();
    let mut raw = Raw::login(server.plain_address());
    raw.ask("RETR 1");
    assert_eq!(raw.lines(), ["Subject: filed", "", ".."]);
}

#[test]
fn capabilities_are_what_the_script_says() {
    let server = TestServer::builder()
        .user("alice", "wonderland")
        .capabilities(Phase::Clear, ["TOP", "X-ODD  thing", ".dot"])
        .capabilities(Phase::Transaction, ["UIDL"])
        .greeting("-ERR \\odd")
        .rephrase("pass", "+OK", "+OK in, at last")
        .start()
        .unwrap();
    let mut raw = Raw::connect(server.plain_address());
    assert_eq!(raw.line(), "-ERR \\odd");
    assert!(raw.ask("CAPA").starts_with("+OK"));
    assert_eq!(raw.lines(), ["TOP", "X-ODD  thing", "..dot"]);
    raw.ask("USER alice");
    assert!(raw.ask("PASS wrong").starts_with("-ERR"));
    raw.ask("USER alice");
    assert_eq!(raw.ask("PASS wonderland"), "+OK in, at last");
    raw.ask("CAPA");
    assert_eq!(raw.lines(), ["UIDL"]);

    let server = TestServer::builder().no_capa().start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    assert!(raw.ask("CAPA").starts_with("-ERR"));
}

#[test]
fn who_waits_in_vain_is_told_what_happened() {
    let server = server();
    let short = Duration::from_millis(1);
    let error = server.wait_for_session(1, short).unwrap_err().to_string();
    assert_eq!(error, "session 1 has not ended within 1ms; no client has connected");
    let mut raw = Raw::login(server.plain_address());
    raw.ask("NOOP");
    let error = server.wait_for_sessions(2, short).unwrap_err();
    assert!(
        error.to_string().contains("session 1 of alice still runs, and its client last said `NOOP`"),
        "{error}"
    );
    assert_eq!(error.sessions()[0].user.as_deref(), Some("alice"));
    drop(raw);
    assert_eq!(server.wait_for_session(1, LIMIT).unwrap().end, Some(End::Eof));
    let error = server.wait_until("two sessions", short, |all| all.len() == 2).unwrap_err().to_string();
    assert!(error.contains("not so: two sessions within 1ms; session 1 of alice ended: the client closed"));
}

#[test]
fn a_server_that_cannot_be_is_refused() {
    let refused = |builder: pop3_testkit::server::Builder| builder.start().unwrap_err().to_string();
    assert!(refused(TestServer::builder().message("bob", *b"")).contains("\"bob\""));
    let builder = TestServer::builder().user("alice", "x");
    assert!(refused(builder.message_as("alice", "two words", *b"")).contains("two words"));
    let builder = TestServer::builder().user("alice", "x");
    assert!(refused(builder.eml("alice", "/nowhere/at/all.eml")).contains("/nowhere/at/all.eml"));
    assert!(refused(TestServer::builder().listen(Kind::Plain).require_tls()).contains("no way to log in"));
    let taken = TestServer::builder().start().unwrap();
    let again = TestServer::builder().listen_at(Kind::Plain, taken.plain_address());
    assert!(refused(again).contains(&format!("cannot listen on {}", taken.plain_address())));
}
