//! The program in every scenario of `pop3-testkit client-check`: nothing is lost, stored twice, truncated or
//! stuck.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

use std::{num::NonZeroUsize, time::Duration};

use pop3_testkit::client_check::{Check, Mode, Outcome, Scenario, Verdict, example};

/// Plays everything; nobody has to complain of the mail.
fn play(mode: Mode) -> Vec<Outcome> {
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
    outcomes
}

/// The scenarios that ended so.
fn names(outcomes: &[Outcome], verdict: Verdict) -> Vec<&str> {
    let such = outcomes.iter().filter(|outcome| outcome.verdict == verdict);
    such.map(|outcome| outcome.name.as_str()).collect()
}

/// How often a message of a scenario is stored whole, how often in part, and whether it is on the server.
fn kept(outcomes: &[Outcome], scenario: &str, mark: u32) -> (u32, u32, bool) {
    let outcome = outcomes.iter().find(|outcome| outcome.name == scenario).unwrap();
    let message = outcome.messages.iter().find(|message| message.mark == mark).unwrap();
    (message.copies.complete, message.copies.partial, message.is_on_server)
}

/// What is stored of messages that come cut and properly ended: the part, and what came of them later.
fn check_cut(outcomes: &[Outcome], is_kept: bool) {
    for (scenario, mark, complete, partial) in [
        ("short-but-terminated", 3, 1, 1),
        ("little-short-but-terminated", 3, 1, 1),
        ("small-message-cut", 1, 1, 1),
        ("two-cut-differently", 3, 1, 2),
        ("little-short-in-every-run", 3, 0, 1),
        ("sizes-too-large-and-one-cut", 3, 1, 1),
        ("sizes-a-little-too-large", 3, 1, 0),
    ] {
        assert_eq!(kept(outcomes, scenario, mark), (complete, partial, is_kept), "{scenario}");
    }
}

/// Lines that end in LF alone are refused unless `--lenient-line-ends` is given.
const REFUSED: [&str; 2] = ["lf-only-messages", "lf-only"];

// Conformance: C-REL-01, C-REL-03, C-1939-06, C-1939-07, C-1939-10, C-ROB-02
#[test]
fn deleting_it_loses_nothing_and_stores_nothing_twice() {
    let outcomes = play(Mode::Delete);
    assert_eq!(names(&outcomes, Verdict::Blocked), REFUSED);
    assert_eq!(names(&outcomes, Verdict::Left), [""; 0]);
    check_cut(&outcomes, false);
}

// Conformance: C-REL-01, C-1939-10
#[test]
fn keeping_it_loses_nothing_and_stores_nothing_twice() {
    let outcomes = play(Mode::Keep);
    // Without unique-ids there is no telling what is new.
    let blocked = ["no-uidl", "missing-unique-ids", REFUSED[0], REFUSED[1]];
    assert_eq!(names(&outcomes, Verdict::Blocked), blocked);
    assert_eq!(names(&outcomes, Verdict::Left), [""; 0]);
    check_cut(&outcomes, true);
}

/// `pop3-testkit client-check` shows this line to whoever gives no command.
#[test]
fn the_example_of_client_check_works_as_it_stands() {
    let all = Scenario::built_in().unwrap();
    let healthy: Vec<&Scenario> = all.iter().filter(|scenario| scenario.name() == "healthy").collect();
    for (mode, tls) in [(Mode::Keep, false), (Mode::Delete, false), (Mode::Keep, true), (Mode::Delete, true)]
    {
        let mut command: Vec<String> = example(mode, tls).into_iter().map(str::to_owned).collect();
        command[0] = env!("CARGO_BIN_EXE_pop3-client").to_owned();
        let check = Check { command, mode, timeout: Duration::from_secs(30), tls, jobs: NonZeroUsize::MIN };
        let work = tempfile::tempdir().unwrap();
        let outcome = check.run(&healthy, work.path()).unwrap().remove(0);
        assert_eq!(outcome.verdict, Verdict::Ok, "{mode:?}, TLS {tls}: {}", outcome.summary());
    }
}
