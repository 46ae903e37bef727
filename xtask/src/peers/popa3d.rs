//! popa3d, with an mbox for each user. It knows no TLS.

use std::net::Ipv4Addr;

use super::root::command_in;
use super::serve::{Ports, Serving};
use super::server::{Delivery, Server};

pub(super) const SERVER: Server = Server {
    name: "popa3d",
    title: "popa3d",
    package: Some("popa3d"),
    more: &[],
    settings: "mbox; PAM; started for every connection, as inetd does",
    start,
    delivery: Delivery::Mbox,
};

fn start(serving: &mut Serving<'_>) -> anyhow::Result<Ports> {
    serving.root.fresh("var/mail", "root", 0o1777)?;
    serving.root.fresh("var/lib/popa3d", "root", 0o755)?;
    let folder = serving.root.path("")?;
    let plain = serving.inetd(move || Ok(command_in(&folder, "/usr/sbin/popa3d")))?;
    Ok(Ports { address: Ipv4Addr::LOCALHOST, plain, tls: None })
}
