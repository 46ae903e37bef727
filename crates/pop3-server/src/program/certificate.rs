//! A certificate for a server that nobody gave one.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use anyhow::Context as _;
use rcgen::{CertificateParams, DnType, KeyPair, SanType, string::Ia5String};

use super::files::write_private;

/// Makes a key and a self-signed certificate for this machine's own addresses.
pub(super) fn create(certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let (chain, private) = make().context("cannot make a certificate; give one with a configuration file")?;
    // The key first: a certificate without its key would be taken for a mistake of the operator's.
    write_private(key, private.as_bytes())?;
    write_private(certificate, chain.as_bytes())
}

fn make() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "pop3-server, self-signed");
    params.subject_alt_names = vec![
        SanType::DnsName(Ia5String::try_from("localhost")?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
