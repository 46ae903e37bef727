//! The program as a person starts it.

use std::fs;

use crate::support::{
    Peer, Server,
    program::{Home, once},
    real_server::{RealServer, USER},
};

fn messages(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("Subject: message {n}\n\n.dot\nbody {n}\n").into_bytes()).collect()
}

// Conformance: C-REL-01, C-1939-07, C-1939-09, C-1939-11, C-2595-06
#[test]
fn a_second_fetch_brings_only_what_is_new_and_delete_removes_without_fetching_again() {
    let server = RealServer::start(messages(100));
    let home = Home::new();
    let ran = home.fetch(server.plain, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("fetched 100 messages"), "{ran:?}");
    assert!(ran.stderr.contains("the connection is not encrypted"), "{ran:?}");
    assert_eq!(home.mail(), once(messages(100)));
    assert_eq!(server.stored().len(), 100);

    server.store.deliver(USER, *b"Subject: late\n\n").unwrap();
    let ran = home.fetch(server.plain, &[]);
    assert!(ran.stdout.starts_with("fetched 1 message "), "{ran:?}");
    let ran = home.fetch(server.plain, &[]);
    assert!(ran.stdout.starts_with("fetched 0 messages"), "{ran:?}");

    server.store.deliver(USER, *b"Subject: last\n\n").unwrap();
    let ran = home.fetch(server.plain, &["--delete"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("fetched 1 message ") && ran.stdout.contains("removed 102"), "{ran:?}");
    assert!(server.stored().is_empty());
    let late = [b"Subject: late\n\n".to_vec(), b"Subject: last\n\n".to_vec()];
    assert_eq!(home.mail(), once(messages(100).into_iter().chain(late)));
    let ran = home.fetch(server.plain, &["--delete"]);
    assert_eq!((ran.code, home.mail().len()), (Some(0), 102), "{ran:?}");
}

// Conformance: C-REL-08
#[test]
fn line_ends_are_lf_or_as_on_the_wire() {
    let server = RealServer::start([b"Subject: x\n\na\r\nb".to_vec()]);
    let home = Home::new();
    assert_eq!(home.fetch(server.plain, &[]).code, Some(0));
    assert_eq!(home.mail(), once([*b"Subject: x\n\na\nb\n"]));
    assert_eq!(home.fetch(server.plain, &["--all", "--crlf"]).code, Some(0));
    assert_eq!(home.mail().len(), 2);
    assert!(home.mail().contains_key(&b"Subject: x\r\n\r\na\r\nb\r\n"[..]));
}

// Conformance: C-2595-03, C-2595-05, C-7817-12, C-8314-03
#[test]
fn tls_with_the_right_ca_and_with_another() {
    let server = RealServer::start(messages(3));
    let other = crate::support::certificates::Ca::new();
    for (scheme, port) in [("pop", server.stls), ("pops", server.tls)] {
        let home = Home::new();
        let url = format!("{scheme}://alice@127.0.0.1:{port}");
        let maildir = home.maildir().display().to_string();
        let fetch = |ca: &str| home.run(&["fetch", &url, "--maildir", &maildir, "--ca-file", ca]);
        let ran = fetch(&other.file().display().to_string());
        assert_eq!(ran.code, Some(69), "{ran:?}");
        assert!(
            ran.stderr.contains("127.0.0.1")
                && ran.stderr.contains("trust the certificate of its CA (--ca-file"),
            "{ran:?}"
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        let ran = fetch(&server.ca.file().display().to_string());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(home.mail(), once(messages(3)));
    }
}

#[test]
fn every_failure_is_one_sentence_and_has_its_code() {
    let server = RealServer::start(messages(1));
    let home = Home::new();
    let maildir = home.maildir().display().to_string();
    let file = home.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let file = file.display().to_string();
    let good = format!("pop://alice@127.0.0.1:{}", server.plain);
    let nobody = format!("pop://mallory@127.0.0.1:{}", server.plain);
    let nameless = format!("pop://127.0.0.1:{}", server.plain);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = format!("pop://alice@127.0.0.1:{free}");
    let missing = ["--ca-file", "/nonexistent.pem"];
    for (url, more, code, words) in [
        (&good, &["--maildir", &maildir][..], 69, "does not start TLS"),
        (&nobody, &["--maildir", &maildir, "--insecure-plain"], 77, "check name and password"),
        (&nameless, &["--maildir", &maildir], 2, "names no user"),
        (&closed, &["--maildir", &maildir], 69, "cannot connect to 127.0.0.1"),
        (&good, &["--maildir", &file, "--insecure-plain"], 73, "file"),
        (&good, &[&missing[..], &["--maildir", &maildir]].concat(), 2, "/nonexistent.pem"),
    ] {
        let ran = home.run(&[&["fetch", url][..], more].concat());
        assert_eq!(ran.code, Some(code), "{url} {more:?}: {ran:?}");
        assert!(ran.stderr.contains(words), "{url} {more:?}: {ran:?}");
        let told: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("pop3-client: ")).collect();
        assert_eq!(told.len(), 1, "{ran:?}");
        assert!(!ran.stderr.contains("wonderland"));
    }
    for (arguments, words) in [
        (&["fetch", "pop://a:b@h", "--maildir", "x"][..], "holds no password"),
        (&["fetch", "imap://h", "--maildir", "x"], "begins with pop://"),
        (&["fetch", "pops://a:wonderland@h", "--maildir", "x"], "pops://a:***@h"),
        (&["fetch", "a:wonderland@h", "--maildir", "x"], "begins with pop://"),
        (&["top", "pops://a@h", "pops://a:wonderland@h"], "invalid value"),
        (&["pops://a:wonderland@h"], "unrecognized subcommand"),
        (&["fetch", "pops://a@h", "--maildir", "x", "--insecure-plain"], "write pop://"),
        (&["top", "pops://a@h", "0"], "there is no message 0"),
        (&["list", "pops://a@h", "--user", "b"], "leave one of them out"),
        (&["fly"], "unrecognized subcommand"),
    ] {
        let ran = home.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(words), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.contains("wonderland"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_fetch_that_does_not_reach_the_server_leaves_nothing_behind() {
    let home = Home::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(home.fetch(free, &[]).code, Some(69));
    assert!(!home.maildir().exists());
    for folder in ["", "tmp", "new", "cur"] {
        fs::create_dir(home.maildir().join(folder)).unwrap();
    }
    assert_eq!(home.fetch(free, &[]).code, Some(69));
    assert_eq!(fs::read_dir(home.maildir()).unwrap().count(), 3);
}

// Conformance: C-2384-05
#[test]
fn the_password_comes_from_the_environment_or_not_at_all() {
    let server = RealServer::start(messages(1));
    let home = Home::new();
    let url = format!("pop://alice@127.0.0.1:{}", server.plain);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pop3-client"));
    command.args(["list", &url, "--insecure-plain"]).env_remove("POP3_PASSWORD");
    command.stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no password for alice"));
    let output = command.env("POP3_PASSWORD", "wonderland").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    drop(home);
}

// Conformance: C-ROB-06, C-STLS-05
#[test]
fn list_top_and_capa() {
    let odd = b"From: \"A\x1b[31mda\" <ada@example.org>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\
        Date: Mon, 23 Nov 2026 10:00:00 +0000\n\nbody\nmore\n";
    let server = RealServer::start([odd.to_vec(), b"no header".to_vec(), Vec::new()]);
    let home = Home::new();
    let url = format!("pop://alice@127.0.0.1:{}", server.plain);
    let ran = home.run(&["list", &url, "--insecure-plain"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 3, "{ran:?}");
    assert!(ran.stdout.contains("Gr\u{fc}\u{df}e") && ran.stdout.contains("2026-11-23T10:00:00Z"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'));
    let ran = home.run(&["list", &url, "--insecure-plain", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list[0]["subject"], "Gr\u{fc}\u{df}e");
    assert_eq!(list[2]["octets"], 0);
    assert_eq!(list[1]["unique_id"], "memory-2");
    let ran = home.run(&["top", &url, "1", "1", "--insecure-plain"]);
    assert!(ran.stdout.ends_with("\r\n\r\nbody\r\n"), "{ran:?}");
    let ran = home.run(&["top", &url, "99", "--insecure-plain"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("there is no message 99, the maildrop has 3"), "{ran:?}");
    let ran = home.run(&["capa", &url, "--insecure-plain"]);
    assert!(ran.stdout.lines().any(|line| line == "PIPELINING"), "{ran:?}");
}

#[test]
fn a_user_name_as_it_is_typed_and_a_password_from_stdin() {
    use std::io::Write as _;
    let server = pop3_testkit::TestServer::builder().user("alice@example.org", "secret").start().unwrap();
    let home = Home::new();
    let url = format!("pop://alice@example.org@127.0.0.1:{}", server.plain_port());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pop3-client"));
    command.args(["list", &url, "--insecure-plain", "--password-file", "-"]).env_remove("POP3_PASSWORD");
    let piped = std::process::Stdio::piped;
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"secret\nanother line\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let ran = home.run(&["list", &url, "--insecure-plain"]);
    assert_eq!(ran.code, Some(77), "{ran:?}");
    assert!(ran.stderr.contains("logging in: ") && ran.stderr.contains("check name and password"), "{ran:?}");
}

#[test]
fn a_refused_login_names_what_the_provider_wants() {
    let server = pop3_testkit::TestServer::builder().user("alice", "the code").start().unwrap();
    let home = Home::new();
    let address = server.plain_address().to_string();
    let list = |host: &str| {
        home.run(&["list", &format!("pop://alice@{host}"), "--connect", &address, "--insecure-plain"])
    };
    for (host, wanted) in [
        ("pop.qq.com", "authorization code"),
        ("pop.163.com", "authorization code"),
        ("outlook.office365.com", "OAuth"),
        ("POP.GMail.com", "app password"),
    ] {
        let ran = list(host);
        assert_eq!(ran.code, Some(77), "{ran:?}");
        assert!(ran.stderr.contains(wanted) && ran.stderr.contains("check name and password"), "{ran:?}");
    }
    assert!(!list("pop.example.org").stderr.contains("code"));
    // The certificate is checked for the host, wherever it is.
    let ca = server.ca_file().unwrap().display().to_string();
    let tls = server.tls_address().to_string();
    let ran = home.run(&["list", "pops://alice@pop.example.org", "--connect", &tls, "--ca-file", &ca]);
    assert!(ran.code == Some(69) && ran.stderr.contains("pop.example.org"), "{ran:?}");
}

#[test]
fn a_port_that_waits_for_tls_is_named() {
    let server = pop3_testkit::TestServer::builder().user("alice", "secret").start().unwrap();
    let home = Home::new();
    let url = format!("pop://alice@127.0.0.1:{}", server.tls_port());
    let ran = home.run(&["list", &url, "--timeout", "1"]);
    assert_eq!(ran.code, Some(75), "{ran:?}");
    assert!(
        ran.stderr.contains("connecting: no greeting came")
            && ran.stderr.contains("use implicit TLS (pops://)"),
        "{ran:?}"
    );
    for (line, named) in [
        ("220 mx ESMTP", "SMTP"),
        ("* OK IMAP4rev1", "IMAP"),
        ("SSH-2.0-x\u{1b}[2J", "SSH"),
        ("HTTP/1.1 400 no", "web server"),
        ("hello", "check host and port"),
    ] {
        let server = Server::once(move |peer: &mut Peer| {
            peer.send(format!("{line}\r\n"));
            peer.expect_end();
        });
        let url = format!("pop://alice@127.0.0.1:{}", server.port);
        let ran = home.run(&["list", &url, "--insecure-plain"]);
        assert_eq!(ran.code, Some(76), "{ran:?}");
        assert!(ran.stderr.contains(named) && ran.stderr.contains(&line[..4]), "{ran:?}");
        assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
        server.finish();
    }
}

/// Greets, has UIDL and STAT for `count` messages of 12 octets, and goes on as told.
fn scripted(count: usize, script: impl FnOnce(&mut Peer) + Send + 'static) -> Server {
    Server::once(move |peer| {
        list(peer, 1..=count);
        script(peer);
    })
}

/// Greets, and lists messages of 12 octets that have these numbers in their unique-ids.
fn list(peer: &mut Peer, ids: std::ops::RangeInclusive<usize>) {
    peer.log_in();
    peer.answer("STAT", &format!("+OK {} 0\r\n", ids.clone().count()));
    let lines = |text: &dyn Fn(usize, usize) -> String| {
        ids.clone().enumerate().map(|(index, id)| text(index + 1, id)).collect::<String>()
    };
    peer.answer("LIST", &format!("+OK\r\n{}.\r\n", lines(&|number, _| format!("{number} 12\r\n"))));
    peer.answer("UIDL", &format!("+OK\r\n{}.\r\n", lines(&|number, id| format!("{number} id{id}\r\n"))));
}

/// No CAPA after the login either.
fn after_login(peer: &mut Peer) {
    peer.answer("CAPA", "-ERR\r\n");
}

// Conformance: C-REL-09, C-1939-08, C-REL-03
#[test]
fn a_quit_without_a_good_answer_is_said_and_made_good_by_the_next_run() {
    for answer in ["-ERR some deleted messages not removed\r\n", ""] {
        let home = Home::new();
        let server = scripted(1, move |peer| {
            after_login(peer);
            peer.answer("RETR 1", "+OK\r\nSubject: x\r\n.\r\n");
            peer.answer("DELE 1", "+OK\r\n");
            peer.answer("QUIT", answer);
        });
        let ran = home.fetch(server.port, &["--delete"]);
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.stderr.contains("unknown"), "{ran:?}");
        server.finish();
        assert_eq!(home.mail(), once([*b"Subject: x\n"]));
        // Another server, but the account of the first: the journal goes by host, port and user.
        let again = scripted(1, |peer| {
            after_login(peer);
            // DELE without RETR.
            peer.answer("DELE 1", "+OK\r\n");
            peer.answer("QUIT", "+OK\r\n");
        });
        rename_account(&home, server_account(&home), again.port);
        let ran = home.fetch(again.port, &["--delete"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        again.finish();
        assert_eq!(home.mail().len(), 1);
    }
}

/// The one account's directory.
fn server_account(home: &Home) -> std::path::PathBuf {
    let mut accounts = fs::read_dir(home.maildir().join("pop3-client")).unwrap();
    accounts.next().unwrap().unwrap().path()
}

/// Makes the journal that of the account on another port.
fn rename_account(home: &Home, from: std::path::PathBuf, port: u16) {
    let to = home.maildir().join("pop3-client").join(format!("alice@127.0.0.1_{port}"));
    fs::rename(from, &to).unwrap();
    let journal = fs::read_to_string(to.join("journal")).unwrap();
    let (header, rest) = journal.split_once('\n').unwrap();
    let account = header.rsplit_once(' ').unwrap().0;
    fs::write(to.join("journal"), format!("{account} {port}\n{rest}")).unwrap();
}

#[test]
fn a_journal_that_was_cut_to_nothing_is_warned_of() {
    let server = RealServer::start(messages(2));
    let home = Home::new();
    assert!(!home.fetch(server.plain, &[]).stderr.contains("is empty"));
    let journal = server_account(&home).join("journal");
    fs::write(&journal, "").unwrap();
    let ran = home.fetch(server.plain, &[]);
    // Mail that is there twice is no failure; mail that is not there at all would be one.
    assert_eq!(
        (ran.code, home.mail()),
        (Some(0), messages(2).into_iter().map(|m| (m, 2)).collect()),
        "{ran:?}"
    );
    let warnings: Vec<_> = ran.stderr.lines().filter(|line| line.contains("is empty")).collect();
    assert_eq!(warnings.len(), 1, "{ran:?}");
    assert!(
        warnings[0].contains(journal.to_str().unwrap()) && warnings[0].contains("fetched again"),
        "{ran:?}"
    );
    let ran = home.fetch(server.plain, &[]);
    assert!(!ran.stderr.contains("is empty") && ran.stdout.starts_with("fetched 0"), "{ran:?}");
}

/// Is lost on CAPA, by closing or by silence, and serves one message to who asks for none.
fn lost_on_capa(
    listener: std::net::TcpListener,
    is_silent: bool,
    sessions: usize,
) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut lost = 0;
        for _ in 0..sessions {
            loop {
                let mut peer = Peer::new(listener.accept().unwrap().0);
                peer.send("+OK\r\n");
                match peer.line().as_deref() {
                    Some("CAPA") if is_silent => peer.expect_end(),
                    Some("CAPA") => {}
                    Some("USER alice") => {
                        peer.send("+OK\r\n");
                        peer.answer("PASS wonderland", "+OK\r\n");
                        peer.answer("STAT", "+OK 1 12\r\n");
                        peer.answer("LIST", "+OK\r\n1 12\r\n.\r\n");
                        peer.answer("UIDL", "+OK\r\n1 one\r\n.\r\n");
                        if let Some("RETR 1") = peer.line().as_deref() {
                            peer.send("+OK\r\nSubject: 1\r\n.\r\n");
                            peer.expect("QUIT");
                        }
                        peer.send("+OK\r\n");
                        break;
                    }
                    other => panic!("{other:?}"),
                }
                lost += 1;
            }
        }
        lost
    })
}

// Conformance: C-2449-01
#[test]
fn a_server_that_is_lost_on_capa_is_tried_once_more_without_and_remembered() {
    for is_silent in [false, true] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = lost_on_capa(listener, is_silent, 3);
        let home = Home::new();
        let ran = home.fetch(port, &["--timeout", "1"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("CAPA with nothing") && ran.stderr.contains("--no-capa"), "{ran:?}");
        let ran = home.fetch(port, &["--timeout", "1"]);
        assert_eq!((ran.code, ran.stderr.contains("CAPA")), (Some(0), false), "{ran:?}");
        assert_eq!(home.mail(), once([*b"Subject: 1\n"]));
        // After a day the server may be another one.
        let noted = server_account(&home).join("without-capa");
        let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
        fs::File::options().write(true).open(noted).unwrap().set_modified(yesterday).unwrap();
        assert!(home.fetch(port, &["--timeout", "1"]).stderr.contains("CAPA with nothing"));
        assert_eq!(server.join().unwrap(), 2, "attempts with CAPA");
    }
}

#[test]
fn a_server_that_goes_away_is_not_asked_without_end() {
    let home = Home::new();
    // Closes on everything: one connection with CAPA, one without.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for expected in ["CAPA", "USER alice"] {
            let mut peer = Peer::new(listener.accept().unwrap().0);
            peer.send("+OK\r\n");
            peer.expect(expected);
        }
    });
    let ran = home.fetch(port, &[]);
    assert_eq!(ran.code, Some(75), "{ran:?}");
    server.join().unwrap();
    // Gone for good after the first: what is told is what happened first.
    let server = Server::once(|peer| {
        peer.send("+OK\r\n");
        peer.expect("CAPA");
    });
    let ran = home.fetch(server.port, &[]);
    assert_eq!(ran.code, Some(75), "{ran:?}");
    assert!(!home.maildir().exists());
}

#[test]
fn one_message_that_cannot_be_had_does_not_keep_the_others_back() {
    let home = Home::new();
    let server = scripted(3, |peer| {
        after_login(peer);
        peer.answer("RETR 1", "+OK\r\nSubject: 1\r\n.\r\n");
        peer.answer("RETR 2", "-ERR [SYS/PERM] cannot read it\x1b[2J\r\n");
        peer.answer("RETR 3", "+OK\r\nSubject: 3\r\n.\r\n");
        peer.answer("DELE 1", "+OK\r\n");
        peer.answer("DELE 3", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let ran = home.fetch(server.port, &["--delete"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("message 2") && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    assert!(ran.stdout.contains("fetched 2") && ran.stdout.contains("left on the server: 1"), "{ran:?}");
    server.finish();
    assert_eq!(home.mail(), once([*b"Subject: 1\n", *b"Subject: 3\n"]));
}

// Conformance: C-ROB-02, A-80
#[test]
fn a_message_that_list_gives_no_size_of_is_fetched_and_one_that_is_not_listed_is_said() {
    let home = Home::new();
    let server = Server::once(|peer| {
        peer.log_in();
        peer.answer("STAT", "+OK 4 0\r\n");
        peer.answer("LIST", "+OK\r\n1 -1\r\n2 18446744073709551616\r\n3 12\r\n.\r\n");
        peer.answer("UIDL", "+OK\r\n1 one\r\n2 two\r\n3 three\r\n5 beyond\r\n.\r\n");
        after_login(peer);
        for number in 1..=3 {
            peer.answer(&format!("RETR {number}"), &format!("+OK\r\nSubject: {number}\r\n.\r\n"));
        }
        peer.answer("NOOP", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let ran = home.fetch(server.port, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("counts 4 messages and lists 3"), "{ran:?}");
    server.finish();
    assert_eq!(home.mail(), once([*b"Subject: 1\n", *b"Subject: 2\n", *b"Subject: 3\n"]));
}

// Conformance: C-ROB-02, A-79
#[test]
fn a_message_that_is_too_large_is_given_up_and_comes_last() {
    let large = [b"Subject: large\n\n".to_vec(), vec![b'x'; 100_000]].concat();
    let [first, last] = [b"Subject: first\n\n".to_vec(), b"Subject: last\n\n".to_vec()];
    let server = RealServer::start([first.clone(), large.clone(), last.clone()]);
    let home = Home::new();
    for _ in 0..2 {
        let ran = home.fetch(server.plain, &["--delete", "--max-octets", "50000"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.stderr.contains("more than 50000 octets") && ran.stderr.contains("--max-octets"),
            "{ran:?}"
        );
    }
    assert_eq!(home.mail(), once([first, last]));
    let ran = home.fetch(server.plain, &["--delete"]);
    assert_eq!((ran.code, home.mail().len()), (Some(0), 3), "{ran:?}");
    assert!(server.stored().is_empty());
}

// Conformance: C-1939-06, A-82
#[test]
fn a_connection_lost_in_a_message_keeps_what_was_whole_and_sets_that_message_apart() {
    let home = Home::new();
    let server = scripted(3, |peer| {
        after_login(peer);
        peer.answer("RETR 1", "+OK\r\nSubject: 1\r\n.\r\n");
        peer.answer("RETR 2", "+OK\r\nSubject: 2, cut\r\n");
    });
    let ran = home.fetch(server.port, &["--delete"]);
    assert_eq!(ran.code, Some(75), "{ran:?}");
    server.finish();
    assert_eq!(home.mail(), once([*b"Subject: 1\n"]));
    // It may break the next session too, and with it every removal; so it has one of its own.
    let others = |peer: &mut Peer| {
        list(peer, 1..=3);
        after_login(peer);
        peer.answer("RETR 3", "+OK\r\nSubject: 3\r\n.\r\n");
        peer.answer("DELE 1", "+OK\r\n");
        peer.answer("DELE 3", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    };
    let again = Server::twice(others, |peer| {
        list(peer, 2..=2);
        after_login(peer);
        peer.answer("RETR 1", "+OK\r\nSubject: 2\r\n.\r\n");
        peer.answer("DELE 1", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    rename_account(&home, server_account(&home), again.port);
    let ran = home.fetch(again.port, &["--delete"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    again.finish();
    assert!(ran.stdout.contains("fetched 2 messages") && ran.stdout.contains("removed 3 from"), "{ran:?}");
    assert_eq!(home.mail(), once([*b"Subject: 1\n", *b"Subject: 2\n", *b"Subject: 3\n"]));
}

// Conformance: C-REL-07, C-1939-12
#[test]
fn a_server_without_unique_ids_is_fetched_from_only_with_a_word_about_it() {
    let script = |peer: &mut Peer| {
        peer.log_in();
        peer.answer("STAT", "+OK 1 12\r\n");
        peer.answer("LIST", "+OK\r\n1 12\r\n.\r\n");
        peer.answer("UIDL", "-ERR what?\r\n");
        peer.answer("CAPA", "-ERR\r\n");
    };
    let home = Home::new();
    let server = Server::once(move |peer| {
        script(peer);
        peer.expect_end();
    });
    let ran = home.fetch(server.port, &[]);
    assert_eq!(ran.code, Some(69), "{ran:?}");
    assert!(ran.stderr.contains("has no unique-ids (UIDL)") && ran.stderr.contains("--delete"), "{ran:?}");
    server.finish();
    let server = Server::once(move |peer| {
        script(peer);
        peer.answer("RETR 1", "+OK\r\nSubject: x\r\n.\r\n");
        peer.answer("DELE 1", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let ran = home.fetch(server.port, &["--delete"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    server.finish();
    assert_eq!(home.mail(), once([*b"Subject: x\n"]));
}

#[test]
fn a_message_that_comes_much_too_short_is_kept_and_left_on_the_server() {
    let home = Home::new();
    let server = Server::once(|peer| {
        peer.log_in();
        peer.answer("STAT", "+OK 1 100000\r\n");
        peer.answer("LIST", "+OK\r\n1 100000\r\n.\r\n");
        peer.answer("UIDL", "+OK\r\n1 a\r\n.\r\n");
        after_login(peer);
        peer.answer("RETR 1", "+OK\r\nSubject: x\r\n.\r\n");
        // Whether it ended there shows in the answer to anything.
        peer.answer("NOOP", "+OK\r\n");
        peer.answer("QUIT", "+OK\r\n");
    });
    let ran = home.fetch(server.port, &["--delete"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("much shorter"), "{ran:?}");
    server.finish();
    assert_eq!(home.mail().len(), 1);
}

// Conformance: C-2449-11, C-PROV-03
#[test]
fn what_the_server_will_remove_by_itself_is_said() {
    for (expire, words) in
        [("EXPIRE 0", "once they are fetched"), ("EXPIRE 30", "after 30 days"), ("EXPIRE NEVER", "")]
    {
        let home = Home::new();
        let server = scripted(1, move |peer| {
            peer.answer("CAPA", &format!("+OK\r\nUSER\r\n{expire}\r\n.\r\n"));
            peer.answer("RETR 1", "+OK\r\nSubject: 1\r\n.\r\n");
            peer.answer("QUIT", "+OK\r\n");
        });
        let ran = home.fetch(server.port, &[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stderr.contains("EXPIRE"), !words.is_empty(), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
        server.finish();
    }
}

// Conformance: C-REL-05
#[test]
fn a_server_that_gives_every_message_a_new_unique_id_is_told_of() {
    let server = RealServer::start(messages(12));
    let home = Home::new();
    assert_eq!(home.fetch(server.plain, &[]).code, Some(0));
    let old = server.store.messages(USER);
    old.iter().for_each(|message| assert!(server.store.remove(USER, &message.unique_id)));
    messages(12).into_iter().for_each(|message| drop(server.store.deliver(USER, message).unwrap()));
    let ran = home.fetch(server.plain, &[]);
    assert!(ran.stderr.contains("none of the 12 unique-ids"), "{ran:?}");
}
