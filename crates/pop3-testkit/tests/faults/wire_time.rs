//! What happens on the wire over time.

use std::{
    thread,
    time::{Duration, Instant},
};

use pop3_testkit::transcript::Side;

use crate::{
    raw::{End, Raw},
    support::{PATIENCE, server},
};

pub(crate) fn forms() -> impl Iterator<Item = &'static str> {
    [
        "split at N,N,... [pause TIME]",
        "split every N [pause TIME]",
        "stall after N for TIME",
        "half-close after N",
    ]
    .into_iter()
}

/// The pieces of the answer to a command.
fn pieces(rule: &str, command: &str, octets: usize) -> Vec<(String, Instant)> {
    let server = server(&[rule]);
    let mut client = Raw::connect(&server);
    client.log_in();
    client.say(command);
    let pieces = client.pieces(octets);
    pieces.into_iter().map(|(octets, at)| (String::from_utf8(octets).unwrap(), at)).collect()
}

#[test]
fn answers_arrive_in_pieces() {
    let texts = |rule: &str| -> Vec<String> {
        pieces(rule, "STAT\r\n", 10).into_iter().map(|(text, _)| text).collect()
    };
    assert_eq!(texts("STAT: split at 1,9 pause 500ms"), ["+", "OK 3 79\r", "\n"]);
    assert_eq!(texts("STAT: split every 4 pause 500ms"), ["+OK ", "3 79", "\r\n"]);
    // The usual pause is short; the octets are the same at least.
    assert_eq!(texts("STAT: split every 1").concat(), "+OK 3 79\r\n");
    assert_eq!(texts("NOOP: split every 1"), ["+OK 3 79\r\n"]);
}

#[test]
fn answers_stand_still_for_a_time() {
    let pause = Duration::from_millis(400);
    let pieces = pieces("STAT: stall after 4 for 400ms", "STAT\r\n", 10);
    let texts: Vec<&str> = pieces.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["+OK ", "3 79\r\n"]);
    // The first may be read late, and not the second early.
    assert!(pieces[1].1 - pieces[0].1 > pause / 2);
}

/// The client hears the end, and the server still hears the client.
#[test]
fn a_half_closed_connection_takes_what_is_said() {
    let server = server(&["NOOP: half-close after 3"]);
    let mut client = Raw::connect(&server);
    client.log_in();
    client.say("NOOP\r\n");
    client.read_to(End::Closed, |_| true);
    assert_eq!(client.heard, b"+OK");
    client.say("STAT\r\n");
    let is_heard = |lines: Vec<String>| lines.last().is_some_and(|line| line == "STAT");
    server
        .wait_until("the server hears STAT", PATIENCE, |all| is_heard(all[0].transcript.lines(Side::Client)))
        .unwrap();
    assert_eq!(server.sessions()[0].end, None);
}

/// Two sessions at once, of which one stands still: the other does not.
#[test]
fn a_stall_holds_up_nobody_else() {
    let server = server(&["session 1 NOOP: stall after 0"]);
    let mut first = Raw::connect(&server);
    first.lines(1);
    first.say("NOOP\r\n");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut second = Raw::connect(&server);
            second.log_in();
            second.say("NOOP\r\nQUIT\r\n");
            second.read_to(End::Closed, |_| true);
            assert_eq!(second.heard.iter().filter(|octet| **octet == b'\n').count(), 2);
        });
    });
    first.read_to(End::Silent, |_| true);
}
