//! A server that confirms QUIT and keeps the mail.

use std::fs;

use pop3_testkit::{TestServer, transcript::Side};

use crate::support::program::Home;

fn server(faults: &[&str]) -> TestServer {
    let mut builder = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
    for n in 1..=3 {
        builder = builder.message("alice", message(n));
    }
    for fault in faults {
        builder = builder.fault(fault.parse().unwrap());
    }
    builder.start().unwrap()
}

fn message(number: usize) -> Vec<u8> {
    format!("Subject: {number}\n\nmessage {number}\n").into_bytes()
}

/// How often a command was said in a session, the first being 1.
fn said(server: &TestServer, session: usize, command: &str) -> usize {
    let sessions = server.sessions();
    let lines = sessions[session - 1].transcript.lines(Side::Client);
    lines.iter().filter(|line| line.starts_with(command)).count()
}

fn journal_length(home: &Home) -> u64 {
    let accounts = fs::read_dir(home.maildir().join("pop3-client")).unwrap();
    accounts.map(|account| fs::metadata(account.unwrap().path().join("journal")).unwrap().len()).sum()
}

const WARNING: &str = "still lists 3 of the messages that it said it had removed";

// Conformance: C-1939-10, C-REL-05
#[test]
fn it_is_said_once_and_nothing_is_fetched_again() {
    let (server, home) = (server(&["QUIT: remove-nothing"]), Home::new());
    let mut lengths = Vec::new();
    for run in 1..=4 {
        let ran = home.fetch(server.plain_port(), &["--delete"]);
        assert_eq!(ran.code, Some(0), "{run}: {ran:?}");
        assert_eq!(ran.stderr.contains(WARNING), run == 2, "{run}: {ran:?}");
        assert_eq!(said(&server, run, "RETR"), if run == 1 { 3 } else { 0 }, "{run}");
        // Once more, after the headers have shown that they are the same; then they are left alone.
        assert_eq!(said(&server, run, "DELE"), if run <= 2 { 3 } else { 0 }, "{run}");
        assert_eq!(home.mail().len(), 3, "{run}");
        lengths.push(journal_length(&home));
    }
    assert_eq!(lengths[2], lengths[1]);
    assert_eq!(lengths[3], lengths[1]);
}

// Conformance: C-1939-10
#[test]
fn another_message_with_the_unique_id_of_a_removed_one_is_fetched() {
    // Of the same size, by the same unique-id; a server that counts anew does that.
    let first = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
    let first = first.message_as("alice", "1", message(1)).start().unwrap();
    let home = Home::new();
    let port = first.plain_port();
    assert_eq!(home.fetch(port, &["--delete"]).code, Some(0));
    drop(first);
    let account = fs::read_dir(home.maildir().join("pop3-client")).unwrap().next().unwrap().unwrap().path();
    let second = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
    let second = second.message_as("alice", "1", message(2)).start().unwrap();
    // The same account by the port of the second server.
    let name = account.file_name().unwrap().to_str().unwrap();
    let renamed = account.with_file_name(name.replace(&port.to_string(), &second.plain_port().to_string()));
    fs::rename(&account, &renamed).unwrap();
    let journal = fs::read_to_string(renamed.join("journal")).unwrap();
    let header = format!(" {port}\n");
    fs::write(renamed.join("journal"), journal.replace(&header, &format!(" {}\n", second.plain_port())))
        .unwrap();
    let ran = home.fetch(second.plain_port(), &["--delete"]);
    assert!(ran.code == Some(0) && ran.stdout.starts_with("fetched 1 message "), "{ran:?}");
    assert_eq!(home.mail().len(), 2);
    assert!(second.messages("alice").is_empty());
}

// Conformance: C-REL-05
#[test]
fn without_unique_ids_it_is_known_by_its_content() {
    let faults = ["QUIT: remove-nothing", "CAPA: without UIDL", "UIDL: answer -ERR unknown"];
    let (server, home) = (server(&faults), Home::new());
    let mut lengths = Vec::new();
    for run in 1..=5 {
        let ran = home.fetch(server.plain_port(), &["--delete"]);
        assert_eq!(ran.code, Some(0), "{run}: {ran:?}");
        assert_eq!(ran.stderr.contains(WARNING), run == 2, "{run}: {ran:?}");
        assert_eq!(home.mail().values().sum::<usize>(), 3, "{run}");
        lengths.push(journal_length(&home));
    }
    assert_eq!(lengths[4], lengths[2]);
    // What is new is stored.
    server.deliver("alice", message(4)).unwrap();
    assert_eq!(home.fetch(server.plain_port(), &["--delete"]).code, Some(0));
    assert_eq!(home.mail().values().sum::<usize>(), 4);
}
