//! What Python's poplib hears: a client that is neither ours nor a bare socket.

use std::{
    env,
    process::{Command, Stdio},
};

use crate::support::server;

/// Whether the program is there; says so when it is not.
fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = env::split_paths(&path).any(|directory| directory.join(program).is_file());
    if !is_there {
        println!("left out: {program}");
        let is_required = env::var("POP3_PEERS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{program} is required and not installed");
    }
    is_there
}

/// Logs in, evaluates one expression over the session `p`, and prints what came of it; then whether NOOP works.
const SCRIPT: &str = r#"
import poplib, sys
port, expression = int(sys.argv[1]), sys.argv[2]
try:
    p = poplib.POP3("127.0.0.1", port, timeout=3)
    p.user("alice")
    p.pass_("wonderland")
    print(eval(expression))
    p.noop()
    print("usable")
except Exception as error:
    print(type(error).__name__, error)
"#;

fn poplib(rule: &str, expression: &str) -> String {
    let server = server(&[rule]);
    let mut command = Command::new("python3");
    command.args(["-W", "ignore", "-c", SCRIPT, &server.plain_port().to_string(), expression]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().replace('\n', " / ")
}

#[test]
fn poplib_hears_the_same() {
    if !has("python3") {
        return;
    }
    let rows = [
        // The rule, the expression, the beginning of what is printed.
        ("NOOP: split every 1", "p.stat()", "(3, 79) / usable"),
        ("STAT: sizes +7", "p.stat()", "(3, 86) / usable"),
        ("LIST: sizes *2", "p.list()[1]", "[b'1 60', b'2 48', b'3 50'] / usable"),
        ("LIST: shuffled", "p.list()[1]", "[b'3 25', b'1 30', b'2 24'] / usable"),
        ("RETR 2: answer -ERR cannot read it", "p.retr(2)", "error_proto b'-ERR cannot read it'"),
        ("RETR: cut to 17", "p.retr(2)[1]", "[b'Subject: two', b'', b's'] / usable"),
        ("RETR: bare-lf", "p.retr(1)[1]", "[b'Subject: one', b'', b'.dot', b'.', b'end'] / usable"),
        // It ends the message at the lone dot, and takes the rest for responses.
        ("RETR: unstuffed", "p.retr(1)[1]", "[b'Subject: one', b'', b'.dot'] / error_proto b'end'"),
        ("RETR: close after 44", "p.retr(1)", "error_proto -ERR EOF"),
        // Its own fault: half a line is taken for a line, and the first dot of two for the end.
        ("RETR: close after 40", "p.retr(1)[1]", "[b'Subject: one', b'', b'.dot'] / error_proto -ERR EOF"),
        ("RETR: half-close after 44", "p.retr(1)", "error_proto -ERR EOF"),
        ("RETR: reset after 44", "p.retr(1)", "ConnectionResetError"),
        ("RETR: no-terminator", "p.retr(1)", "TimeoutError"),
        ("RETR: stall after 40 for 100ms", "len(p.retr(1)[1])", "5 / usable"),
        ("RETR: endless line", "p.retr(1)", "error_proto line too long"),
        ("CAPA: answer -ERR what", "p.capa()", "error_proto -ERR CAPA not supported by server"),
        ("CAPA: with XSENDER", "p.capa()['XSENDER']", "[] / usable"),
        ("CAPA: without STLS", "'STLS' in p.capa()", "False / usable"),
        ("UIDL: ok-before-lines", "p.uidl()[1]", "[b'+OK 1 aa', b'+OK 2 bb', b'+OK 3 cc'] / usable"),
        ("UIDL: unique-ids missing", "p.uidl()[1]", "[b'1', b'2', b'3'] / usable"),
        ("UIDL: unique-ids long 5", "p.uidl()[1]", "[b'1 aaxxx', b'2 bbxxx', b'3 ccxxx'] / usable"),
        ("UIDL: no-number", "p.uidl(2)", "b'+OK bb' / usable"),
        ("TOP: whole", "p.top(1, 0)[1]", "[b'Subject: one', b'', b'.dot', b'.', b'end'] / usable"),
        ("greeting: answer -ERR too busy", "p", "error_proto b'-ERR too busy'"),
        ("PASS: answer -ERR [IN-USE] locked", "p", "error_proto b'-ERR [IN-USE] locked'"),
        ("QUIT: say -ERR sorry", "p.quit()", "error_proto b'-ERR sorry'"),
    ];
    for (rule, expression, expected) in rows {
        let printed = poplib(rule, expression);
        assert!(printed.starts_with(expected), "{rule}: poplib said {printed:?} and not {expected:?}");
    }
}
