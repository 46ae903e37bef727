//! The conformance run against our own server: in clear, with STLS and with TLS, with mail in memory and in
//! a Maildir. Nothing may fail, differ or be skipped.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod conform;

use std::time::Duration;

use conform::{Kept, OwnServer};
use pop3_testkit::conform::{Format, Library, Mode, Report, Verdict, run};

fn run_all(mode: Mode, kept: Kept) -> Report {
    let library = Library::built_in().unwrap();
    let server = OwnServer::start(mode, kept);
    let report = run(&server.options(), &library.cases, |_| {}).unwrap();
    println!("{}", report.written(Format::Human, &library.sections));
    for verdict in [Verdict::Fails, Verdict::Departs, Verdict::Differs, Verdict::Skipped, Verdict::Undecided]
    {
        assert_eq!(report.count(verdict), 0, "{}, {kept:?}: {}", mode.name(), verdict.words());
    }
    assert_eq!(report.left, None);
    assert!(report.duration < Duration::from_secs(60), "a run takes {:?}", report.duration);
    report
}

#[test]
fn in_clear_with_mail_in_memory() {
    let report = run_all(Mode::Plain, Kept::InMemory);
    assert!(report.count(Verdict::Pass) > 100);
}

#[test]
fn in_clear_with_mail_in_a_maildir() {
    run_all(Mode::Plain, Kept::InMaildir);
}

#[test]
fn with_stls_and_mail_in_memory() {
    run_all(Mode::Stls, Kept::InMemory);
}

#[test]
fn with_stls_and_mail_in_a_maildir() {
    run_all(Mode::Stls, Kept::InMaildir);
}

#[test]
fn with_tls_and_mail_in_memory() {
    run_all(Mode::Tls, Kept::InMemory);
}

#[test]
fn with_tls_and_mail_in_a_maildir() {
    run_all(Mode::Tls, Kept::InMaildir);
}
