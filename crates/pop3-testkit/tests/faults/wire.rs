//! What goes over the wire, octet by octet.

use crate::{
    raw::{
        End::{self, Closed, Endless, Reset, Silent},
        Raw, begins_like, is_like,
    },
    support::{PATIENCE, left, server},
};

/// One fault at work.
struct Row {
    /// The form of the fault, as in `Fault::FORMS`.
    form: &'static str,
    rules: &'static [&'static str],
    /// What the client says, in one piece, with `|` for CRLF. It logs in before, but not before `>`.
    says: &'static str,
    /// What it hears then, where `*` is anything within a line.
    hears: &'static str,
    end: End,
    /// What is left in the maildrop.
    left: &'static str,
}

const fn row(
    form: &'static str,
    rules: &'static [&'static str],
    says: &'static str,
    hears: &'static str,
    end: End,
) -> Row {
    Row { form, rules, says, hears, end, left: "aa bb cc" }
}

const fn leaving(left: &'static str, row: Row) -> Row {
    Row { left, ..row }
}

pub(crate) fn forms() -> impl Iterator<Item = &'static str> {
    let tables = [INSTEAD, LOGINS, OPENINGS, ON_THE_WAY, ANSWERS, ENDLESS, NUMBERS, LISTINGS, DEEDS];
    tables.into_iter().flatten().map(|row| row.form)
}

#[track_caller]
fn check(rows: &[Row]) {
    for Row { form, rules, says, hears, end, left: expected_left } in rows {
        let server = server(rules);
        let mut client = Raw::connect(&server);
        let (login, hello, says) = match says.strip_prefix('>') {
            Some(says) => ("", "", says),
            None => ("USER alice|PASS wonderland|", "+OK*\r\n+OK*\r\n+OK*\r\n", *says),
        };
        client.say(&format!("{login}{says}").replace('|', "\r\n"));
        let expected = format!("{hello}{hears}");
        client.read_to(*end, |heard| is_like(heard, expected.as_bytes()));
        let heard = client.heard.as_slice();
        let is_right = match end {
            // How it begins is all that can be said.
            Endless => begins_like(heard, expected.as_bytes()),
            _ => is_like(heard, expected.as_bytes()),
        };
        let heard = heard[..heard.len().min(500)].escape_ascii().to_string();
        assert!(is_right, "`{form}`, {rules:?}: heard {heard} and not {expected:?}");
        if *end == Silent {
            assert_eq!(server.sessions()[0].end, None, "{rules:?}: the connection stays");
        }
        drop(client);
        server.wait_for_session(1, PATIENCE).unwrap();
        assert_eq!(left(&server), *expected_left, "{rules:?}");
    }
}

/// A message as it goes over the wire.
macro_rules! one {
    () => {
        "+OK*\r\nSubject: one\r\n\r\n..dot\r\n..\r\nend\r\n.\r\n"
    };
}

