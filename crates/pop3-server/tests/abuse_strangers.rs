//! Those who never log in, in crowds.

mod support;

use std::{
    fs,
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use pop3_server::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::{TLS12, TLS13},
};
use support::{Certificate, Client, PASSWORD, Program, USER, root};

/// A program with this kind of listener, and Alice.
fn program(folder: &Path, kind: &str) -> Program {
    let certificate = Certificate::create();
    fs::create_dir(folder.join("mail")).unwrap();
    fs::write(folder.join("cert.pem"), &certificate.chain_pem).unwrap();
    fs::write(folder.join("key.pem"), &certificate.key_pem).unwrap();
    fs::write(folder.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
    let path = folder.join("server.toml");
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"{kind}\"\n\
         [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n[users]\nfile = \"users\"\n\
         [maildir]\nroot = \"mail\"\n[login]\nplaintext_without_tls = true\nfailure_delay = 0\n"
    );
    fs::write(&path, text).unwrap();
    Program::start(&["--config", path.to_str().unwrap()])
}

/// Memory that a process has now, in KiB.
fn memory(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Accepts every certificate, so that a handshake for any name goes to its end, and notes it.
#[derive(Debug, Default)]
struct Anybody(std::sync::Mutex<Vec<Vec<u8>>>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = self.0.lock().unwrap();
        if !seen.iter().any(|known| **known == **certificate) {
            seen.push(certificate.to_vec());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

// Conformance: A-08
#[test]
fn names_in_handshakes_leave_nothing_behind() {
    let folder = root();
    let program = program(folder.path(), "tls");
    let seen = Arc::new(Anybody::default());
    let config = |version| {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap();
        let verifier = Arc::clone(&seen) as _;
        Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    };
    let configs = [config(&TLS12), config(&TLS13)];
    let shake = |numbers: std::ops::Range<usize>| {
        for n in numbers {
            let name = ServerName::try_from(format!("{n}.{}.example", "x".repeat(60))).unwrap();
            let mut session = ClientConnection::new(Arc::clone(&configs[n % 2]), name).unwrap();
            let mut socket = TcpStream::connect(program.addresses[0]).unwrap();
            while session.is_handshaking() {
                session.complete_io(&mut socket).unwrap();
            }
        }
    };
    shake(0..1000);
    let before = memory(program.id());
    shake(1000..3000);
    let grown = memory(program.id()).saturating_sub(before);
    // 100 octets for each name would be some 200 KiB, its session a megabyte.
    assert!(grown < 768, "{grown} KiB for 2000 names");
    assert_eq!(seen.0.lock().unwrap().len(), 1, "one certificate for all");
}

// Conformance: A-56
#[test]
fn crowds_cannot_fill_the_log() {
    let folder = root();
    let program = program(folder.path(), "plain");
    let mut inside = Client::connect(program.addresses[0]);
    inside.line();
    inside.log_in(USER, PASSWORD);
    for _ in 0..600 {
        let mut stranger = Client::connect(program.addresses[0]);
        stranger.line();
        stranger.send("USER x\r\nPASS y\r\nUSER x\r\nPASS y\r\n");
        (0..4).for_each(|_| drop(stranger.line()));
    }
    inside.quit();
    let (_, log) = program.stop();
    let lines = log.lines().count();
    // Each would have had three lines. Several stretches of time may have gone by.
    assert!(lines < 1000, "{lines} lines");
    assert!(log.contains("were left out") && log.contains("logged out"), "{log}");
}

// Conformance: A-71
#[test]
fn an_address_that_a_stranger_names_is_not_believed() {
    let folder = root();
    let program = program(folder.path(), "plain");
    let version_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\xcb\x00\x71\x08\x00\x19\x00\x6e";
    let long = format!("PROXY UNKNOWN {}", "x".repeat(4096));
    let headers: [&[u8]; 4] = [
        b"PROXY TCP4 203.0.113.7 203.0.113.8 25 110\r\n",
        b"XCLIENT ADDR=203.0.113.7\r\n",
        long.as_bytes(),
        version_2,
    ];
    for header in headers {
        let mut client = Client::connect(program.addresses[0]);
        client.line();
        client.send(header);
        client.send("\r\nUSER alice\r\nPASS wrong\r\nQUIT\r\n");
        let answers = String::from_utf8(client.rest()).unwrap();
        assert!(answers.starts_with("-ERR "), "{answers}");
        assert!(!answers.contains("203.0.113"), "{answers}");
    }
    let (_, log) = program.stop();
    assert!(!log.contains("203.0.113"), "{log}");
    assert!(log.contains("login refused") && log.contains("peer=127.0.0.1:"), "{log}");
}

// Conformance: A-46
#[test]
fn a_hash_that_nobody_could_pay_for_is_never_checked() {
    let folder = root();
    let program = program(folder.path(), "plain");
    let users = folder.path().join("users");
    let before = fs::read_to_string(&users).unwrap();
    let hash = "$argon2id$v=19$m=64,t=1000000000,p=1$c29tZXNhbHQ$4Vp5d57FwtGZ9rjVDZkBoY4VEnvGDnDn";
    fs::write(&users, format!("{before}bob:{{ARGON2ID}}{hash}\n")).unwrap();
    let began = Instant::now();
    let mut client = Client::connect(program.addresses[0]);
    client.line();
    client.ok("USER bob");
    client.err("PASS x");
    // Those who were there before still are.
    client.log_in(USER, PASSWORD);
    client.quit();
    assert!(began.elapsed() < Duration::from_secs(5));
    let (_, log) = program.stop();
    assert!(log.contains("users, line 2: checking this hash would take too much"), "{log}");
}
