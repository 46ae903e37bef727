//! Where the password comes from: a file, the environment, a person. Never an argument, which everybody
//! on the machine can see.

use std::{
    env,
    io::{self, BufRead as _, IsTerminal as _},
    path::Path,
};

use pop3_client::sasl::Secret;
use tracing::warn;

use super::{
    arguments::Account,
    exit::{Exit, Failure},
};

const VARIABLE: &str = "POP3_PASSWORD";

pub(super) fn password(account: &Account, name: &str) -> Result<Secret, Failure> {
    if let Some(file) = &account.password_file {
        return from_file(file);
    }
    if let Ok(password) = env::var(VARIABLE) {
        return not_empty(
            Secret::from(password),
            format_args!("the variable {VARIABLE} is empty; put the password there, or unset it"),
        );
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            format_args!(
                "there is no password for {}; give --password-file, or set {VARIABLE}",
                super::terminal::sanitised(name)
            ),
        ));
    }
    let host = account.connection.url.host();
    let prompt = format!("Password of {} at {host}: ", super::terminal::sanitised(name));
    let password = rpassword::prompt_password(prompt).map_err(|error| {
        Failure::new(Exit::Usage, format_args!("cannot ask for the password: {error}; give --password-file"))
    })?;
    not_empty(Secret::from(password), "the password is empty; start again and type it")
}

fn not_empty(password: Secret, problem: impl std::fmt::Display) -> Result<Secret, Failure> {
    if password.is_empty() { Err(Failure::new(Exit::Usage, problem)) } else { Ok(password) }
}

/// A password file is for its owner alone.
fn warn_of_readers(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        let shown = file.display();
        warn!(
            "others may read {shown} (mode {:03o}); take it away from them with `chmod 600 {shown}`",
            mode & 0o777
        );
    }
}

/// What follows the line is not taken from others who read the same stdin, as far as that can be.
fn first_line_of_stdin() -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    io::stdin().lock().read_until(b'\n', &mut line)?;
    Ok(line)
}

/// The first line of a file, or of stdin for `-`.
pub(super) fn from_file(file: &Path) -> Result<Secret, Failure> {
    let is_stdin = file == Path::new("-");
    let shown = if is_stdin { "stdin".into() } else { file.to_string_lossy() };
    let read = if is_stdin { first_line_of_stdin() } else { std::fs::read(file) };
    let content = read.map(Secret::new).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format_args!("cannot read the password from {shown}: {error}; check the path"),
        )
    })?;
    if !is_stdin {
        warn_of_readers(file);
    }
    let line = content.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format_args!("the first line of {shown} is empty; put the password there"),
        ));
    }
    Ok(Secret::from(line))
}