const INSTEAD: &[Row] = &[
    // -ERR for one message, and the others come.
    row(
        "answer TEXT",
        &["RETR 2: answer -ERR cannot read this message"],
        "RETR 2|RETR 1|RETR 2|QUIT|",
        concat!("-ERR cannot read this message\r\n", one!(), "-ERR cannot read this message\r\n+OK*\r\n"),
        Closed,
    ),
    // No CAPA, no UIDL.
    row("answer TEXT", &["CAPA: answer -ERR what"], ">CAPA|QUIT|", "+OK*\r\n-ERR what\r\n+OK*\r\n", Closed),
    row(
        "answer TEXT",
        &["UIDL: answer -ERR what"],
        "UIDL|UIDL 1|QUIT|",
        "-ERR what\r\n-ERR what\r\n+OK*\r\n",
        Closed,
    ),
    // Exactly this CAPA.
    row(
        "answer TEXT",
        &["CAPA: answer +OK\\r\\nUSER\\r\\n."],
        ">CAPA|QUIT|",
        "+OK*\r\n+OK\r\nUSER\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    // QUIT that is refused is not carried out, and the session goes on.
    row("answer TEXT", &["QUIT: answer -ERR sorry"], "DELE 1|QUIT|", "+OK*\r\n-ERR sorry\r\n", Silent),
    row(
        "answer TEXT",
        &["DELE: answer -ERR read only"],
        "DELE 1|QUIT|",
        "-ERR read only\r\n+OK*\r\n",
        Closed,
    ),
    // At one time of several, in one session of several.
    row(
        "answer TEXT",
        &["NOOP#2: answer -ERR x", "session 2 NOOP: answer -ERR y"],
        "NOOP|NOOP|NOOP|QUIT|",
        "+OK*\r\n-ERR x\r\n+OK*\r\n+OK*\r\n",
        Closed,
    ),
    row("hang", &["CAPA#1: hang"], ">CAPA|", "+OK*\r\n", Silent),
    row("hang", &["QUIT: hang"], "DELE 1|QUIT|", "+OK*\r\n", Silent),
    row("close", &["CAPA: close"], ">CAPA|", "+OK*\r\n", Closed),
    row("close", &["greeting: close"], ">", "", Closed),
    row("close", &["QUIT: close"], "DELE 1|QUIT|", "+OK*\r\n", Closed),
    row("reset", &["RETR: reset"], "NOOP|RETR 1|", "+OK*\r\n", Reset),
    row("reset", &["*#1: reset"], ">", "", Reset),
];

#[test]
fn commands_are_not_carried_out() {
    check(INSTEAD);
}

const LOGINS: &[Row] = &[
    row(
        "answer TEXT",
        &["PASS: answer -ERR [IN-USE] locked"],
        ">USER alice|PASS wonderland|QUIT|",
        "+OK*\r\n+OK*\r\n-ERR [IN-USE] locked\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [LOGIN-DELAY] wait"],
        ">USER alice|PASS wonderland|QUIT|",
        "+OK*\r\n+OK*\r\n-ERR [LOGIN-DELAY] wait\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [SYS/TEMP] later"],
        ">USER alice|PASS wonderland|QUIT|",
        "+OK*\r\n+OK*\r\n-ERR [SYS/TEMP] later\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [SYS/PERM] never"],
        ">USER alice|PASS wonderland|QUIT|",
        "+OK*\r\n+OK*\r\n-ERR [SYS/PERM] never\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR [AUTH] no"],
        ">USER alice|PASS wonderland|QUIT|",
        "+OK*\r\n+OK*\r\n-ERR [AUTH] no\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["PASS: answer -ERR maildrop is locked, try again later"],
        ">USER alice|PASS wonderland|QUIT|",
        "+OK*\r\n+OK*\r\n-ERR maildrop is locked, try again later\r\n+OK*\r\n",
        Closed,
    ),
    // The same in AUTH: with the response at once, and after a challenge.
    row(
        "answer TEXT",
        &["AUTH PLAIN: answer -ERR [IN-USE] locked"],
        ">AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=|QUIT|",
        "+OK*\r\n-ERR [IN-USE] locked\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["sasl: answer -ERR [IN-USE] locked"],
        ">AUTH PLAIN|AGFsaWNlAHdvbmRlcmxhbmQ=|QUIT|",
        "+OK*\r\n+ \r\n-ERR [IN-USE] locked\r\n+OK*\r\n",
        Closed,
    ),
];

#[test]
fn logins_are_refused() {
    check(LOGINS);
}

const OPENINGS: &[Row] = &[
    row(
        "answer TEXT",
        &["greeting: answer -ERR too busy", "greeting: close after 1000"],
        ">",
        "-ERR too busy\r\n",
        Closed,
    ),
    row(
        "answer TEXT",
        &["STLS: answer -ERR not now"],
        ">STLS|QUIT|",
        "+OK*\r\n-ERR not now\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "append TEXT",
        &["STLS: append +OK injected\\r\\n"],
        ">STLS|",
        "+OK*\r\n+OK*\r\n+OK injected\r\n",
        Silent,
    ),
    row(
        "prepend TEXT",
        &["greeting: prepend +Do you\\r\\n"],
        ">QUIT|",
        "+Do you\r\n+OK*\r\n+OK*\r\n",
        Closed,
    ),
    row("close", &["tls: close"], ">STLS|", "+OK*\r\n+OK*\r\n", Closed),
    row("answer TEXT", &["tls: answer no TLS here"], ">STLS|", "+OK*\r\n+OK*\r\nno TLS here\r\n", Silent),
    row("hang", &["tls: hang"], ">STLS|", "+OK*\r\n+OK*\r\n", Silent),
    row("say TEXT", &["greeting: say +ok"], ">QUIT|", "+ok\r\n+OK*\r\n", Closed),
];

