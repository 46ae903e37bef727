//! The program itself, as a person starts it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use super::real_server::PASSWORD;

/// A directory for a Maildir and a password file.
pub struct Home {
    pub folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        fs::write(&password, format!("{PASSWORD}\nnot this\n")).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        Self { folder }
    }

    pub fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// The program with these arguments, nothing on stdin, and a password file where one is wanted.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pop3-client"));
        command.env_remove("POP3_PASSWORD").stdin(Stdio::null());
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        if arguments.first() != Some(&"capa") {
            command.arg("--password-file").arg(self.folder.path().join("password"));
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// `fetch` from a server in clear.
    pub fn fetch_command(&self, port: u16, more: &[&str]) -> Command {
        let url = format!("pop://alice@127.0.0.1:{port}");
        let mut command = self.command(&["fetch", &url, "--insecure-plain"]);
        command.arg("--maildir").arg(self.maildir()).args(more);
        command
    }

    pub fn fetch(&self, port: u16, more: &[&str]) -> Ran {
        Ran::from(self.fetch_command(port, more).output().unwrap())
    }

    /// The messages in the Maildir, and how often each is there.
    pub fn mail(&self) -> BTreeMap<Vec<u8>, usize> {
        mail_in(&self.maildir())
    }
}

/// The messages in a Maildir, and how often each is there.
pub fn mail_in(maildir: &Path) -> BTreeMap<Vec<u8>, usize> {
    let mut mail = BTreeMap::new();
    for folder in ["new", "cur"] {
        for entry in fs::read_dir(maildir.join(folder)).into_iter().flatten() {
            *mail.entry(fs::read(entry.unwrap().path()).unwrap()).or_default() += 1;
        }
    }
    mail
}

/// Each of these once.
pub fn once<M: Into<Vec<u8>>>(messages: impl IntoIterator<Item = M>) -> BTreeMap<Vec<u8>, usize> {
    messages.into_iter().map(|message| (message.into(), 1)).collect()
}

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
