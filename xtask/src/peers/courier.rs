//! Courier's POP3 server, with a Maildir for each user.

use std::net::Ipv4Addr;

use super::maildrop;
use super::root::{OTHER_USER, USER};
use super::serve::{Ports, Serving};
use super::server::{Delivery, Server};

pub(super) const SERVER: Server = Server {
    name: "courier",
    title: "Courier",
    package: Some("courier-pop"),
    more: &["dash"],
    settings: "Maildir, mail stored with LF; PAM; `POP3AUTH=\"PLAIN LOGIN\"` and `POP3AUTH_TLS=\"LOGIN PLAIN\"`",
    start,
    delivery: Delivery::MaildirWithLf,
};

/// The account that the packages run TLS under.
const COURIER: &str = "courier";

fn start(serving: &mut Serving<'_>) -> anyhow::Result<Ports> {
    let root = &serving.root;
    root.fresh("run/courier", COURIER, 0o775)?;
    root.fresh("run/courier/authdaemon", COURIER, 0o750)?;
    for user in [USER, OTHER_USER] {
        root.fresh(&format!("home/{user}"), user, 0o700)?;
        maildrop::make_maildir(&root.path(&format!("home/{user}/Maildir"))?, Some(user))?;
    }
    root.copy(&serving.certificate.certificate, "etc/courier/pop3d.pem")?;
    root.copy(&serving.certificate.key, "etc/courier/pop3d-key.pem")?;
    root.give("etc/courier/pop3d.pem", COURIER, 0o600)?;
    root.give("etc/courier/pop3d-key.pem", COURIER, 0o600)?;
    root.write("etc/courier/authdaemon.sh", AUTHDAEMON)?;
    root.write("etc/courier/session.sh", SESSION)?;
    let mut authdaemon = root.command("/bin/sh")?;
    authdaemon.arg("/etc/courier/authdaemon.sh");
    let folder = root.path("")?;
    serving.daemon(&mut authdaemon)?;
    serving.wait_for_socket("run/courier/authdaemon/socket")?;
    let tls_first = if serving.tls_first { "1" } else { "0" };
    let session = move |kind: &'static str| {
        let (folder, tls_first) = (folder.clone(), tls_first);
        move || {
            let mut command = super::root::command_in(&folder, "/bin/sh");
            command.args(["/etc/courier/session.sh", kind, tls_first]);
            Ok(command)
        }
    };
    let plain = serving.inetd(session("plain"))?;
    let tls = serving.inetd(session("tls"))?;
    Ok(Ports { address: Ipv4Addr::LOCALHOST, plain, tls: Some(tls) })
}

/// As `/usr/sbin/authdaemond` does, in the foreground.
const AUTHDAEMON: &str = "\
set -a
. /etc/courier/authdaemonrc
exec /usr/lib/courier/courier-authlib/authdaemond
";

/// As `/usr/lib/courier/pop3d` and `pop3d-ssl` do for every connection, without `couriertcpd`.
const SESSION: &str = "\
set -a
prefix=/usr exec_prefix=/usr sbindir=/usr/sbin bindir=/usr/bin libexecdir=/usr/lib/courier
. /etc/courier/pop3d-ssl
. /etc/courier/pop3d
POP3_TLS_REQUIRED=$2 POP3AUTH='PLAIN LOGIN' POP3AUTH_TLS='LOGIN PLAIN'
[ \"$2\" = 1 ] && POP3AUTH=
TLS_PRIVATE_KEYFILE=/etc/courier/pop3d-key.pem
unset TLS_CACHEFILE TLS_DHPARAMS TLS_TRUSTCERTS
TCPLOCALIP=127.0.0.1 TCPLOCALPORT=110 TCPREMOTEIP=127.0.0.1 TCPREMOTEPORT=1024
login=/usr/lib/courier/courier/courierpop3login pop3d=/usr/lib/courier/courier/courierpop3d
if [ \"$1\" = tls ]; then
    POP3_TLS=1 POP3_STARTTLS=NO POP3_TLS_REQUIRED=0
    exec $COURIERTLS -server -tcpd -user=courier $login $pop3d Maildir
fi
exec $login $pop3d Maildir
";