#[test]
fn sessions_begin_wrongly() {
    check(OPENINGS);
}

const ON_THE_WAY: &[Row] = &[
    row("close after N", &["STAT: close after 7"], "STAT|", "+OK 3 7", Closed),
    row("close after N", &["QUIT: close after 0"], "NOOP|QUIT|", "+OK*\r\n", Closed),
    row("reset after N", &["NOOP: reset after 2"], "NOOP|", "+O", Reset),
    row("half-close after N", &["NOOP: half-close after 3"], "NOOP|", "+OK", Closed),
    row("stall after N", &["NOOP: stall after 1"], "NOOP|", "+", Silent),
    leaving("bb cc", row("stall after N", &["QUIT: stall after 0"], "DELE 1|QUIT|", "+OK*\r\n", Silent)),
    leaving("bb cc", row("close after N", &["QUIT: close after 0"], "DELE 1|QUIT|", "+OK*\r\n", Closed)),
];

#[test]
fn answers_suffer_on_their_way() {
    check(ON_THE_WAY);
}

/// Counted in octets, the wire itself being the rule.
#[test]
fn octets_are_counted_as_they_are_sent() {
    let whole_server = server(&[]);
    let mut whole = Raw::connect(&whole_server);
    whole.log_in();
    whole.say("RETR 1\r\n");
    whole.lines(7);
    for count in 0..whole.heard.len() {
        let (close, reset) = (format!("RETR: close after {count}"), format!("RETR: reset after {count}"));
        for (rule, end) in [(close, Closed), (reset, Reset)] {
            let server = server(&[&rule]);
            let mut client = Raw::connect(&server);
            client.log_in();
            client.say("RETR 1\r\n");
            client.read_to(end, |_| true);
            assert_eq!(client.heard, whole.heard[..count], "{rule}");
        }
    }
}

const ANSWERS: &[Row] = &[
    row("say TEXT", &["NOOP: say +OK"], "NOOP|QUIT|", "+OK\r\n+OK*\r\n", Closed),
    row(
        "say TEXT",
        &["RETR: say +ERR hm"],
        "RETR 2|QUIT|",
        "+ERR hm\r\nSubject: two\r\n\r\nsecond\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    leaving(
        "bb cc",
        row("say TEXT", &["QUIT: say -ERR sorry"], "DELE 1|QUIT|", "+OK*\r\n-ERR sorry\r\n", Closed),
    ),
    row(
        "append TEXT",
        &["TOP: append +OK\\r\\n.\\r\\n"],
        "TOP 2 0|QUIT|",
        "+OK*\r\nSubject: two\r\n\r\n.\r\n+OK\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "twice",
        &["TOP: twice"],
        "TOP 2 0|QUIT|",
        "+OK*\r\nSubject: two\r\n\r\n.\r\n+OK*\r\nSubject: two\r\n\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "bare-lf",
        &["RETR: bare-lf"],
        "RETR 1|QUIT|",
        "+OK*\nSubject: one\n\n..dot\n..\nend\n.\n+OK*\r\n",
        Closed,
    ),
    row("bare-lf", &["*: bare-lf"], ">QUIT|", "+OK*\n+OK*\n", Closed),
    row(
        "unstuffed",
        &["RETR: unstuffed"],
        "RETR 1|QUIT|",
        "+OK*\r\nSubject: one\r\n\r\n.dot\r\n.\r\nend\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "no-terminator",
        &["RETR: no-terminator"],
        "RETR 2|",
        "+OK*\r\nSubject: two\r\n\r\nsecond\r\n",
        Silent,
    ),
    row(
        "terminator TEXT",
        &["RETR: terminator .\\r"],
        "RETR 2|",
        "+OK*\r\nSubject: two\r\n\r\nsecond\r\n.\r",
        Silent,
    ),
    row(
        "no-last-crlf",
        &["RETR: no-last-crlf"],
        "RETR 2|",
        "+OK*\r\nSubject: two\r\n\r\nsecond.\r\n",
        Silent,
    ),
    row(
        "cut to N",
        &["RETR: cut to 17"],
        "RETR 2|QUIT|",
        "+OK*\r\nSubject: two\r\n\r\ns\r\n.\r\n+OK*\r\n",
        Closed,
    ),
];

