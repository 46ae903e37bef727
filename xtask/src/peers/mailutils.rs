//! The POP3 server of GNU Mailutils, with an mbox for each user.

use std::net::Ipv4Addr;

use super::root::command_in;
use super::serve::{Ports, Serving};
use super::server::{Delivery, Server};

pub(super) const SERVER: Server = Server {
    name: "mailutils",
    title: "GNU Mailutils",
    package: Some("mailutils-pop3d"),
    more: &["libpam-modules"],
    settings: "mbox; PAM; started for every connection, as inetd does",
    start,
    delivery: Delivery::Mbox,
};

fn start(serving: &mut Serving<'_>) -> anyhow::Result<Ports> {
    let root = &serving.root;
    root.fresh("var/mail", "root", 0o1777)?;
    root.copy(&serving.certificate.certificate, "etc/mailutils/certificate.pem")?;
    root.copy(&serving.certificate.key, "etc/mailutils/key.pem")?;
    root.give("etc/mailutils/key.pem", "root", 0o600)?;
    root.write("etc/pam.d/mailutils", "@include common-auth\n@include common-account\n")?;
    root.write(
        "etc/mailutils/plain.conf",
        &configuration(if serving.tls_first { "required" } else { "ondemand" }),
    )?;
    root.write("etc/mailutils/tls.conf", &configuration("connection"))?;
    let folder = root.path("")?;
    let session = move |kind: &'static str| {
        let folder = folder.clone();
        move || {
            let mut command = command_in(&folder, "/usr/sbin/pop3d");
            command.arg("--inetd").arg(format!("--config-file=/etc/mailutils/{kind}.conf"));
            Ok(command)
        }
    };
    let plain = serving.inetd(session("plain"))?;
    let tls = serving.inetd(session("tls"))?;
    Ok(Ports { address: Ipv4Addr::LOCALHOST, plain, tls: Some(tls) })
}

fn configuration(tls_mode: &str) -> String {
    format!(
        "auth {{\n authentication pam;\n authorization system;\n}}\n\
         pam {{\n service mailutils;\n}}\n\
         logging {{\n syslog no;\n}}\n\
         tls-mode {tls_mode};\n\
         tls {{\n\
         \x20ssl-certificate-file /etc/mailutils/certificate.pem;\n\
         \x20ssl-key-file /etc/mailutils/key.pem;\n\
         }}\n"
    )
}
