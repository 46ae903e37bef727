//! Plays every case of `conform/` as one test, against servers of this project: in clear, with STLS, with
//! TLS, and against what two of the cases are about, a server that takes passwords in clear before STLS and
//! one of the test kit with channel binding. A test passes when the case passes with one of them at least,
//! and fails, differs or is skipped with none.
//!
//! It talks like the test harness of Rust does, so that whatever reads the output of `cargo test` counts
//! the files: a filter, `--exact`, `--skip` and `--list` work, other options are passed over.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should panic")]

mod conform;

use std::{collections::BTreeMap, process::ExitCode, sync::Arc, thread, time::Instant};

use conform::{Kept, MODES, OwnServer, options_for, test_server, test_server_with_tokens};
use pop3_testkit::conform::{Case, CaseReport, Library, Mode, Verdict, run};

fn main() -> ExitCode {
    let options = Options::from_arguments(std::env::args().skip(1));
    let all = Library::built_in().unwrap().cases;
    let count = all.len();
    let chosen: Vec<Case> =
        all.into_iter().filter(|case| options.is_chosen(&test_name(&case.name))).collect();
    if options.is_list {
        chosen.iter().for_each(|case| println!("{}: test", test_name(&case.name)));
        println!("\n{} tests, 0 benchmarks", chosen.len());
        return ExitCode::SUCCESS;
    }
    play(&chosen, count)
}

/// The path below `conform/`.
fn test_name(case: &str) -> String {
    format!("{case}.txt")
}

/// Plays and reports.
fn play(chosen: &[Case], all: usize) -> ExitCode {
    let began = Instant::now();
    println!("\nrunning {} tests", chosen.len());
    let results = if chosen.is_empty() { BTreeMap::new() } else { results(chosen) };
    let mut failures = Vec::new();
    for case in chosen {
        let name = test_name(&case.name);
        let reports = results.get(&case.name).map_or(&[][..], Vec::as_slice);
        match verdict(reports).and_then(|()| says_how_many_logins_fail(case, reports)) {
            Ok(()) => println!("test {name} ... ok"),
            Err(error) => {
                println!("test {name} ... FAILED");
                failures.push((name, error));
            }
        }
    }
    if !failures.is_empty() {
        println!("\nfailures:\n");
        failures.iter().for_each(|(name, error)| println!("---- {name} stdout ----\n{error}\n"));
        println!("\nfailures:");
        failures.iter().for_each(|(name, _)| println!("    {name}"));
    }
    let (word, code) =
        if failures.is_empty() { ("ok", ExitCode::SUCCESS) } else { ("FAILED", ExitCode::from(101)) };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        chosen.len() - failures.len(),
        failures.len(),
        all - chosen.len(),
        began.elapsed().as_secs_f64()
    );
    code
}

/// What came of each case, with every server.
fn results(chosen: &[Case]) -> BTreeMap<String, Vec<(String, CaseReport)>> {
    let mut results: BTreeMap<String, Vec<(String, CaseReport)>> = BTreeMap::new();
    let reports = thread::scope(|scope| {
        let mut threads = Vec::new();
        for mode in MODES {
            threads.push(scope.spawn(move || {
                let server = OwnServer::start(mode, Kept::InMemory);
                (mode.name().to_owned(), run(&server.options(), chosen, |_| {}).unwrap())
            }));
        }
        for (mode, is_about) in [
            (Mode::Stls, is_about_clear_passwords as fn(&Case) -> bool),
            (Mode::Tls, is_about_the_field as fn(&Case) -> bool),
        ] {
            threads.push(scope.spawn(move || {
                let server = match mode {
                    Mode::Stls => test_server(),
                    _ => test_server_with_tokens()
                        .rephrase("PASS", "-ERR [AUTH]", "-ERR Login failed.")
                        .fault("CAPA: without AUTH-RESP-CODE".parse().unwrap()),
                };
                let server = Arc::new(server.start().unwrap());
                let cases: Vec<Case> = chosen.iter().filter(|case| is_about(case)).cloned().collect();
                let report = run(&options_for(&server, mode), &cases, |_| {}).unwrap();
                (format!("test kit, {}", mode.name()), report)
            }));
        }
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    for (server, report) in reports {
        for case in report.cases {
            results.entry(case.name.clone()).or_default().push((server.clone(), case));
        }
    }
    results
}

/// A user name in clear, before STLS, is taken by few servers only.
fn is_about_clear_passwords(case: &Case) -> bool {
    case.name == "starttls/user-before-stls"
}

/// What our own server does not offer, or does otherwise by design.
fn is_about_the_field(case: &Case) -> bool {
    [
        "sasl/scram-sha-256-plus",
        "sasl/scram-downgrade",
        "sasl/oauthbearer-failure",
        "sasl/xoauth2-failure",
        "rfc3206/auth-code-is-announced",
    ]
    .contains(&case.name.as_str())
}

/// It has to pass somewhere, and be wrong nowhere.
fn verdict(reports: &[(String, CaseReport)]) -> Result<(), String> {
    let is_good = |verdict| matches!(verdict, Verdict::Pass | Verdict::NotApplicable);
    let wrong: Vec<String> = reports
        .iter()
        .filter(|(_, case)| !is_good(case.verdict))
        .map(|(server, case)| {
            let reason = case.reason.as_deref().unwrap_or_default();
            let (verdict, said) = (case.verdict.words(), case.said.join("\n"));
            format!("{server}: {verdict} {reason} {:?}\n{said}", case.difference)
        })
        .collect();
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    if reports.iter().any(|(_, case)| case.verdict == Verdict::Pass) {
        return Ok(());
    }
    let reasons: Vec<String> = reports
        .iter()
        .map(|(server, case)| format!("{server}: {}", case.reason.as_deref().unwrap_or_default()))
        .collect();
    Err(format!("no server was asked:\n{}", reasons.join("\n")))
}

/// What a run plans with has to be what the wire shows.
fn says_how_many_logins_fail(case: &Case, reports: &[(String, CaseReport)]) -> Result<(), String> {
    let Some((server, report)) =
        reports.iter().find(|(_, report)| report.refused_logins > case.failed_logins())
    else {
        return Ok(());
    };
    let (refused, said) = (report.refused_logins, case.failed_logins());
    Err(format!("{server}: {refused} logins were refused; the case says @failed-logins {said}"))
}

/// What of the harness's options matters here.
#[derive(Default)]
struct Options {
    filters: Vec<String>,
    skips: Vec<String>,
    is_exact: bool,
    is_list: bool,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut this = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => this.is_exact = true,
                "--list" => this.is_list = true,
                "--skip" => this.skips.extend(arguments.next()),
                "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => {
                    arguments.next();
                }
                option if option.starts_with('-') => {}
                filter => this.filters.push(filter.to_owned()),
            }
        }
        this
    }

    fn is_chosen(&self, name: &str) -> bool {
        let is_match =
            |pattern: &String| if self.is_exact { name == pattern } else { name.contains(pattern.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(is_match)) && !self.skips.iter().any(is_match)
    }
}
