//! A session is recorded on its way to a real server, and served again.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use pop3_client::{
    Connector, Login, Method, Options, Roots, Security, blocking::Session, proto::types::MessageNumber, sasl,
};
use pop3_server::{Config, Listener, Server, users::Users};
use pop3_store::memory::MemoryStore;
use pop3_testkit::{
    TestServer,
    record::{Recorder, Replay, Scrub, Security as UpstreamSecurity, Upstream},
    transcript::Transcript,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};

use crate::support::LIMIT;

pub(crate) const USER: &str = "alice@example.org";
pub(crate) const PASSWORD: &str = "wonder land";

const MAIL: [&str; 3] = [
    "From: Bob <bob@example.net>\r\nSubject: one\r\n\r\n.a line with a dot\r\n..two\r\n.\r\n",
    "Subject: two\r\n\r\nthe second, with \u{e9}\r\n",
    "Subject: three\r\n\r\n\r\n",
];

/// What a client got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    unique_ids: Vec<String>,
    sizes: Vec<u64>,
    messages: Vec<Vec<u8>>,
}

/// How a client fetches everything and deletes the first.
pub(crate) fn fetch(address: SocketAddr, window: usize, method: Method, name: &str) -> Fetched {
    let mut options = Options::new(address.ip().to_string()).with_security(Security::InsecurePlain);
    options = options.with_port(address.port());
    options.window = window;
    options.timeouts.read = LIMIT;
    let connector = Connector::new(options).unwrap();
    let login = Login::password(name, PASSWORD).with_method(method);
    let mut session = Session::connect(&connector).unwrap().login(&login).unwrap();
    let listings = session.list().unwrap();
    let unique_ids = session.uidl().unwrap();
    let mut messages = Vec::new();
    let numbers: Vec<MessageNumber> = listings.iter().map(|listing| listing.number).collect();
    for number in numbers {
        let mut message = Vec::new();
        let body = session.retr(number).unwrap();
        body.for_each_chunk(|chunk| {
            message.extend_from_slice(chunk);
            Ok(())
        })
        .unwrap();
        messages.push(message);
    }
    session.dele(MessageNumber::new(1).unwrap()).unwrap();
    session.quit().unwrap();
    Fetched {
        unique_ids: unique_ids.iter().map(|listing| listing.unique_id.to_string()).collect(),
        sizes: listings.iter().map(|listing| listing.size.0).collect(),
        messages,
    }
}

/// Records what the client does with the server.
pub(crate) fn record<T>(recorder: Recorder, client: impl FnOnce(SocketAddr) -> T) -> (Transcript, T) {
    let recording = recorder.listen("127.0.0.1:0").unwrap();
    let address = recording.address();
    let recorded = thread::spawn(move || recording.session().unwrap());
    let result = client(address);
    (recorded.join().unwrap(), result)
}

fn server() -> TestServer {
    let builder = TestServer::builder().user(USER, PASSWORD);
    MAIL.iter().fold(builder, |builder, mail| builder.message(USER, mail.as_bytes())).start().unwrap()
}

fn upstream(address: SocketAddr) -> Upstream {
    Upstream::plain("127.0.0.1", address.port())
}

