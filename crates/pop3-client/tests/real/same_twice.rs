//! Messages that are the same octet for octet, messages that come again, and a disk that takes no more.

use std::{fs, process::Command};

use crate::support::{
    program::{Home, Ran, once},
    real_server::{RealServer, USER},
};

/// A message as a job sends it every night, without a date or an id.
fn nightly() -> Vec<u8> {
    b"Subject: done\n\nno errors\n".to_vec()
}

fn deliver(server: &RealServer, message: Vec<u8>) {
    drop(server.store.deliver(USER, message).unwrap());
}

/// Somebody else removes everything that was sent every night.
fn removed_elsewhere(server: &RealServer) {
    for message in server.store.messages(USER) {
        let _ = server.store.remove(USER, &message.unique_id);
    }
    deliver(server, b"Subject: other\n".to_vec());
}

fn copies(home: &Home) -> usize {
    home.mail().get(&nightly()).copied().unwrap_or_default()
}

// Conformance: C-REL-05, C-1939-10
#[test]
fn who_is_sent_the_same_message_twice_has_it_twice() {
    for more in [&[][..], &["--delete"]] {
        let server = RealServer::start(vec![nightly(), nightly()]);
        let home = Home::new();
        assert_eq!((home.fetch(server.plain, more).code, copies(&home)), (Some(0), 2), "{more:?}");
        for count in [3, 4] {
            deliver(&server, nightly());
            assert_eq!((home.fetch(server.plain, more).code, copies(&home)), (Some(0), count), "{more:?}");
            assert_eq!((home.fetch(server.plain, more).code, copies(&home)), (Some(0), count), "{more:?}");
        }
    }
}

// Conformance: C-REL-05, C-1939-10
#[test]
fn a_message_like_one_that_was_removed_elsewhere_is_stored_too() {
    for more in [&[][..], &["--delete"]] {
        let server = RealServer::start(vec![nightly()]);
        let home = Home::new();
        assert_eq!((home.fetch(server.plain, &[]).code, copies(&home)), (Some(0), 1));
        removed_elsewhere(&server);
        assert_eq!(home.fetch(server.plain, more).code, Some(0));
        deliver(&server, nightly());
        let ran = home.fetch(server.plain, more);
        assert_eq!((ran.code, copies(&home)), (Some(0), 2), "{more:?} {ran:?}");
    }
}

// Conformance: C-REL-05
#[test]
fn what_comes_again_under_another_unique_id_is_not_stored_again() {
    for more in [&[][..], &["--delete"]] {
        let messages = || (0..5).map(|number| format!("Subject: {number}\n").into_bytes());
        let server = RealServer::start(messages());
        let home = Home::new();
        assert_eq!(home.fetch(server.plain, &[]).code, Some(0));
        for message in server.store.messages(USER) {
            assert!(server.store.remove(USER, &message.unique_id));
        }
        messages().for_each(|message| deliver(&server, message));
        // A run that does not come to its end has seen the old ones gone, and not the new ones.
        let ran = home.fetch(server.plain, &["--max-octets", "3"]);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        assert_eq!(home.fetch(server.plain, more).code, Some(0));
        assert_eq!(home.mail(), once(messages()), "{more:?}");
    }
}

// Conformance: C-REL-01, C-REL-02
#[test]
fn a_journal_that_grows_no_more_is_left_as_it_was() {
    const LIMITED: &str = "trap '' XFSZ; ulimit -f 4; exec \"$@\"";
    let home = Home::new();
    let messages = || (0..60).map(|number| format!("Subject: {number}\n").into_bytes());
    let server = RealServer::start(messages());
    let fetch = home.fetch_command(server.plain, &["--delete"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", LIMITED, "sh"]).arg(fetch.get_program()).args(fetch.get_args());
    let ran = Ran::from(limited.output().unwrap());
    assert_eq!((ran.code, server.store.messages(USER).len()), (Some(73), 60), "{ran:?}");
    let account = fs::read_dir(home.maildir().join("pop3-client")).unwrap().next().unwrap().unwrap().path();
    let journal = fs::read_to_string(account.join("journal")).unwrap();
    assert!(journal.ends_with('\n') && journal.lines().count() == 1, "{journal}");
    let ran = home.fetch(server.plain, &["--delete"]);
    assert_eq!((ran.code, server.store.messages(USER).len()), (Some(0), 0), "{ran:?}");
    assert_eq!(home.mail(), once(messages()));
}
