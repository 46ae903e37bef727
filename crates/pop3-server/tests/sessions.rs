//! Whole sessions over real sockets and real Maildirs.

mod support;

use pop3_proto::types::UniqueId;
use support::{Client, PASSWORD, TestServer, USER, deliver, files, root, with_crlf};

const PLAIN: &[u8] = b"From: a@example.org\nSubject: one\n\nHello.\n.\n..\nBye\n";
const MIME: &[u8] =
    b"Subject: two\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nbody\r\n--x--\r\n";
const UTF8: &[u8] = "Subject: three\n\nGrüße, żółw\n".as_bytes();

/// Everything a session can do, with what it should hear; removes message 2.
fn whole_session(mut client: Client) {
    client.log_in(USER, PASSWORD);
    let sizes: Vec<usize> = [PLAIN, MIME, UTF8].iter().map(|message| with_crlf(message).len()).collect();
    assert_eq!(client.ask("STAT"), format!("+OK 3 {}", sizes.iter().sum::<usize>()));
    let listing: Vec<String> = (1..=3).map(|n| format!("{n} {}", sizes[n - 1])).collect();
    assert_eq!(client.lines("LIST"), listing);
    assert_eq!(client.ask("LIST 2"), format!("+OK 2 {}", sizes[1]));
    for (number, message) in [PLAIN, MIME, UTF8].iter().enumerate() {
        assert_eq!(client.multi(&format!("RETR {}", number + 1)), with_crlf(message));
    }
    assert_eq!(client.multi("TOP 1 0"), b"From: a@example.org\r\nSubject: one\r\n\r\n");
    assert_eq!(client.multi("TOP 1 2"), b"From: a@example.org\r\nSubject: one\r\n\r\nHello.\r\n.\r\n");
    let ids = client.lines("UIDL");
    assert_eq!(ids.len(), 3);
    for (index, line) in ids.iter().enumerate() {
        let (number, id) = line.split_once(' ').unwrap();
        assert_eq!(number, (index + 1).to_string());
        UniqueId::new(id).unwrap();
    }
    client.ok("NOOP");
    client.ok("DELE 1");
    client.ok("RSET");
    client.ok("DELE 2");
    assert_eq!(client.ask("STAT"), format!("+OK 2 {}", sizes[0] + sizes[2]));
    assert_eq!(client.lines("LIST"), [listing[0].clone(), listing[2].clone()]);
    assert_eq!(client.lines("UIDL"), [ids[0].clone(), ids[2].clone()]);
    for command in ["RETR 2", "LIST 2", "UIDL 2", "DELE 2", "TOP 2 0"] {
        client.err(command);
    }
    client.quit();
}

/// The Maildir afterwards, with the unique-ids that a new session sees.
fn assert_second_is_gone(server: &TestServer, root: &std::path::Path) {
    assert_eq!(files(root, USER).len(), 2);
    let mut client = server.log_in();
    assert_eq!(client.multi("RETR 1"), with_crlf(PLAIN));
    assert_eq!(client.multi("RETR 2"), with_crlf(UTF8));
    client.quit();
}

// Conformance: S-1939-15, S-1939-18, S-1939-26, S-1939-28, S-1939-30, S-1939-32, S-1939-33, S-1939-36, S-1939-37, S-1939-39, A-29
#[test]
fn a_whole_session_in_clear() {
    let root = root();
    deliver(root.path(), &[PLAIN, MIME, UTF8]);
    let server =
        TestServer::start_with(root.path(), |config| config.policy.allow_plaintext_without_tls = true);
    let mut client = Client::connect(server.plain_address());
    assert!(client.line().starts_with("+OK "));
    whole_session(client);
    assert_second_is_gone(&server, root.path());
}

// Conformance: S-2595-04, S-2595-08, S-2595-09, S-1939-15
#[test]
fn a_whole_session_after_stls() {
    let root = root();
    deliver(root.path(), &[PLAIN, MIME, UTF8]);
    let server = TestServer::start(root.path());
    let mut client = server.connect_clear();
    assert!(client.line().starts_with("+OK "));
    let before = client.lines("CAPA");
    assert!(before.contains(&"STLS".to_owned()) && !before.contains(&"USER".to_owned()));
    client.ok("STLS");
    let mut client = client.start_tls(&server.certificate.client);
    let after = client.lines("CAPA");
    assert!(!after.contains(&"STLS".to_owned()) && after.contains(&"USER".to_owned()));
    whole_session(client);
    assert_second_is_gone(&server, root.path());
}

