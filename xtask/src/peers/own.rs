//! Our own server, set up to offer what it can.

use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::maildrop;
use super::root::{OTHER_PASSWORD, OTHER_USER, PASSWORD, Root, USER};
use super::serve::{Ports, Serving};
use super::server::{Delivery, Server};
use crate::workspace::Workspace;

/// The package that has the program.
const PACKAGE: &str = "pop3-server";

pub(super) const SERVER: Server = Server {
    name: "pop3-server",
    title: "pop3-server",
    package: None,
    more: &[],
    settings: "Maildir; every mechanism and APOP; `utf8`, two languages; failed \
               logins are answered at once",
    start,
    delivery: Delivery::Own,
};

fn start(serving: &mut Serving<'_>) -> anyhow::Result<Ports> {
    let folder = serving.root.beside("data");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    for user in [USER, OTHER_USER] {
        maildrop::make_maildir(&maildir(&serving.root, user), None)?;
    }
    let users = folder.join("users");
    let text = format!("{USER}:{{PLAIN}}{PASSWORD}\n{OTHER_USER}:{{PLAIN}}{OTHER_PASSWORD}\n");
    fs::write(&users, text).with_context(|| format!("cannot write {}", users.display()))?;
    fs::set_permissions(&users, Permissions::from_mode(0o600))?;
    let (plain, tls) = serving.free_ports(Ipv4Addr::LOCALHOST)?;
    let settings = folder.join("pop3-server.toml");
    let (certificate, key) = (&serving.certificate.certificate, &serving.certificate.key);
    fs::write(&settings, configuration(plain, tls, certificate, key, serving.tls_first))?;
    let mut command = Command::new(serving.target.join("debug").join(PACKAGE));
    serving.daemon(command.arg("--config").arg(&settings))?;
    Ok(Ports { address: Ipv4Addr::LOCALHOST, plain, tls: Some(tls) })
}

pub(super) fn maildir(root: &Root, user: &str) -> PathBuf {
    root.beside("data/mail").join(user)
}

pub(super) fn version(workspace: &Workspace) -> anyhow::Result<String> {
    let package = workspace.members().find(|package| package.name == PACKAGE);
    Ok(package.with_context(|| format!("{PACKAGE} is not in the workspace"))?.version.clone())
}

fn configuration(plain: u16, tls: u16, certificate: &Path, key: &Path, tls_first: bool) -> String {
    let in_clear = !tls_first;
    format!(
        "[[listen]]\naddress = \"127.0.0.1:{plain}\"\nkind = \"stls\"\n\
         [[listen]]\naddress = \"127.0.0.1:{tls}\"\nkind = \"tls\"\n\
         [tls]\ncertificate = {certificate:?}\nkey = {key:?}\n\
         [users]\nfile = \"users\"\n\
         [maildir]\nroot = \"mail\"\n\
         [login]\n\
         mechanisms = [\"SCRAM-SHA-256\", \"SCRAM-SHA-1\", \"PLAIN\", \"LOGIN\", \"CRAM-MD5\"]\n\
         apop_host = \"localhost\"\nplaintext_without_tls = {in_clear}\nfailure_delay = 0\n\
         [protocol]\nimplementation = \"pop3-server\"\nlanguages = [\"en\", \"de\"]\nutf8 = true\n"
    )
}
