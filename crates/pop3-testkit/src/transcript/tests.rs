use std::{panic::catch_unwind, time::Duration};

use super::*;

const ALL: &str = "\
S: +OK ready
C: CAPA
S~ +OK list\\n
S: .
C~ half a line
@wait 1500ms
S~ +O
@wait 2m
S: K \\x80 \\\\ \\t\\0 a\\{300}
@tls
@hang
@endless
@client-eof
@server-eof
@client-reset
@server-reset
";

#[test]
fn what_is_printed_is_read_again() {
    let transcript: Transcript = ALL.parse().unwrap();
    assert_eq!(transcript.to_string(), ALL);
    let server = transcript.octets(Side::Server);
    assert!(server.ends_with(&[b"K \x80 \\ \t\0 ".as_slice(), &[b'a'; 300], b"\r\n"].concat()));
    assert_eq!(transcript.lines(Side::Server)[3][..4], *"+OK ");
}

#[test]
fn all_octets_come_back() {
    let octets: Vec<u8> = (0..=255).collect();
    assert_eq!(unescaped(&escaped(&octets)), octets);
    assert_eq!(unescaped(r"\q \x4 \{3 \{0}"), br"\q \x4 \{3 \{0}");
    assert_eq!(unescaped(r"\{3}"), br"\{3}");
}

#[test]
fn a_text_that_is_none_is_refused_with_its_line() {
    for (text, line) in [("S: +OK\nX: hm", 2), ("@wait 5", 1), ("# x\n\n@role server", 3), ("C", 1)] {
        let error = text.parse::<Transcript>().unwrap_err();
        assert_eq!(error.line, line, "{error}");
    }
}

#[test]
fn pieces_of_a_line_are_one_line() {
    let mut transcript = Transcript::new();
    transcript.say(Side::Server, b"+OK a\r\n+O");
    transcript.say(Side::Server, b"K b\r");
    transcript.say(Side::Server, b"\n");
    transcript.push(Entry::Wait(Duration::from_millis(3)));
    transcript.say(Side::Server, b"x");
    assert_eq!(transcript.to_string(), "S: +OK a\nS: +OK b\n@wait 3ms\nS~ x\n");
}

fn masked(lines: &[&str]) -> Vec<String> {
    let mut masker = Masker::new();
    let mut shown = Vec::new();
    for line in lines {
        match line.strip_prefix("S:") {
            Some(said) => masker.hear_server(said.as_bytes()),
            None => shown.push(escaped(&masker.client_line(line.as_bytes()))),
        }
    }
    shown
}

#[test]
fn secrets_in_commands_are_masked() {
    for (line, shown) in [
        ("PASS secret\r\n", r"PASS *\r\n"),
        ("pass  two words ", "pass *"),
        (" PASS\tsecret\n", r"PASS *\n"),
        ("PASS", "PASS"),
        ("APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n", r"APOP alice *\r\n"),
        ("AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", r"AUTH PLAIN *\r\n"),
        ("AUTH PLAIN =\r\n", r"AUTH PLAIN =\r\n"),
        ("AUTH PLAIN\r\n", r"AUTH PLAIN\r\n"),
        ("AUTH\r\n", r"AUTH\r\n"),
        ("USER alice\r\n", r"USER alice\r\n"),
        ("RETR 1\r\n", r"RETR 1\r\n"),
        ("AGFsaWNlAHNlY3JldA==\r\n", r"AGFsaWNlAHNlY3JldA==\r\n"),
        ("\r\n", r"\r\n"),
    ] {
        assert_eq!(masked(&[line]), [shown]);
    }
}

#[test]
fn responses_are_masked_until_the_exchange_ends() {
    let login = [
        "AUTH LOGIN\n",
        "S:+ VXNlcm5hbWU6\r\n",
        "YWxp\n",
        "S:+",
        "S: \r\n",
        "c2Vj\n",
        "S:+OK in\r\n",
        "STAT\n",
    ];
    assert_eq!(masked(&login), ["AUTH LOGIN\\n", "***\\n", "***\\n", "STAT\\n"]);
    let cancelled = ["AUTH PLAIN\n", "S:+ \r\n", "*\n", "S:-ERR\r\n", "QUIT\n"];
    assert_eq!(masked(&cancelled), ["AUTH PLAIN\\n", "*\\n", "QUIT\\n"]);
    let refused = ["AUTH XOAUTH2 abc\n", "S:+ e30=\r\n", "\n", "S:-ERR\r\n"];
    assert_eq!(masked(&refused), ["AUTH XOAUTH2 *\\n", "\\n"]);
}

#[test]
fn a_response_that_nobody_waits_for_is_masked() {
    let pipelined = ["AUTH PLAIN\r\n", "S:-ERR no\r\n", "AGFsaWNlAHNlY3JldA==\r\n", "CAPA\r\n"];
    assert_eq!(masked(&pipelined), [r"AUTH PLAIN\r\n", r"***\r\n", r"CAPA\r\n"]);
}

#[test]
fn the_rest_of_a_masked_line_is_masked() {
    assert_eq!(
        masked(&["PASS sec", "re", "t\r\n", "USER al", "ice\r\n"]).concat(),
        r"PASS *\r\nUSER alice\r\n"
    );
}

#[test]
fn commands_are_without_responses() {
    let text = "S: +OK\nC: auth PLAIN\nS: + \nC: ***\nS: +OK\nC: AUTH LOGIN\nS: + VXNl\nC: *\nS: -ERR\n\
                C: RETR 1\nS: +OK\nS: + body\nS: .\nC: QUIT\nC~ ST\n@client-eof\n";
    let transcript: Transcript = text.parse().unwrap();
    assert_eq!(transcript.commands(), ["auth PLAIN", "AUTH LOGIN", "RETR 1", "QUIT", "ST"]);
    transcript.assert_commands(["AUTH PLAIN", "AUTH *", "RETR 1", "quit", "ST"]);
    transcript.assert_said("RETR *");
    transcript.assert_not_said("RETR");
    transcript.assert_not_said("RETR 2");
    transcript.assert_answered("+ body");
    transcript.assert_answered("+ *");
}

fn panic_of(assertion: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *catch_unwind(assertion).unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn what_does_not_hold_is_shown() {
    let transcript: Transcript = "C: CAPA\nC: STAT\nC: QUIT\n".parse().unwrap();
    let shown = panic_of(|| transcript.assert_commands(["CAPA", "LIST", "QUIT", "NOOP"]));
    assert!(shown.contains("    CAPA\n  - LIST\n  + STAT\n    QUIT\n  - NOOP\n"), "{shown}");
    assert!(panic_of(|| transcript.assert_said("LIST")).contains("never said `LIST`"));
    assert!(panic_of(|| transcript.assert_not_said("STAT")).contains("should not"));
    assert!(panic_of(|| transcript.assert_answered("+OK")).contains("never said `+OK`"));
}
