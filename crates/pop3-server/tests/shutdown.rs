//! What becomes of sessions when the server is told to stop.

mod support;

use std::{
    io,
    sync::Mutex,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use pop3_proto::{
    server::{Deletions, Maildrop, Retrieved},
    types::MessageNumber,
};
use pop3_store::{OpenError, OpenMaildrop, ReadError, Store, UpdateError, memory::MemoryStore};
use support::{Client, PASSWORD, TestServer, USER, deliver, files, root, users, with_crlf};

// Conformance: S-ROB-08, A-32, S-1939-19
#[test]
fn idle_sessions_end_without_a_word_and_without_an_update() {
    let root = root();
    deliver(root.path(), &[b"Subject: 1\n\n", b"Subject: 2\n\n"]);
    let server = TestServer::start(root.path());
    let mut inside = server.log_in();
    inside.ok("DELE 1");
    inside.ok("RETR 2");
    inside.body();
    let mut outside = server.connect();
    let mut clear = server.connect_clear();
    clear.line();
    server.shut_down();
    for client in [&mut inside, &mut outside, &mut clear] {
        assert_eq!(client.rest(), b"");
    }
    assert_eq!(files(root.path(), USER).len(), 2);
    assert!(std::net::TcpStream::connect(server.tls_address()).is_err());
}

// Conformance: S-ROB-08
#[test]
fn a_message_that_is_being_sent_is_sent_to_its_end() {
    let root = root();
    let message = b"Subject: big\n\n0123456789012345678901234567890123456789\n".repeat(200_000);
    deliver(root.path(), &[&message]);
    let mut server = TestServer::start(root.path());
    let mut client = server.log_in();
    client.ok("RETR 1");
    let stopping = server.begin_shut_down();
    assert!(client.body() == with_crlf(&message));
    assert_eq!(client.rest(), b"");
    server.wait_for(stopping);
}

// Conformance: S-ROB-08
#[test]
fn a_message_arrives_to_its_end_also_when_further_commands_have_come() {
    let root = root();
    let message = b"Subject: big\n\n0123456789012345678901234567890123456789\n".repeat(20_000);
    deliver(root.path(), &[&message, b"Subject: 2\n\n"]);
    for is_tls in [true, false] {
        let mut server = TestServer::start_with(root.path(), |config| {
            config.policy.allow_plaintext_without_tls = true;
        });
        let mut client = match is_tls {
            true => server.connect(),
            false => {
                let mut client = Client::connect(server.plain_address());
                client.line();
                client
            }
        };
        client.log_in(USER, PASSWORD);
        client.ok("RETR 1");
        // What nobody reads any more: more than the server reads at once.
        client.send("RETR 2\r\n".repeat(2000));
        let stopping = server.begin_shut_down();
        // The server is done before the client has read it.
        std::thread::sleep(Duration::from_millis(300));
        assert!(client.body() == with_crlf(&message), "{is_tls}");
        drop(client);
        server.wait_for(stopping);
    }
}

// Conformance: S-ROB-08, A-32
#[test]
fn a_client_that_takes_too_long_is_cut_off_after_the_grace() {
    let root = root();
    let message = b"Subject: big\n\n0123456789012345678901234567890123456789\n".repeat(400_000);
    deliver(root.path(), &[&message]);
    let server = TestServer::start_with(root.path(), |config| {
        config.limits.shutdown_grace = Duration::from_millis(300);
    });
    let mut client = server.log_in();
    client.ok("RETR 1");
    let began = Instant::now();
    server.shut_down();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!client.rest().ends_with(b"\r\n.\r\n"));
    assert_eq!(files(root.path(), USER).len(), 1);
}

/// A store whose updates wait until they are told to go on.
struct Slow {
    inner: MemoryStore,
    has_begun: Sender<()>,
    may_go_on: Arc<Mutex<Receiver<()>>>,
}

struct SlowMaildrop {
    inner: <MemoryStore as Store>::Maildrop,
    has_begun: Sender<()>,
    may_go_on: Arc<Mutex<Receiver<()>>>,
}

impl Store for Slow {
    type Maildrop = SlowMaildrop;

    fn open(&self, user: &str) -> Result<SlowMaildrop, OpenError> {
        let inner = self.inner.open(user)?;
        Ok(SlowMaildrop { inner, has_begun: self.has_begun.clone(), may_go_on: Arc::clone(&self.may_go_on) })
    }
}

impl OpenMaildrop for SlowMaildrop {
    type Body = io::Cursor<Arc<[u8]>>;

    fn maildrop(&self) -> Maildrop {
        self.inner.maildrop()
    }

    fn read(&self, number: MessageNumber) -> Result<Self::Body, ReadError> {
        self.inner.read(number)
    }

    fn update(self, deletions: &Deletions, retrieved: &Retrieved) -> Result<(), UpdateError> {
        self.has_begun.send(()).unwrap();
        self.may_go_on.lock().unwrap().recv().unwrap();
        self.inner.update(deletions, retrieved)
    }
}

fn in_update() -> (MemoryStore, Receiver<()>, Sender<()>, TestServer, Client) {
    let inner = MemoryStore::new();
    inner.add_user(USER);
    inner.deliver(USER, *b"Subject: 1\n\n").unwrap();
    let (has_begun, begun) = channel();
    let (go_on, may_go_on) = channel();
    let store = Slow { inner: inner.clone(), has_begun, may_go_on: Arc::new(Mutex::new(may_go_on)) };
    let server = TestServer::serve(store, users(), |config| {
        config.limits.shutdown_grace = Duration::from_millis(100);
    });
    let mut client = server.connect();
    client.log_in(USER, PASSWORD);
    client.ok("DELE 1");
    client.send(b"QUIT\r\n");
    (inner, begun, go_on, server, client)
}

// Conformance: S-ROB-08, S-1939-15
#[test]
fn a_session_in_update_finishes_and_is_told() {
    let (store, begun, go_on, mut server, mut client) = in_update();
    begun.recv().unwrap();
    let stopping = server.begin_shut_down();
    assert_eq!(store.messages(USER).len(), 1);
    go_on.send(()).unwrap();
    assert!(client.line().starts_with("+OK"));
    assert_eq!(client.rest(), b"");
    server.wait_for(stopping);
    assert!(store.messages(USER).is_empty() && !store.is_open(USER));
}

// Conformance: S-ROB-08
#[test]
fn a_session_in_update_outlives_the_grace() {
    let (store, begun, go_on, mut server, mut client) = in_update();
    begun.recv().unwrap();
    let stopping = server.begin_shut_down();
    // Another connection that will not end by itself shows when the grace is over.
    std::thread::park_timeout(Duration::from_millis(300));
    assert!(!stopping.is_finished());
    go_on.send(()).unwrap();
    assert!(client.line().starts_with("+OK"));
    server.wait_for(stopping);
    assert!(store.messages(USER).is_empty());
}

// Conformance: S-1939-15
#[test]
fn the_answer_to_quit_comes_after_the_removal() {
    let (store, begun, go_on, _server, mut client) = in_update();
    begun.recv().unwrap();
    client.socket().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(client.try_octet().is_err(), "an answer before anything was removed");
    client.socket().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    go_on.send(()).unwrap();
    assert!(client.line().starts_with("+OK"));
    assert!(store.messages(USER).is_empty());
}
