//! The POP3 server of Cyrus IMAP, with a spool of its own.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::bail;

use super::root::{OTHER_PASSWORD, OTHER_USER, PASSWORD, Root, USER, ids};
use super::serve::{Ports, Serving};
use super::server::{Delivery, Server, feed};

pub(super) const SERVER: Server = Server {
    name: "cyrus",
    title: "Cyrus",
    package: Some("cyrus-pop3d"),
    more: &["sasl2-bin"],
    settings: "sasldb; the mechanisms of `libsasl2-modules`; `popminpoll: 0`, \
               since the package's one minute between two logins would stop the run; `munge8bit: no`; no \
               suppression of duplicates; delivery adds fields to every header",
    start,
    delivery: Delivery::Cyrus,
};

fn start(serving: &mut Serving<'_>) -> anyhow::Result<Ports> {
    let root = &serving.root;
    for folder in ["run/cyrus", "run/cyrus/proc", "run/cyrus/lock", "run/cyrus/socket", "var/lib/cyrus"] {
        root.fresh(folder, "cyrus", 0o755)?;
    }
    for folder in ["var/spool/cyrus", "var/spool/cyrus/mail", "var/spool/sieve"] {
        root.fresh(folder, "cyrus", 0o755)?;
    }
    root.copy(&serving.certificate.certificate, "etc/cyrus/certificate.pem")?;
    root.copy(&serving.certificate.key, "etc/cyrus/key.pem")?;
    root.give("etc/cyrus/key.pem", "cyrus", 0o600)?;
    let (plain, tls) = serving.free_ports(Ipv4Addr::LOCALHOST)?;
    root.write("etc/cyrus.conf", &services(plain, tls))?;
    let allow = if serving.tls_first { "no" } else { "yes" };
    root.write("etc/imapd.conf", &format!("{IMAPD}allowplaintext: {allow}\n"))?;
    root.write("etc/sasldb2", "")?;
    std::fs::remove_file(root.path("etc/sasldb2")?)?;
    for (user, password) in [(USER, PASSWORD), (OTHER_USER, OTHER_PASSWORD)] {
        let mut command = root.command("/usr/sbin/saslpasswd2")?;
        serving.once(command.args(["-p", "-c", "-u", "localhost", user]), password)?;
    }
    root.give("etc/sasldb2", "cyrus", 0o600)?;
    let mut command = root.command("/usr/lib/cyrus/bin/master")?;
    serving.daemon(&mut command)?;
    serving.wait_for_socket("run/cyrus/socket/lmtp")?;
    Ok(Ports { address: Ipv4Addr::LOCALHOST, plain, tls: Some(tls) })
}

/// Delivers over the socket that the running server has in its root.
///
/// # Errors
///
/// When the agent fails, or would change the message: what the server then sends says nothing about the server.
pub(super) fn deliver(root: &Root, user: &str, message: &[u8]) -> anyhow::Result<()> {
    if let Some(what) = altered(message) {
        bail!("the delivery agent of Cyrus changes messages with {what}");
    }
    // As root it would refuse, and `cyrus` is a user of the root alone, so the IDs are given.
    let (uid, gid) = ids("cyrus")?;
    let mut command = Command::new("chroot");
    command.arg(format!("--userspec={uid}:{gid}")).arg(root.path("")?);
    feed(command.args(["/usr/lib/cyrus/bin/deliver", user]), message)
}

/// What of a message does not get to the spool as it is.
fn altered(message: &[u8]) -> Option<&'static str> {
    let followers = message.iter().skip(1).map(Some).chain([None]);
    if message.contains(&0) {
        Some("NUL")
    } else if message.iter().zip(followers).any(|(octet, next)| *octet == b'\r' && next != Some(&b'\n')) {
        Some("a CR alone")
    } else if message.starts_with(b".") {
        Some("a dot as the first octet")
    } else {
        None
    }
}

fn services(plain: u16, tls: u16) -> String {
    format!(
        "START {{\n recover cmd=\"/usr/lib/cyrus/bin/ctl_cyrusdb -r\"\n}}\n\
         SERVICES {{\n\
         \x20pop3 cmd=\"pop3d\" listen=\"127.0.0.1:{plain}\" prefork=0 maxchild=50\n\
         \x20pop3s cmd=\"pop3d -s\" listen=\"127.0.0.1:{tls}\" prefork=0 maxchild=50\n\
         \x20lmtpunix cmd=\"lmtpd\" listen=\"/run/cyrus/socket/lmtp\" prefork=0 maxchild=20\n\
         }}\n\
         EVENTS {{\n}}\n"
    )
}

/// What the package brings, and the differences that `SERVER` tells.
const IMAPD: &str = "\
configdirectory: /var/lib/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
defaultpartition: default
partition-default: /var/spool/cyrus/mail
altnamespace: no
unixhierarchysep: no
lmtp_downcase_rcpt: yes
allowanonymouslogin: no
popminpoll: 0
autocreate_quota: 0
autocreate_post: 1
duplicatesuppression: 0
munge8bit: no
umask: 077
sievedir: /var/spool/sieve
hashimapspool: true
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_auto_transition: no
tls_server_cert: /etc/cyrus/certificate.pem
tls_server_key: /etc/cyrus/key.pem
servername: localhost
lmtpsocket: /run/cyrus/socket/lmtp
idlesocket: /run/cyrus/socket/idle
notifysocket: /run/cyrus/socket/notify
syslog_prefix: cyrus
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_changes_is_not_given_to_it() {
        for message in [&b".A: b\n\n"[..], b"A: b\n\n\0", b"A: b\r\r\n", b"A: b\n\nc\r", b"\rA: b\n"] {
            assert!(altered(message).is_some(), "{message:?}");
        }
        assert_eq!(altered(b"A: b\r\n\r\n.\r\n"), None);
        assert_eq!(altered(b"A: b\n\n.\n"), None);
    }
}
