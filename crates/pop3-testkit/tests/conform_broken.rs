//! For every case of the conformance run, a server that is broken in just the way that the case is about,
//! and that the case has to find fault with: `conform/broken.txt` has one for each.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should panic")]

mod conform;
#[path = "conform/peers.rs"]
mod peers;

use std::{collections::BTreeSet, sync::Arc, sync::Mutex, thread, time::Duration};

use conform::{options_for, test_server, test_server_with_tokens};
use pop3_testkit::conform::{Level, Library, Mode, Verdict, run};

/// A case, and what makes it fail.
struct Broken {
    case: String,
    mode: Mode,
    /// Rules of faults; or one `peer NAME`.
    by: Vec<String>,
}

fn table() -> Vec<Broken> {
    let mut table: Vec<Broken> = Vec::new();
    for line in include_str!("conform/broken.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some(rule) = line.strip_prefix("    ") {
            table.last_mut().unwrap().by.push(rule.to_owned());
            continue;
        }
        let (case, mode) = line.split_once(' ').unwrap_or((line, "plain"));
        let mode = match mode {
            "plain" => Mode::Plain,
            "stls" => Mode::Stls,
            "tls" => Mode::Tls,
            _ => panic!("there is no mode {mode}"),
        };
        table.push(Broken { case: case.to_owned(), mode, by: Vec::new() });
    }
    table
}

/// What is wrong with the check of a case, if anything.
fn unfound(library: &Library, broken: &Broken) -> Option<String> {
    let mut library = library.clone();
    library.choose(std::slice::from_ref(&broken.case)).unwrap();
    let needs_tokens = ["sasl/oauthbearer-failure", "sasl/xoauth2-failure"].contains(&broken.case.as_str());
    let mut builder = if needs_tokens { test_server_with_tokens() } else { test_server() };
    let mut peer = None;
    for by in &broken.by {
        match by.strip_prefix("peer ") {
            Some(name) => peer = Some(name),
            None => builder = builder.fault(by.parse().unwrap_or_else(|error| panic!("{by}: {error}"))),
        }
    }
    let server = Arc::new(builder.start().unwrap());
    let mut options = options_for(&server, broken.mode);
    if let Some(name) = peer {
        // Before it, the run looks for capabilities in clear, and logs in once.
        let number = if broken.mode == Mode::Tls { 2 } else { 3 };
        options.port = peers::in_front_of(([127, 0, 0, 1], options.port).into(), name, number).port();
    }
    // Where silence is what is wrong, it need not last.
    options.timeout = Duration::from_secs(1);
    let report = match run(&options, &library.cases, |_| {}) {
        Ok(report) => report,
        Err(error) => return Some(format!("{}: could not run: {error}", broken.case)),
    };
    let case = report.cases.first()?;
    let expected = match case.level {
        Level::Must => Verdict::Fails,
        Level::Should => Verdict::Departs,
        Level::Practice => Verdict::Differs,
    };
    (case.verdict != expected).then(|| {
        let reason = case.reason.as_deref().unwrap_or_default();
        let (verdict, said) = (case.verdict.words(), case.said.join("\n    "));
        format!("{} with {:?}: {verdict} {reason} {:?}\n    {said}", broken.case, broken.by, case.difference)
    })
}

#[test]
fn every_case_finds_fault_with_a_server_that_is_broken_so() {
    let library = Library::built_in().unwrap();
    let table = table();
    let work = Mutex::new(table.iter());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().next();
                    let Some(broken) = next else { return };
                    wrong.lock().unwrap().extend(unfound(&library, broken));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn every_case_has_its_broken_server() {
    let table: BTreeSet<String> = table().into_iter().map(|broken| broken.case).collect();
    let cases: BTreeSet<String> =
        Library::built_in().unwrap().cases.into_iter().map(|case| case.name).collect();
    let lacking: Vec<_> = cases.difference(&table).collect();
    let unknown: Vec<_> = table.difference(&cases).collect();
    assert!(lacking.is_empty() && unknown.is_empty(), "without one: {lacking:?}; no case: {unknown:?}");
}
