//! STLS, implicit TLS, and what must not slip through between them.

mod support;

use std::{
    io::{self, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pop3_server::rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, SignatureScheme,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use support::{Client, PASSWORD, TestServer, USER, deliver, root, wait_until};

const MAIL: [&[u8]; 1] = [b"Subject: 1\n\n1\n"];

fn server() -> (tempfile::TempDir, TestServer) {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start(root.path());
    (root, server)
}

/// What the server sent is at most the answer to STLS, and perhaps a TLS alert; no command was executed.
fn assert_nothing_slipped_through(answer: &[u8]) {
    let rest = answer.strip_prefix(b"+OK Begin TLS negotiation now\r\n").unwrap_or(answer);
    let is_alert = rest.len() == 7 && rest[0] == 0x15;
    assert!(rest.is_empty() || is_alert, "{}", answer.escape_ascii());
}

// Conformance: A-92
#[test]
fn handshakes_that_stand_still_hold_up_nobody() {
    let root = root();
    deliver(root.path(), &MAIL);
    let server = TestServer::start_with(root.path(), |config| config.limits.tls_handshakes = 1);
    let mut inside = server.log_in();
    let name = ServerName::try_from("localhost").unwrap();
    // Some send nothing, some the first message and no more, some a part of it.
    let mut waiting = Vec::new();
    for number in 0..60 {
        let mut hello = Vec::new();
        let config = Arc::clone(&server.certificate.client);
        ClientConnection::new(config, name.clone()).unwrap().write_tls(&mut hello).unwrap();
        let mut socket = TcpStream::connect(server.tls_address()).unwrap();
        let sent = [0, hello.len() / 2, hello.len()][number % 3];
        socket.write_all(&hello[..sent]).unwrap();
        waiting.push(socket);
    }
    for _ in 0..5 {
        inside.ok("NOOP");
        server.log_in_as("bob", "spaces in it ").quit();
    }
    // All at once, each of them gets through.
    drop(waiting);
    std::thread::scope(|scope| {
        let greeted: Vec<_> = (0..40).map(|_| scope.spawn(|| server.connect().quit())).collect();
        greeted.into_iter().for_each(|greeted| greeted.join().unwrap());
    });
}

// Conformance, S-STLS-01, S-STLS-02
#[test]
fn octets_behind_stls_close_the_connection() {
    let (_root, server) = server();
    for injected in
        ["NOOP\r\n", "CAPA\r\n", "USER x", "STLS\r\n", "\n", " ", "USER alice\r\nPASS tanstaaf\r\n"]
    {
        let mut client = server.connect_clear();
        client.line();
        client.send(format!("STLS\r\n{injected}"));
        let answer = client.rest();
        assert_nothing_slipped_through(&answer);
    }
}

// Conformance: S-STLS-05, S-STLS-04, A-2
#[test]
fn octets_behind_stls_are_judged_in_whatever_pieces_they_come() {
    let (_root, server) = server();
    let octets = b"STLS\r\nUSER alice\r\n";
    for cut in 0..octets.len() {
        let mut client = server.connect_clear();
        client.line();
        client.send(&octets[..cut]);
        if cut == b"STLS\r\n".len() {
            // The rest comes when the server waits for a handshake.
            assert!(client.line().starts_with("+OK"));
        }
        let _ = client.try_send(&octets[cut..]);
        assert_nothing_slipped_through(&client.rest());
    }
}

// Conformance: A-3, S-STLS-03, S-STLS-04, S-2595-07
#[test]
fn a_name_from_before_tls_is_forgotten() {
    let root = root();
    deliver(root.path(), &MAIL);
    // Where passwords may go in clear there is a name to be remembered at all.
    let server =
        TestServer::start_with(root.path(), |config| config.policy.allow_plaintext_without_tls = true);
    let mut client = server.connect_clear();
    client.line();
    client.ok(&format!("USER {USER}"));
    client.ok("STLS");
    let mut client = client.start_tls(&server.certificate.client);
    client.err(&format!("PASS {PASSWORD}"));
    client.err("STAT");
    client.log_in(USER, PASSWORD);
    client.quit();
    // Failed logins are counted across it.
    let mut client = server.connect_clear();
    client.line();
    for _ in 0..2 {
        client.ok(&format!("USER {USER}"));
        client.err("PASS wrong");
    }
    client.ok("STLS");
    let mut client = client.start_tls(&server.certificate.client);
    client.ok(&format!("USER {USER}"));
    client.err("PASS wrong");
    assert_eq!(client.rest(), b"");
}

// Conformance: A-4, S-2595-02, S-2595-05, S-2595-06
#[test]
fn stls_is_there_once_and_in_clear_only() {
    let (_root, server) = server();
    let mut client = server.connect();
    client.err("STLS");
    client.log_in(USER, PASSWORD);
    client.err("STLS");
    assert!(!client.lines("CAPA").contains(&"STLS".to_owned()));
    client.quit();
    let mut client = server.connect_clear();
    client.line();
    client.ok("STLS");
    let mut client = client.start_tls(&server.certificate.client);
    client.err("STLS");
    client.quit();
}

// Conformance: A-5
#[test]
fn a_handshake_has_a_deadline() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| {
        config.limits.tls_handshake = Duration::from_millis(300);
    });
    let mut silent = server.connect_clear();
    silent.line();
    silent.ok("STLS");
    let mut slow = server.connect_clear();
    slow.line();
    slow.ok("STLS");
    slow.send(b"\x16\x03\x01");
    let mut implicit = Client::connect(server.tls_address());
    for client in [&mut silent, &mut slow, &mut implicit] {
        assert_eq!(client.rest(), b"");
    }
    wait_until("the places are free", || server.tasks() == 3);
}

