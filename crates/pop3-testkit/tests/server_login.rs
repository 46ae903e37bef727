//! Every way to log in, by our client and by hand.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pop3_client::{Login, Method, Security, blocking::Session, sasl::Mechanism};
use pop3_testkit::{
    TestServer,
    server::{BearerForm, Builder, End},
    transcript::Side,
};
use support::{LIMIT, Raw, connector};

const PASSWORD: &str = "wonder land";
const TOKEN: &str = "ya29.a-token";

fn everything() -> Builder {
    TestServer::builder()
        .user("alice", PASSWORD)
        .token("alice", TOKEN)
        .external("alice")
        .anonymous("alice")
        .apop(true)
        .mechanisms(Mechanism::ALL)
}

/// What may stand in no transcript.
fn assert_masked(server: &TestServer) {
    for record in server.sessions() {
        let text = record.transcript.to_string();
        for secret in [PASSWORD, TOKEN] {
            assert!(!text.contains(secret), "{text}");
        }
        for line in record.transcript.lines(Side::Client) {
            for word in line.split(' ') {
                let decoded = STANDARD.decode(word).unwrap_or_default();
                let decoded = String::from_utf8_lossy(&decoded).into_owned();
                assert!(!decoded.contains(PASSWORD) && !decoded.contains(TOKEN), "{text}");
            }
        }
    }
}

// Conformance: S-5034-12, S-5034-14
#[test]
fn our_client_logs_in_in_every_way() {
    let server = everything().start().unwrap();
    let connector = connector(&server, Security::ImplicitTls);
    let password = || Login::password("alice", PASSWORD);
    let ways = [
        (password().with_method(Method::UserPass), "PASS"),
        (password().with_method(Method::Apop), "APOP"),
        (password().with_method(Method::Sasl(Mechanism::Plain)), "PLAIN"),
        (password().with_method(Method::Sasl(Mechanism::Login)), "LOGIN"),
        (password().with_method(Method::Sasl(Mechanism::CramMd5)), "CRAM-MD5"),
        // Where -PLUS is offered too: this client must not claim that it is not.
        (password().with_method(Method::Sasl(Mechanism::ScramSha1)), "SCRAM-SHA-1"),
        (password().with_method(Method::Sasl(Mechanism::ScramSha256)), "SCRAM-SHA-256"),
        (password().with_method(Method::Sasl(Mechanism::ScramSha1Plus)), "SCRAM-SHA-1-PLUS"),
        (password().with_method(Method::Sasl(Mechanism::ScramSha256Plus)), "SCRAM-SHA-256-PLUS"),
        (Login::token("alice", TOKEN).with_method(Method::Sasl(Mechanism::OauthBearer)), "OAUTHBEARER"),
        (Login::token("alice", TOKEN).with_method(Method::Sasl(Mechanism::Xoauth2)), "XOAUTH2"),
        (Login::external().with_method(Method::Sasl(Mechanism::External)), "EXTERNAL"),
    ];
    for (number, (login, way)) in (1..).zip(ways) {
        let session = Session::connect(&connector).unwrap();
        let session = session.login(&login).unwrap_or_else(|error| panic!("{way}: {error}"));
        session.quit().unwrap();
        let record = server.wait_for_session(number, LIMIT).unwrap();
        assert_eq!((record.login.as_deref(), record.user.as_deref()), (Some(way), Some("alice")));
    }
    assert_masked(&server);
}

#[test]
fn scram_works_without_tls_too() {
    let server = TestServer::builder().user("alice", PASSWORD).start().unwrap();
    let connector = connector(&server, Security::InsecurePlain);
    for (number, mechanism) in [(1, Mechanism::ScramSha1), (2, Mechanism::ScramSha256)] {
        let login = Login::password("alice", PASSWORD).with_method(Method::Sasl(mechanism));
        Session::connect(&connector).unwrap().login(&login).unwrap().quit().unwrap();
        let record = server.wait_for_session(number, LIMIT).unwrap();
        assert_eq!(record.login.as_deref(), Some(mechanism.name()));
    }
    assert_masked(&server);
}

