//! Delivery by a command of the user's.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::conform::Deliver;

/// The command is one for the shell; `{user}` in it is replaced by the user's name, in quotes.
pub(super) fn by_command(command: &str) -> Deliver {
    let command = command.to_owned();
    Box::new(move |user, message| deliver(&command, user, message))
}

fn deliver(command: &str, user: &str, message: &[u8]) -> Result<(), String> {
    let user = format!("'{}'", user.replace('\'', "'\\''"));
    let line = command.replace("{user}", &user);
    let failed = |what: String| format!("`{line}` does not deliver: {what}; check --deliver-command");
    let mut child = Command::new("sh")
        .args(["-c", &line])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    // A command that reads nothing is judged by its exit status.
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(message);
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("{} {}", output.status, words.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_to_the_command_whole() {
        let folder = tempfile::tempdir().unwrap();
        let command = format!("cat > {}/{{user}}", folder.path().display());
        by_command(&command)("it's me", b".a\n\0\xff").unwrap();
        assert_eq!(std::fs::read(folder.path().join("it's me")).unwrap(), b".a\n\0\xff");
        let error = by_command("echo no mail here >&2; exit 75")("a", b"x").unwrap_err();
        assert!(error.contains("no mail here") && error.contains("75"), "{error}");
    }
}
