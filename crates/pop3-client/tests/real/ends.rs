//! However a run ends, its last line says what was stored and what was removed.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command},
    time::Duration,
};

use pop3_testkit::{TestServer, transcript::Side};

use crate::support::program::{Home, Ran};

const LONG: Duration = Duration::from_secs(30);

fn server(faults: &[&str]) -> TestServer {
    let mut builder = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
    for n in 1..=4 {
        builder = builder.message("alice", format!("Subject: {n}\n\nmessage {n}\n").into_bytes());
    }
    for fault in faults {
        builder = builder.fault(fault.parse().unwrap());
    }
    builder.start().unwrap()
}

#[test]
fn after_a_loss_in_the_middle() {
    for (faults, arguments, code, last) in [
        (&["RETR 3: close"][..], &["--delete"][..], 75, "fetched 2 messages "),
        (&["RETR 3: reset after 5"], &[], 75, "fetched 2 messages "),
        (&["UIDL: close"], &[], 75, "fetched 0 messages "),
        (&["DELE 2: close"], &["--delete"], 75, "fetched 4 messages "),
        (&["QUIT: close"], &["--delete"], 3, "fetched 4 messages "),
        (&["RETR 2: answer what?"], &[], 76, "fetched 1 message "),
    ] {
        let (server, home) = (server(faults), Home::new());
        let ran = home.fetch(server.plain_port(), &[arguments, &["--timeout", "20"]].concat());
        assert_eq!(ran.code, Some(code), "{faults:?} {ran:?}");
        assert!(ran.stdout.lines().last().unwrap().starts_with(last), "{faults:?} {ran:?}");
        assert_eq!(ran.stdout.lines().count(), 1, "{faults:?} {ran:?}");
        if arguments.contains(&"--delete") {
            assert!(ran.stdout.contains("; removed 0 from 127.0.0.1"), "{faults:?} {ran:?}");
        }
        assert_eq!(ran.stdout.contains("(unknown for 4 more)"), code == 3, "{faults:?} {ran:?}");
    }
}

/// A run that waits for the server at this command.
fn waiting_at(server: &TestServer, home: &Home, command: &str, arguments: &[&str]) -> Child {
    let child = home.fetch_command(server.plain_port(), arguments).spawn().unwrap();
    let said = format!("{command} was said");
    let has_come = |sessions: &[pop3_testkit::server::SessionRecord]| {
        sessions.iter().any(|session| {
            session.transcript.lines(Side::Client).iter().any(|line| line.starts_with(command))
        })
    };
    server.wait_until(&said, LONG, has_come).unwrap();
    child
}

fn kill(child: &Child, signal: &str) {
    let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
}

#[test]
fn a_signal_ends_the_run_and_loses_nothing() {
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        for arguments in [&[][..], &["--delete"]] {
            let (server, home) = (server(&["session 1 RETR 3: stall after 4"]), Home::new());
            let child = waiting_at(&server, &home, "RETR 3", arguments);
            kill(&child, signal);
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.signal(), Some(number), "{output:?}");
            let ran = Ran::from(output);
            assert!(ran.stdout.starts_with("fetched 2 messages "), "{ran:?}");
            assert!(ran.stderr.contains("interrupted; messages received in full are stored"), "{ran:?}");
            assert_eq!((home.mail().len(), server.messages("alice").len()), (2, 4), "{ran:?}");
            let ran = home.fetch(server.plain_port(), arguments);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            assert!(ran.stdout.starts_with("fetched 2 messages "), "{ran:?}");
            assert!(home.mail().len() == 4 && home.mail().values().all(|count| *count == 1));
        }
    }
}

#[test]
fn a_signal_while_nothing_is_fetched_ends_the_program_at_once() {
    let (server, home) = (server(&["PASS: hang"]), Home::new());
    let child = waiting_at(&server, &home, "USER", &["--no-capa"]);
    // Not SIGINT: a shell starts what runs in the background with SIGINT ignored.
    kill(&child, "TERM");
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(15));
}