// Conformance: S-5034-06, S-5034-08, S-5034-10
#[test]
fn exchanges_by_hand() {
    let server = everything().start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    assert!(raw.line().contains('<'));
    assert_eq!(raw.ask("AUTH PLAIN"), "+");
    assert!(raw.ask("*").starts_with("-ERR"));
    assert_eq!(raw.ask("AUTH LOGIN"), format!("+ {}", STANDARD.encode("Username:")));
    assert_eq!(raw.ask(&STANDARD.encode("alice")), format!("+ {}", STANDARD.encode("Password:")));
    assert!(raw.ask(&STANDARD.encode("wrong")).starts_with("-ERR [AUTH]"));
    raw.ask("USER alice");
    assert!(raw.ask(&format!("PASS {PASSWORD}")).starts_with("+OK"));
    raw.ask("QUIT");
    let record = server.wait_for_session(1, LIMIT).unwrap();
    record.transcript.assert_commands(["AUTH PLAIN", "AUTH LOGIN", "USER alice", "PASS *", "QUIT"]);
    assert_eq!(record.failed_logins, 1);

    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    assert!(raw.ask(&format!("AUTH ANONYMOUS {}", STANDARD.encode("me@here"))).starts_with("+OK"));
    raw.ask("QUIT");
    let record = server.wait_for_session(2, LIMIT).unwrap();
    assert_eq!((record.user.as_deref(), record.login.as_deref()), (Some("alice"), Some("ANONYMOUS")));
    assert_masked(&server);
}

#[test]
fn one_maildrop_is_open_once() {
    let server = everything().start().unwrap();
    let login = |raw: &mut Raw| {
        raw.line();
        raw.ask("USER alice");
        raw.ask(&format!("PASS {PASSWORD}"))
    };
    let mut first = Raw::connect(server.plain_address());
    assert!(login(&mut first).starts_with("+OK"));
    let mut second = Raw::connect(server.plain_address());
    assert!(login(&mut second).starts_with("-ERR [IN-USE]"));
    drop(first);
    server.wait_for_session(1, LIMIT).unwrap();
    second.ask("USER alice");
    assert!(second.ask(&format!("PASS {PASSWORD}")).starts_with("+OK"));
}

// ---- bearer tokens ----

