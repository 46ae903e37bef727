//! `fetch`, twice, from a server with something wrong: what is in the Maildir then, how often, and what is
//! left on the server.

use std::collections::BTreeMap;

use pop3_testkit::{TestServer, fault::Plan, server::SessionRecord, transcript::Side};

use crate::support::program::{Home, mail_in};

/// One fault, and what two runs make of it.
struct Row {
    rules: &'static [&'static str],
    /// Arguments beside the server and the Maildir.
    arguments: &'static [&'static str],
    codes: [i32; 2],
    /// The messages in the Maildir by name; `name*2` is there twice, `part` is none of them.
    mail: &'static str,
    /// The unique-ids of what the server still has.
    left: &'static str,
}

const fn row(
    rules: &'static [&'static str],
    arguments: &'static [&'static str],
    codes: [i32; 2],
    mail: &'static str,
    left: &'static str,
) -> Row {
    Row { rules, arguments, codes, mail, left }
}

/// Unique-id, and message.
fn messages() -> [(&'static str, String); 4] {
    let big = format!("Subject: big\n\n{}", "a line of thirty-two octets ....\n".repeat(400));
    [
        ("one", "Subject: one\n\n.dot\n.\nend\n".to_owned()),
        ("two", "Subject: two\n\nsecond\n".to_owned()),
        ("three", "Subject: three\n\nthird\n".to_owned()),
        ("big", big),
    ]
}

#[track_caller]
fn check(rows: &[Row]) {
    for Row { rules, arguments, codes, mail, left } in rows {
        let mut builder = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
        for (unique_id, message) in messages() {
            builder = builder.message_as("alice", unique_id, message.into_bytes());
        }
        for rule in *rules {
            builder = builder.fault(rule.parse().unwrap());
        }
        let server = builder.start().unwrap();
        let home = Home::new();
        // Short only where something is known not to come.
        let is_quiet = ["hang", "stall", "bare-lf", "no-terminator", "no-last-crlf"]
            .iter()
            .any(|fault| rules.iter().any(|rule| rule.contains(fault)));
        let arguments = [*arguments, &["--timeout", if is_quiet { "2" } else { "60" }]].concat();
        let ran = [(); 2].map(|()| home.fetch(server.plain_port(), &arguments));
        let told = format!("{rules:?} {arguments:?}: {ran:#?}");
        assert_eq!(ran.map(|ran| ran.code.unwrap()), *codes, "{told}");
        assert_eq!(names(mail_in(&home.maildir())), *mail, "{told}");
        let stored = server.messages("alice");
        let stored: Vec<&str> = stored.iter().map(|message| message.unique_id.as_str()).collect();
        assert_eq!(stored.join(" "), *left, "{told}");
    }
}

fn names(mail: BTreeMap<Vec<u8>, usize>) -> String {
    let mut names: Vec<String> = Vec::new();
    let known = messages();
    for (octets, count) in mail {
        let name =
            known.iter().find(|(_, message)| message.as_bytes() == octets).map_or("part", |(name, _)| name);
        names.push(if count == 1 { name.to_owned() } else { format!("{name}*{count}") });
    }
    names.sort();
    names.join(" ")
}

const ALL: &str = "big one three two";
const EVERYTHING: &str = "one two three big";
const DELETE: &[&str] = &["--delete"];

// Conformance: C-1939-06, C-REL-03
#[test]
fn a_session_that_breaks_is_made_up_for_by_the_next() {
    check(&[
        row(&[], DELETE, [0, 0], ALL, ""),
        row(&["session 1 RETR 2: reset after 20"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 RETR 2: close after 20"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 RETR 4: half-close after 2000"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 RETR 4: stall after 2000"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 RETR 4: split every 100 pause 1ms"], DELETE, [0, 0], ALL, ""),
        row(&["session 1 DELE 2: close"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 DELE: answer -ERR x"], DELETE, [1, 0], ALL, ""),
        row(&["session 1 STAT: hang"], DELETE, [75, 0], ALL, ""),
    ]);
}

// Conformance: C-5034-06
#[test]
fn a_mechanism_that_does_not_work_is_not_the_end() {
    const BARE: [&str; 3] = ["CAPA: without AUTH-RESP-CODE", "CAPA: without SASL", "CAPA: with SASL PLAIN"];
    check(&[
        row(&[BARE[0], BARE[1], BARE[2], "AUTH: answer -ERR syntax error"], DELETE, [0, 0], ALL, ""),
        row(&[BARE[0], BARE[1], BARE[2], "AUTH: answer -ERR"], DELETE, [0, 0], ALL, ""),
        row(&[BARE[0], BARE[1], BARE[2], "AUTH: close"], DELETE, [0, 0], ALL, ""),
        row(&[BARE[0], BARE[1], BARE[2], "AUTH: reset"], DELETE, [0, 0], ALL, ""),
        row(&[BARE[1], BARE[2], "AUTH: close"], DELETE, [0, 0], ALL, ""),
        row(&[BARE[1], BARE[2], "AUTH: answer -ERR what?"], DELETE, [0, 0], ALL, ""),
        row(&["AUTH: answer -ERR what?"], &["--auth", "+USER"], [0, 0], ALL, EVERYTHING),
        // SCRAM is not followed by a password as such.
        row(&["AUTH: answer -ERR what?"], DELETE, [69, 69], "", EVERYTHING),
        row(&[BARE[0], BARE[1], BARE[2], "AUTH: answer -ERR [AUTH] no"], DELETE, [77, 77], "", EVERYTHING),
    ]);
}

// Conformance: C-ROB-04
#[test]
fn one_odd_line_hides_no_mail() {
    check(&[
        row(&[r"UIDL: say +OK\r\n"], DELETE, [0, 0], ALL, ""),
        row(&[r"UIDL: say +OK\r\nnumber unique-id"], DELETE, [0, 0], ALL, ""),
        row(&[r"LIST: say +OK\r\n"], DELETE, [0, 0], ALL, ""),
        row(&[r"LIST: say +OK\r\n4 messages follow:\r\n"], DELETE, [0, 0], ALL, ""),
        row(&["STAT: answer -ERR not here"], DELETE, [0, 0], ALL, ""),
        row(&["STAT: answer +OK you have mail"], DELETE, [0, 0], ALL, ""),
        row(
            &["STAT: answer -ERR no", r"LIST: say +OK\r\n", r"UIDL: say +OK\r\n"],
            &[],
            [0, 0],
            ALL,
            EVERYTHING,
        ),
        // What contradicts stops, and nothing is removed.
        row(&[r"session 1 UIDL: say +OK\r\n-ERR gone"], DELETE, [76, 0], ALL, ""),
        row(&[r"session 1 LIST: say +OK\r\n0 7"], DELETE, [76, 0], ALL, ""),
    ]);
}

// Conformance: C-1939-08, C-REL-09
#[test]
fn whatever_becomes_of_quit_nothing_is_lost_or_doubled() {
    check(&[
        row(&["session 1 QUIT: close"], DELETE, [3, 0], ALL, ""),
        row(&["session 1 QUIT: close after 0"], DELETE, [3, 0], ALL, ""),
        row(&["session 1 QUIT: hang"], DELETE, [3, 0], ALL, ""),
        row(&["session 1 QUIT: stall after 0"], DELETE, [3, 0], ALL, ""),
        row(&["session 1 QUIT: say -ERR x"], DELETE, [3, 0], ALL, ""),
        row(&["session 1 QUIT: answer -ERR x"], DELETE, [3, 0], ALL, ""),
        row(&["session 1 QUIT: remove-nothing"], DELETE, [0, 0], ALL, ""),
        // Nothing was to be removed.
        row(&["QUIT: close"], &[], [0, 0], ALL, EVERYTHING),
    ]);
}

// Conformance: C-1939-10, C-1939-12, C-REL-07, C-ROB-05, A-81
#[test]
fn odd_unique_ids_lose_and_double_nothing() {
    check(&[
        row(&["UIDL: unique-ids duplicate"], DELETE, [0, 0], ALL, ""),
        row(&["UIDL: unique-ids duplicate"], &[], [0, 0], ALL, EVERYTHING),
        row(&["UIDL: unique-ids changed"], &[], [0, 0], ALL, EVERYTHING),
        row(&["UIDL: unique-ids missing"], DELETE, [0, 0], ALL, ""),
        row(&["UIDL: unique-ids missing"], &[], [1, 1], "", EVERYTHING),
        row(&["UIDL: unique-ids long 300"], DELETE, [0, 0], ALL, ""),
        row(&["UIDL: unique-ids suffix /../\\xff x"], &[], [0, 0], ALL, EVERYTHING),
        row(&["UIDL: answer -ERR what"], &[], [75, 75], "", EVERYTHING),
        row(&["UIDL: answer -ERR what", "CAPA: without UIDL"], &[], [69, 69], "", EVERYTHING),
        row(&["UIDL: answer -ERR what", "CAPA: without UIDL"], DELETE, [0, 0], ALL, ""),
        row(&["UIDL: without 2"], &[], [1, 1], "big one three", EVERYTHING),
        row(&["UIDL: with 9 more"], &[], [0, 0], ALL, EVERYTHING),
        row(&["UIDL: ok-before-lines"], &[], [0, 0], ALL, EVERYTHING),
        row(&["*: separator \\x20\\x20", "*: trailing \\x20"], &[], [0, 0], ALL, EVERYTHING),
        row(&["*: shuffled"], &[], [0, 0], ALL, EVERYTHING),
    ]);
}

// Conformance: C-ROB-02, C-ROB-04
#[test]
fn sizes_are_hints() {
    check(&[
        row(&["LIST: sizes +7"], DELETE, [0, 0], ALL, ""),
        row(&["LIST: sizes =-1"], DELETE, [0, 0], ALL, ""),
        row(&["LIST: without 2"], &[], [0, 0], ALL, EVERYTHING),
        row(&["STAT: sizes =x"], DELETE, [0, 0], ALL, ""),
        // What looks like a small part of a message is stored, and stays where it is.
        row(&["LIST: sizes *1000"], DELETE, [1, 1], ALL, EVERYTHING),
        row(&["RETR 4: cut to 100"], &[], [1, 1], "one part three two", EVERYTHING),
    ]);
}

// Conformance: C-1939-06, A-82
#[test]
fn messages_that_are_not_what_they_should_be_are_not_lost() {
    check(&[
        row(&["RETR 2: answer -ERR cannot read it"], &[], [1, 1], "big one three", EVERYTHING),
        row(&["session 1 RETR 1: unstuffed"], DELETE, [76, 0], ALL, ""),
        row(&["session 1 RETR 1: unstuffed", "CAPA: without PIPELINING"], DELETE, [76, 0], ALL, ""),
        // What is delivered is delivered, and the whole message comes too.
        row(&["session 1 RETR 4: cut to 100"], DELETE, [1, 0], "big one part three two", ""),
        row(&["RETR: bare-lf"], DELETE, [75, 75], "", EVERYTHING),
        row(&["RETR: bare-lf"], &["--delete", "--lenient-line-ends"], [0, 0], ALL, ""),
        row(&["RETR: no-terminator"], DELETE, [75, 75], "", EVERYTHING),
        row(&["session 1 RETR 2: no-terminator"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 RETR 2: no-last-crlf"], DELETE, [75, 0], ALL, ""),
        row(&["session 1 RETR 2: no-last-crlf", "CAPA: without PIPELINING"], DELETE, [75, 0], ALL, ""),
        row(&["RETR: delete"], &[], [0, 0], ALL, ""),
        row(&["session 1 RETR 1: twice", "CAPA: without PIPELINING"], DELETE, [76, 0], ALL, ""),
    ]);
}

// Conformance: A-79, C-ROB-01, C-ROB-02
#[test]
fn what_is_endless_ends_the_run_and_not_the_mail() {
    check(&[
        row(&["RETR 2: endless message"], &["--max-octets", "100000"], [1, 1], "big one three", EVERYTHING),
        row(&["LIST: endless listing"], DELETE, [76, 76], "", EVERYTHING),
        row(&["STAT: endless line"], DELETE, [76, 76], "", EVERYTHING),
        row(&["greeting: endless line"], DELETE, [76, 76], "", EVERYTHING),
    ]);
}

// Conformance: C-2449-01, C-3206-02, C-REL-10
#[test]
fn a_server_that_does_not_want_to_is_asked_again() {
    let in_use = &[
        "session 1 PASS: answer -ERR [IN-USE] x",
        "session 1 AUTH: answer -ERR [IN-USE] x",
        "session 1 sasl: answer -ERR [IN-USE] x",
    ];
    check(&[
        row(&["session 1 greeting: answer -ERR busy"], DELETE, [69, 0], ALL, ""),
        row(in_use, DELETE, [75, 0], ALL, ""),
        row(&["CAPA: answer -ERR what"], DELETE, [0, 0], ALL, ""),
        row(&["CAPA: close"], DELETE, [0, 0], ALL, ""),
        row(&["CAPA: hang"], DELETE, [0, 0], ALL, ""),
    ]);
}

/// The last message, of which the rest comes when it seems to have ended: the server does not stuff.
// Conformance: C-1939-06
#[test]
fn the_rest_of_the_last_message_may_come_late() {
    let message = "Subject: one\n\nbefore\n.\nafter\n";
    for at in [38, 41, 45] {
        let server = TestServer::builder()
            .user("alice", crate::support::real_server::PASSWORD)
            .message("alice", message.as_bytes())
            .fault("session 1 RETR: unstuffed".parse().unwrap())
            .fault(format!("session 1 RETR: split at {at} pause 300ms").parse().unwrap())
            .start()
            .unwrap();
        let home = Home::new();
        let run = || home.fetch(server.plain_port(), DELETE);
        let first = run();
        assert_eq!(first.code, Some(76), "{at}: {first:?}");
        assert_eq!(server.messages("alice").len(), 1, "{at}: {first:?}");
        server.wait_for_session(1, crate::support::PATIENCE).unwrap();
        let second = run();
        assert_eq!(second.code, Some(0), "{at}: {second:?}");
        let whole: BTreeMap<_, _> = [(message.as_bytes().to_vec(), 1)].into();
        assert_eq!(mail_in(&home.maildir()), whole, "{at}: {second:?}");
        assert!(server.messages("alice").is_empty(), "{at}");
    }
}

/// A server with small messages, as many as are asked for.
fn server_of(messages: usize) -> TestServer {
    let builder = TestServer::builder().user("alice", crate::support::real_server::PASSWORD);
    let messages = (0..messages).map(|number| format!("Subject: {number}\r\n\r\nshort {number}\r\n"));
    messages.fold(builder, |builder, text| builder.message("alice", text.into_bytes())).start().unwrap()
}

/// How many messages each session fetched.
fn fetched(server: &TestServer) -> Vec<usize> {
    let lines = |session: &SessionRecord| session.transcript.lines(Side::Client);
    let count = |lines: Vec<String>| lines.iter().filter(|line| line.starts_with("RETR ")).count();
    server.sessions().iter().map(|session| count(lines(session))).collect()
}

// Conformance: C-ROB-02, C-REL-03
#[test]
fn where_sizes_are_wrong_nothing_is_fetched_more_than_twice() {
    for more in [&[][..], DELETE] {
        // Several show it at once.
        let server = server_of(4);
        server.set_faults(Plan::new().rule("LIST: sizes +3".parse().unwrap()));
        let home = Home::new();
        let codes = [(); 2].map(|()| home.fetch(server.plain_port(), more).code.unwrap());
        assert_eq!((codes, fetched(&server)), ([0, 0], vec![4, 0]), "{more:?}");
        assert_eq!(server.messages("alice").len(), if more.is_empty() { 4 } else { 0 });
        // It is remembered.
        server.deliver("alice", &b"Subject: later\r\n"[..]).unwrap();
        assert_eq!(home.fetch(server.plain_port(), more).code, Some(0));
        assert_eq!(fetched(&server), [4, 0, 1]);

        // One after the other, they show it too.
        let server = server_of(1);
        server.set_faults(Plan::new().rule("LIST: sizes +3".parse().unwrap()));
        let home = Home::new();
        let mut runs = Vec::new();
        for number in 0..5 {
            runs.push(home.fetch(server.plain_port(), more).code.unwrap());
            server.deliver("alice", format!("Subject: later {number}\r\n").into_bytes()).unwrap();
        }
        assert_eq!((runs, fetched(&server)), (vec![1, 1, 0, 0, 0], vec![1, 2, 2, 1, 1]), "{more:?}");
        assert_eq!(home.mail().values().copied().collect::<Vec<_>>(), [1; 5]);
    }
}

// Conformance: C-1939-06, C-ROB-02
#[test]
fn what_is_cut_by_a_little_is_fetched_once_more_before_it_is_removed() {
    check(&[
        row(&["session 1 RETR 4: cut to 13000"], DELETE, [1, 0], "big one part three two", ""),
        row(&["session 1 RETR 3: cut to 20"], DELETE, [1, 0], "big one part three two", ""),
        // Always the same: more is not to be had, and it is not stored again.
        row(&["RETR 4: cut to 13000"], &[], [1, 0], "one part three two", EVERYTHING),
        row(
            &["session 1 RETR 4: cut to 13000", "session 2 RETR 1: cut to 13000"],
            DELETE,
            [1, 0],
            "one part three two",
            "",
        ),
        // Earlier than before: the fuller part is the one that is stored.
        row(
            &["session 1 RETR 4: cut to 13000", "session 2 RETR 1: cut to 12000"],
            DELETE,
            [1, 1],
            "one part three two",
            "big",
        ),
        row(
            &["session 1 RETR 4: cut to 12000", "session 2 RETR 1: cut to 13000"],
            DELETE,
            [1, 1],
            "one part part three two",
            "big",
        ),
    ]);
}
