//! What our client makes of faults from the connection to the login: what it says, and what it never sends.

use pop3_client::{
    Connector, Error, Login, LoginError, Method, Roots, Security, blocking::Session, sasl::Mechanism,
};
use pop3_testkit::{
    TestServer,
    transcript::{Side, Transcript},
};

use crate::{
    our_client::{login, options, told},
    support::{PATIENCE, server},
};

/// How the client comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// Without TLS, and with USER and PASS.
    Plain,
    /// Without TLS, and with AUTH PLAIN.
    Auth,
    /// With STLS, which is required.
    Stls,
    /// With STLS where it is announced.
    Perhaps,
    /// With TLS.
    Tls,
}
use Comes::{Auth, Perhaps, Plain, Stls, Tls};

struct Row {
    form: &'static str,
    rules: &'static [&'static str],
    comes: Comes,
    /// `in`, or what went wrong; then whether the session lives on.
    gets: &'static str,
    /// What the server heard, with secrets masked and TLS left out.
    said: &'static [&'static str],
}

const fn row(
    form: &'static str,
    rules: &'static [&'static str],
    comes: Comes,
    gets: &'static str,
    said: &'static [&'static str],
) -> Row {
    Row { form, rules, comes, gets, said }
}

pub(crate) fn forms() -> impl Iterator<Item = &'static str> {
    [GREETINGS, CAPABILITIES, STARTS, REFUSALS].into_iter().flatten().map(|row| row.form)
}

fn connector(server: &TestServer, comes: Comes, gets: &str) -> Connector {
    let (security, port) = match comes {
        Plain | Auth => (Security::InsecurePlain, server.plain_port()),
        Stls => (Security::StlsRequired, server.stls_port()),
        Perhaps => (Security::InsecureOpportunistic, server.stls_port()),
        Tls => (Security::ImplicitTls, server.tls_port()),
    };
    let mut local = options(server, gets);
    local.host = "localhost".to_owned();
    let roots = Roots::File(server.ca_file().unwrap());
    Connector::new(local.with_security(security).with_port(port).with_roots(roots)).unwrap()
}

/// From the connection to the login, and QUIT, where the session lives on.
fn visit(connector: &Connector, comes: Comes) -> Result<(), Error> {
    let way = match comes {
        Auth => Login::password("alice", "wonderland").with_method(Method::Sasl(Mechanism::Plain)),
        _ => login(),
    };
    match Session::connect(connector)?.login(&way) {
        Ok(session) => session.quit(),
        Err(LoginError { session: Some(session), error, .. }) => {
            session.quit()?;
            Err(error)
        }
        Err(LoginError { session: None, error, .. }) => Err(error),
    }
}

/// What was said, without a TLS handshake that nobody took up.
fn commands(transcript: &Transcript) -> Vec<String> {
    let mut commands = transcript.commands();
    let handshake = commands.iter().position(|command| command.starts_with("\\x16\\x03"));
    commands.truncate(handshake.unwrap_or(commands.len()));
    commands
}

#[track_caller]
fn check(rows: &[Row]) {
    for Row { form, rules, comes, gets, said } in rows {
        let server = server(rules);
        let got = visit(&connector(&server, *comes, gets), *comes);
        let got = got.map_or_else(|error| told(&error), |()| "in".to_owned());
        assert_eq!(got, *gets, "`{form}`: {rules:?}, {comes:?}");
        let record = server.wait_for_session(1, PATIENCE).unwrap();
        assert_eq!(commands(&record.transcript), *said, "`{form}`: {rules:?}, {comes:?}");
        // Whatever happens, nothing that proves who somebody is goes where it must not.
        let in_clear = matches!(comes, Plain | Auth | Perhaps);
        assert!(in_clear || record.is_tls || record.user.is_none());
    }
}

