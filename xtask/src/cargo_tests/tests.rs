use super::*;

const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/pop3_proto-0123456789abcdef)

running 3 tests
test types::number::tests::no_zero ... ok
test framing::tests::too_long ... FAILED
test types::tests::panics - should panic ... ok

successes:

---- types::number::tests::no_zero stdout ----
left out: mpop
test result: this line belongs to a test

successes:
    types::number::tests::no_zero

failures:

---- framing::tests::too_long stdout ----
it was too long

failures:
    framing::tests::too_long

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/transcripts.rs (target/debug/deps/transcripts-aaaa)
test rfc1939/stat.txt ... ok
test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests pop3_proto

running 1 test
test crates/pop3-proto/src/lib.rs - machine (line 12) ... ok
test crates/pop3-proto/src/lib.rs - machine (line 30) - compile fail ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.30s
";

fn programs() -> Programs {
    let place = |file: &str| ("pop3-proto".to_owned(), file.to_owned());
    Programs::from([
        ("pop3_proto-0123456789abcdef".to_owned(), place("src/lib.rs")),
        ("transcripts-aaaa".to_owned(), place("tests/transcripts.rs")),
    ])
}

#[test]
fn a_whole_run_is_counted_and_named() {
    let programs = programs();
    let mut reader = Reader::new(&programs);
    for line in OUTPUT.lines() {
        reader.read(line);
    }
    assert_eq!(reader.tally, Tally { passed: 5, failed: 1 });
    assert_eq!(reader.ignored, 2);
    assert_eq!(reader.left_out, ["mpop"]);
    let lines: Vec<_> = reader
        .outcomes
        .passed
        .iter()
        .map(|test| format!("{} {} {}", test.package, test.file, test.name))
        .collect();
    assert_eq!(
        lines,
        [
            "pop3-proto src/lib.rs types::number::tests::no_zero",
            "pop3-proto src/lib.rs types::tests::panics",
            "pop3-proto tests/transcripts.rs rfc1939/stat.txt",
            "pop3-proto doc crates/pop3-proto/src/lib.rs - machine (line 12)",
            "pop3-proto doc crates/pop3-proto/src/lib.rs - machine (line 30)",
        ]
    );
    assert_eq!(reader.outcomes.failed.len(), 1);
}

#[test]
fn what_passing_tests_print_is_hidden_and_what_failing_ones_print_is_shown() {
    let programs = programs();
    let mut reader = Reader::new(&programs);
    let shown: Vec<_> = OUTPUT.lines().filter(|line| reader.read(line) == Echo::Show).collect();
    assert!(!shown.contains(&"---- types::number::tests::no_zero stdout ----"));
    assert!(shown.contains(&"it was too long"));
}

#[test]
fn lines_one_by_one() {
    assert_eq!(Line::parse("test slow has been running for over 60 seconds"), Line::Other);
    assert_eq!(Line::parse("test a::b ... ignored"), Line::Other);
    assert_eq!(Line::parse("running 3 tests"), Line::Other);
    assert_eq!(Line::parse("     Running tests/pair.rs (deps/pair-1)"), Line::Program("deps/pair-1"));
    assert_eq!(
        Line::parse("test result: ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out"),
        Line::Summary { passed: 12, failed: 3, ignored: 1 }
    );
}

#[test]
fn a_program_is_placed_by_its_manifest() {
    let message = Message {
        executable: Some("/t/debug/deps/pair-77".to_owned()),
        manifest_path: Some("/c/crates/pop3-proto/Cargo.toml".to_owned()),
        target: Some(Target { src_path: "/c/crates/pop3-proto/tests/pair.rs".to_owned() }),
    };
    let expected = ("pair-77".to_owned(), ("pop3-proto".to_owned(), "tests/pair.rs".to_owned()));
    assert_eq!(place(&message), Some(expected));
}
