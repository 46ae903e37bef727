//! The program: its arguments, its commands, and what it exits with.

mod arguments;
mod capa;
mod connect;
mod exit;
mod fetch;
mod headers;
mod list;
mod password;
mod terminal;
mod top;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use arguments::{Arguments, Command};
use exit::{Exit, Failure};

pub(super) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.verbose);
    let result = match &arguments.command {
        Command::Fetch(fetch) => fetch::run(fetch),
        Command::List(list) => list::run(list),
        Command::Top(top) => top::run(top),
        Command::Capa(capa) => capa::run(capa),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(Failure { exit, text }) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "pop3-client: {text}");
            exit.into()
        }
    }
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // Where stderr takes nothing, there is nowhere to complain; by default that panics.
        .log_internal_errors(false)
        .without_time()
        .init();
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
