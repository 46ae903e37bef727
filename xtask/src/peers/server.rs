//! The servers: five of other projects, and our own.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::apt::Apt;
use super::programs::{can_install, is_root, is_there};
use super::root::Root;
use super::serve::{Ports, Serving};
use super::{courier, cyrus, dovecot, maildrop, mailutils, own, popa3d};
use crate::process;
use crate::workspace::Workspace;

/// A POP3 server that can be started.
#[derive(Debug)]
pub(crate) struct Server {
    /// As on the command line.
    pub(crate) name: &'static str,
    /// As in sentences.
    pub(crate) title: &'static str,
    /// The Debian package whose version is told; none for our own server.
    pub(super) package: Option<&'static str>,
    /// What else has to be unpacked.
    pub(super) more: &'static [&'static str],
    /// How it is set up, where that is not what the package brings.
    pub(crate) settings: &'static str,
    pub(super) start: fn(&mut Serving<'_>) -> anyhow::Result<Ports>,
    pub(super) delivery: Delivery,
}

/// How a message gets to a user.
#[derive(Clone, Copy, Debug)]
pub(super) enum Delivery {
    /// Into `home/USER/Maildir` of the root, as it is.
    Maildir,
    /// The same, with LF line ends, for a server that knows no others.
    MaildirWithLf,
    /// Onto `var/mail/USER` of the root.
    Mbox,
    /// With the delivery agent of Cyrus.
    Cyrus,
    /// Into the Maildir of our own server.
    Own,
}

const SERVERS: [Server; 6] =
    [own::SERVER, dovecot::SERVER, courier::SERVER, cyrus::SERVER, popa3d::SERVER, mailutils::SERVER];

/// Our own first, then the peers.
pub(crate) fn all() -> &'static [Server] {
    &SERVERS
}

/// The server of that name.
pub(crate) fn named(name: &str) -> anyhow::Result<&'static Server> {
    let names: Vec<_> = SERVERS.iter().map(|server| server.name).collect();
    let found = all().iter().find(|server| server.name == name);
    found.with_context(|| format!("there is no server {name}; there are {}", names.join(", ")))
}

impl Server {
    /// Whether it is of another project.
    pub(crate) fn is_peer(&self) -> bool {
        self.package.is_some()
    }

    /// Unpacks what is missing; or why that cannot be.
    ///
    /// # Errors
    ///
    /// When another process uses the root.
    pub(crate) fn unpack(&self, workspace: &Workspace) -> anyhow::Result<Result<(), String>> {
        if !is_there("openssl") {
            return Ok(Err("it takes openssl, for a certificate".to_owned()));
        }
        let Some(package) = self.package else { return Ok(Ok(())) };
        if !can_install() {
            return Ok(Err("it takes root on Debian, and apt-get".to_owned()));
        }
        if !namespaces_are_permitted() {
            return Ok(Err("it takes a PID namespace, which unshare --pid may not make here".to_owned()));
        }
        let logs = workspace.scratch().join("logs");
        let apt = Apt::new(workspace.target().join("peers/apt"), logs)?;
        let packages: Vec<_> = [package].iter().chain(self.more).copied().collect();
        let unpacked = Root::new(workspace.target(), self.name).unpack(&apt, &packages);
        Ok(unpacked.map_err(|error| format!("{error:#}")))
    }

    /// The version of the package, or of the workspace.
    ///
    /// # Errors
    ///
    /// When the package is not unpacked.
    pub(crate) fn version(&self, workspace: &Workspace) -> anyhow::Result<String> {
        match self.package {
            Some(package) => Root::new(workspace.target(), self.name).version(package),
            None => own::version(workspace),
        }
    }

    /// Delivers a message to a user.
    ///
    /// # Errors
    ///
    /// When there is no such user, or the message cannot be written.
    pub(super) fn deliver(&self, target: &Path, user: &str, message: &mut impl Read) -> anyhow::Result<()> {
        let mut octets = Vec::new();
        message.read_to_end(&mut octets).context("the message cannot be read")?;
        let root = Root::new(target, self.name);
        match self.delivery {
            Delivery::Maildir | Delivery::MaildirWithLf => {
                if matches!(self.delivery, Delivery::MaildirWithLf) {
                    octets = maildrop::with_lf(&octets);
                }
                let maildir = root.path(&format!("home/{user}/Maildir"))?;
                maildrop::into_maildir(&maildir, Some(user), &octets)
            }
            Delivery::Mbox => maildrop::into_mbox(&root.path(&format!("var/mail/{user}"))?, user, &octets),
            Delivery::Cyrus => cyrus::deliver(&root, user, &octets),
            Delivery::Own => maildrop::into_maildir(&own::maildir(&root, user), None, &octets),
        }
    }
}

/// Whether `unshare` may do what [`namespaced`] asks of it.
fn namespaces_are_permitted() -> bool {
    is_root() && is_there("unshare") && process::succeeds(namespaced().arg("true"))
}

/// A command in a PID namespace of its own: when it ends, or `unshare` does, everything in it ends.
pub(super) fn namespaced() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child=KILL", "--"]);
    command
}

/// Gives a program something on standard input.
pub(super) fn feed(command: &mut Command, input: &[u8]) -> anyhow::Result<()> {
    use std::io::Write;

    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_differ() {
        for server in all() {
            assert_eq!(named(server.name).unwrap().title, server.title);
        }
        assert!(named("exchange").unwrap_err().to_string().contains("dovecot"));
    }
}
