//! One account stays one, however its host is spelled and by whatever port it is reached.

use std::fs;

use pop3_testkit::TestServer;

use crate::support::program::{Home, Ran};

fn server(messages: std::ops::RangeInclusive<usize>) -> TestServer {
    let mut builder = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
    for n in messages {
        builder = builder.message_as(
            "alice",
            format!("id-{n}"),
            format!("Subject: {n}\n\n{}\n", "x".repeat(n)).into_bytes(),
        );
    }
    builder.start().unwrap()
}

fn fetch(home: &Home, url: &str, more: &[&str]) -> Ran {
    let maildir = home.maildir().display().to_string();
    home.run(&[&["fetch", url, "--maildir", &maildir], more].concat())
}

fn accounts(home: &Home) -> Vec<String> {
    let folders = fs::read_dir(home.maildir().join("pop3-client")).unwrap();
    let mut names: Vec<String> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn host_names_are_the_same_in_any_case() {
    let (server, home) = (server(1..=3), Home::new());
    let port = server.plain_port();
    for (host, fetched) in
        [("LocalHost", "fetched 3 "), ("localhost", "fetched 0 "), ("LOCALHOST", "fetched 0 ")]
    {
        let ran = fetch(&home, &format!("pop://alice@{host}:{port}"), &["--insecure-plain"]);
        assert!(ran.code == Some(0) && ran.stdout.starts_with(fetched), "{host}: {ran:?}");
    }
    assert_eq!(accounts(&home), [format!("alice@localhost_{port}")]);
    // As an older version has left it.
    let folder = home.maildir().join("pop3-client");
    let old = folder.join(format!("alice@LocalHost_{port}"));
    fs::rename(folder.join(format!("alice@localhost_{port}")), &old).unwrap();
    let journal = fs::read_to_string(old.join("journal")).unwrap();
    fs::write(old.join("journal"), journal.replacen("alice@localhost", "alice@LocalHost", 1)).unwrap();
    let ran = fetch(&home, &format!("pop://alice@localhost:{port}"), &["--insecure-plain"]);
    assert!(ran.code == Some(0) && ran.stdout.starts_with("fetched 0 "), "{ran:?}");
    assert_eq!(accounts(&home), [format!("alice@localhost_{port}")]);
}

#[test]
fn from_stls_to_implicit_tls_the_account_goes_on() {
    let (server, home) = (server(1..=5), Home::new());
    let ca = server.ca_file().unwrap().display().to_string();
    let ran = fetch(&home, &format!("pop://alice@localhost:{}", server.stls_port()), &["--ca-file", &ca]);
    assert!(ran.stdout.starts_with("fetched 5 "), "{ran:?}");
    server.deliver("alice", *b"Subject: new\n\n").unwrap();
    let url = format!("pops://alice@localhost:{}", server.tls_port());
    let ran = fetch(&home, &url, &["--ca-file", &ca]);
    assert!(ran.stdout.starts_with("fetched 1 message "), "{ran:?}");
    assert!(ran.stderr.contains("by another port: 5 messages are known"), "{ran:?}");
    assert_eq!(accounts(&home), [format!("alice@localhost_{}", server.tls_port())]);
    let ran = fetch(&home, &url, &["--ca-file", &ca, "--delete"]);
    assert!(ran.stdout.contains("removed 6 ") && ran.stderr.is_empty(), "{ran:?}");
    assert!(home.mail().len() == 6 && home.mail().values().all(|count| *count == 1));
}

#[test]
fn another_maildrop_on_the_same_host_is_another_account() {
    // One with other messages, and one with the same unique-ids for other messages.
    let others = [server(4..=6), {
        let builder = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
        builder.message_as("alice", "id-1", *b"Subject: something else\n\n").start().unwrap()
    }];
    for other in others {
        let (first, home) = (server(1..=3), Home::new());
        let fetch = |server: &TestServer| home.fetch(server.plain_port(), &[]);
        assert!(fetch(&first).stdout.starts_with("fetched 3 "));
        let ran = fetch(&other);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("may be the same maildrop; nothing shows that it is"), "{ran:?}");
        assert_eq!(home.mail().values().sum::<usize>(), 3 + other.messages("alice").len());
        assert_eq!(accounts(&home).len(), 2);
        // It is said once, and each goes on by itself.
        for server in [&first, &other] {
            let ran = fetch(server);
            assert!(ran.stdout.starts_with("fetched 0 ") && !ran.stderr.contains("may be"), "{ran:?}");
        }
    }
}
