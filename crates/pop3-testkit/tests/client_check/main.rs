//! What `client-check` says of fetchers that make one mistake each, and of one that makes none.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

use std::{num::NonZeroUsize, time::Duration};

use pop3_testkit::client_check::{Check, End, Mode, Outcome, Scenario, Verdict, example};

const FETCHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client_check/fetcher.py");

fn fetcher(mistakes: &[&str]) -> Vec<String> {
    let arguments =
        ["python3", FETCHER, "{host}", "{port}", "{user}", "{password}", "{outdir}", "{timeout}", "{mode}"];
    arguments.iter().chain(mistakes).map(|argument| (*argument).to_owned()).collect()
}

fn check(mode: Mode, mistakes: &[&str], scenario: &str, timeout: u64) -> Outcome {
    let all = Scenario::built_in().unwrap();
    let chosen: Vec<&Scenario> = all.iter().filter(|found| found.name() == scenario).collect();
    let check = Check {
        command: fetcher(mistakes),
        mode,
        timeout: Duration::from_secs(timeout),
        tls: false,
        jobs: NonZeroUsize::MIN,
    };
    let work = tempfile::tempdir().unwrap();
    check.run(&chosen, work.path()).unwrap().remove(0)
}

/// The marks of the messages with this verdict.
fn marks(outcome: &Outcome, verdict: Verdict) -> Vec<u32> {
    let messages = outcome.messages.iter().filter(|message| message.verdict == verdict);
    messages.map(|message| message.mark).collect()
}

/// Longer than any run takes that ends by itself.
const LONG: u64 = 60;

#[test]
fn a_fetcher_without_mistakes_is_ok() {
    for mode in [Mode::Delete, Mode::Keep] {
        for scenario in ["healthy", "quit-dropped-before-removal", "stall-then-kill", "retr-err-on-one"] {
            let outcome = check(mode, &[], scenario, LONG);
            assert_eq!(outcome.verdict, Verdict::Ok, "{mode:?} {}", outcome.summary());
            assert_eq!(outcome.messages.len(), 6);
        }
    }
}

#[test]
fn an_mbox_is_read_as_well() {
    let outcome = check(Mode::Keep, &["mbox"], "healthy", LONG);
    assert_eq!(outcome.verdict, Verdict::Ok, "{}", outcome.summary());
    let outcome = check(Mode::Keep, &["mbox", "no-state"], "healthy", LONG);
    assert_eq!(marks(&outcome, Verdict::Duplicated), [1, 2, 3, 4, 5], "{}", outcome.summary());
}

#[test]
fn mail_is_lost_by_who_deletes_before_it_is_stored() {
    let outcome = check(Mode::Delete, &["stores-late"], "kill-after-removal", LONG);
    assert_eq!(outcome.verdict, Verdict::Lost, "{}", outcome.summary());
    assert_eq!(marks(&outcome, Verdict::Lost), [1, 2, 3, 4, 5]);
    assert_eq!(marks(&outcome, Verdict::Ok), [6]);
    assert_eq!(outcome.runs[0].end, End::Signal(9));
}

#[test]
fn mail_is_duplicated_by_who_keeps_no_state() {
    let outcome = check(Mode::Keep, &["no-state"], "healthy", LONG);
    assert_eq!(outcome.verdict, Verdict::Duplicated);
    assert_eq!(marks(&outcome, Verdict::Duplicated), [1, 2, 3, 4, 5]);
    let outcome = check(Mode::Delete, &["no-state"], "quit-dropped-before-removal", LONG);
    assert_eq!(outcome.verdict, Verdict::Duplicated, "{}", outcome.summary());
}

#[test]
fn a_part_is_taken_for_the_whole_by_who_does_not_look_at_the_size() {
    for mode in [Mode::Delete, Mode::Keep] {
        let outcome = check(mode, &[], "short-but-terminated", LONG);
        assert_eq!(outcome.verdict, Verdict::Truncated);
        assert_eq!(marks(&outcome, Verdict::Truncated), [3], "{}", outcome.summary());
    }
}

#[test]
fn who_waits_for_ever_is_stuck_and_killed() {
    let outcome = check(Mode::Keep, &["patient"], "stall-mid-retr", 3);
    assert_eq!(outcome.verdict, Verdict::Stuck, "{}", outcome.summary());
    assert_eq!(outcome.runs[0].end, End::Stuck);
    assert_eq!(outcome.runs[1].end, End::Exit(0));
}

