//! The program killed in the very system calls that change the disk: strace kills it as it enters one.

use std::process::{Command, Stdio};

use crate::support::{
    program::{Home, once},
    real_server::RealServer,
};

fn messages() -> Vec<Vec<u8>> {
    (0..5).map(|n| format!("Subject: {n}\n\nbody\n").into_bytes()).collect()
}

/// Runs `fetch --delete` under strace, killed when it enters the `when`th of these calls; false when it
/// came to its end first. `None` where strace cannot run.
fn killed_in(home: &Home, port: u16, calls: &str, when: usize) -> Option<bool> {
    let fetch = home.fetch_command(port, &["--delete"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
    command.arg("-e").arg(format!("inject={calls}:signal=SIGKILL:when={when}"));
    command.arg(fetch.get_program()).args(fetch.get_args()).env_remove("POP3_PASSWORD");
    let output = command.stdin(Stdio::null()).output().ok()?;
    match output.status.code() {
        Some(0) => Some(false),
        // strace ends as the program did: by the signal.
        None => Some(true),
        Some(75) if String::from_utf8_lossy(&output.stderr).contains("[IN-USE]") => {
            killed_in(home, port, calls, when)
        }
        Some(_) => None,
    }
}

// Conformance: C-REL-01, C-REL-03, C-1939-07, A-62
#[test]
fn killed_in_any_system_call_that_changes_the_disk() {
    // Names that this machine does not have would be an error, hence the question marks.
    for calls in
        ["?rename,?renameat,?renameat2", "fsync,fdatasync", "?unlink,unlinkat,ftruncate", "write,sendto"]
    {
        let mut when = 1;
        loop {
            let server = RealServer::start(messages());
            let home = Home::new();
            match killed_in(&home, server.plain, calls, when) {
                None if when == 1 => {
                    assert_ne!(std::env::var("POP3_PEERS").as_deref(), Ok("required"), "strace is needed");
                    println!("left out: strace");
                    return;
                }
                None => panic!("strace failed at {calls} {when}"),
                Some(false) => break,
                Some(true) => {}
            }
            loop {
                let ran = home.fetch(server.plain, &["--delete"]);
                if ran.code != Some(75) {
                    assert_eq!(ran.code, Some(0), "{calls} {when}: {ran:?}");
                    break;
                }
                assert!(ran.stderr.contains("[IN-USE]"), "{calls} {when}: {ran:?}");
            }
            assert!(server.stored().is_empty(), "{calls} {when}");
            assert_eq!(home.mail(), once(messages()), "{calls} {when}");
            when += 1;
        }
        println!("{calls}: killed {} times", when - 1);
        assert!(when > 1, "{calls}");
    }
}
