//! Transcripts written by hand, as a server.

use pop3_client::{Connector, Login, Method, Security, blocking::Session};
use pop3_testkit::{TestServer, record::Replay};

use crate::{recorded::options_for_replay, support::Raw};

const LOGIN: &str = "S: +OK\nC: USER *\nS: +OK\nC: PASS *\nS: +OK\n";

fn replay(text: &str) -> Replay {
    Replay::new(&text.parse().unwrap())
}

#[test]
fn odd_octets_go_out_as_they_stand() {
    let text = format!("{LOGIN}C: RETR 1\nS~ +OK\\n\nS: a\\x00\\xff\nS~ x\\{{9}}\nS~ .\\r\n@server-eof\n");
    let replaying = replay(&text).serve().unwrap();
    let mut raw = Raw::connect(replaying.address());
    raw.send("user alice\r\nPASS p\r\nRETR 1\r\n");
    let mut said = Vec::new();
    std::io::Read::read_to_end(&mut raw.0, &mut said).unwrap();
    assert_eq!(said, b"+OK\r\n+OK\r\n+OK\r\n+OK\na\0\xff\r\nxxxxxxxxx.\r");
    replaying.wait_for_session().unwrap();
}

#[test]
fn a_client_that_says_something_else_is_told_and_so_is_the_test() {
    let replaying = replay(&format!("{LOGIN}C: STAT\nS: +OK 0 0\n")).serve().unwrap();
    let mut raw = Raw::connect(replaying.address());
    raw.send("USER alice\r\nPASS wonderland\r\nLIST\r\n");
    let said = raw.rest();
    assert_eq!(said.lines().nth(3), Some("-ERR `STAT` was recorded here, and not `LIST`"), "{said}");
    let error = replaying.wait_for_session().unwrap_err().to_string();
    assert!(error.starts_with("session 1: the client said `LIST`, but `STAT` was recorded"), "{error}");
}

#[test]
fn a_password_at_the_wrong_place_is_shown_to_nobody() {
    let replaying = replay("S: +OK\nC: STAT\nS: +OK 0 0\n").serve().unwrap();
    let mut raw = Raw::connect(replaying.address());
    raw.send("PASS wonderland\r\n");
    let said = raw.rest();
    let error = replaying.wait_for_session().unwrap_err().to_string();
    assert!(!said.contains("wonderland") && !error.contains("wonderland"), "{said}{error}");
}

#[test]
fn a_client_that_leaves_early_is_told_to_the_test() {
    let replaying = replay(&format!("{LOGIN}C: QUIT\nS: +OK bye\n")).serve().unwrap();
    let mut raw = Raw::connect(replaying.address());
    assert_eq!((raw.line(), raw.ask("USER alice")), ("+OK".to_owned(), "+OK".to_owned()));
    drop(raw);
    let error = replaying.wait_for_session().unwrap_err().to_string();
    assert!(error.contains("went away, but said `PASS *`"), "{error}");
}

#[test]
fn each_session_is_told_once_and_by_its_number() {
    let replaying = replay("S: +OK\nC: QUIT\nS: +OK\n").serve().unwrap();
    let mut raw = Raw::connect(replaying.address());
    raw.send("QUIT\r\n");
    assert_eq!(raw.rest(), "+OK\r\n+OK\r\n");
    replaying.wait_for_session().unwrap();
    let mut raw = Raw::connect(replaying.address());
    raw.send("NOOP\r\n");
    assert!(raw.rest().contains("-ERR"));
    let error = replaying.wait_for_session().unwrap_err().to_string();
    assert!(error.starts_with("session 2: "), "{error}");
}

// Conformance: S-2595-04, S-8314-01
#[test]
fn tls_is_where_the_transcript_has_it() {
    let server = TestServer::builder().start().unwrap();
    let session = "C: USER alice\nS: +OK\nC: PASS *\nS: +OK\nC: QUIT\nS: +OK bye\n";
    for (security, text) in [
        (Security::StlsRequired, format!("S: +OK hi\nC: STLS\nS: +OK go\n@tls\nC: CAPA\nS: -ERR\n{session}")),
        (Security::ImplicitTls, format!("@tls\nS: +OK hi\nC: CAPA\nS: -ERR\n{session}")),
    ] {
        let replaying = replay(&text).serve().unwrap();
        let options = options_for_replay(&server, replaying.address().port(), security);
        let session = Session::connect(&Connector::new(options).unwrap()).unwrap();
        let login = Login::password("alice", "wonderland").with_method(Method::UserPass);
        let session = session.login(&login).unwrap_or_else(|error| panic!("{security:?}: {}", error.error));
        session.quit().unwrap_or_else(|error| panic!("{security:?}: {error}"));
        replaying.wait_for_session().unwrap_or_else(|error| panic!("{security:?}: {error}"));
    }
}
