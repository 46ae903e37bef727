//! The program in every scenario of `pop3-testkit client-check`: nothing is lost, stored twice, truncated or
//! stuck.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

use std::{num::NonZeroUsize, time::Duration};

use pop3_testkit::client_check::{Check, Mode, Scenario, Verdict};

/// Plays everything, and gives the scenarios in which mail is left where it was.
fn left_in(mode: Mode) -> Vec<(String, Verdict)> {
    let program = env!("CARGO_BIN_EXE_pop3-client");
    let script = r#"exec "$0" fetch "pop://$POP3_USER@$POP3_HOST:$POP3_PORT" --insecure-plain \
        --timeout "$POP3_TIMEOUT" --maildir "$POP3_OUTDIR/mail" "$@""#;
    let mut command: Vec<String> = ["sh", "-c", script, program].map(str::to_owned).into();
    if mode == Mode::Delete {
        command.push("--delete".to_owned());
    }
    let all = Scenario::built_in().unwrap();
    let scenarios: Vec<&Scenario> = all.iter().filter(|scenario| scenario.is_for(mode)).collect();
    let jobs = NonZeroUsize::new(4).unwrap();
    let check = Check { command, mode, timeout: Duration::from_secs(30), tls: false, jobs };
    let work = tempfile::tempdir().unwrap();
    let outcomes = check.run(&scenarios, work.path()).unwrap();
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|outcome| outcome.verdict.is_failure())
        .map(|outcome| format!("{}: {}; {}", outcome.name, outcome.verdict.as_str(), outcome.summary()))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let left = outcomes.into_iter().filter(|outcome| outcome.verdict != Verdict::Ok);
    left.map(|outcome| (outcome.name, outcome.verdict)).collect()
}

fn names(left: &[(String, Verdict)], verdict: Verdict) -> Vec<&str> {
    left.iter().filter(|(_, found)| *found == verdict).map(|(name, _)| name.as_str()).collect()
}

/// Lines that end in LF alone are refused unless `--lenient-line-ends` is given.
const REFUSED: [&str; 2] = ["lf-only-messages", "lf-only"];

// Conformance: C-REL-01, C-REL-03, C-1939-07, C-1939-10
#[test]
fn deleting_it_loses_nothing_and_stores_nothing_twice() {
    let left = left_in(Mode::Delete);
    assert_eq!(names(&left, Verdict::Blocked), REFUSED);
    assert_eq!(names(&left, Verdict::Left), [""; 0]);
}

// Conformance: C-REL-01, C-1939-10
#[test]
fn keeping_it_loses_nothing_and_stores_nothing_twice() {
    let left = left_in(Mode::Keep);
    // Without unique-ids there is no telling what is new.
    let blocked = ["no-uidl", "missing-unique-ids", REFUSED[0], REFUSED[1]];
    assert_eq!(names(&left, Verdict::Blocked), blocked);
    assert_eq!(names(&left, Verdict::Left), [""; 0]);
}
