//! Commands at the wrong time, and sessions that end otherwise than with QUIT.

mod support;

use std::fs;

use support::{PASSWORD, TestServer, USER, deliver, files, root, wait_until};

const MAIL: [&[u8]; 3] = [b"Subject: 1\n\n1\n", b"Subject: 2\n\n2\n", b"Subject: 3\n\n3\n"];

// Conformance: A-29, S-1939-10, S-1939-37
#[test]
fn marked_messages_keep_their_numbers_and_are_not_there() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    client.ok("DELE 2");
    for command in ["DELE 2", "RETR 2", "TOP 2 0", "LIST 2", "UIDL 2"] {
        client.err(command);
    }
    assert_eq!(client.lines("LIST"), ["1 17", "3 17"]);
    assert_eq!(client.ask("STAT"), "+OK 2 34");
    client.ok("RETR 3");
    assert_eq!(client.body(), b"Subject: 3\r\n\r\n3\r\n");
}

// Conformance: A-30, S-1939-03, S-1939-06, S-5034-04
#[test]
fn commands_of_another_state_change_nothing() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    for command in ["STAT", "LIST", "UIDL", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 0"] {
        let mut client = server.connect();
        client.err(command);
        // A name is forgotten by it.
        client.ok(&format!("USER {USER}"));
        client.err(command);
        client.err(&format!("PASS {PASSWORD}"));
        client.log_in(USER, PASSWORD);
        client.quit();
    }
    let mut client = server.connect();
    client.err(&format!("PASS {PASSWORD}"));
    client.log_in(USER, PASSWORD);
    client.ok("DELE 1");
    for command in
        ["USER bob", "PASS x", "AUTH PLAIN", "STLS", "UTF8", "APOP a 0123456789abcdef0123456789abcdef"]
    {
        client.err(command);
    }
    assert_eq!(client.ask("STAT"), "+OK 2 34");
    client.ok("RSET");
    client.quit();
    assert_eq!(files(root.path(), USER).len(), 3);
}

// Conformance: A-31, S-1939-39
#[test]
fn rset_takes_every_mark_away() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    for command in ["DELE 1", "DELE 3", "RSET"] {
        client.ok(command);
    }
    client.quit();
    assert_eq!(files(root.path(), USER).len(), 3);
}

// Conformance: A-32, S-1939-19, S-1939-18
#[test]
fn a_connection_that_is_lost_removes_nothing_and_frees_the_maildrop() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    for ends_with in [&b""[..], b"QUI", b"QUIT"] {
        let mut client = server.log_in();
        client.ok("DELE 1");
        client.ok("RETR 2");
        client.body();
        // Half a QUIT is none.
        client.send(ends_with);
        drop(client);
        wait_until("the maildrop is free", || {
            let mut next = server.connect();
            next.ok(&format!("USER {USER}"));
            next.ask(&format!("PASS {PASSWORD}")).starts_with("+OK")
        });
        wait_until("the sessions are over", || server.tasks() == 3);
    }
    assert_eq!(files(root.path(), USER).len(), 3);
}

// Conformance: A-9
#[test]
fn a_quit_that_was_said_counts_even_if_nobody_waits_for_the_answer() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    client.ok("DELE 1");
    client.send(b"QUIT\r\n");
    // Without the alert that closes TLS.
    client.socket().shutdown(std::net::Shutdown::Both).unwrap();
    drop(client);
    wait_until("the message is removed", || files(root.path(), USER).len() == 2);
}

// Conformance: A-33, S-1939-17, S-1939-18
#[test]
fn quit_says_when_something_could_not_be_removed() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    client.ok("DELE 1");
    client.ok("DELE 2");
    // A directory cannot be unlinked, whoever asks.
    let second = files(root.path(), USER)
        .into_iter()
        .find(|path| fs::read(path).is_ok_and(|content| content == MAIL[1]))
        .unwrap();
    fs::remove_file(&second).unwrap();
    fs::create_dir(&second).unwrap();
    assert!(client.err("QUIT").starts_with("-ERR [SYS/TEMP] "));
    assert_eq!(client.rest(), b"");
    fs::remove_dir(&second).unwrap();
    let [third] = &files(root.path(), USER)[..] else { panic!("all but one are gone") };
    assert_eq!(fs::read(third).unwrap(), MAIL[2]);
    // The lock is gone with the session.
    server.log_in().quit();
}

// Conformance: A-66, S-1939-35
#[test]
fn a_message_that_cannot_be_read_to_its_end_has_no_end() {
    let root = root();
    deliver(root.path(), &[&b"Subject: big\n\n0123456789\n".repeat(100_000)]);
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    client.send(b"RETR 1\r\n");
    assert!(client.line().starts_with("+OK"));
    let [path] = &files(root.path(), USER)[..] else { panic!("one file") };
    // The server has sent some; the rest is taken away under its hands.
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(200_000).unwrap();
    let rest = client.rest();
    assert!(!rest.ends_with(b"\r\n.\r\n"), "a piece passes for the whole");
    assert!(rest.len() < 2_600_000);
}
