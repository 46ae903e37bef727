//! What the tests of both drivers share.
#![allow(dead_code, reason = "every test program uses a part of it")]

use std::{
    io::{self, Read},
    sync::Arc,
};

use pop3_io::rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use pop3_proto::{
    server::{Config, Connection, Maildrop, MessageInfo, Policy, Server},
    types::{Octets, UniqueId},
};

/// A server in which a password may go in clear, with STLS.
pub(crate) fn server() -> Server {
    let mut policy = Policy::default();
    policy.allow_plaintext_without_tls = true;
    Server::new(Config::new(policy).unwrap(), Connection::default()).unwrap()
}

/// So many messages of no account.
pub(crate) fn maildrop(count: usize) -> Maildrop {
    (0..count)
        .map(|n| MessageInfo { size: Octets(0), unique_id: UniqueId::new(format!("id{n}")).unwrap() })
        .collect()
}

/// A body that comes in pieces of odd sizes, is interrupted now and then, and may fail at a place.
pub(crate) struct Body {
    octets: Vec<u8>,
    at: usize,
    fails_at: Option<usize>,
    turn: usize,
}

impl Body {
    pub(crate) fn new(octets: Vec<u8>) -> Self {
        Self { octets, at: 0, fails_at: None, turn: 0 }
    }

    pub(crate) fn failing_at(octets: Vec<u8>, at: usize) -> Self {
        Self { fails_at: Some(at), ..Self::new(octets) }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn % 5 == 2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.fails_at.is_some_and(|at| self.at >= at) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let rest = &self.octets[self.at..];
        let count = rest.len().min(buffer.len()).min(1 + self.turn * 7919 % 40_000);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Lines with LF, some of which begin with a dot, and no end of line at the end.
pub(crate) fn message(octets: usize) -> Vec<u8> {
    let lines = [&b"Subject: x\n"[..], b".\n", b"..dots\n", b"a line of some length, as lines are\n", b"\n"];
    lines.iter().cycle().flat_map(|line| line.iter().copied()).take(octets).collect()
}

/// What goes over the wire for it, the termination line included.
pub(crate) fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// A certificate for `localhost`, and who trusts it.
pub(crate) fn tls() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}
