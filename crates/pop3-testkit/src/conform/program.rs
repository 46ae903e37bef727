//! The program `pop3-conform`.

use std::process::ExitCode;

/// Runs it with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::FAILURE
}