fn xoauth2(token: &str) -> String {
    STANDARD.encode(format!("user=alice\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

fn bearer(form: BearerForm) -> (TestServer, Raw) {
    let server = everything().bearer_form(form).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    (server, raw)
}

// Conformance: S-7628-03
#[test]
fn a_wrong_token_is_refused_with_json() {
    let (server, mut raw) = bearer(BearerForm::Either);
    let challenge = raw.ask(&format!("AUTH XOAUTH2 {}", xoauth2("wrong")));
    let json = STANDARD.decode(challenge.strip_prefix("+ ").unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["status"], &json["schemes"]), (&"401".into(), &"bearer".into()));
    assert!(raw.ask("").starts_with("-ERR [AUTH]"));
    let message = STANDARD.encode("n,a=alice,\u{1}auth=Bearer wrong\u{1}\u{1}");
    let challenge = raw.ask(&format!("AUTH OAUTHBEARER {message}"));
    let json = STANDARD.decode(challenge.strip_prefix("+ ").unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["status"], "invalid_token");
    assert!(raw.ask("AQ==").starts_with("-ERR [AUTH]"));
    assert_masked(&server);
}

#[test]
fn both_forms_are_taken_unless_said_otherwise() {
    let (_one, mut raw) = bearer(BearerForm::Either);
    assert!(raw.ask(&format!("AUTH XOAUTH2 {}", xoauth2(TOKEN))).starts_with("+OK"));
    let (_two, mut raw) = bearer(BearerForm::Either);
    assert_eq!(raw.ask("AUTH XOAUTH2"), "+");
    assert!(raw.ask(&xoauth2(TOKEN)).starts_with("+OK"));
}

#[test]
fn a_token_with_auth_is_refused_where_two_lines_are_wanted() {
    let (server, mut raw) = bearer(BearerForm::TwoLine);
    raw.send(&format!("AUTH XOAUTH2 {}\r\n", xoauth2(TOKEN)));
    assert_eq!(raw.rest(), "-ERR Protocol error. Connection is closed. 10\r\n");
    assert_eq!(server.wait_for_session(1, LIMIT).unwrap().end, Some(End::TokenForm));
    // What needs no token is not concerned.
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    let plain = STANDARD.encode(format!("\0alice\0{PASSWORD}"));
    assert!(raw.ask(&format!("AUTH PLAIN {plain}")).starts_with("+OK"));
    drop(raw);
    server.wait_for_session(2, LIMIT).unwrap();
    let session = Session::connect(&connector(&server, Security::ImplicitTls)).unwrap();
    session.login(&Login::token("alice", TOKEN)).unwrap().quit().unwrap();
    assert_masked(&server);
}

#[test]
fn a_token_behind_auth_is_refused_where_one_line_is_wanted() {
    let (server, mut raw) = bearer(BearerForm::OneLine);
    assert!(raw.ask("AUTH OAUTHBEARER").starts_with("-ERR"));
    assert!(raw.ask(&format!("AUTH XOAUTH2 {}", xoauth2(TOKEN))).starts_with("+OK"));
    raw.ask("QUIT");
    assert_eq!(server.wait_for_session(1, LIMIT).unwrap().end, Some(End::Quit));
}

// Conformance: S-6856-01, S-6856-10
#[test]
fn names_and_passwords_may_be_utf8_where_it_is_said() {
    let server = TestServer::builder().user("jürgen", "grüße").utf8(true).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    raw.ask("CAPA");
    assert!(raw.lines().contains(&"UTF8 USER".to_owned()));
    assert!(raw.ask("USER jürgen").starts_with("+OK"));
    assert!(raw.ask("PASS grüße").starts_with("+OK"));
    server.deliver("jürgen", *b"").unwrap();
    assert_eq!(server.messages("jürgen").len(), 1);
}

#[test]
fn a_timestamp_in_the_greeting_is_the_one_that_counts() {
    let timestamp = "<1896.697170952@dbc.mtview.ca.us>";
    let builder = TestServer::builder().user("mrose", "tanstaaf").apop(true);
    let server = builder.greeting(format!("POP3 server ready {timestamp}")).start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    assert_eq!(raw.line(), format!("+OK POP3 server ready {timestamp}"));
    assert!(raw.ask("APOP mrose c4c9334bac560ecc979e58001b3e22fb").starts_with("+OK"));
    raw.ask("QUIT");
    server.wait_for_session(1, LIMIT).unwrap().transcript.assert_commands(["APOP mrose *", "QUIT"]);
    let text = server.sessions()[0].transcript.to_string();
    assert!(!text.contains("c4c9334"), "{text}");
}

#[test]
fn who_has_a_token_alone_has_a_maildrop_and_no_password() {
    let server =
        TestServer::builder().token("bob", TOKEN).message("bob", *b"Subject: one\n\n").start().unwrap();
    let mut raw = Raw::connect(server.plain_address());
    raw.line();
    for password in ["", " ", " wonderland"] {
        raw.ask("USER bob");
        assert!(raw.ask(&format!("PASS{password}")).starts_with("-ERR"), "`PASS{password}`");
    }
    for plain in ["\0bob\0", "\0bob\0wonderland"] {
        assert!(raw.ask(&format!("AUTH PLAIN {}", STANDARD.encode(plain))).starts_with("-ERR"), "{plain:?}");
    }
    drop(raw);
    let session = Session::connect(&connector(&server, Security::ImplicitTls)).unwrap();
    let mut session = session.login(&Login::token("bob", TOKEN)).unwrap();
    assert_eq!(session.stat().unwrap().count, 1);
    session.quit().unwrap();
}
