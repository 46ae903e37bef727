//! What our client makes of each fault once it is logged in: which error, whether the session can be used
//! after it, and what is left on the server.

use std::{
    io::{self, Read as _},
    time::Duration,
};

use pop3_client::{
    Connector, Error, Login, LoginError, Method, Options, Security, Timeouts, Transaction,
    blocking::Session,
    proto::{body::LineEnds, client::PeerMisbehaved, types::MessageNumber},
};
use pop3_testkit::TestServer;

use crate::support::{PATIENCE, left, server};

/// One fault, and what our client makes of it.
struct Row {
    form: &'static str,
    rule: &'static str,
    /// What it does; see [`act`].
    does: &'static str,
    /// What comes of it; see [`act`] and [`told`].
    gets: &'static str,
    then: Then,
    left: &'static str,
}

/// Whether NOOP works then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Usable,
    Over,
}
use Then::{Over, Usable};

const fn row(
    form: &'static str,
    rule: &'static str,
    does: &'static str,
    gets: &'static str,
    then: Then,
) -> Row {
    Row { form, rule, does, gets, then, left: "aa bb cc" }
}

const fn leaving(left: &'static str, row: Row) -> Row {
    Row { left, ..row }
}

pub(crate) fn forms() -> impl Iterator<Item = &'static str> {
    let tables = [REFUSALS, CUTS, ANSWERS, ENDLESS, LISTINGS, ENDS, LENIENT];
    tables.into_iter().flatten().map(|row| row.form)
}

/// Long enough for whatever comes; and short where it is known that nothing does.
pub(crate) fn options(server: &TestServer, gets: &str) -> Options {
    let read = if gets == "timed out" { Duration::from_millis(700) } else { PATIENCE };
    let timeouts =
        Timeouts { connect: PATIENCE, greeting: read, read, write: PATIENCE, session: Some(PATIENCE) };
    Options::new("127.0.0.1")
        .with_security(Security::InsecurePlain)
        .with_port(server.plain_port())
        .with_timeouts(timeouts)
}

pub(crate) fn login() -> Login {
    Login::password("alice", "wonderland").with_method(Method::UserPass)
}

/// In words, what an error is.
pub(crate) fn told(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => "timed out".to_owned(),
        Error::NoGreeting { source, .. } => format!("no greeting: {:?}", source.kind()),
        Error::Io(error) => format!("lost: {:?}", error.kind()),
        // So early that the socket knew before it was used.
        Error::Connect { source, .. } => format!("lost: {:?}", source.kind()),
        Error::Peer(PeerMisbehaved::UnexpectedEof) => "cut off".to_owned(),
        Error::Peer(error) => format!("broken: {error:?}"),
        Error::Refused { response, .. } => format!("refused: {response}"),
        Error::LoginRefused { response, is_credentials } => {
            let whom = if *is_credentials { "credentials" } else { "not credentials" };
            let when = if error.is_temporary() { ", for now" } else { "" };
            format!("login refused ({whom}{when}): {response}")
        }
        Error::Unavailable { response } => format!("unavailable: {response}"),
        Error::TlsUnavailable { response } => format!("no TLS: {response}"),
        Error::Tls { .. } => "bad TLS".to_owned(),
        error => format!("{error:?}"),
    }
}

/// Does one thing in a session, and says what comes of it.
fn act(does: &str, session: &mut Session<Transaction>) -> Result<String, Error> {
    let (command, number) = does.split_once(' ').unwrap_or((does, "1"));
    let number = MessageNumber::new(number.parse().unwrap()).unwrap();
    let join = |all: Vec<String>| all.join(" ");
    match command {
        "NOOP" => session.noop().map(|()| "done".to_owned()),
        "STAT" => session.stat().map(|drop| format!("{}/{}", drop.count, drop.size)),
        "SIZES" => {
            Ok(join(session.list()?.iter().map(|line| format!("{}:{}", line.number, line.size)).collect()))
        }
        "LIST" => session.list_one(number).map(|line| format!("{}:{}", line.number, line.size)),
        "IDS" => {
            let id = |id: &[u8]| id.escape_ascii().to_string();
            let lines = session.uidl()?;
            Ok(join(
                lines
                    .iter()
                    .map(|line| format!("{}:{}", line.number, id(line.unique_id.as_bytes())))
                    .collect(),
            ))
        }
        "UIDL" => {
            let line = session.uidl_one(number)?;
            Ok(format!("{}:{}", line.number, line.unique_id.as_bytes().escape_ascii()))
        }
        "RETR" | "TOP" => {
            let mut octets = Vec::new();
            let mut message = match command {
                "TOP" => session.top(number, 0)?,
                _ => session.retr(number)?,
            };
            message.read_to_end(&mut octets)?;
            Ok(octets.escape_ascii().to_string())
        }
        // Without keeping it.
        "DRAIN" => Ok(format!("{} octets", io::copy(&mut session.retr(number)?, &mut io::sink())?)),
        "DELE" => session.dele(number).map(|()| "done".to_owned()),
        "CAPA" => {
            let capabilities = session.capabilities()?;
            let more = capabilities.iter().any(|capability| format!("{capability:?}").contains("XSENDER"));
            Ok(format!("known {}, XSENDER {more}", capabilities.is_known()))
        }
        _ => panic!("{does}"),
    }
}

