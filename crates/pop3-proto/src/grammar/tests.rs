use alloc::{borrow::Cow, string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{encode, types::*};

fn number(value: u32) -> MessageNumber {
    MessageNumber::new(value).unwrap()
}

fn mechanism(name: &str) -> Mechanism<'_> {
    Mechanism::new(name).unwrap()
}

fn encoded(command: &Command<'_>) -> String {
    let mut out = Vec::new();
    encode::command(command, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn initial(octets: &'static [u8]) -> Option<Secret<Cow<'static, [u8]>>> {
    Some(Secret::new(Cow::Borrowed(octets)))
}

/// Commands as they are sent; each must parse to the value and be encoded from it.
fn known_commands() -> Vec<(&'static str, Command<'static>)> {
    let digest =
        [0xc4, 0xc9, 0x33, 0x4b, 0xac, 0x56, 0x0e, 0xcc, 0x97, 0x9e, 0x58, 0x00, 0x1b, 0x3e, 0x22, 0xfb];
    vec![
        ("CAPA", Command::Capa),
        ("NOOP", Command::Noop),
        ("QUIT", Command::Quit),
        ("RSET", Command::Rset),
        ("STAT", Command::Stat),
        ("STLS", Command::Stls),
        ("UTF8", Command::Utf8),
        ("AUTH", Command::AuthList),
        ("LANG", Command::Lang(None)),
        ("LANG *", Command::Lang(Some(LanguageTag::new("*").unwrap()))),
        ("LANG zh-Hans", Command::Lang(Some(LanguageTag::new("zh-Hans").unwrap()))),
        ("LIST", Command::List(None)),
        ("LIST 1", Command::List(Some(number(1)))),
        ("UIDL", Command::Uidl(None)),
        ("UIDL 4294967295", Command::Uidl(Some(number(u32::MAX)))),
        ("DELE 10", Command::Dele(number(10))),
        ("RETR 2", Command::Retr(number(2))),
        ("TOP 1 0", Command::Top { number: number(1), lines: 0 }),
        ("TOP 7 4294967295", Command::Top { number: number(7), lines: u32::MAX }),
        ("USER mrose", Command::User("mrose".into())),
        ("USER  two words ", Command::User(" two words ".into())),
        ("PASS  a  b ", Command::Pass(Secret::new(" a  b ".into()))),
        ("PASS p\u{e4}ss", Command::Pass(Secret::new("p\u{e4}ss".into()))),
        ("APOP mrose c4c9334bac560ecc979e58001b3e22fb", Command::Apop { name: "mrose".into(), digest }),
        ("AUTH PLAIN", Command::Auth { mechanism: mechanism("PLAIN"), initial_response: None }),
        (
            "AUTH EXTERNAL =",
            Command::Auth { mechanism: mechanism("EXTERNAL"), initial_response: initial(b"") },
        ),
        (
            "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm",
            Command::Auth {
                mechanism: mechanism("PLAIN"),
                initial_response: initial(b"\0tim\0tanstaaftanstaaf"),
            },
        ),
    ]
}

// Conformance: P-1939-04, P-1939-14, P-1939-16, P-2449-01, P-5034-03, S-1939-57, A-21
#[test]
fn known_commands_both_ways() {
    for (line, value) in known_commands() {
        assert_eq!(command(line.as_bytes()).as_ref(), Ok(&value), "{line}");
        assert_eq!(encoded(&value), [line, "\r\n"].concat());
    }
}

// Conformance: P-1939-03, P-5034-06, P-5034-07, A-19
#[test]
fn keywords_have_no_case_and_spaces_may_run() {
    assert_eq!(command(b"uIdL"), Ok(Command::Uidl(None)));
    assert_eq!(command(b"ReTr  1  "), Ok(Command::Retr(number(1))));
    assert_eq!(command(b"LIST "), Ok(Command::List(None)));
    assert_eq!(
        command(b"auth  plain"),
        Ok(Command::Auth { mechanism: mechanism("PLAIN"), initial_response: None })
    );
    assert_eq!(command(b"AUTH "), Ok(Command::AuthList));
}

// Conformance: P-1939-05, P-1939-06, P-1939-15, P-ROB-01, P-ROB-08, S-1939-05, S-1939-40, S-1939-43, P-5034-04, A-15, A-19, A-20, A-23, A-26, A-27, A-28
#[test]
fn what_is_no_command_is_refused() {
    use CommandError::*;
    for unknown in
        ["", " ", "QU", "QUITX", " NOOP", "NOOP\0", "RETR\t1", "GET / HTTP/1.1", "(((((", "NO:OP", "LAST"]
    {
        assert_eq!(command(unknown.as_bytes()), Err(UnknownKeyword), "{unknown:?}");
    }
    for line in [
        "STAT x",
        "NOOP 1",
        "QUIT now",
        "RSET 1",
        "CAPA x",
        "STLS x",
        "UTF8 USER",
        "RETR",
        "RETR ",
        "RETR a",
        "RETR 1 5",
        "RETR 1abc",
        "RETR -1",
        "RETR +1",
        "RETR 01",
        "RETR 1.0",
        "RETR 1e3",
        "RETR 0x1",
        "DELE 1\0junk",
        "DELE",
        "LIST 1 x",
        "LIST\u{7}",
        "TOP 1",
        "TOP 1 -1",
        "TOP 1 x",
        "TOP 1 2 3",
        "TOP",
        "USER",
        "USER ",
        "USER a\u{7}b",
        "USER a\rb",
        "PASS",
        "PASS ",
        "PASS a\0b",
        "USER\ta",
        "APOP mrose",
        "APOP mrose xyz",
        "APOP  c4c9334bac560ecc979e58001b3e22fb",
        "AUTH NAME+WITH/ODD",
        "AUTH MUCH-TOO-LONG-A-NAMES",
        "AUTH PLAIN a b",
        "LANG a_b",
        "LANG a b",
    ] {
        assert!(matches!(command(line.as_bytes()), Err(Arguments { .. } | UnknownKeyword)), "{line:?}");
    }
    assert!(matches!(command(b"USER \xff"), Err(Arguments { .. })));
    for line in ["RETR 0", "LIST 4294967296", "LIST 4294967297", "DELE 18446744073709551617", "TOP 0 1"] {
        assert_eq!(command(line.as_bytes()), Err(NoSuchMessage), "{line}");
    }
    let digits = [b"LIST ".to_vec(), vec![b'9'; 400]].concat();
    assert_eq!(command(&digits), Err(NoSuchMessage));
    assert_eq!(
        command(b"TOP 1 99999999999999999999"),
        Ok(Command::Top { number: number(1), lines: u32::MAX })
    );
    for bad in ["=AAA", "AAA=BBB", "AA=", "AAAAA", "A-_A", "dGVzdB=="] {
        assert_eq!(command(["AUTH PLAIN ", bad].concat().as_bytes()), Err(BadBase64), "{bad}");
    }
}

// Conformance: P-1939-04
#[test]
fn a_command_that_would_break_its_line_is_not_encoded() {
    let mut out = b"kept".to_vec();
    for bad in ["", "a\r\nQUIT", "a\0", "a\nb", "a\u{85}"] {
        assert!(encode::command(&Command::User(bad.into()), &mut out).is_err(), "{bad:?}");
        assert!(encode::command(&Command::Pass(Secret::new(bad.into())), &mut out).is_err());
    }
    assert!(encode::command(&Command::Apop { name: " a".into(), digest: [0; 16] }, &mut out).is_err());
    assert_eq!(out, b"kept");
}

fn parsed(line: &str) -> (Status, Option<ResponseCode<'static>>, String) {
    let response = response(line.as_bytes()).unwrap().into_owned();
    (response.status, response.code, String::from_utf8(response.text.into_owned()).unwrap())
}

// Conformance: P-1939-02, C-1939-03, C-1957-01, C-2449-10, P-2449-03, P-2449-04, P-2449-07, C-PROV-05
#[test]
fn known_responses() {
    use ResponseCode as Code;
    use Status::{Err, Ok};
    let known = [
        ("+OK", (Ok, None, "")),
        ("+OK ", (Ok, None, "")),
        ("+ok lower", (Ok, None, "lower")),
        ("+OK POP3 ready <1.2@h>", (Ok, None, "POP3 ready <1.2@h>")),
        ("-ERR [SYS/TEMP] x", (Err, Some(Code::SysTemp), "x")),
        ("-ERR [in-use]", (Err, Some(Code::InUse), "")),
        ("+OK [X] hi <a@b>", (Ok, Some(Code::Other("X".into())), "hi <a@b>")),
        ("-ERR []", (Err, None, "[]")),
        ("-ERR [A/] x", (Err, None, "[A/] x")),
        ("-ERR [AUTH x", (Err, None, "[AUTH x")),
        ("-ERR  [AUTH] x", (Err, None, " [AUTH] x")),
        (
            "+OK The Microsoft Exchange POP3 service is ready. [QQBN]",
            (Ok, None, "The Microsoft Exchange POP3 service is ready. [QQBN]"),
        ),
    ];
    for (line, (status, code, text)) in known {
        assert_eq!(parsed(line), (status, code, text.into()), "{line}");
    }
    for none in ["", "OK", "+OKAY", "+ERR x", "ERR", "+ x", "-OK", "* OK", "220 smtp"] {
        assert_eq!(response(none.as_bytes()), None, "{none}");
    }
}

// Conformance: P-1939-02, P-1939-07, S-1957-01, P-2449-05, P-ROB-10, S-2449-04, S-2449-10
#[test]
fn responses_go_out_in_one_line_of_512_octets() {
    let out = |response: &Response<'_>| {
        let mut out = Vec::new();
        encode::response(response, &mut out);
        out
    };
    assert_eq!(out(&Response::ok("")), b"+OK \r\n");
    assert_eq!(out(&Response::err(Some(ResponseCode::Auth), "no")), b"-ERR [AUTH] no\r\n");
    assert_eq!(out(&Response::err(None, "[AUTH] forged")), b"-ERR  [AUTH] forged\r\n");
    for bad in ["A\r\n+OK", "", "A]", &"X".repeat(600)] {
        assert_eq!(out(&Response::err(Some(ResponseCode::Other(bad.into())), "no")), b"-ERR no\r\n");
    }
    assert_eq!(out(&Response::err(None, "FOO\rBAR\n+OK\x1b")), b"-ERR FOO?BAR?+OK?\r\n");
    let long = out(&Response::err(None, &"\u{20ac}".repeat(400)));
    assert!(long.len() <= encode::MAX_RESPONSE_LINE && long.len() > 508);
    assert!(long.ends_with(b"\r\n") && core::str::from_utf8(&long).is_ok());
}

// Conformance: C-1939-04, C-ROB-04, C-PROV-07, S-1939-27, S-1939-31, S-1939-51
#[test]
fn known_listings() {
    let drop = DropListing { count: 2, size: Octets(320) };
    assert_eq!(drop_listing(b"2 320"), Some(drop));
    assert_eq!(drop_listing(b"2 320 extra"), Some(drop));
    assert_eq!(drop_listing(b"2"), None);
    assert_eq!(drop_listing(b"-1 0"), None);
    let scan = ScanListing { number: number(1), size: Octets(120) };
    assert_eq!(scan_listing(b"1 120"), Some(scan));
    assert_eq!(scan_listing(b" 1   120 octets"), Some(scan));
    for bad in ["", "1", "0 1", "1 -1", "x 1", "1 18446744073709551616", "4294967296 1"] {
        assert_eq!(scan_listing(bad.as_bytes()), None, "{bad}");
    }
    let uid = |line: &'static str| {
        unique_id_listing(line.as_bytes()).map(|l| (l.number.value(), l.unique_id.as_bytes().to_vec()))
    };
    assert_eq!(uid("1 whqtswO00WBw418f9t5JxYwZ"), Some((1, b"whqtswO00WBw418f9t5JxYwZ".to_vec())));
    assert_eq!(uid("2   spaced "), Some((2, b"spaced".to_vec())));
    assert_eq!(uid("+OK 3 x"), Some((3, b"x".to_vec())));
    assert_eq!(uid("4 a b"), Some((4, b"a b".to_vec())));
    for bad in ["", "1", "1 ", "0 x", "x"] {
        assert_eq!(uid(bad), None, "{bad}");
    }
    let mut out = Vec::new();
    encode::drop_listing(drop, &mut out);
    encode::scan_listing(scan, &mut out);
    encode::scan_listing(ScanListing { number: number(u32::MAX), size: Octets(u64::MAX) }, &mut out);
    encode::unique_id_listing(&unique_id_listing(b"1 x").unwrap(), &mut out);
    assert_eq!(out, b"+OK 2 320\r\n1 120\r\n4294967295 18446744073709551615\r\n1 x\r\n");
}

// Conformance: P-2449-02, P-2449-06, P-IANA-01, C-2449-03, S-2449-07
#[test]
fn known_capabilities_both_ways() {
    let known = [
        ("AUTH-RESP-CODE", Capability::AuthRespCode),
        ("EXPIRE NEVER", Capability::Expire(Expire::Never)),
        ("EXPIRE 0", Capability::Expire(Expire::Days(0))),
        ("EXPIRE 30 USER", Capability::Expire(Expire::PerUser(30))),
        ("IMPLEMENTATION a b-1", Capability::Implementation("a b-1".into())),
        ("LANG", Capability::Lang),
        ("LOGIN-DELAY 300", Capability::LoginDelay { seconds: 300, per_user: false }),
        ("LOGIN-DELAY 10 USER", Capability::LoginDelay { seconds: 10, per_user: true }),
        ("PIPELINING", Capability::Pipelining),
        ("RESP-CODES", Capability::RespCodes),
        ("SASL PLAIN XOAUTH2", Capability::Sasl(vec![mechanism("PLAIN"), mechanism("XOAUTH2")])),
        ("STLS", Capability::Stls),
        ("TOP", Capability::Top),
        ("UIDL", Capability::Uidl),
        ("USER", Capability::User),
        ("UTF8", Capability::Utf8 { user: false }),
        ("UTF8 USER", Capability::Utf8 { user: true }),
        ("X-OWN thing", Capability::Other("X-OWN thing".into())),
        ("EXPIRE soon", Capability::Other("EXPIRE soon".into())),
    ];
    for (line, value) in known {
        assert_eq!(capability(line.as_bytes()).as_ref(), Some(&value), "{line}");
        let mut out = Vec::new();
        encode::capability(&value, &mut out);
        assert_eq!(out, [line, "\r\n"].concat().into_bytes());
    }
    assert_eq!(
        capability(b"sasl plain  odd=name login"),
        Some(Capability::Sasl(vec![mechanism("plain"), mechanism("LOGIN")]))
    );
    assert_eq!(capability(b"top 1 2"), Some(Capability::Top));
    assert_eq!(capability(b"  IMPLEMENTATION x "), Some(Capability::Implementation("x".into())));
    assert_eq!(capability(b""), None);
    let mut out = Vec::new();
    encode::capability(&Capability::Other("X".repeat(511).into()), &mut out);
    encode::capability(&Capability::Other("X\r\nSTLS".into()), &mut out);
    encode::capability(&Capability::Other(".".into()), &mut out);
    encode::capability(&Capability::Other("".into()), &mut out);
    assert!(out.is_empty(), "a line that would break the response is left out");
}

// Conformance: P-5034-01, P-5034-02, P-5034-04
#[test]
fn challenges_and_their_answers() {
    assert_eq!(challenge(b"+ "), Some(Some(vec![])));
    assert_eq!(challenge(b"+"), Some(Some(vec![])));
    assert_eq!(challenge(b"+ VXNlcm5hbWU6"), Some(Some(b"Username:".to_vec())));
    assert_eq!(challenge(b"+ !"), Some(None));
    assert_eq!(challenge(b"+OK"), None);
    assert_eq!(sasl_response(b"").unwrap().expose().as_ref(), b"");
    assert!(sasl_response(b"AA A=").is_none() && sasl_response(b"*").is_none());
    let mut out = Vec::new();
    encode::challenge(b"", &mut out);
    encode::challenge(b"Password:", &mut out);
    encode::sasl_response(b"", &mut out);
    assert_eq!(out, b"+ \r\n+ UGFzc3dvcmQ6\r\n\r\n");
}

// Conformance: C-1939-13, A-84
#[test]
fn only_a_message_id_is_a_timestamp() {
    let is = |text: &[u8]| greeting_timestamp(text).map(String::from);
    assert_eq!(
        is(b"ready <1896.697170952@dbc.mtview.ca.us>").as_deref(),
        Some("<1896.697170952@dbc.mtview.ca.us>")
    );
    let none: [&[u8]; 8] = [b"<host>", b"<a@b@c>", b"<@b>", b"<a@>", b"<a b@c>", b"<a@\xff>", b"<a@b", b"no"];
    for text in none {
        assert_eq!(is(text), None);
    }
}

// Conformance: C-6856-04
#[test]
fn language_lines_both_ways() {
    for line in ["en", "de Deutsch", "es Espa\u{f1}ol de Espa\u{f1}a"] {
        let value = language(line.as_bytes()).unwrap();
        let mut out = Vec::new();
        encode::language(&value, &mut out);
        assert_eq!(out, [line, "\r\n"].concat().into_bytes());
    }
    assert!(language(b"").is_none());
}

fn text() -> impl Strategy<Value = String> {
    "[ -~\u{a1}-\u{17f}]{1,40}"
}

fn any_command() -> impl Strategy<Value = Command<'static>> {
    let a_number = (1..=u32::MAX).prop_map(number);
    prop_oneof![
        a_number.clone().prop_map(Command::Retr),
        a_number.clone().prop_map(Command::Dele),
        a_number.clone().prop_map(|n| Command::List(Some(n))),
        (a_number, any::<u32>()).prop_map(|(number, lines)| Command::Top { number, lines }),
        text().prop_map(|name| Command::User(name.into())),
        text().prop_map(|password| Command::Pass(Secret::new(password.into()))),
        ("[!-~]{1,30}", any::<[u8; 16]>())
            .prop_map(|(name, digest)| Command::Apop { name: name.into(), digest }),
        ("[A-Z0-9_-]{1,20}", prop::option::of(prop::collection::vec(any::<u8>(), 0..80))).prop_map(
            |(name, response)| {
                let initial_response = response.map(|octets| Secret::new(Cow::Owned(octets)));
                Command::Auth { mechanism: Mechanism::new(name).unwrap(), initial_response }
            }
        ),
    ]
}

proptest! {
    // Conformance: P-1939-03, P-1939-04
    #[test]
    fn every_command_comes_back(value in any_command(), casing in any::<u8>()) {
        let mut line = encoded(&value).into_bytes();
        line.truncate(line.len() - 2);
        let (mut upper, mut index) = (casing, 0);
        while line.get(index).is_some_and(|octet| *octet != b' ') && index < 4 {
            if upper & 1 == 1 { line[index].make_ascii_lowercase(); }
            upper >>= 1;
            index += 1;
        }
        prop_assert_eq!(command(&line), Ok(value));
    }

    #[test]
    fn any_line_is_survived(line in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = (command(&line), response(&line), capability(&line), language(&line), challenge(&line));
        let _ = (drop_listing(&line), scan_listing(&line), unique_id_listing(&line), greeting_timestamp(&line));
    }
}
