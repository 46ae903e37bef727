//! Outputs that take nothing: what becomes of the mail does not depend on them.

use std::{fs::File, process::Stdio};

use crate::support::{
    program::{Home, Ran, once},
    real_server::RealServer,
};

const MESSAGE: &[u8] = b"Subject: one\n\nbody\n";

/// What takes no octet: a full device.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// What takes no octet: a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

// Conformance: C-REL-09
#[test]
fn what_was_done_to_the_mail_is_said_on_stderr_when_stdout_takes_nothing() {
    for stdout in [full, unread] {
        let server = RealServer::start([MESSAGE.to_vec()]);
        let home = Home::new();
        let output = home.fetch_command(server.plain, &["--delete"]).stdout(stdout()).output().unwrap();
        let ran = Ran::from(output);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.stderr.contains("fetched 1 message ") && ran.stderr.contains("removed 1 from"),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains("nothing was changed"), "{ran:?}");
        assert!(server.stored().is_empty());
        assert_eq!(home.mail(), once([MESSAGE]));
    }
}

#[test]
fn mail_is_fetched_when_neither_output_takes_anything() {
    for takes_nothing in [full, unread] {
        let server = RealServer::start([MESSAGE.to_vec()]);
        let home = Home::new();
        let mut command = home.fetch_command(server.plain, &["--delete", "-vv"]);
        let status = command.stdout(takes_nothing()).stderr(takes_nothing()).status().unwrap();
        assert_eq!(status.code(), Some(0));
        assert!(server.stored().is_empty());
        assert_eq!(home.mail(), once([MESSAGE]));
    }
}

#[test]
fn a_list_that_cannot_be_written_changes_nothing_and_says_so() {
    let server = RealServer::start([MESSAGE.to_vec()]);
    let home = Home::new();
    let url = format!("pop://alice@127.0.0.1:{}", server.plain);
    for arguments in [&["list", &url, "--insecure-plain"][..], &["top", &url, "1", "--insecure-plain"]] {
        let ran = Ran::from(home.command(arguments).stdout(full()).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("nothing was changed on the server"), "{ran:?}");
        assert_eq!(server.stored().len(), 1);
    }
}

/// As in `pop3-client list ... | head -1`.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = RealServer::start([MESSAGE.to_vec()]);
    let home = Home::new();
    let url = format!("pop://alice@127.0.0.1:{}", server.plain);
    let list = ["list", &url, "--insecure-plain"];
    let json = ["list", &url, "--insecure-plain", "--json"];
    let top = ["top", &url, "1", "--insecure-plain"];
    for arguments in [&list[..], &json, &top, &["capa", &url, "--insecure-plain"]] {
        let ran = Ran::from(home.command(arguments).stdout(unread()).output().unwrap());
        // The warning about the connection has nothing to do with the output.
        let is_about_output = |line: &&str| !line.contains("the connection is not encrypted");
        let about_output: Vec<_> = ran.stderr.lines().filter(is_about_output).collect();
        assert_eq!((ran.code, about_output), (Some(0), vec![]), "{arguments:?}");
    }
    assert_eq!(server.stored().len(), 1);
}