// Conformance: A-100
#[test]
fn a_run_that_was_interrupted_in_a_message_leaves_the_maildrop_free() {
    let message = b"0123456789012345678901234567890123456789\r\n".repeat(200_000);
    let server = crate::support::real_server::RealServer::start((0..8).map(|_| message.clone()));
    for wait in [20, 60, 100, 150, 200, 300] {
        let home = Home::new();
        let child = home.fetch_command(server.plain, &[]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        kill(&child, "TERM");
        child.wait_with_output().unwrap();
        let began = std::time::Instant::now();
        let url = format!("pop://alice@127.0.0.1:{}", server.plain);
        while home.run(&["list", &url, "--insecure-plain"]).code != Some(0) {
            assert!(began.elapsed() < Duration::from_secs(10), "the maildrop is still in use");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

// Conformance: C-REL-10
#[test]
fn an_empty_password_is_a_usage_error() {
    let server = server(&[]);
    let url = format!("pop://alice@127.0.0.1:{}", server.plain_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_pop3-client"));
    command.args(["list", &url, "--insecure-plain"]).env("POP3_PASSWORD", "");
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.code == Some(2) && ran.stderr.contains("POP3_PASSWORD is empty"), "{ran:?}");
}

#[test]
fn quiet_says_nothing_when_all_went_well() {
    let (server, home) = (server(&["session 3 RETR 5: answer -ERR no"]), Home::new());
    // The one warning that there is: without TLS.
    let is_quiet = |ran: &Ran| ran.stdout.is_empty() && ran.stderr.lines().count() == 1;
    for _ in 0..2 {
        let ran = home.fetch(server.plain_port(), &["--quiet"]);
        assert!(ran.code == Some(0) && is_quiet(&ran), "{ran:?}");
    }
    server.deliver("alice", *b"Subject: 5\n\n").unwrap();
    let ran = home.fetch(server.plain_port(), &["--quiet"]);
    assert!(ran.code == Some(1) && ran.stdout.starts_with("fetched 0 messages"), "{ran:?}");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_loses_nothing() {
    let (server, home) = (server(&[]), Home::new());
    server.deliver("alice", format!("Subject: big\n\n{}", "a line\n".repeat(20_000)).into_bytes()).unwrap();
    let fetch = home.fetch_command(server.plain_port(), &["--delete"]);
    let mut command = Command::new("sh");
    // In blocks of 512 octets.
    command.args(["-c", "ulimit -f 64; exec \"$0\" \"$@\""]).arg(fetch.get_program()).args(fetch.get_args());
    let ran = Ran::from(command.env_remove("POP3_PASSWORD").output().unwrap());
    assert_eq!(ran.code, Some(73), "{ran:?}");
    assert!(ran.stdout.starts_with("fetched 4 messages "), "{ran:?}");
    assert_eq!(server.messages("alice").len(), 5);
    let ran = home.fetch(server.plain_port(), &["--delete"]);
    assert!(ran.code == Some(0) && home.mail().len() == 5 && server.messages("alice").is_empty(), "{ran:?}");
}

// Conformance: A-99
#[test]
fn a_low_limit_on_open_files_ends_no_fetch() {
    for files in [18, 20, 26, 40, 100] {
        let server = (0..130).fold(
            TestServer::builder().user("alice", crate::support::real_server::PASSWORD),
            |builder, n| builder.message("alice", format!("Subject: {n}\n\n").into_bytes()),
        );
        let (server, home) = (server.start().unwrap(), Home::new());
        let fetch = home.fetch_command(server.plain_port(), &["--delete"]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        command.arg(fetch.get_program()).args(fetch.get_args()).env_remove("POP3_PASSWORD");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.code, home.mail().len()), (Some(0), 130), "{files}: {ran:?}");
    }
}

#[test]
fn a_password_file_that_others_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let (server, home) = (server(&[]), Home::new());
    let file = home.folder.path().join("password");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = home.fetch(server.plain_port(), &[]);
    assert!(
        ran.code == Some(0) && ran.stderr.contains("others may read") && ran.stderr.contains("chmod 600"),
        "{ran:?}"
    );
}
