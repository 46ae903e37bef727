//! Lines as nobody should send them, over real sockets.

mod support;

use support::{Client, PASSWORD, TestServer, USER, deliver, files, root};

fn server_with_mail() -> (tempfile::TempDir, TestServer) {
    let root = root();
    deliver(root.path(), &[b"Subject: one\n\nbody\n", b"Subject: two\n\nbody\n"]);
    let server = TestServer::start(root.path());
    (root, server)
}

// Conformance: A-13
#[test]
fn ten_megabytes_without_a_line_end() {
    let (_root, server) = server_with_mail();
    let mut client = server.connect_clear();
    client.line();
    let piece = [b'a'; 64 * 1024];
    // The server stops reading at some point, and closes; until then it takes what it is sent.
    let sent = (0..160).take_while(|_| client.try_send(&piece).is_ok()).count();
    assert!(sent > 0);
    let answer = client.rest();
    assert!(answer.starts_with(b"-ERR ") || answer.is_empty(), "{}", answer.escape_ascii());
    assert!(answer.iter().filter(|octet| **octet == b'\n').count() <= 1, "one answer, not several");
    server.connect().quit();
}

// Conformance, P-ROB-01, P-ROB-08, S-1939-05
#[test]
fn bad_lines_are_refused_one_by_one_and_the_session_survives() {
    let (root, server) = server_with_mail();
    let mut client = server.log_in();
    let long = format!("NOOP {}\r\n", "x".repeat(10_000));
    client.send(format!("{long}NOOP\r\n"));
    assert!(client.line().starts_with("-ERR "));
    assert_eq!(client.line(), "+OK ");
    for bad in [
        &b"FOO\r\n"[..],
        b"\r\n",
        b"\n",
        b"DELE 1\0junk\r\n",
        b"DELE 1\r \r\n",
        b"DELE\t1\r\n",
        b"NOOP\x01\r\n",
        b"NOOP \xff\xfe\r\n",
        b"FOO\rBAR\r\n",
        b"NOOP\r\r\n",
        b"RETR {10}\r\n",
        b"NO:OP\r\n",
        b"(((((((((((((((((((((((((((((\r\n",
        b"RETR\r\n",
        b"TOP 1\r\n",
        b"LIST 1 x\r\n",
        b"QUIT x\r\n",
    ] {
        client.send(bad);
        let answer = client.line();
        assert!(answer.starts_with("-ERR ") && !answer.contains(char::is_control), "{}", bad.escape_ascii());
        // One that is right, so that the wrong ones do not add up.
        client.ok("NOOP");
    }
    for good in [&b"noop\r\n"[..], b"NoOp\n", b"NOOP \r\n", b"LIST  1\r\n", b"sTaT\n"] {
        client.send(good);
        assert!(client.line().starts_with("+OK"), "{}", good.escape_ascii());
    }
    client.quit();
    assert_eq!(files(root.path(), USER).len(), 2, "nothing was marked on the way");
}

// Conformance, S-ROB-01
#[test]
fn other_protocols_are_sent_away_after_a_while() {
    let (_root, server) = server_with_mail();
    let hello: &[u8] = &[b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".as_slice(), &[0xa5; 500]].concat();
    for words in [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(), b"SSH-2.0-OpenSSH_9.2\r\n", hello] {
        let mut client = server.connect_clear();
        assert!(client.line().starts_with("+OK"));
        for _ in 0..10 {
            client.send(words);
            client.send(b"\r\n");
        }
        let answers = client.rest();
        let lines: Vec<&[u8]> = answers.split_inclusive(|octet| *octet == b'\n').collect();
        assert!(lines.len() <= 10 && lines.iter().all(|line| line.starts_with(b"-ERR ")));
        assert!(answers.iter().all(|octet| octet.is_ascii_graphic() || b" \r\n".contains(octet)));
    }
    // Nobody is locked out for that.
    server.log_in().quit();
}

// Conformance: A-17
#[test]
fn octet_by_octet() {
    let (_root, server) = server_with_mail();
    let script = format!("USER {USER}\r\nPASS {PASSWORD}\r\nSTAT\r\nLIST 1\r\nQUIT\r\n");
    let mut whole = server.connect();
    whole.send(&script);
    let expected = whole.rest();
    assert!(expected.ends_with(b"\r\n"));
    let mut pieces = server.connect();
    for octet in script.bytes() {
        pieces.send([octet]);
    }
    assert_eq!(pieces.rest(), expected);
}

// Conformance, S-2449-13, S-2449-15
#[test]
fn ten_thousand_pipelined_commands() {
    let (_root, server) = server_with_mail();
    let client = server.log_in();
    let commands: String =
        (0..10_000).map(|n| if n % 10 == 0 { "RETR 1\r\n" } else { "LIST 2\r\n" }).collect();
    let mut expected = Vec::new();
    for n in 0..10_000 {
        if n % 10 == 0 {
            expected.extend_from_slice(b"+OK 22 octets\r\nSubject: one\r\n\r\nbody\r\n.\r\n");
        } else {
            expected.extend_from_slice(b"+OK 2 22\r\n");
        }
    }
    // Under TLS one side cannot write while the other reads, so this goes in clear.
    client.quit();
    let server =
        TestServer::start_with(_root.path(), |config| config.policy.allow_plaintext_without_tls = true);
    let mut client = Client::connect(server.plain_address());
    client.line();
    client.log_in(USER, PASSWORD);
    let mut writer = client.socket().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        use std::io::Write as _;
        writer.write_all(commands.as_bytes()).unwrap();
        writer.write_all(b"QUIT\r\nDELE 1\r\nNOOP\r\n").unwrap();
    });
    let answers = client.octets(expected.len());
    assert!(answers == expected);
    assert!(client.line().starts_with("+OK"));
    sender.join().unwrap();
    assert_eq!(client.rest(), b"", "what comes after QUIT is ignored");
    assert_eq!(files(_root.path(), USER).len(), 2);
}

