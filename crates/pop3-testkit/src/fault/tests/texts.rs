//! The text form of rules.

use std::time::Duration;

use super::super::{
    Endless, Fault, Point, Range, Rule, Sizes, UniqueIds,
    octets::{Escaped, unescape},
};

fn rule(text: &str) -> Rule {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Every fault once, with what stands at the end of its rule.
fn every_fault() -> Vec<(Fault, &'static str)> {
    let text = |text: &str| text.as_bytes().into();
    let (second, minute) = (Duration::from_secs(2), Duration::from_secs(60));
    vec![
        (Fault::Answer(text("-ERR not now")), "answer -ERR not now"),
        (Fault::Answer(text("+OK\r\nUSER\r\n.")), "answer +OK\\r\\nUSER\\r\\n."),
        (Fault::Answer(text("")), "answer"),
        (Fault::Hang, "hang"),
        (Fault::Close, "close"),
        (Fault::Reset, "reset"),
        (Fault::CloseAfter(0), "close after 0"),
        (Fault::ResetAfter(100), "reset after 100"),
        (Fault::HalfCloseAfter(u64::MAX), "half-close after 18446744073709551615"),
        (Fault::StallAfter(1, None), "stall after 1"),
        (Fault::StallAfter(1, Some(second)), "stall after 1 for 2s"),
        (Fault::StallAfter(1, Some(minute)), "stall after 1 for 1m"),
        (Fault::StallAfter(1, Some(Duration::ZERO)), "stall after 1 for 0ms"),
        (Fault::SplitAt(vec![1, 7], Fault::PAUSE), "split at 1,7"),
        (Fault::SplitAt(vec![1], Duration::from_millis(1500)), "split at 1 pause 1500ms"),
        (Fault::SplitEvery(1, Fault::PAUSE), "split every 1"),
        (Fault::SplitEvery(9, minute), "split every 9 pause 1m"),
        (Fault::Say(text("+ok \u{e9} \\")), "say +ok \\xc3\\xa9 \\\\"),
        (Fault::Prepend(text(" \0\t")), "prepend \\x20\\x00\\t"),
        (Fault::Append(text("+OK\r\n")), "append +OK\\r\\n"),
        (Fault::Twice, "twice"),
        (Fault::BareLf, "bare-lf"),
        (Fault::Unstuffed, "unstuffed"),
        (Fault::NoTerminator, "no-terminator"),
        (Fault::Terminator(text(".\r")), "terminator .\\r"),
        (Fault::NoLastCrlf, "no-last-crlf"),
        (Fault::CutTo(7), "cut to 7"),
        (Fault::Endless(Endless::Line), "endless line"),
        (Fault::Endless(Endless::Listing), "endless listing"),
        (Fault::Endless(Endless::Message), "endless message"),
        (Fault::Sizes(Sizes::More(7)), "sizes +7"),
        (Fault::Sizes(Sizes::Less(7)), "sizes -7"),
        (Fault::Sizes(Sizes::Times(2)), "sizes *2"),
        (Fault::Sizes(Sizes::Text(text("-1"))), "sizes =-1"),
        (Fault::Sizes(Sizes::Text(text(" two words "))), "sizes =\\x20two words\\x20"),
        (Fault::Sizes(Sizes::Text(text(""))), "sizes ="),
        (Fault::UniqueIds(UniqueIds::Duplicate), "unique-ids duplicate"),
        (Fault::UniqueIds(UniqueIds::Changed), "unique-ids changed"),
        (Fault::UniqueIds(UniqueIds::Missing), "unique-ids missing"),
        (Fault::UniqueIds(UniqueIds::Long(200)), "unique-ids long 200"),
        (Fault::UniqueIds(UniqueIds::Suffix(text("/.."))), "unique-ids suffix /.."),
        (Fault::Separator(text("   ")), "separator \\x20\\x20\\x20"),
        (Fault::Trailing(text(" x")), "trailing \\x20x"),
        (Fault::NoNumber, "no-number"),
        (Fault::OkBeforeLines, "ok-before-lines"),
        (Fault::Shuffled, "shuffled"),
        (Fault::Without(text("STLS")), "without STLS"),
        (Fault::With(text("SASL XOAUTH2")), "with SASL XOAUTH2"),
        (Fault::Whole, "whole"),
        (Fault::Delete, "delete"),
        (Fault::RemoveNothing, "remove-nothing"),
    ]
}

/// Fails to compile for a fault that nobody thought of here, and tells which one a fault is.
fn index(fault: &Fault) -> usize {
    match fault {
        Fault::Answer(_) => 0,
        Fault::Hang => 1,
        Fault::Close => 2,
        Fault::Reset => 3,
        Fault::CloseAfter(_) => 4,
        Fault::ResetAfter(_) => 5,
        Fault::HalfCloseAfter(_) => 6,
        Fault::StallAfter(..) => 7,
        Fault::SplitAt(..) => 8,
        Fault::SplitEvery(..) => 9,
        Fault::Say(_) => 10,
        Fault::Prepend(_) => 11,
        Fault::Append(_) => 12,
        Fault::Twice => 13,
        Fault::BareLf => 14,
        Fault::Unstuffed => 15,
        Fault::NoTerminator => 16,
        Fault::Terminator(_) => 17,
        Fault::NoLastCrlf => 18,
        Fault::CutTo(_) => 19,
        Fault::Endless(_) => 20,
        Fault::Sizes(_) => 21,
        Fault::UniqueIds(_) => 22,
        Fault::Separator(_) => 23,
        Fault::Trailing(_) => 24,
        Fault::NoNumber => 25,
        Fault::OkBeforeLines => 26,
        Fault::Shuffled => 27,
        Fault::Without(_) => 28,
        Fault::With(_) => 29,
        Fault::Whole => 30,
        Fault::Delete => 31,
        Fault::RemoveNothing => 32,
    }
}

#[test]
fn every_fault_is_text_and_back() {
    let faults = every_fault();
    let mut seen: Vec<usize> = faults.iter().map(|(fault, _)| index(fault)).collect();
    seen.dedup();
    assert_eq!(seen, (0..33).collect::<Vec<_>>(), "every fault, in the order of the type");
    for (fault, text) in faults {
        assert_eq!(fault.to_string(), text);
        assert_eq!(rule(&format!("*: {text}")).fault, fault, "{text}");
    }
}

/// Whether a text is of this form.
fn is_of(text: &str, form: &str) -> bool {
    let (mut text, mut form) = (text.split(' '), form.split(' '));
    loop {
        match (text.next(), form.next()) {
            (None, None | Some("TEXT" | "[pause")) => return true,
            (Some(_), Some("TEXT" | "[pause")) => return true,
            (Some(word), Some("N" | "N,N,..." | "TIME"))
                if word.starts_with(|c: char| c.is_ascii_digit()) => {}
            (Some(word), Some("=TEXT")) => return word.starts_with('='),
            (Some(word), Some(form)) if form.ends_with(['N']) && word.get(..1) == form.get(..1) => {}
            (Some(word), Some(form)) if word == form => {}
            _ => return false,
        }
    }
}

#[test]
fn the_forms_are_those_of_all_faults() {
    let texts: Vec<&str> = every_fault().into_iter().map(|(_, text)| text).collect();
    for text in &texts {
        let forms: Vec<_> = Fault::FORMS.iter().filter(|form| is_of(text, form)).collect();
        assert_eq!(forms.len(), 1, "{text} is of {forms:?}");
    }
    for form in Fault::FORMS {
        assert!(texts.iter().any(|text| is_of(text, form)), "{form}");
    }
}

#[test]
fn every_point_and_range_is_text_and_back() {
    let points = [
        (Point::Any, "*"),
        (Point::Greeting, "greeting"),
        (Point::Tls, "tls"),
        (Point::Sasl, "sasl"),
        (Point::command("RETR"), "RETR"),
        (Point::message("RETR", 2), "RETR 2"),
        (Point::command_with("AUTH", "PLAIN"), "AUTH PLAIN"),
        (Point::command_with("USER", "a:b#c \u{e9}"), "USER a\\x3ab\\x23c \\xc3\\xa9"),
        (Point::command_with("USER", " "), "USER \\x20"),
    ];
    let ranges: [(Range, &str); 4] =
        [((..).into(), ""), (2.into(), "2"), ((2..).into(), "2.."), ((2..=4).into(), "2..4")];
    for (point, point_text) in &points {
        for (sessions, sessions_text) in ranges {
            for (occurrences, occurrences_text) in ranges {
                let expected = Rule::at(point.clone()).fault(Fault::Close);
                let expected = expected.in_session(sessions).times(occurrences);
                let session = if sessions_text.is_empty() {
                    String::new()
                } else {
                    format!("session {sessions_text} ")
                };
                let hash =
                    if occurrences_text.is_empty() { String::new() } else { format!(" #{occurrences_text}") };
                let text = format!("{session}{point_text}{hash}: close");
                assert_eq!(expected.to_string(), text);
                assert_eq!(rule(&text), expected);
            }
        }
    }
}

#[test]
fn spaces_are_free_around_the_parts() {
    let expected = Rule::at(Point::command("CAPA")).fault(Fault::Hang).in_session(1).times(2);
    for text in ["session 1 CAPA#2: hang", "  session  1  CAPA  # 2 :hang  ", "session 1 CAPA #2:   hang"] {
        assert_eq!(rule(text), expected, "{text}");
    }
    // One space parts the word from its text; further ones belong to it.
    assert_eq!(rule("RETR: say  x").fault, Fault::say(" x"));
}

#[test]
fn any_octets_are_text_and_back() {
    let all: Vec<u8> = (0..=255).collect();
    let run = [vec![b'a'; 300], vec![b' '; 20], vec![b'\\'; 17], b"{3}".to_vec(), vec![0; 16]].concat();
    // Every pair of octets that have a meaning of their own.
    let special = b" \\{}xr0\r\n\t\0\x7f\xffa:#";
    let pairs = special.iter().flat_map(|one| special.iter().map(|two| vec![*one, *two]));
    for octets in [all, run, Vec::new()].into_iter().chain(pairs) {
        let text = Escaped(&octets).to_string();
        assert_eq!(unescape(&text).as_deref(), Ok(octets.as_slice()), "{text}");
        assert_eq!(text.trim(), text);
        assert!(text.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{text}");
    }
    assert_eq!(unescape("x\\{3}\\r\\n\\t\\0\\\\\\x41").as_deref(), Ok(b"xxx\r\n\t\0\\A".as_slice()));
    assert_eq!(unescape("\u{e9}").as_deref(), Ok("\u{e9}".as_bytes()));
    assert_eq!(Escaped(&[b'x'; 300]).to_string(), "x\\{300}");
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_is_allowed() {
    let rows = [
        ("", 1, "", "a colon and a fault"),
        ("RETR", 5, "", "a colon and a fault"),
        ("RETR:", 6, "", "a fault: answer TEXT, hang, "),
        ("retr: close", 1, "retr", "a command in upper case"),
        ("TLS: close", 1, "TLS", "greeting, tls, sasl"),
        ("greeting x: close", 10, "x", "a colon, or #"),
        (": close", 1, "", "greeting, tls, sasl"),
        ("session 0 RETR: close", 9, "0", "a number from 1 on"),
        ("session 4..2 RETR: close", 9, "4..2", "a number from 1 on"),
        ("session RETR: close", 9, "RETR:", "a number from 1 on"),
        ("RETR #x: close", 7, "x", "a number from 1 on"),
        ("RETR #1 2: close", 9, "2", "the end of the rule"),
        ("RETR: clos", 7, "clos", "a fault: answer TEXT, hang, "),
        ("RETR: close at 7", 13, "at", "`after N`"),
        ("RETR: close after", 18, "", "a number of octets"),
        ("RETR: close after -1", 19, "-1", "a number of octets"),
        ("RETR: hang on", 12, "on", "the end of the rule"),
        ("RETR: half-close 3", 18, "3", "`after`"),
        ("RETR: stall after 3 for 5", 25, "5", "500ms"),
        ("RETR: stall after 3 for 5h", 25, "5h", "500ms"),
        ("RETR: stall after 3 since 5s", 21, "since", "`for`"),
        ("RETR: split in 3", 13, "in", "every N"),
        ("RETR: split at 3,", 16, "3,", "commas"),
        ("RETR: split every 0", 19, "0", "from 1 on"),
        ("RETR: cut at 3", 11, "at", "`to`"),
        ("RETR: endless joy", 15, "joy", "line, listing or message"),
        ("LIST: sizes 7", 13, "7", "+N, -N"),
        ("UIDL: unique-ids odd", 18, "odd", "duplicate, changed"),
        ("RETR: answer -ERR \\q x", 19, "\\q", "\\xNN"),
        ("RETR: answer \\x4", 14, "\\x4", "\\xNN"),
        ("RETR: answer \\{3}", 14, "\\{3}", "\\{N}"),
        ("RETR: answer x\\{99999999999}", 15, "\\{99999999999}", "\\{N}"),
        ("\u{e9} RETR: close", 1, "\u{e9}", "in upper case"),
        ("RETR \\xff: close", 6, "\\xff", "UTF-8"),
        ("STAT: unstuffed", 7, "unstuffed", "a fault of STAT, while this is one of RETR, TOP"),
        ("greeting: no-number", 11, "no-number", "a fault of greeting, while this is one of LIST, UIDL"),
        ("tls: delete", 6, "delete", "a fault of tls, while this is one of RETR"),
    ];
    for (text, column, word, wanted) in rows {
        let error = text.parse::<Rule>().expect_err(text);
        assert_eq!((error.column(), error.word()), (column, word), "{text}: {error}");
        assert!(error.to_string().contains(wanted), "{text}: {error}");
    }
    let error = "RETR: cut at 3".parse::<Rule>().unwrap_err().to_string();
    assert_eq!(
        error,
        "the rule \"RETR: cut at 3\" is wrong at column 11: \"at\" stands there where there has to be `to`"
    );
    let error = "RETR: cut".parse::<Rule>().unwrap_err().to_string();
    assert_eq!(
        error,
        "the rule \"RETR: cut\" is wrong at column 10: nothing stands there where there has to be `to`"
    );
}

/// Every rule in the table of the module's documentation, and its example block.
#[test]
fn the_rules_of_the_documentation_are_rules() {
    let documentation = include_str!("../mod.rs");
    let table = documentation.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells: Vec<&str> = table.skip(2).flat_map(|line| line.split(" | ").skip(1)).collect();
    assert!(cells.len() > 20);
    let mut count = 0;
    for text in cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        if text.contains(": ") {
            let rule = rule(text);
            assert_eq!(rule.to_string().parse(), Ok(rule), "{text}");
            count += 1;
        }
    }
    assert!(count > 45, "{count}");
}
