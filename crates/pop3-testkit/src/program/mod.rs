//! The program `pop3-testkit`.

mod arguments;
mod client_check;
mod profiles;
mod record;
mod replay;
mod said;
mod serve;
mod stop;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

use arguments::{Arguments, Command};

/// A client did not do what it should have, or a session could not be recorded.
const FAILED: u8 = 1;
/// It was called in a way that cannot be carried out.
const UNUSABLE: u8 = 2;

/// Runs it with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to stdout, and is no failure. Nothing can be done if printing fails.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(UNUSABLE) } else { ExitCode::SUCCESS };
        }
    };
    let result = match &arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Record(record) => record.run(),
        Command::Replay(replay) => replay.run(),
        Command::Profiles(profiles) => profiles.run(),
        Command::ClientCheck(check) => check.run(),
    };
    result.unwrap_or_else(|error| {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "pop3-testkit: {}", sentence(&error));
        ExitCode::from(UNUSABLE)
    })
}

/// The error and its causes; many errors say their cause themselves.
fn sentence(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| match cause.to_string() {
        cause if text.contains(&cause) => text,
        cause if text.is_empty() => cause,
        cause => format!("{text}: {cause}"),
    })
}