// Conformance: A-6, S-2595-13, A-20
#[test]
fn commands_instead_of_a_handshake_close_the_connection() {
    let (_root, server) = server();
    let mut client = server.connect_clear();
    client.line();
    client.ok("STLS");
    client.send(b"CAPA\r\nUSER alice\r\n");
    assert_nothing_slipped_through(&client.rest());
    let mut client = Client::connect(server.tls_address());
    client.send(b"CAPA\r\nQUIT\r\n");
    assert_nothing_slipped_through(&client.rest());
    // Not an octet comes before the handshake.
    let quiet = TcpStream::connect(server.tls_address()).unwrap();
    quiet.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let error = io::Read::read(&mut &quiet, &mut [0; 1]).unwrap_err();
    assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
}

// Conformance: A-7, S-8314-02
#[test]
fn old_versions_are_refused() {
    let (_root, server) = server();
    let tls10 = client_hello(0x0301);
    let tls11 = client_hello(0x0302);
    let ssl2 = b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x03\x00\x80\x07\x00\xc0".to_vec();
    for hello in [tls10, tls11, ssl2] {
        let mut client = Client::connect(server.tls_address());
        client.send(&hello);
        let answer = client.rest();
        let is_alert = answer.len() == 7 && answer[0] == 0x15;
        assert!(is_alert || answer.is_empty(), "{}", answer.escape_ascii());
    }
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let roots = trusting(&server);
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = handshake(&server, config).unwrap();
        assert_eq!(session.protocol_version(), Some(name));
    }
}

/// A ClientHello that knows nothing newer than this version.
fn client_hello(version: u16) -> Vec<u8> {
    let [major, minor] = version.to_be_bytes();
    let mut body = vec![major, minor];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0, 0, 0]);
    let mut hello = vec![0x16, 3, 1, 0, (body.len() + 4) as u8, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    hello
}

fn trusting(server: &TestServer) -> pop3_server::rustls::RootCertStore {
    use pop3_server::rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = pop3_server::rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.certificate.chain_pem.as_bytes()).unwrap()).unwrap();
    roots
}

fn handshake(server: &TestServer, config: ClientConfig) -> io::Result<ClientConnection> {
    handshake_with(server, &Arc::new(config))
}

/// Up to the greeting, so that a refusal after the handshake shows too.
fn handshake_with(server: &TestServer, config: &Arc<ClientConfig>) -> io::Result<ClientConnection> {
    let mut socket = TcpStream::connect(server.tls_address())?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = pop3_server::rustls::Stream::new(&mut session, &mut socket);
    stream.write_all(b"QUIT\r\n")?;
    let mut said = String::new();
    io::Read::read_to_string(&mut stream, &mut said)?;
    assert_eq!(said.lines().count(), 2, "{said}");
    Ok(session)
}

// Conformance: S-8314-12, P-IANA-04
#[test]
fn alpn_pop3_is_chosen_its_absence_tolerated_and_another_protocol_refused() {
    let (_root, server) = server();
    let offer = |protocols: &[&[u8]]| {
        let mut config = (*server.certificate.client).clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        handshake(&server, config).map(|session| session.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(offer(&[b"pop3"]).unwrap(), Some(b"pop3".to_vec()));
    assert_eq!(offer(&[b"imap", b"pop3"]).unwrap(), Some(b"pop3".to_vec()));
    assert_eq!(offer(&[]).unwrap(), None);
    assert!(offer(&[b"http/1.1"]).is_err());
}

#[test]
fn a_second_connection_resumes() {
    let (_root, server) = server();
    for version in [&TLS12, &TLS13] {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(trusting(&server))
            .with_no_client_auth();
        let config = Arc::new(config);
        let first = handshake_with(&server, &config).unwrap();
        assert_ne!(first.handshake_kind(), Some(HandshakeKind::Resumed));
        let second = handshake_with(&server, &config).unwrap();
        assert_eq!(second.handshake_kind(), Some(HandshakeKind::Resumed));
    }
}

/// Notes whether a certificate was asked for.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

// Conformance: S-8314-07, S-STLS-07
#[test]
fn no_certificate_is_asked_of_clients() {
    let (_root, server) = server();
    let asked = Arc::new(Asked::default());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusting(&server))
        .with_client_cert_resolver(Arc::clone(&asked) as _);
    handshake(&server, config).unwrap();
    assert!(!asked.0.load(Ordering::Relaxed));
    let mut client = server.connect();
    client.err("STAT");
}
