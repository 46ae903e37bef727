//! What some dialects say, octet for octet, to a client that knows nothing.

use pop3_testkit::{TestServer, profile::Profile};

use crate::support::{LIMIT, Raw};

fn server(name: &str) -> TestServer {
    let profile = Profile::named(name).unwrap();
    let builder = TestServer::builder().profile(&profile).user("alice", "wonderland");
    let builder = builder.message_as("alice", "first", *b"Subject: one\r\n\r\n.dot\r\n");
    builder.message_as("alice", "second", *b"Subject: two\r\n\r\nx\r\n").start().unwrap()
}

/// All that the server says to these lines.
fn said(name: &str, lines: &[&str]) -> String {
    let server = server(name);
    let mut raw = Raw::connect(server.plain_address());
    for line in lines {
        raw.send(&format!("{line}\r\n"));
    }
    raw.send("QUIT\r\n");
    let said = raw.rest();
    server.wait_for_session(1, LIMIT).unwrap();
    said
}

const LOGIN: [&str; 2] = ["USER alice", "PASS wonderland"];

// Conformance: C-PROV-03
#[test]
fn gmail_announces_what_it_was_seen_to_announce() {
    let expected = "+OK Gpop ready for requests from 127.0.0.1 a1b2c3d4e5\r\n+OK Capability list follows\r\n\
        USER\r\nRESP-CODES\r\nEXPIRE 0\r\nLOGIN-DELAY 300\r\nTOP\r\nUIDL\r\nX-GOOGLE-RICO\r\n\
        SASL PLAIN XOAUTH2 OAUTHBEARER\r\n.\r\n+OK Goodbye\r\n";
    assert_eq!(said("gmail", &["CAPA"]), expected);
}

#[test]
fn qmail_has_few_words() {
    let said = said("qmail", &["CAPA", "AUTH", LOGIN[0], LOGIN[1], "UIDL", "UIDL 2", "LAST", "RETR 2"]);
    let expected = "+OK <123.1700000000@localhost>\r\n-ERR authorization first\r\n-ERR authorization first\r\n\
        +OK \r\n+OK \r\n+OK \r\n1 first\r\n2 second\r\n.\r\n+OK 2 second\r\n+OK 0\r\n\
        +OK \r\nSubject: two\r\n\r\nx\r\n.\r\n+OK \r\n";
    assert_eq!(said, expected);
}

#[test]
fn words_of_success_do_not_hide_a_failure() {
    let said = said("courier", &["USER alice", "PASS wrong", "USER alice", "PASS wonderland", "DELE 9"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "+OK Hello there.",
            "+OK Password required.",
            "-ERR Login failed.",
            "+OK Password required.",
            "+OK logged in.",
        ]
    );
    assert!(lines[5].starts_with("-ERR"), "{said}");
    assert_eq!(lines[6], "+OK Bye-bye.");
}

// Conformance: C-PROV-07
#[test]
fn maillennium_spaces_out() {
    let said = said("maillennium", &[LOGIN[0], LOGIN[1], "UIDL"]);
    assert!(said.contains("\r\n1   first \r\n2   second \r\n.\r\n"), "{said}");
}

// Conformance: C-PROV-07
#[test]
fn the_server_of_k9_1237_says_ok_before_each_line() {
    let said = said("k9-1237", &[LOGIN[0], LOGIN[1], "UIDL", "LIST"]);
    assert!(said.contains("\r\n+OK 1 first\r\n+OK 2 second\r\n.\r\n"), "{said}");
    assert!(said.contains("\r\n1 22\r\n2 19\r\n.\r\n"), "{said}");
}

// Conformance: C-PROV-08
#[test]
fn twisted_leaves_the_number_out() {
    let said = said("twisted", &[LOGIN[0], LOGIN[1], "UIDL 2", "LIST 2"]);
    assert!(said.contains("\r\n+OK second\r\n+OK 2 19\r\n"), "{said}");
}

#[test]
fn hmailserver_does_not_stuff_in_top() {
    let said = said("hmailserver", &[LOGIN[0], LOGIN[1], "TOP 1 1", "RETR 1"]);
    assert!(said.contains("\r\n\r\n.dot\r\n.\r\n") && said.contains("\r\n\r\n..dot\r\n.\r\n"), "{said}");
}

#[test]
fn ftgate_answers_top_twice_and_with_everything() {
    let said = said("ftgate", &[LOGIN[0], LOGIN[1], "TOP 1 0"]);
    assert!(
        said.contains(
            "\r\n\r\n..dot\r\n.\r\n+OK Message follows\r\nSubject: one\r\n\r\n..dot\r\n.\r\n+OK Goodbye"
        ),
        "{said}"
    );
}

#[test]
fn notes_shows_another_header_in_top() {
    let said = said("notes", &[LOGIN[0], LOGIN[1], "TOP 1 0", "RETR 1"]);
    assert!(said.contains("Subject: as TOP has it\r\n") && said.contains("Subject: one\r\n"), "{said}");
}

#[test]
fn post_office_has_sizes_of_minus_one() {
    let said = said("post-office", &[LOGIN[0], LOGIN[1], "LIST"]);
    assert!(said.contains("\r\n1 -1\r\n2 -1\r\n.\r\n"), "{said}");
}

#[test]
fn exchange_2000_forgets_a_line_end() {
    let server = server("exchange-2000");
    let mut raw = Raw::connect(server.plain_address());
    for line in [LOGIN[0], LOGIN[1], "RETR 2", "NOOP"] {
        raw.send(&format!("{line}\r\n"));
    }
    let lines: Vec<String> = std::iter::repeat_with(|| raw.line()).take(8).collect();
    assert_eq!(lines[4..7], ["Subject: two", "", "x."], "{lines:?}");
    assert!(lines[7].starts_with("+OK"), "{lines:?}");
}

#[test]
fn ntlm_of_exchange_2003_is_no_challenge() {
    let said = said("exchange-2003", &["AUTH NTLM", "AUTH"]);
    assert!(said.starts_with("+OK Microsoft Exchange Server 2003 POP3 server"), "{said}");
    assert_eq!(said.lines().nth(1), Some("+OK"), "{said}");
}

#[test]
fn the_minimal_server_has_nothing_optional() {
    let said = said("minimal", &["CAPA", "AUTH", "STLS", LOGIN[0], LOGIN[1], "UIDL", "TOP 1 0"]);
    assert_eq!(said.matches("-ERR unknown command\r\n").count(), 5, "{said}");
}

/// The words for a failed login are not said of a token in the wrong form.
#[test]
fn exchange_online_tells_a_token_in_the_wrong_form_from_a_wrong_one() {
    let builder = TestServer::builder().token("alice", "ya29.a-token");
    let server = builder.profile(&Profile::named("exchange-online").unwrap()).start().unwrap();
    // user=alice, and a token that is not hers.
    let wrong = "dXNlcj1hbGljZQFhdXRoPUJlYXJlciB3cm9uZwEB";
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    assert_eq!(raw.ask(&format!("AUTH XOAUTH2 {wrong}")), "-ERR Protocol error. Connection is closed. 10");
    assert_eq!(raw.rest(), "");
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    assert_eq!(raw.ask("AUTH XOAUTH2"), "+");
    assert!(raw.ask(wrong).starts_with("+ "));
    assert_eq!(raw.ask(""), "-ERR Logon failure: unknown user name or bad password.");
}