// Conformance: S-8314-01, S-8314-10, S-1939-15
#[test]
fn a_whole_session_under_tls() {
    let root = root();
    deliver(root.path(), &[PLAIN, MIME, UTF8]);
    let server = TestServer::start(root.path());
    whole_session(server.connect());
    assert_second_is_gone(&server, root.path());
    let mut client = server.log_in();
    client.ok("QUIT");
    assert!(client.ends_with_close_alert());
}

// Conformance: S-1939-14, S-1939-25
#[test]
fn quit_before_login_and_an_idle_client() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| {
        config.policy.authorization_idle = std::time::Duration::from_millis(300);
    });
    server.connect().quit();
    // The one who says nothing hears nothing either, and is gone.
    let mut client = server.connect_clear();
    assert!(client.line().starts_with("+OK"));
    assert_eq!(client.rest(), b"");
}

// Conformance: S-1939-10, S-1939-11, S-1939-12, A-34, S-ROB-10
#[test]
fn what_others_do_to_the_maildrop_changes_nothing_in_a_session() {
    let root = root();
    deliver(root.path(), &[PLAIN, MIME, UTF8]);
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    let (stat, list, ids) = (client.ask("STAT"), client.lines("LIST"), client.lines("UIDL"));
    deliver(root.path(), &[b"Subject: new\n\n"]);
    let gone =
        files(root.path(), USER).into_iter().find(|path| std::fs::read(path).unwrap() == MIME).unwrap();
    std::fs::remove_file(gone).unwrap();
    assert_eq!((client.ask("STAT"), client.lines("LIST"), client.lines("UIDL")), (stat, list, ids));
    assert_eq!(client.multi("RETR 1"), with_crlf(PLAIN));
    client.err("RETR 2");
    assert_eq!(client.multi("RETR 3"), with_crlf(UTF8));
    // One that is gone already is no failure at QUIT.
    client.ok("DELE 2");
    client.quit();
    let mut client = server.log_in();
    assert_eq!(client.lines("LIST").len(), 3);
    assert_eq!(client.multi("RETR 3"), b"Subject: new\r\n\r\n");
    // Who asks for what is gone again and again is sent away.
    for path in files(root.path(), USER) {
        std::fs::remove_file(path).unwrap();
    }
    for _ in 0..25 {
        client.err("RETR 1");
    }
    assert_eq!(client.rest(), b"");
}

// Conformance: P-ROB-02, P-ROB-03, P-ROB-04, P-ROB-05, P-ROB-06, P-ROB-07, A-67, A-68, A-69, M-5321-04
#[test]
fn every_kind_of_content_arrives_as_it_is_listed() {
    let root = root();
    let long = [b"Subject: long\n\n".as_slice(), &b"x".repeat(1_000_000)].concat();
    let all: Vec<u8> = (0..=255).collect();
    let messages: [&[u8]; 16] = [
        b".",
        b"..",
        b".\n",
        b".\r\nhi",
        b"\n.\n",
        b"\r.\r",
        b"a\r.\rb",
        b"a\r\r\nb\r\n",
        b"Subject: x\n.\n..\n...\n.a\n",
        b"X-UIDL: forged\nStatus: RO\nX-Expire: 1\n\nbody",
        b"no header at all",
        b"Subject: headers only\n",
        b"Subject: x\r\n\nmixed\r\nends\n\r\n",
        b"\0\0\0\n\0",
        &all,
        &long,
    ];
    deliver(root.path(), &messages);
    // An empty file is a message too.
    std::fs::write(root.path().join(USER).join("new/9999999999.M1P1.host"), b"").unwrap();
    let server = TestServer::start(root.path());
    let mut client = server.log_in();
    let listed = client.lines("LIST");
    assert_eq!(listed.len(), messages.len() + 1);
    for (index, message) in messages.iter().chain([&b"".as_slice()]).enumerate() {
        let number = index + 1;
        let body = client.multi(&format!("RETR {number}"));
        assert_eq!(body, with_crlf(message), "{number}");
        assert_eq!(listed[index], format!("{number} {}", body.len()));
    }
    let ids = client.lines("UIDL");
    assert!(!ids.iter().any(|line| line.contains("forged")));
    client.quit();
}
