//! What an answer becomes.

use super::{
    super::{Act, Said, shape},
    acts, faults, sent,
};

const MESSAGE: &str = "+OK 30 octets\r\nSubject: x\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n";
const LIST: &str = "+OK 3 messages (600 octets)\r\n1 100\r\n2 200\r\n3 300\r\n.\r\n";
const UIDL: &str = "+OK\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n";
const CAPA: &str = "+OK\r\nUSER\r\nSASL PLAIN\r\nSTLS\r\n.\r\n";

/// What the client says, the rules, the answer without and with them.
fn rows() -> Vec<(&'static str, &'static [&'static str], &'static str, &'static str)> {
    vec![
        // Any answer.
        ("NOOP", &[], "+OK\r\n", "+OK\r\n"),
        ("NOOP", &["NOOP: say +ok fine"], "+OK done\r\n", "+ok fine\r\n"),
        ("NOOP", &["NOOP: say"], "+OK done\r\n", "\r\n"),
        ("NOOP", &["NOOP: prepend + \\r\\n"], "+OK\r\n", "+ \r\n+OK\r\n"),
        ("STLS", &["STLS: append +OK injected\\r\\n"], "+OK\r\n", "+OK\r\n+OK injected\r\n"),
        ("NOOP", &["NOOP: bare-lf", "NOOP: append \\r\\n"], "+OK\r\n", "+OK\n\r\n"),
        ("NOOP", &["NOOP: twice"], "+OK\r\n", "+OK\r\n+OK\r\n"),
        // Answers of many lines.
        ("RETR 1", &["RETR: say -ERR or so"], "+OK x\r\na\r\n.\r\n", "-ERR or so\r\na\r\n.\r\n"),
        ("RETR 1", &["RETR: bare-lf"], MESSAGE, "+OK 30 octets\nSubject: x\n\n..dot\n...\nend\n.\n"),
        (
            "RETR 1",
            &["RETR: unstuffed"],
            MESSAGE,
            "+OK 30 octets\r\nSubject: x\r\n\r\n.dot\r\n..\r\nend\r\n.\r\n",
        ),
        (
            "RETR 1",
            &["RETR: no-terminator"],
            MESSAGE,
            "+OK 30 octets\r\nSubject: x\r\n\r\n..dot\r\n...\r\nend\r\n",
        ),
        ("RETR 1", &["RETR: terminator .\\r"], "+OK\r\nend\r\n.\r\n", "+OK\r\nend\r\n.\r"),
        ("RETR 1", &["RETR: no-last-crlf"], "+OK\r\nend\r\n.\r\n", "+OK\r\nend.\r\n"),
        ("RETR 1", &["RETR: twice"], "+OK\r\n.\r\n", "+OK\r\n.\r\n+OK\r\n.\r\n"),
        ("TOP 1 0", &["TOP: cut to 3"], "+OK\r\nSubject: x\r\n\r\n.\r\n", "+OK\r\nSub\r\n.\r\n"),
        // In the content, not on the wire: 14 octets of headers, and one dot of two.
        ("RETR 1", &["RETR: cut to 15"], MESSAGE, "+OK 30 octets\r\nSubject: x\r\n\r\n..\r\n.\r\n"),
        ("RETR 1", &["RETR: cut to 11"], MESSAGE, "+OK 30 octets\r\nSubject: x\r\n.\r\n"),
        ("RETR 1", &["RETR: cut to 12"], MESSAGE, "+OK 30 octets\r\nSubject: x\r\n.\r\n"),
        ("RETR 1", &["RETR: cut to 0"], MESSAGE, "+OK 30 octets\r\n.\r\n"),
        ("RETR 1", &["RETR: cut to 1000"], MESSAGE, MESSAGE),
        // Single-line answers and refusals have no content.
        ("RETR 1", &["RETR: no-terminator", "RETR: cut to 0"], "-ERR no\r\n", "-ERR no\r\n"),
        ("LIST 2", &["LIST: without 2", "LIST: shuffled"], "+OK 2 200\r\n", "+OK 2 200\r\n"),
        ("NOOP", &["*: unstuffed", "*: cut to 0", "*: no-number"], "+OK\r\n", "+OK\r\n"),
        // Sizes.
        ("STAT", &["STAT: sizes +7"], "+OK 3 600\r\n", "+OK 3 607\r\n"),
        ("STAT", &["STAT: sizes =garbage"], "+OK 3 600\r\n", "+OK 3 garbage\r\n"),
        (
            "LIST",
            &["LIST: sizes *2"],
            LIST,
            "+OK 3 messages (600 octets)\r\n1 200\r\n2 400\r\n3 600\r\n.\r\n",
        ),
        ("LIST", &["LIST: sizes -150"], LIST, "+OK 3 messages (600 octets)\r\n1 0\r\n2 50\r\n3 150\r\n.\r\n"),
        ("LIST 2", &["LIST: sizes =-1"], "+OK 2 200\r\n", "+OK 2 -1\r\n"),
        ("RETR 1", &["RETR: sizes +1"], "+OK 30 octets\r\n.\r\n", "+OK 31 octets\r\n.\r\n"),
        ("RETR 1", &["RETR: sizes +1"], "+OK (30 octets)\r\n.\r\n", "+OK (31 octets)\r\n.\r\n"),
        ("RETR 1", &["RETR: sizes +1"], "+OK here it is\r\n.\r\n", "+OK here it is\r\n.\r\n"),
        ("UIDL", &["*: sizes +1"], UIDL, UIDL),
        // Unique-ids.
        (
            "UIDL",
            &["UIDL: unique-ids duplicate"],
            UIDL,
            "+OK\r\n1 the-same-for-all\r\n2 the-same-for-all\r\n3 the-same-for-all\r\n.\r\n",
        ),
        ("UIDL 2", &["UIDL: unique-ids duplicate"], "+OK 2 bb\r\n", "+OK 2 the-same-for-all\r\n"),
        (
            "UIDL",
            &["UIDL: unique-ids changed"],
            UIDL,
            "+OK\r\n1 changed-3-1\r\n2 changed-3-2\r\n3 changed-3-3\r\n.\r\n",
        ),
        ("UIDL", &["UIDL: unique-ids missing"], UIDL, "+OK\r\n1\r\n2\r\n3\r\n.\r\n"),
        ("UIDL 2", &["UIDL: unique-ids missing"], "+OK 2 bb\r\n", "+OK 2\r\n"),
        ("UIDL 2", &["UIDL: unique-ids long 5"], "+OK 2 bb\r\n", "+OK 2 bbxxx\r\n"),
        ("UIDL 2", &["UIDL: unique-ids long 1"], "+OK 2 bb\r\n", "+OK 2 b\r\n"),
        ("UIDL 2", &["UIDL: unique-ids suffix /../\\xff"], "-ERR no\r\n", "-ERR no\r\n"),
        ("UIDL 2", &["UIDL: unique-ids suffix /.. x"], "+OK 2 bb\r\n", "+OK 2 bb/.. x\r\n"),
        // Listings.
        ("UIDL", &["UIDL: separator \\x20\\x20"], UIDL, "+OK\r\n1  aa\r\n2  bb\r\n3  cc\r\n.\r\n"),
        ("STAT", &["STAT: separator \\t"], "+OK 3 600\r\n", "+OK 3\t600\r\n"),
        ("UIDL", &["UIDL: trailing \\x20"], UIDL, "+OK\r\n1 aa \r\n2 bb \r\n3 cc \r\n.\r\n"),
        ("STAT", &["STAT: trailing \\x20more"], "+OK 3 600\r\n", "+OK 3 600 more\r\n"),
        ("UIDL 2", &["UIDL: no-number"], "+OK 2 bb\r\n", "+OK bb\r\n"),
        ("UIDL", &["UIDL: no-number"], UIDL, UIDL),
        ("UIDL", &["UIDL: ok-before-lines"], UIDL, "+OK\r\n+OK 1 aa\r\n+OK 2 bb\r\n+OK 3 cc\r\n.\r\n"),
        ("UIDL", &["UIDL: shuffled"], UIDL, "+OK\r\n3 cc\r\n1 aa\r\n2 bb\r\n.\r\n"),
        ("UIDL", &["UIDL: without 2"], UIDL, "+OK\r\n1 aa\r\n3 cc\r\n.\r\n"),
        ("CAPA", &["CAPA: without stls"], CAPA, "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n"),
        ("CAPA", &["CAPA: without S"], CAPA, CAPA),
        ("CAPA", &["CAPA: with X"], CAPA, "+OK\r\nUSER\r\nSASL PLAIN\r\nSTLS\r\nX\r\n.\r\n"),
        // Several, one after the other.
        (
            "UIDL",
            &["UIDL: ok-before-lines", "UIDL: without 1", "UIDL: without 2"],
            UIDL,
            "+OK\r\n+OK 3 cc\r\n.\r\n",
        ),
        ("LIST 2", &["LIST: sizes +1", "LIST: sizes *2"], "+OK 2 200\r\n", "+OK 2 402\r\n"),
        ("LIST 2", &["LIST: sizes *2", "LIST: sizes +1"], "+OK 2 200\r\n", "+OK 2 401\r\n"),
        (
            "RETR 1",
            &["RETR: cut to 15", "RETR: unstuffed", "RETR: no-last-crlf", "RETR: bare-lf"],
            MESSAGE,
            "+OK 30 octets\nSubject: x\n\n..\n",
        ),
        // An answer that stands in place of another.
        ("CAPA", &["CAPA: with X"], "+OK\r\nUSER\r\n.\r\n", "+OK\r\nUSER\r\nX\r\n.\r\n"),
        ("CAPA", &["CAPA: with X"], "+OK\r\nUSER\r\n", "+OK\r\nUSER\r\nX\r\n"),
        // What the session does is nothing to do here.
        ("RETR 1", &["RETR: delete"], MESSAGE, MESSAGE),
        ("TOP 1 0", &["TOP: whole"], MESSAGE, MESSAGE),
        ("QUIT", &["QUIT: remove-nothing"], "+OK\r\n", "+OK\r\n"),
    ]
}

#[test]
fn answers_are_rewritten() {
    for (line, rules, answer, expected) in rows() {
        assert_eq!(sent(line, rules, answer), expected, "{line} under {rules:?}");
    }
}

#[test]
fn what_is_not_touched_stays_octet_for_octet() {
    for odd in ["", "x", "+OK", "+OK\n", "+OK\r\nlf\n.\nx\r\n", "+OK\r\n.\r\nrest"] {
        for line in ["RETR 1", "LIST", "STAT", "NOOP"] {
            assert_eq!(sent(line, &["*: delete", "*: whole"], odd), odd);
            // Taken apart and put together again.
            assert_eq!(sent(line, &["*: append"], odd), odd, "{line} {odd:?}");
        }
    }
}

#[test]
fn the_greeting_and_a_challenge_suffer_too() {
    let shaped = |said| shape(&faults(&["*: say -ERR busy"]), said, 1, b"+OK ready\r\n".to_vec());
    for said in [Said::Greeting, Said::Sasl] {
        assert_eq!(shaped(said), [Act::Send(b"-ERR busy\r\n".to_vec())]);
    }
}

#[test]
fn what_has_no_end_has_none() {
    let rows = [
        ("NOOP", "*: endless line", "+OK done\r\n", "+OK done", "xxxx"),
        ("LIST", "LIST: endless line", LIST, "+OK 3 messages (600 octets)\r\n", "xxxx"),
        (
            "LIST",
            "LIST: endless listing",
            LIST,
            "+OK 3 messages (600 octets)\r\n1 100\r\n2 200\r\n3 300\r\n",
            "1000000 1\r\n1000001 1\r\n",
        ),
        ("RETR 1", "RETR: endless message", "+OK\r\nx\r\n.\r\n", "+OK\r\nx\r\n", "endless endless"),
    ];
    for (line, rule, answer, before, forever) in rows {
        match acts(line, &[rule], answer).as_slice() {
            [Act::Send(octets), Act::SendForever(block)] => {
                assert_eq!(String::from_utf8_lossy(octets), before, "{rule}");
                assert!(block.starts_with(forever.as_bytes()) && block.len() >= 4096, "{rule}");
                assert!(!block.windows(3).any(|end| end == b"\n.\r"), "{rule}");
            }
            acts => panic!("{rule}: {acts:?}"),
        }
    }
    assert_eq!(sent("RETR 1", &["RETR: endless message"], "-ERR no\r\n"), "-ERR no\r\n");
    // A line of the block is whole, so that it can be repeated.
    let acts = acts("RETR 1", &["RETR: endless message", "RETR: bare-lf"], "+OK\r\nx\r\n.\r\n");
    assert!(
        matches!(acts.as_slice(), [_, Act::SendForever(block)] if block.ends_with(b" \n") && !block.contains(&b'\r'))
    );
}