const GREETINGS: &[Row] = &[
    row("answer TEXT", &["greeting: answer -ERR too busy"], Plain, "unavailable: -ERR too busy", &[]),
    row(
        "answer TEXT",
        &["greeting: answer -ERR [SYS/TEMP] too busy"],
        Stls,
        "unavailable: -ERR [SYS/TEMP] too busy",
        &[],
    ),
    row("hang", &["greeting: hang"], Plain, "no greeting: TimedOut", &[]),
    row("close", &["greeting: close"], Plain, "no greeting: UnexpectedEof", &[]),
    row("reset", &["greeting: reset"], Plain, "no greeting: ConnectionReset", &[]),
    row("say TEXT", &["greeting: say +OK"], Plain, "in", &["CAPA", "USER alice", "PASS *", "QUIT"]),
    row("prepend TEXT", &["greeting: prepend +Do you\\r\\n"], Stls, "broken: NotAGreeting(\"+Do you\")", &[]),
    row("append TEXT", &["greeting: append +OK\\r\\n"], Stls, "broken: UnsolicitedResponse", &[]),
    row("endless line", &["greeting: endless line"], Plain, "broken: LineTooLong { limit: 8192 }", &[]),
    row("stall after N", &["greeting: stall after 3"], Plain, "timed out", &[]),
];

// Conformance: C-1939-02, C-ROB-01, C-ROB-03, C-STLS-06
#[test]
fn greetings() {
    check(GREETINGS);
}

const CAPABILITIES: &[Row] = &[
    row("answer TEXT", &["CAPA: answer -ERR what"], Plain, "in", &["CAPA", "USER alice", "PASS *", "QUIT"]),
    row("hang", &["CAPA: hang"], Plain, "timed out", &["CAPA"]),
    row("close", &["CAPA: close"], Plain, "cut off", &["CAPA"]),
    row(
        "endless listing",
        &["CAPA: endless listing"],
        Plain,
        "broken: ListingTooLong { keyword: Capa, limit: 1000 }",
        &["CAPA"],
    ),
    row("no-terminator", &["CAPA: no-terminator"], Plain, "timed out", &["CAPA"]),
    // Not announced: who requires TLS asks for it all the same, and nothing in clear is asked before.
    row(
        "without TEXT",
        &["CAPA: without STLS"],
        Stls,
        "in",
        &["STLS", "CAPA", "USER alice", "PASS *", "QUIT"],
    ),
    row("without TEXT", &["CAPA: without STLS"], Perhaps, "in", &["CAPA", "USER alice", "PASS *", "QUIT"]),
    row("answer TEXT", &["CAPA: answer -ERR what"], Perhaps, "in", &["CAPA", "USER alice", "PASS *", "QUIT"]),
    // What was said in clear is asked again.
    row(
        "with TEXT",
        &["CAPA#1: with SASL X-LIE"],
        Perhaps,
        "in",
        &["CAPA", "STLS", "CAPA", "USER alice", "PASS *", "QUIT"],
    ),
];

// Conformance: C-2449-01, C-STLS-03, A-83
#[test]
fn capabilities() {
    check(CAPABILITIES);
}

/// Who was told not to ask gets in where CAPA closes the connection.
// Conformance: C-2449-02
#[test]
fn a_server_that_hangs_at_capa_need_not_be_asked() {
    for fault in ["hang", "close"] {
        let server = server(&[&format!("CAPA: {fault}")]);
        let mut options = options(&server, "in");
        options.asks_capabilities = false;
        visit(&Connector::new(options).unwrap(), Plain).unwrap();
    }
}

const STARTS: &[Row] = &[
    row("answer TEXT", &["STLS: answer -ERR not now"], Stls, "no TLS: -ERR not now", &["STLS"]),
    row(
        "answer TEXT",
        &["STLS: answer -ERR not now"],
        Perhaps,
        "in",
        &["CAPA", "STLS", "USER alice", "PASS *", "QUIT"],
    ),
    row("append TEXT", &["STLS: append +OK injected\\r\\n"], Stls, "broken: PlaintextAfterStls", &["STLS"]),
    row("append TEXT", &["STLS: append x"], Perhaps, "broken: PlaintextAfterStls", &["CAPA", "STLS"]),
    row("prepend TEXT", &["STLS: prepend +foo\\r\\n"], Stls, "broken: NoStatusIndicator", &["STLS"]),
    row("hang", &["STLS: hang"], Stls, "timed out", &["STLS"]),
    row("close", &["STLS: close"], Stls, "cut off", &["STLS"]),
    row("hang", &["tls: hang"], Stls, "timed out", &["STLS"]),
    row("hang", &["tls: hang"], Tls, "timed out", &[]),
    row("close", &["tls: close"], Stls, "lost: UnexpectedEof", &["STLS"]),
    row("close", &["tls: close"], Tls, "lost: UnexpectedEof", &[]),
    row("reset", &["tls: reset"], Tls, "lost: ConnectionReset", &[]),
    row("answer TEXT", &["tls: answer no TLS here"], Tls, "bad TLS", &[]),
    row(
        "stall after N for TIME",
        &["tls: stall after 0 for 100ms"],
        Tls,
        "in",
        &["CAPA", "USER alice", "PASS *", "QUIT"],
    ),
];