fn is_without_secrets(transcript: &Transcript) {
    let text = transcript.to_string();
    // The second is what PLAIN makes of it.
    for secret in [PASSWORD, "wonder", "AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlciBsYW5k"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// It comes back from its text as it was.
fn read_again(transcript: &Transcript) -> Transcript {
    let again: Transcript = transcript.to_string().parse().unwrap();
    assert_eq!(again, *transcript);
    again
}

#[test]
fn what_was_recorded_is_fetched_again() {
    for method in [Method::UserPass, Method::Sasl(sasl::Mechanism::Plain)] {
        let server = server();
        let recorder = Recorder::new(upstream(server.plain_address()));
        let (transcript, fetched) = record(recorder, |address| fetch(address, 1, method, USER));
        assert_eq!(fetched.messages, MAIL.map(|mail| mail.as_bytes().to_vec()));
        is_without_secrets(&transcript);
        let replaying = Replay::new(&read_again(&transcript)).serve().unwrap();
        for _ in 0..2 {
            assert_eq!(fetch(replaying.address(), 1, method, USER), fetched);
            replaying.wait_for_session().unwrap();
        }
    }
}

/// The digests of the second and third were masked, and the server says the same to make them from.
#[test]
fn every_login_but_scram_can_be_repeated() {
    let mechanism = |mechanism| (Some(mechanism), Method::Sasl(mechanism));
    for (offered, method) in [
        mechanism(sasl::Mechanism::Login),
        mechanism(sasl::Mechanism::CramMd5),
        (None, Method::Apop),
        mechanism(sasl::Mechanism::ScramSha256),
    ] {
        let mut builder = TestServer::builder().user(USER, PASSWORD).message(USER, MAIL[0].as_bytes());
        builder = if method == Method::Apop { builder.apop(true) } else { builder.mechanisms(offered) };
        let server = builder.start().unwrap();
        let recorder = Recorder::new(upstream(server.plain_address()));
        let (transcript, fetched) = record(recorder, |address| fetch(address, 1, method, USER));
        is_without_secrets(&transcript);
        let replaying = Replay::new(&transcript).serve().unwrap();
        if offered == Some(sasl::Mechanism::ScramSha256) {
            let port = replaying.address().port();
            let options = Options::new("127.0.0.1").with_security(Security::InsecurePlain).with_port(port);
            let session = Session::connect(&Connector::new(options).unwrap()).unwrap();
            let login = Login::password(USER, PASSWORD).with_method(method);
            session.login(&login).expect_err("the nonce is that of another login");
        } else {
            assert_eq!(fetch(replaying.address(), 1, method, USER), fetched, "{method:?}");
            replaying.wait_for_session().unwrap();
        }
    }
}

#[test]
fn the_product_is_recorded_and_replayed_whether_the_client_pipelines_or_not() {
    let runtime = tokio_runtime();
    let mut config = Config::default();
    config.listeners = vec![Listener::plain(([127, 0, 0, 1], 0))];
    config.policy.allow_plaintext_without_tls = true;
    let users = Users::new().with_password(USER, PASSWORD);
    let store = MemoryStore::new();
    store.add_user(USER);
    for mail in MAIL {
        store.deliver(USER, mail.as_bytes()).unwrap();
    }
    let running = runtime.block_on(Server::bind(config, store.clone(), users)).unwrap();
    let address = running.addresses()[0];
    let method = Method::UserPass;
    for (recorded, replayed) in [(1, 32), (32, 1)] {
        let recorder = Recorder::new(upstream(address));
        let (transcript, fetched) = record(recorder, |address| fetch(address, recorded, method, USER));
        is_without_secrets(&transcript);
        let replaying = Replay::new(&transcript).serve().unwrap();
        assert_eq!(fetch(replaying.address(), replayed, method, USER), fetched);
        replaying.wait_for_session().unwrap();
        // The first was deleted.
        store.deliver(USER, MAIL[0].as_bytes()).unwrap();
    }
    runtime.block_on(running.shut_down());
}

fn trusting(server: &TestServer) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(server.ca_der().unwrap())).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

// Conformance: S-8314-01, S-2595-04
#[test]
fn a_server_behind_tls_is_recorded_for_a_client_in_clear() {
    for is_stls in [true, false] {
        let server = server();
        let config = trusting(&server);
        let (port, security) = match is_stls {
            true => (server.stls_port(), UpstreamSecurity::Stls(config)),
            false => (server.tls_port(), UpstreamSecurity::Tls(config)),
        };
        let recorder = Recorder::new(Upstream::new("127.0.0.1", port, security));
        let (transcript, fetched) = record(recorder, |address| fetch(address, 8, Method::UserPass, USER));
        assert_eq!(fetched.messages, MAIL.map(|mail| mail.as_bytes().to_vec()));
        assert!(server.wait_for_session(1, LIMIT).unwrap().is_tls);
        assert!(!transcript.is_tls() && !transcript.has_said("STLS"), "{transcript}");
        is_without_secrets(&transcript);
        let replaying = Replay::new(&transcript).serve().unwrap();
        assert_eq!(fetch(replaying.address(), 8, Method::UserPass, USER), fetched);
        replaying.wait_for_session().unwrap();
    }
}

#[test]
fn a_scrubbed_recording_says_nothing_of_the_mail_and_is_fetched_all_the_same() {
    let server = server();
    let recorder = Recorder::new(upstream(server.plain_address())).scrub(Scrub::everything());
    let (transcript, fetched) = record(recorder, |address| fetch(address, 1, Method::UserPass, USER));
    let text = transcript.to_string();
    for word in [USER, "alice", "bob", "Bob", "example", "second", "a line", PASSWORD] {
        assert!(!text.contains(word), "{word} is still there:\n{text}");
    }
    let replaying = Replay::new(&transcript).serve().unwrap();
    let replayed = fetch(replaying.address(), 1, Method::UserPass, "somebody else");
    assert_eq!(replayed.sizes, fetched.sizes);
    assert_eq!(replayed.unique_ids, fetched.unique_ids);
    let shape = |message: &Vec<u8>| -> Vec<usize> {
        message.split(|octet| *octet == b'\n').map(<[u8]>::len).collect()
    };
    let shapes = |fetched: &Fetched| fetched.messages.iter().map(shape).collect::<Vec<_>>();
    assert_eq!(shapes(&replayed), shapes(&fetched));
    assert!(replayed.messages[0].starts_with(b"From: xxx <xxx@xxxxxxx.xxx>\r\nSubject: xxx\r\n\r\n.x xxxx"));
}

#[test]
fn faults_are_recorded_as_they_came() {
    let builder = TestServer::builder().user(USER, PASSWORD).message(USER, MAIL[0].as_bytes());
    let builder = builder.fault("LIST: bare-lf".parse().unwrap());
    let server = builder.fault("RETR: reset after 20".parse().unwrap()).start().unwrap();
    let (transcript, said) = record(Recorder::new(upstream(server.plain_address())), |address| {
        let mut raw = crate::support::Raw::connect(address);
        raw.send(&format!("USER {USER}\r\nPASS {PASSWORD}\r\nLIST\r\nRETR 1\r\n"));
        let mut said = Vec::new();
        let _ = std::io::Read::read_to_end(&mut raw.0, &mut said);
        said
    });
    let text = transcript.to_string();
    assert!(text.contains("S~ 1 75\\n\nS~ .\\n\n"), "{text}");
    assert!(text.ends_with("S: +OK 75 octets\nS~ From:\n@server-reset\n"), "{text}");
    let replaying = Replay::new(&transcript).serve().unwrap();
    let mut raw = crate::support::Raw::connect(replaying.address());
    raw.send(&format!("USER {USER}\r\nPASS {PASSWORD}\r\nLIST\r\nRETR 1\r\n"));
    let mut again = Vec::new();
    let _ = std::io::Read::read_to_end(&mut raw.0, &mut again);
    assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&said));
}