#[test]
fn octets_that_were_not_sent_are_damage() {
    for mistake in ["stuffed", "drops-lines"] {
        let outcome = check(Mode::Delete, &[mistake], "healthy", LONG);
        assert_eq!(outcome.verdict, Verdict::Damaged, "{mistake}: {}", outcome.summary());
    }
}

#[test]
fn one_message_that_is_refused_blocks_who_gives_up_at_it() {
    let outcome = check(Mode::Keep, &["gives-up"], "retr-err-on-one", LONG);
    assert_eq!(outcome.verdict, Verdict::Blocked);
    assert_eq!(marks(&outcome, Verdict::Blocked), [4, 5, 6], "{}", outcome.summary());
}

#[test]
fn what_should_be_removed_and_is_not_is_left_and_the_other_way_round_removed() {
    let left = check(Mode::Delete, &["wrong-mode"], "healthy", LONG);
    assert_eq!(left.verdict, Verdict::Left, "{}", left.summary());
    assert!(left.messages.iter().all(|message| message.is_on_server));
    let removed = check(Mode::Keep, &["wrong-mode"], "healthy", LONG);
    assert_eq!(removed.verdict, Verdict::Removed, "{}", removed.summary());
}

#[test]
fn mail_that_comes_while_others_are_fetched_is_counted_too() {
    let outcome = check(Mode::Delete, &[], "mail-arrives", LONG);
    assert_eq!(outcome.verdict, Verdict::Ok, "{}", outcome.summary());
    assert_eq!(outcome.messages.len(), 7);
}

#[test]
fn a_command_that_cannot_be_started_is_told() {
    let all = Scenario::built_in().unwrap();
    let check = Check {
        command: vec!["/nowhere/fetch".into()],
        mode: Mode::Keep,
        timeout: Duration::from_secs(LONG),
        tls: false,
        jobs: NonZeroUsize::MIN,
    };
    let work = tempfile::tempdir().unwrap();
    let error = check.run(&all.iter().collect::<Vec<_>>(), work.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot run /nowhere/fetch: "), "{error}");
}

/// The program itself, with this fetcher.
fn program(arguments: &[&str], mistakes: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pop3-testkit"));
    command.arg("client-check").args(arguments).arg("--").args(fetcher(mistakes));
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn without_a_command_a_line_that_works_is_shown() {
    // The words are tried out by the tests of pop3-client.
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pop3-testkit"));
        let output = command.arg("client-check").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    for (arguments, mode, tls, options) in [
        (&[][..], Mode::Keep, false, ""),
        (&["--delete"], Mode::Delete, false, " --delete"),
        (&["--tls", "--delete"], Mode::Delete, true, " --tls --delete"),
    ] {
        let (code, said) = run(arguments);
        let line = said.split_once("as in: ").unwrap().1.trim_end().replace('\'', "");
        let words = example(mode, tls).join(" ");
        assert_eq!((code, line), (Some(2), format!("pop3-testkit client-check{options} -- {words}")));
    }
    let help = run(&["--help"]).1;
    let example = example(Mode::Keep, false).join(" ");
    assert!(
        help.replace('\'', "").replace("\\\n    ", "").contains(&format!("client-check -- {example}\n")),
        "{help}"
    );
    for part in ["POP3_PASSWORD in its environment", "implicit TLS", "no TLS and to keep"] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[test]
fn the_exit_code_tells_and_the_report_is_json_on_demand() {
    let work = tempfile::tempdir().unwrap();
    let scenarios = ["--scenario", "healthy", "--scenario", "kill-after-removal"];
    let arguments = [&scenarios[..], &["--delete", "--format", "json", "--label", "mine"]].concat();
    let (code, text) = program(&arguments, &["stores-late"]);
    assert_eq!(code, Some(1), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["client"], &report["mode"]), (&"mine".into(), &"delete".into()));
    let verdicts = [0, 1].map(|index| report["scenarios"][index]["verdict"].as_str().unwrap());
    assert_eq!(verdicts, ["ok", "lost"]);

    let place = work.path().join("kept");
    let arguments = [&scenarios[..2], &["--keep", "--work", place.to_str().unwrap()]].concat();
    let (code, text) = program(&arguments, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("1 scenarios: 1 ok, 0 failed, 0 with mail left where it was\n"), "{text}");
    let said = std::fs::read_to_string(place.join("healthy/session-1.txt")).unwrap();
    assert!(said.contains("\nC: USER checker\n") && !said.contains("tanstaaf"), "{said}");
    // What is there is not mixed with anything new.
    assert_eq!(program(&arguments, &[]).0, Some(2));
    assert_eq!(program(&["--scenario", "no-such"], &[]).0, Some(2));
}
