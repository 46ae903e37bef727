//! Where the password comes from: a file, the environment, a person. Never an argument, which everybody
//! on the machine can see.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::Path,
};

use pop3_client::sasl::Secret;

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
        return Ok(Secret::from(password));
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
    Ok(Secret::from(password))
}

/// The first line of a file.
pub(super) fn from_file(file: &Path) -> Result<Secret, Failure> {
    let content = std::fs::read(file).map(Secret::new).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format_args!("cannot read the password from {}: {error}; check the path", file.display()),
        )
    })?;
    let line = content.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format_args!("the first line of {} is empty; put the password there", file.display()),
        ));
    }
    Ok(Secret::from(line))
}