#[test]
fn answers_are_others() {
    check(ANSWERS);
}

const ENDLESS: &[Row] = &[
    row("endless line", &["greeting: endless line"], ">", "+OK*xxxxxxxx", Endless),
    row("endless line", &["STAT: endless line"], "STAT|", "+OK 3 79xxxxxxxx", Endless),
    row("endless line", &["LIST: endless line"], "LIST|", "+OK*\r\nxxxxxxxx", Endless),
    row(
        "endless listing",
        &["LIST: endless listing"],
        "LIST|",
        "+OK*\r\n1 30\r\n2 24\r\n3 25\r\n1000000 1\r\n1000001 1\r\n",
        Endless,
    ),
    row(
        "endless message",
        &["RETR: endless message"],
        "RETR 2|",
        "+OK*\r\nSubject: two\r\n\r\nsecond\r\nendless endless*\r\nendless endless*\r\n",
        Endless,
    ),
];

#[test]
fn what_is_endless_goes_on() {
    check(ENDLESS);
}

const NUMBERS: &[Row] = &[
    row(
        "sizes +N",
        &["STAT: sizes +7"],
        "STAT|LIST|QUIT|",
        "+OK 3 86\r\n+OK*\r\n1 30\r\n2 24\r\n3 25\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "sizes -N",
        &["LIST: sizes -25"],
        "STAT|LIST|LIST 1|QUIT|",
        "+OK 3 79\r\n+OK*\r\n1 5\r\n2 0\r\n3 0\r\n.\r\n+OK 1 5\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "sizes *N",
        &["*: sizes *1000"],
        "STAT|LIST 2|QUIT|",
        "+OK 3 79000\r\n+OK 2 24000\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "sizes =TEXT",
        &["LIST: sizes =-1"],
        "LIST|QUIT|",
        "+OK*\r\n1 -1\r\n2 -1\r\n3 -1\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "unique-ids duplicate",
        &["UIDL: unique-ids duplicate"],
        "UIDL|UIDL 2|QUIT|",
        "+OK*\r\n1 the-same-for-all\r\n2 the-same-for-all\r\n3 the-same-for-all\r\n.\r\n+OK 2 the-same-for-all\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "unique-ids changed",
        &["UIDL: unique-ids changed"],
        "UIDL|UIDL 2|QUIT|",
        "+OK*\r\n1 changed-1-1\r\n2 changed-1-2\r\n3 changed-1-3\r\n.\r\n+OK 2 changed-1-2\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "unique-ids missing",
        &["UIDL: unique-ids missing"],
        "UIDL|QUIT|",
        "+OK*\r\n1\r\n2\r\n3\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "unique-ids long N",
        &["UIDL: unique-ids long 12"],
        "UIDL|QUIT|",
        "+OK*\r\n1 aaxxxxxxxxxx\r\n2 bbxxxxxxxxxx\r\n3 ccxxxxxxxxxx\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "unique-ids suffix TEXT",
        &["UIDL: unique-ids suffix /../ x"],
        "UIDL 1|QUIT|",
        "+OK 1 aa/../ x\r\n+OK*\r\n",
        Closed,
    ),
];

#[test]
fn sizes_and_unique_ids_are_wrong() {
    check(NUMBERS);
}

/// From the second session on, and in each another.
#[test]
fn unique_ids_change_from_session_to_session() {
    let server = server(&["session 2.. UIDL: unique-ids changed"]);
    for expected in ["+OK 1 aa\r\n", "+OK 1 changed-2-1\r\n", "+OK 1 changed-3-1\r\n"] {
        let mut client = Raw::connect(&server);
        client.log_in();
        client.say("UIDL 1\r\n");
        client.lines(1);
        assert_eq!(client.heard, expected.as_bytes());
        client.say("QUIT\r\n");
        client.read_to(Closed, |_| true);
    }
}

