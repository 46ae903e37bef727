//! Dovecot 2.3, with a Maildir for each user.

use std::net::Ipv4Addr;

use super::maildrop;
use super::root::{OTHER_PASSWORD, OTHER_USER, PASSWORD, USER};
use super::serve::{Ports, Serving};
use super::server::{Delivery, Server};

pub(super) const SERVER: Server = Server {
    name: "dovecot",
    title: "Dovecot",
    package: Some("dovecot-pop3d"),
    more: &[],
    settings: "Maildir; mechanisms PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256 and APOP; no penalty for failed logins beyond the delay of each",
    start,
    delivery: Delivery::Maildir,
};

/// A connection from the address that it goes to counts as secure without TLS. Linux connects from 127.0.0.1.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn start(serving: &mut Serving<'_>) -> anyhow::Result<Ports> {
    let root = &serving.root;
    root.fresh("run", "root", 0o755)?;
    root.fresh("var/lib/dovecot", "root", 0o755)?;
    for user in [USER, OTHER_USER] {
        root.fresh(&format!("home/{user}"), user, 0o700)?;
        maildrop::make_maildir(&root.path(&format!("home/{user}/Maildir"))?, Some(user))?;
    }
    root.copy(&serving.certificate.certificate, "etc/dovecot/certificate.pem")?;
    root.copy(&serving.certificate.key, "etc/dovecot/key.pem")?;
    root.give("etc/dovecot/key.pem", "root", 0o600)?;
    let users = format!("{USER}:{{PLAIN}}{PASSWORD}\n{OTHER_USER}:{{PLAIN}}{OTHER_PASSWORD}\n");
    root.write("etc/dovecot/users", &users)?;
    root.give("etc/dovecot/users", "dovecot", 0o600)?;
    let (plain, tls) = serving.free_ports(ADDRESS)?;
    root.write("etc/dovecot/peer.conf", &configuration(plain, tls, serving.tls_first))?;
    let mut command = root.command("/usr/sbin/dovecot")?;
    serving.daemon(command.args(["-F", "-c", "/etc/dovecot/peer.conf"]))?;
    Ok(Ports { address: ADDRESS, plain, tls: Some(tls) })
}

fn configuration(plain: u16, tls: u16, tls_first: bool) -> String {
    let ssl = if tls_first { "required" } else { "yes" };
    format!(
        "base_dir = /run/dovecot\n\
         state_dir = /var/lib/dovecot\n\
         log_path = /dev/stderr\n\
         protocols = pop3\n\
         listen = {ADDRESS}\n\
         ssl = {ssl}\n\
         ssl_cert = </etc/dovecot/certificate.pem\n\
         ssl_key = </etc/dovecot/key.pem\n\
         disable_plaintext_auth = no\n\
         auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 apop\n\
         mail_location = maildir:~/Maildir\n\
         passdb {{\n driver = passwd-file\n args = scheme=PLAIN username_format=%u /etc/dovecot/users\n}}\n\
         userdb {{\n driver = passwd\n}}\n\
         service pop3-login {{\n\
         \x20inet_listener pop3 {{\n  port = {plain}\n }}\n\
         \x20inet_listener pop3s {{\n  port = {tls}\n  ssl = yes\n }}\n\
         }}\n\
         # Without this, an address that fails to log in waits longer each time.\n\
         service anvil {{\n unix_listener anvil-auth-penalty {{\n  mode = 0\n }}\n}}\n"
    )
}