// Conformance: C-STLS-01, C-STLS-02, C-STLS-06, C-2595-05, A-77, A-78
#[test]
fn tls_that_does_not_start() {
    check(STARTS);
}

const USER: &[&str] = &["CAPA", "USER alice", "PASS *", "QUIT"];

const REFUSALS: &[Row] = &[
    row(
        "answer TEXT",
        &["PASS: answer -ERR [IN-USE] locked"],
        Plain,
        "login refused (not credentials, for now): -ERR [IN-USE] locked",
        USER,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [LOGIN-DELAY] wait"],
        Plain,
        "login refused (not credentials, for now): -ERR [LOGIN-DELAY] wait",
        USER,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [SYS/TEMP] later"],
        Plain,
        "login refused (not credentials, for now): -ERR [SYS/TEMP] later",
        USER,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [SYS/PERM] never"],
        Plain,
        "login refused (not credentials): -ERR [SYS/PERM] never",
        USER,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [AUTH] no"],
        Plain,
        "login refused (credentials): -ERR [AUTH] no",
        USER,
    ),
    // With AUTH-RESP-CODE announced, words alone are not about the credentials.
    row(
        "answer TEXT",
        &["PASS: answer -ERR maildrop is locked, try again later"],
        Plain,
        "login refused (not credentials): -ERR maildrop is locked, try again later",
        USER,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR maildrop is locked, try again later", "CAPA: without AUTH-RESP-CODE"],
        Plain,
        "login refused (credentials): -ERR maildrop is locked, try again later",
        USER,
    ),
    row(
        "answer TEXT",
        &["AUTH: answer -ERR [IN-USE] locked"],
        Auth,
        "login refused (not credentials, for now): -ERR [IN-USE] locked",
        &["CAPA", "AUTH PLAIN *", "QUIT"],
    ),
    row(
        "answer TEXT",
        &["CAPA: without SASL", "sasl: answer -ERR [IN-USE] locked"],
        Auth,
        "login refused (not credentials, for now): -ERR [IN-USE] locked",
        &["CAPA", "AUTH PLAIN", "QUIT"],
    ),
    row("close", &["PASS: close"], Plain, "cut off", &["CAPA", "USER alice", "PASS *"]),
    row("hang", &["CAPA: without SASL", "sasl: hang"], Auth, "timed out", &["CAPA", "AUTH PLAIN"]),
    row("close", &["AUTH: close"], Auth, "cut off", &["CAPA", "AUTH PLAIN *"]),
    row("stall after N", &["PASS: stall after 0"], Plain, "timed out", &["CAPA", "USER alice", "PASS *"]),
];

// Conformance: C-3206-01, C-3206-02, C-3206-03, C-REL-10
#[test]
fn refused_logins() {
    check(REFUSALS);
}

/// In use for the first session, and free for the second.
// Conformance: C-REL-10
#[test]
fn a_maildrop_that_is_in_use_once() {
    let rules =
        ["PASS", "AUTH", "sasl"].map(|point| format!("session 1 {point}: answer -ERR [IN-USE] locked"));
    let server = server(&rules.each_ref().map(String::as_str));
    for comes in [Plain, Auth] {
        let connector = connector(&server, comes, "in");
        if comes == Plain {
            let error = visit(&connector, comes).unwrap_err();
            assert!(error.is_temporary(), "{error}");
        }
        visit(&connector, comes).unwrap();
    }
    let sessions = server.wait_for_sessions(3, PATIENCE).unwrap();
    let users: Vec<_> = sessions.iter().map(|session| session.user.as_deref()).collect();
    assert_eq!(users, [None, Some("alice"), Some("alice")]);
    assert!(!sessions[0].transcript.lines(Side::Client).is_empty());
}