#[track_caller]
fn check(rows: &[Row], change: impl Fn(&mut Options)) {
    for Row { form, rule, does, gets, then, left: expected_left } in rows {
        let server = server(&[rule]);
        let mut options = options(&server, gets);
        change(&mut options);
        let connector = Connector::new(options).unwrap();
        let session = Session::connect(&connector).unwrap_or_else(|error| panic!("{rule}: {error}"));
        let session = session.login(&login()).map_err(|LoginError { error, .. }| error);
        let mut session = session.unwrap_or_else(|error| panic!("{rule}: {error}"));
        let (got, is_usable) = match does.strip_suffix(", QUIT") {
            Some(does) => {
                act(does, &mut session).unwrap_or_else(|error| panic!("{rule}: {error}"));
                (session.quit().map(|()| "done".to_owned()), false)
            }
            None => {
                let got = act(does, &mut session);
                let is_usable = session.rset().is_ok();
                drop(session);
                (got, is_usable)
            }
        };
        let got = got.unwrap_or_else(|error| told(&error));
        assert_eq!(got, *gets, "`{form}`: {rule}");
        assert_eq!(is_usable, *then == Usable, "{rule}: {does} gave {got}");
        server.wait_for_session(1, PATIENCE).unwrap();
        assert_eq!(left(&server), *expected_left, "{rule}");
    }
}

const ONE: &str = "Subject: one\\r\\n\\r\\n.dot\\r\\n.\\r\\nend\\r\\n";
const TWO: &str = "Subject: two\\r\\n\\r\\nsecond\\r\\n";
const IDS: &str = "1:aa 2:bb 3:cc";

const REFUSALS: &[Row] = &[
    row(
        "answer TEXT",
        "RETR 2: answer -ERR cannot read it",
        "RETR 2",
        "refused: -ERR cannot read it",
        Usable,
    ),
    row("answer TEXT", "RETR 2: answer -ERR cannot read it", "RETR 1", ONE, Usable),
    row("answer TEXT", "UIDL: answer -ERR what", "IDS", "refused: -ERR what", Usable),
    row("answer TEXT", "CAPA: answer -ERR what", "CAPA", "known false, XSENDER false", Usable),
    row("answer TEXT", "DELE: answer -ERR read only", "DELE 1", "refused: -ERR read only", Usable),
    row(
        "answer TEXT",
        "STAT: answer -ERR [LOGIN-DELAY] wait",
        "STAT",
        "refused: -ERR [LOGIN-DELAY] wait",
        Usable,
    ),
    row("hang", "RETR: hang", "RETR 1", "timed out", Over),
    row("close", "RETR: close", "RETR 1", "cut off", Over),
    row("reset", "RETR: reset", "RETR 1", "lost: ConnectionReset", Over),
];

// Conformance: C-2449-01, C-ROB-03
#[test]
fn a_refusal_leaves_the_session_and_a_lost_connection_does_not() {
    check(REFUSALS, |_| {});
}

const CUTS: &[Row] = &[
    row("close after N", "RETR: close after 3", "RETR 1", "cut off", Over),
    row("close after N", "RETR: close after 40", "RETR 1", "cut off", Over),
    row("reset after N", "RETR: reset after 40", "RETR 1", "lost: ConnectionReset", Over),
    row("half-close after N", "RETR: half-close after 40", "RETR 1", "cut off", Over),
    row("stall after N", "RETR: stall after 40", "RETR 1", "timed out", Over),
    row("stall after N for TIME", "RETR: stall after 40 for 100ms", "RETR 1", ONE, Usable),
    row("split at N,N,... [pause TIME]", "RETR: split at 1,3,4,19,21,22,23,40", "RETR 1", ONE, Usable),
    row("split every N [pause TIME]", "*: split every 1 pause 1ms", "RETR 1", ONE, Usable),
    row("no-terminator", "RETR: no-terminator", "RETR 1", "timed out", Over),
    row("terminator TEXT", "RETR: terminator .\\r", "RETR 1", "timed out", Over),
    row("terminator TEXT", "RETR: terminator .\\n", "RETR 1", "timed out", Over),
    row("no-last-crlf", "RETR: no-last-crlf", "RETR 1", "timed out", Over),
    row("bare-lf", "RETR: bare-lf", "RETR 1", "timed out", Over),
    row("bare-lf", "STAT: bare-lf", "STAT", "3/79", Usable),
    row("bare-lf", "UIDL: bare-lf", "IDS", IDS, Usable),
];