#[test]
fn a_client_that_starts_tls_is_told_how_to_record() {
    let server = server();
    let recording = Recorder::new(upstream(server.stls_address())).listen("127.0.0.1:0").unwrap();
    let mut raw = crate::support::Raw::connect(recording.address());
    raw.send("STLS\r\n");
    let error = recording.session().unwrap_err().to_string();
    assert!(error.contains("the client starts TLS") && error.contains("in clear"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // A port that was free a moment ago: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let recording = Recorder::new(Upstream::plain("127.0.0.1", port)).listen("127.0.0.1:0").unwrap();
    let _client = crate::support::Raw::connect(recording.address());
    let error = recording.session().unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot reach 127.0.0.1 port {port}: ")), "{error}");
}

// Conformance: S-2595-04
#[test]
fn a_server_without_tls_is_not_recorded_in_clear_by_mistake() {
    let server = TestServer::builder().fault("STLS: answer -ERR not now".parse().unwrap()).start().unwrap();
    let security = UpstreamSecurity::Stls(trusting(&server));
    let upstream = Upstream::new("127.0.0.1", server.stls_port(), security);
    let recording = Recorder::new(upstream).listen("127.0.0.1:0").unwrap();
    let mut raw = crate::support::Raw::connect(recording.address());
    let error = recording.session().unwrap_err().to_string();
    assert!(error.contains("`-ERR not now`"), "{error}");
    assert_eq!(raw.rest(), "");
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// Trusts the throw-away authority of this process, as a replay with TLS presents it.
pub(crate) fn options_for_replay(server: &TestServer, port: u16, security: Security) -> Options {
    let roots = Roots::File(server.ca_file().unwrap());
    Options::new("127.0.0.1").with_security(security).with_port(port).with_roots(roots)
}

#[test]
fn a_server_that_never_closes_does_not_keep_the_recorder() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let recorder = Recorder::new(upstream(silent.local_addr().unwrap())).patience(Duration::ZERO);
    let (transcript, _held) = record(recorder, |address| {
        let mut raw = crate::support::Raw::connect(address);
        raw.send("CAPA\r\n");
        silent.accept().unwrap()
    });
    assert_eq!(transcript.to_string(), "C: CAPA\n@client-eof\n");
}
