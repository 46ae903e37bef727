//! The program: its arguments, its commands, and what it exits with.

mod arguments;
mod capa;
mod connect;
mod exit;
mod fetch;
mod headers;
mod interrupt;
mod list;
mod masked;
mod password;
mod privileges;
mod provider;
mod terminal;
mod top;

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use arguments::{Arguments, Command};
use exit::Exit;

pub(super) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    log_to_stderr(arguments.verbose);
    let result = match &arguments.command {
        Command::Fetch(fetch) => fetch::run(fetch),
        Command::List(list) => list::run(list),
        Command::Top(top) => top::run(top),
        Command::Capa(capa) => capa::run(capa),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.say();
            failure.exit.into()
        }
    }
}

/// Says what is wrong with the command line, or what was asked about it: `--help`, `--version`.
fn refused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nobody is left to tell when stdout is closed.
        let _ = error.print();
        return Exit::Done.into();
    }
    let text = error.render().to_string();
    let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let _ = io::stderr().write_all(masked::masked(&text, arguments).as_bytes());
    Exit::Usage.into()
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