// Conformance: C-1939-06, C-ROB-03, A-82
#[test]
fn a_message_that_does_not_end_is_no_message() {
    check(CUTS, |_| {});
}

/// Wherever the connection ends, there is an error and never a short message.
// Conformance: C-1939-06
#[test]
fn a_message_is_cut_at_every_octet() {
    let length = ONE.replace("\\r\\n", "  ").len() + 4;
    for count in 0..length {
        for fault in ["close", "half-close", "reset"] {
            let server = server(&[&format!("RETR: {fault} after {count}")]);
            let session = Session::connect(&Connector::new(options(&server, fault)).unwrap()).unwrap();
            let mut session = session.login(&login()).unwrap();
            let error = act("RETR 1", &mut session).expect_err(fault);
            assert!(["cut off", "lost: ConnectionReset"].contains(&&*told(&error)), "{count}: {error}");
        }
    }
}

/// With lenient line ends.
const LENIENT: &[Row] = &[
    row("bare-lf", "RETR: bare-lf", "RETR 2", "Subject: two\\n\\nsecond\\n", Usable),
    row("bare-lf", "*: bare-lf", "RETR 2", "Subject: two\\n\\nsecond\\n", Usable),
    row("terminator TEXT", "RETR: terminator .\\n", "RETR 2", TWO, Usable),
];

#[test]
fn lenient_line_ends_take_lf_alone() {
    check(LENIENT, |options| options.line_ends = LineEnds::Lenient);
}

const ANSWERS: &[Row] = &[
    row("say TEXT", "NOOP: say +OK", "NOOP", "done", Usable),
    row("say TEXT", "NOOP: say +OKdone", "NOOP", "broken: NoStatusIndicator", Over),
    row("say TEXT", "NOOP: say +ok", "NOOP", "done", Usable),
    row("say TEXT", "NOOP: say +ERR hm", "NOOP", "broken: NoStatusIndicator", Over),
    row("say TEXT", "STAT: say +OK 3", "STAT", "3/0", Usable),
    row("prepend TEXT", "NOOP: prepend * hello\\r\\n", "NOOP", "broken: NoStatusIndicator", Over),
    row("append TEXT", "NOOP: append +OK\\r\\n", "NOOP", "done", Over),
    row("twice", "TOP: twice", "TOP 2", "Subject: two\\r\\n\\r\\n", Over),
    // The lone dot of the message ends it; what follows is no response, and the session is over with it.
    row("unstuffed", "RETR: unstuffed", "RETR 1", "Subject: one\\r\\n\\r\\ndot\\r\\n", Over),
    row("unstuffed", "RETR: unstuffed", "RETR 2", TWO, Usable),
    // Nobody can see this on the wire.
    row("cut to N", "RETR: cut to 17", "RETR 2", "Subject: two\\r\\n\\r\\ns\\r\\n", Usable),
    row("whole", "TOP: whole", "TOP 1", ONE, Usable),
];

// Conformance: C-1939-03, C-1957-01
#[test]
fn odd_answers_are_understood_or_end_the_session() {
    check(ANSWERS, |_| {});
}

const ENDLESS: &[Row] = &[
    row("endless line", "STAT: endless line", "STAT", "broken: LineTooLong { limit: 8192 }", Over),
    row("endless line", "LIST: endless line", "SIZES", "broken: LineTooLong { limit: 8192 }", Over),
    row(
        "endless listing",
        "LIST: endless listing",
        "SIZES",
        "broken: ListingTooLong { keyword: List, limit: 10000 }",
        Over,
    ),
    row(
        "endless listing",
        "UIDL: endless listing",
        "IDS",
        "broken: ListingTooLong { keyword: Uidl, limit: 10000 }",
        Over,
    ),
    row("endless message", "RETR: endless message", "DRAIN 1", "timed out", Over),
];

