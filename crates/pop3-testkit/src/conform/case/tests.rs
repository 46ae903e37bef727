use super::*;

fn parse(text: &str) -> Result<Case, String> {
    Case::parse("folder/name", &format!("# A title.\n# Conformance: S-1939-26, A-29\n{text}"))
}

#[test]
fn a_case_has_a_title_rows_and_steps() {
    let case = parse(
        "@level should\n@state transaction\n@needs SASL PLAIN\n@needs-mail one dots\n\nC: NOOP\nC: STAT\n\
         S: +OK *\nS: +OK {n:number} *\nS| <eof>\n",
    )
    .unwrap();
    assert_eq!((case.title.as_str(), case.folder()), ("A title", "folder"));
    assert_eq!(case.rows, ["S-1939-26", "A-29"]);
    assert_eq!((case.level, case.start), (Level::Should, State::Transaction));
    assert_eq!(case.needs.capabilities, ["SASL PLAIN"]);
    assert_eq!(case.needs.mail.len(), 2);
    assert!(!case.needs.writable);
    assert_eq!(case.steps.len(), 3);
    assert!(matches!(&case.steps[0].action, Action::Send(parts) if parts.len() == 2));
    assert!(matches!(&case.steps[2].action, Action::Expect { alternatives, .. } if alternatives.len() == 2));
    assert_eq!(case.steps[0].line, 8);
}

#[test]
fn whoever_says_dele_needs_leave_to_write() {
    for said in ["C: DELE 1", "C~ dElE 1\\0", "@repeat 2\nC: DELE {one.number}\n@end"] {
        assert!(parse(said).unwrap().needs.writable, "{said}");
    }
    assert!(parse("@deliver one").unwrap().needs.delivery);
}

#[test]
fn blocks_nest() {
    let case = parse("@each list.n\n@repeat 2\nC: LIST {each}\nS: +OK *\n@end\n@end\nC: QUIT\n").unwrap();
    assert_eq!(case.steps.len(), 2);
    let Action::Each(list, steps) = &case.steps[0].action else { panic!("no @each") };
    assert_eq!((list.as_str(), steps.len()), ("list.n", 1));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, part) in [
        ("X: y", "line 3: this is no line"),
        ("@colour red", "line 3: there is no directive @colour"),
        ("C: NOOP\nS: {x:colour}", "line 4: there is no kind colour"),
        ("@needs-mail nobody", "no mail/nobody.eml"),
        ("@repeat 2\nC: NOOP", "@end is missing"),
        ("@end", "@end without a block"),
        ("S| <eof>", "follow a line"),
        ("C: NOOP\nS! +OK", "follow a line"),
        ("@silence long", "no time"),
        ("@sasl GSSAPI", "no mechanism GSSAPI"),
        ("@check 1 = ", "no check"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with("folder/name.txt ") && error.contains(part), "{text}: {error}");
    }
    assert!(Case::parse("a/b", "C: NOOP\n").unwrap_err().contains("title"));
}
