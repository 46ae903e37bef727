//! The one entry for everything that is not a plain `cargo build`: `cargo xtask test` is what CI runs.

mod bench;
mod cargo_tests;
mod conformance;
mod fuzz;
mod junit;
mod left_out;
mod matrix;
mod outcomes;
mod peers;
mod process;
mod python;
mod steps;
mod test;
mod tidy;
mod transcripts;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Tests, checks and measurements of the pop3 workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Sets everything up, runs every check and test, and ends with `N passed, N failed`.
    Test,
    /// Checks the house rules: crate directions, dependencies, licences, file sizes, links.
    Tidy,
    /// Prints which rows of docs/requirements.md are cited by a test that passed.
    Conformance {
        /// Fail when a row of the named sections is neither covered nor excepted.
        #[arg(long)]
        check: bool,
    },
    /// Installs the mail programs that the tests talk to, and unpacks other POP3 servers, where that is
    /// possible; or starts one of the servers.
    Peers(peers::Arguments),
    /// Plays the conformance run against all servers and checks several clients, and writes
    /// docs/conformance.md.
    Matrix(matrix::Arguments),
    /// Fuzzes the core; seeds come from the transcripts.
    Fuzz {
        /// Seconds to spend on each target.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Targets to run; all of them when none is named.
        targets: Vec<String>,
    },
    /// Runs the criterion benches.
    Bench {
        /// Passed on to the benches, for example a filter.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `Ok(false)` means that the task ran and found something wrong, and has said so.
fn run(task: Task) -> anyhow::Result<bool> {
    match task {
        Task::Test => test::run(&Workspace::load()?),
        Task::Tidy => {
            let findings = tidy::run(&Workspace::load()?)?;
            findings.print();
            Ok(findings.is_clean())
        }
        Task::Conformance { check } => conformance::run(&Workspace::load()?, check),
        Task::Peers(arguments) => peers::run(&arguments),
        Task::Matrix(arguments) => matrix::run(&Workspace::load()?, &arguments),
        Task::Fuzz { seconds, targets } => fuzz::run(&Workspace::load()?, seconds, &targets),
        Task::Bench { arguments } => bench::run(&Workspace::load()?, &arguments),
    }
}
