//! The program around the library: command line, configuration file, first start.

mod arguments;
mod certificate;
mod check;
mod configuration;
mod deliver;
mod demonstration;
mod file_size;
mod files;
mod logging;
mod open_files;
mod renewal;
mod report;
mod serve;
mod user;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use configuration::Configuration;

/// Exit status of a program that was called the wrong way, as in sysexits.h.
const EX_USAGE: u8 = 64;
/// Exit status that lets a mail transfer agent try again later.
const EX_TEMPFAIL: u8 = 75;

pub(crate) fn main() -> ExitCode {
    let exit = start();
    logging::finish();
    exit
}

fn start() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to stdout, and is no failure. Nothing can be done if printing fails.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EX_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    if let Err(error) = logging::start(&arguments.logging) {
        logging::say(&report::sentence(&error));
        // A message must not bounce for it.
        let is_delivery = matches!(arguments.command, Some(Command::Deliver(_)));
        return ExitCode::from(if is_delivery { EX_TEMPFAIL } else { EX_USAGE });
    }
    if let Some(Command::Deliver(message)) = &arguments.command {
        return deliver::run(&arguments.site, message);
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::say(&report::sentence(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        None | Some(Command::Serve) => serve::run(&arguments.site),
        Some(Command::Check) => check::run(&Configuration::load(&arguments.site)?),
        Some(Command::User { command }) => user::run(&Configuration::load(&arguments.site)?, command),
        // It has exit statuses of its own, and was done above.
        Some(Command::Deliver(_)) => Ok(()),
    }
}