// Conformance: A-21
#[test]
fn a_password_is_the_whole_rest_of_the_line() {
    let (_root, server) = server_with_mail();
    let mut client = server.connect();
    client.ok("USER bob");
    assert!(client.err("PASS spaces in it").starts_with("-ERR [AUTH]"));
    client.ok("USER bob");
    client.ok("PASS spaces in it ");
    client.quit();
    for empty in ["PASS", "PASS "] {
        let mut client = server.connect();
        client.ok("USER bob");
        client.err(empty);
    }
}

// Conformance: A-22
#[test]
fn names_never_become_paths_or_patterns() {
    let (root, server) = server_with_mail();
    let mut answers = Vec::new();
    let long = "x".repeat(200);
    for name in ["%", "'", "*)(", "../", "/", "../alice", "..", "\\n", "alice/../alice", &long] {
        let mut client = server.connect();
        client.ok(&format!("USER {name}"));
        answers.push(client.err(&format!("PASS {PASSWORD}")));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0] && answer.starts_with("-ERR [AUTH]")));
    let mut client = server.connect();
    client.err("USER a\0b");
    client.err(&format!("USER {}", "x".repeat(4096)));
    let mut users: Vec<_> =
        std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    users.sort_unstable();
    assert_eq!(users, [USER]);
    let outside = root.path().parent().unwrap();
    assert!(!outside.join(USER).exists() && !outside.join("cur").exists());
}

// Conformance: A-24, S-5034-21
#[test]
fn long_tokens_of_auth() {
    let (_root, server) = server_with_mail();
    // Well within, in two pieces; it is no valid message of the mechanism, and the session goes on.
    let mut client = server.connect();
    let token = "QUFB".repeat(3000);
    client.send(format!("AUTH PLAIN {}", &token[..7000]));
    client.send(format!("{}\r\n", &token[7000..]));
    assert!(client.line().starts_with("-ERR"));
    assert!(client.ask("AUTH PLAIN").starts_with('+'));
    client.send(format!("{}\r\n", "QUFB".repeat(15_000)));
    assert!(client.line().starts_with("-ERR"));
    client.ok("CAPA");
    client.body();
    // A megabyte is too much.
    let mut client = server.connect();
    assert!(client.ask("AUTH PLAIN").starts_with('+'));
    let _ = client.try_send("QUFB".repeat(1 << 18).as_bytes());
    let answer = client.rest();
    assert!(answer.starts_with(b"-ERR ") || answer.is_empty(), "{}", answer.escape_ascii());
}

// Conformance
#[test]
fn numbers_that_are_none() {
    let (root, server) = server_with_mail();
    let mut client = server.log_in();
    let digits = "9".repeat(200);
    for number in
        ["0", "-1", "+1", "1.0", "1e3", "0x1", "3", "4294967297", "18446744073709551617", &digits, "1 ", " "]
    {
        for keyword in ["RETR", "DELE", "LIST", "UIDL"] {
            if number.trim() == "1" || number.trim().is_empty() && keyword != "RETR" && keyword != "DELE" {
                continue;
            }
            client.err(&format!("{keyword} {number}"));
            client.ok("NOOP");
        }
    }
    for bad in ["TOP 1", "TOP 1 -1", "TOP 1 x", "TOP 0 0", "TOP 9 1"] {
        client.err(bad);
        client.ok("NOOP");
    }
    assert_eq!(client.multi("TOP 1 0"), b"Subject: one\r\n\r\n");
    match client.ask("TOP 1 99999999999999999999") {
        answer if answer.starts_with("+OK") => assert_eq!(client.body(), b"Subject: one\r\n\r\nbody\r\n"),
        answer => assert!(answer.starts_with("-ERR")),
    }
    client.quit();
    assert_eq!(files(root.path(), USER).len(), 2);
}