// Conformance: A-79, C-ROB-01, C-ROB-02, C-ROB-03
#[test]
fn what_is_endless_ends() {
    check(ENDLESS, |options| {
        options.max_listing = 10_000;
        options.timeouts.session = Some(Duration::from_secs(1));
    });
}

const LISTINGS: &[Row] = &[
    row("sizes +N", "STAT: sizes +7", "STAT", "3/86", Usable),
    row("sizes -N", "LIST: sizes -25", "SIZES", "1:5 2:0 3:0", Usable),
    row("sizes *N", "LIST: sizes *1000", "LIST 2", "2:24000", Usable),
    row("sizes =TEXT", "LIST: sizes =-1", "SIZES", "", Usable),
    row("sizes =TEXT", "STAT: sizes =garbage", "STAT", "3/0", Usable),
    row("sizes *N", "RETR: sizes *1000", "RETR 1", ONE, Usable),
    row(
        "unique-ids duplicate",
        "UIDL: unique-ids duplicate",
        "IDS",
        "1:the-same-for-all 2:the-same-for-all 3:the-same-for-all",
        Usable,
    ),
    row(
        "unique-ids changed",
        "UIDL: unique-ids changed",
        "IDS",
        "1:changed-1-1 2:changed-1-2 3:changed-1-3",
        Usable,
    ),
    row("unique-ids missing", "UIDL: unique-ids missing", "IDS", "", Usable),
    row(
        "unique-ids long N",
        "UIDL: unique-ids long 75",
        "UIDL 2",
        "2:bbxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        Usable,
    ),
    row("unique-ids suffix TEXT", "UIDL: unique-ids suffix /../ \\xff", "UIDL 2", "2:bb/../ \\xff", Usable),
    row("separator TEXT", "UIDL: separator \\x20\\x20\\x20", "IDS", IDS, Usable),
    row("separator TEXT", "*: separator \\x20\\x20\\x20", "SIZES", "1:30 2:24 3:25", Usable),
    row("separator TEXT", "STAT: separator \\x20\\x20\\x20", "STAT", "3/79", Usable),
    row("trailing TEXT", "UIDL: trailing \\x20", "IDS", IDS, Usable),
    row("trailing TEXT", "STAT: trailing \\x20more", "STAT", "3/79", Usable),
    row("trailing TEXT", "LIST: trailing \\x20more", "SIZES", "1:30 2:24 3:25", Usable),
    row("no-number", "UIDL: no-number", "UIDL 2", "2:bb", Usable),
    row("ok-before-lines", "UIDL: ok-before-lines", "IDS", IDS, Usable),
    row("shuffled", "LIST: shuffled", "SIZES", "3:25 1:30 2:24", Usable),
    row("without TEXT", "UIDL: without 2", "IDS", "1:aa 3:cc", Usable),
    row("with TEXT", "UIDL: with 1 dd", "IDS", "broken: MalformedListing { keyword: Uidl }", Usable),
    row("with TEXT", "CAPA: with XSENDER", "CAPA", "known true, XSENDER true", Usable),
];

// Conformance: C-1939-04, C-PROV-07, C-PROV-08, C-ROB-02, C-ROB-04, A-81
#[test]
fn odd_listings_are_read_as_far_as_they_make_sense() {
    check(LISTINGS, |_| {});
}

const ENDS: &[Row] = &[
    row("hang", "QUIT: hang", "DELE 1, QUIT", "timed out", Over),
    row("close", "QUIT: close", "DELE 1, QUIT", "cut off", Over),
    row("answer TEXT", "QUIT: answer -ERR sorry", "DELE 1, QUIT", "refused: -ERR sorry", Over),
    leaving("bb cc", row("stall after N", "QUIT: stall after 0", "DELE 1, QUIT", "timed out", Over)),
    leaving("bb cc", row("close after N", "QUIT: close after 0", "DELE 1, QUIT", "cut off", Over)),
    leaving("bb cc", row("say TEXT", "QUIT: say -ERR sorry", "DELE 1, QUIT", "refused: -ERR sorry", Over)),
    row("remove-nothing", "QUIT: remove-nothing", "DELE 1, QUIT", "done", Over),
    leaving("bb cc", row("delete", "RETR: delete", "RETR 1, QUIT", "done", Over)),
    // Taking back all marks takes back the server's own too.
    row("delete", "RETR: delete", "RETR 1", ONE, Usable),
];

/// An error at QUIT says that nothing is known; `Ok` is the server's word.
// Conformance: C-1939-08
#[test]
fn only_quit_that_was_answered_well_is_done() {
    check(ENDS, |_| {});
}