const LISTINGS: &[Row] = &[
    row(
        "separator TEXT",
        &["UIDL: separator \\x20\\x20\\x20"],
        "UIDL|UIDL 2|QUIT|",
        "+OK*\r\n1   aa\r\n2   bb\r\n3   cc\r\n.\r\n+OK 2   bb\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "trailing TEXT",
        &["UIDL: trailing \\x20", "STAT: trailing \\x20more"],
        "UIDL|STAT|QUIT|",
        "+OK*\r\n1 aa \r\n2 bb \r\n3 cc \r\n.\r\n+OK 3 79 more\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "no-number",
        &["UIDL: no-number"],
        "UIDL 2|UIDL|QUIT|",
        "+OK bb\r\n+OK*\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "ok-before-lines",
        &["UIDL: ok-before-lines"],
        "UIDL|QUIT|",
        "+OK*\r\n+OK 1 aa\r\n+OK 2 bb\r\n+OK 3 cc\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "shuffled",
        &["LIST: shuffled"],
        "LIST|UIDL|QUIT|",
        "+OK*\r\n3 25\r\n1 30\r\n2 24\r\n.\r\n+OK*\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "without TEXT",
        &["UIDL: without 2"],
        "UIDL|LIST|QUIT|",
        "+OK*\r\n1 aa\r\n3 cc\r\n.\r\n+OK*\r\n1 30\r\n2 24\r\n3 25\r\n.\r\n+OK*\r\n",
        Closed,
    ),
    row(
        "with TEXT",
        &["UIDL: with 4 dd"],
        "UIDL|QUIT|",
        "+OK*\r\n1 aa\r\n2 bb\r\n3 cc\r\n4 dd\r\n.\r\n+OK*\r\n",
        Closed,
    ),
];

#[test]
fn listings_are_odd() {
    check(LISTINGS);
}

/// STLS is not announced; something else is.
#[test]
fn capabilities_come_and_go() {
    for (rules, has_stls, has_more) in [
        (&[][..], true, false),
        (&["CAPA: without STLS"], false, false),
        (&["CAPA: with XSENDER"], true, true),
    ] {
        let server = server(rules);
        let mut client = Raw::connect(&server);
        client.say("CAPA\r\nQUIT\r\n");
        client.read_to(Closed, |_| true);
        let lines: Vec<&[u8]> = client.heard.split(|octet| *octet == b'\n').collect();
        assert!(lines.len() > 5, "there are capabilities");
        assert_eq!(lines.contains(&b"STLS\r".as_slice()), has_stls, "{rules:?}");
        assert_eq!(lines.contains(&b"XSENDER\r".as_slice()), has_more, "{rules:?}");
    }
}

const DEEDS: &[Row] = &[
    row("whole", &["TOP: whole"], "TOP 1 0|QUIT|", concat!(one!(), "+OK*\r\n"), Closed),
    leaving("bb cc", row("delete", &["RETR: delete"], "RETR 1|QUIT|", concat!(one!(), "+OK*\r\n"), Closed)),
    row("delete", &["RETR: delete"], "RETR 1|RSET|QUIT|", concat!(one!(), "+OK*\r\n+OK*\r\n"), Closed),
    row(
        "remove-nothing",
        &["QUIT: remove-nothing"],
        "DELE 1|DELE 2|QUIT|",
        "+OK*\r\n+OK*\r\n+OK*\r\n",
        Closed,
    ),
];

#[test]
fn the_server_does_something_else() {
    check(DEEDS);
}

/// What the rows above are worth: without a fault they fail.
#[test]
fn without_a_fault_nothing_is_wrong() {
    check(&[
        leaving("bb cc", row("", &[], "RETR 1|DELE 1|QUIT|", concat!(one!(), "+OK*\r\n+OK*\r\n"), Closed)),
        row(
            "",
            &[],
            "STAT|LIST|UIDL|QUIT|",
            "+OK 3 79\r\n+OK*\r\n1 30\r\n2 24\r\n3 25\r\n.\r\n+OK*\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n+OK*\r\n",
            Closed,
        ),
        row("", &[], "TOP 1 0|QUIT|", "+OK*\r\nSubject: one\r\n\r\n.\r\n+OK*\r\n", Closed),
    ]);
}
