//! `cargo xtask test`: everything, in one order, with one last line.

use std::process::Command;

use crate::conformance;
use crate::outcomes::Outcomes;
use crate::process;
use crate::steps::{Steps, Tally};
use crate::workspace::Workspace;
use crate::{cargo_tests, matrix, peers, python, tidy};

/// Runs every step, whatever the ones before it said. True when nothing failed.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<bool> {
    let mut steps = Steps::begin();
    let mut outcomes = Outcomes::default();

    steps.run("fmt", || cargo(workspace, "fmt", &["fmt", "--all", "--check"]));
    steps.run("clippy", || {
        let arguments =
            ["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-Dwarnings"];
        cargo(workspace, "clippy", &arguments)
    });
    steps.run("doc", || doc(workspace));
    steps.run("tidy", || {
        let findings = tidy::run(workspace)?;
        findings.print();
        Ok(Tally::of(findings.is_clean()))
    });
    steps.run("deny", || deny(workspace));
    steps.run("peers", || Ok(Tally::of(peers::install(workspace)?)));
    steps.run("cargo test", || cargo_tests::run(workspace, &mut outcomes));
    steps.run("servers", || matrix::smoke(workspace));
    steps.run("core without std", || check_alone(workspace, "pop3-proto"));
    steps.run("client library alone", || check_alone(workspace, "pop3-client"));
    steps.run("server library alone", || check_alone(workspace, "pop3-server"));
    steps.run("testkit library alone", || check_alone(workspace, "pop3-testkit"));
    steps.run("python", || python::run(workspace, &mut outcomes));
    steps.run("conformance", || {
        outcomes.write(&workspace.scratch())?;
        Ok(Tally::of(conformance::run(workspace, true)?))
    });
    Ok(steps.finish())
}

fn doc(workspace: &Workspace) -> anyhow::Result<Tally> {
    let mut command = workspace.cargo();
    command.args(["doc", "--locked", "--workspace", "--no-deps", "--all-features"]);
    command.env("RUSTDOCFLAGS", "-Dwarnings");
    check(workspace, "doc", &mut command)
}

/// cargo-deny, where it is installed. The step "tidy" has checked the same lists of licences, sources and crates.
fn deny(workspace: &Workspace) -> anyhow::Result<Tally> {
    if !process::succeeds(workspace.cargo().args(["deny", "--version"])) {
        println!(
            "not run: cargo deny (not installed; tidy has checked the same lists; advisories need the network)"
        );
        return Ok(Tally::default());
    }
    cargo(workspace, "deny", &["deny", "--all-features", "check", "bans", "licenses", "sources"])
}

/// A library as someone gets it who asks for no features: nothing of the programs, for the core no std.
fn check_alone(workspace: &Workspace, package: &str) -> anyhow::Result<Tally> {
    cargo(workspace, package, &["check", "--locked", "-p", package, "--lib", "--no-default-features"])
}

fn cargo(workspace: &Workspace, log: &str, arguments: &[&str]) -> anyhow::Result<Tally> {
    check(workspace, log, workspace.cargo().args(arguments))
}

fn check(workspace: &Workspace, log: &str, command: &mut Command) -> anyhow::Result<Tally> {
    let log = workspace.scratch().join("logs").join(log).with_extension("txt");
    Ok(Tally::of(process::show(command, &log)?))
}
