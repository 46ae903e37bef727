//! Servers that send one octet now and then: never silent, and never done.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use pop3_client::{Connector, Error, Options, Security, Timeouts, proto::client::PeerMisbehaved};

use crate::support::program::{Home, Ran};

/// More than the patience of `--timeout 1`, and far less than for ever.
const LONG: Duration = Duration::from_secs(20);

/// A server that does well until a command begins with `at` (the greeting, if it is empty), and then sends `first` and
/// one octet every tenth of a second.
struct Dripping {
    port: u16,
    is_over: Arc<AtomicBool>,
}

impl Dripping {
    fn at(at: &'static str, first: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        thread::spawn(move || {
            while let Ok((mut socket, _)) = listener.accept() {
                let over = Arc::clone(&over);
                thread::spawn(move || {
                    let mut commands = BufReader::new(socket.try_clone().unwrap());
                    let mut command = String::new();
                    if !at.is_empty() {
                        socket.write_all(b"+OK ready\r\n")?;
                        while !command.starts_with(at) {
                            let answer = match command.get(..4).unwrap_or_default() {
                                "" => "",
                                "CAPA" => "+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n",
                                "STAT" => "+OK 1 14\r\n",
                                "LIST" => "+OK\r\n1 14\r\n.\r\n",
                                "UIDL" => "+OK\r\n1 a\r\n.\r\n",
                                "RETR" => "+OK\r\nSubject: a\r\n\r\n.\r\n",
                                _ => "+OK\r\n",
                            };
                            socket.write_all(answer.as_bytes())?;
                            command.clear();
                            if commands.read_line(&mut command)? == 0 {
                                return Ok(());
                            }
                        }
                    }
                    socket.write_all(first.as_bytes())?;
                    while !over.load(Ordering::Relaxed) {
                        socket.write_all(b"x")?;
                        thread::sleep(Duration::from_millis(100));
                    }
                    std::io::Result::Ok(())
                });
            }
        });
        Self { port, is_over }
    }
}

impl Drop for Dripping {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

// Conformance: A-93
#[test]
fn the_program_gives_up_wherever_it_happens() {
    for (command, at, first) in [
        ("fetch", "", "+OK "),
        ("fetch", "CAPA", "+OK\r\n"),
        ("fetch", "USER", ""),
        ("fetch", "PASS", "+OK "),
        ("fetch", "STAT", "+OK 1 "),
        ("fetch", "LIST", "+OK\r\n1 1000\r\n"),
        ("fetch", "UIDL", "+OK\r\n"),
        ("fetch", "RETR", "+OK\r\nSubject: a\r\n\r\n"),
        ("fetch", "QUIT", "+OK "),
        ("list", "TOP", "+OK\r\nSubject: a"),
        ("top", "TOP", "+OK\r\n"),
        ("capa", "CAPA", "+OK\r\n"),
    ] {
        let (home, server) = (Home::new(), Dripping::at(at, first));
        let began = Instant::now();
        let url = format!("pop://alice@127.0.0.1:{}", server.port);
        let mut run = home.command(&[command, &url, "--insecure-plain", "--timeout", "1"]);
        match command {
            "fetch" => drop(run.arg("--maildir").arg(home.maildir())),
            "top" => drop(run.arg("1")),
            _ => {}
        }
        let ran = Ran::from(run.output().unwrap());
        assert!(began.elapsed() < LONG, "{command} {at}: {ran:?}");
        if at == "QUIT" {
            // Everything is stored, and nothing was to be removed.
            assert_eq!((ran.code, home.mail().len()), (Some(0), 1), "{at}: {ran:?}");
            continue;
        }
        assert_eq!(ran.code, Some(75), "{command} {at}: {ran:?}");
        assert!(ran.stderr.contains("less than 100 octets per second"), "{command} {at}: {ran:?}");
        assert_eq!(home.mail().len(), 0, "{ran:?}");
    }
}

// Conformance: A-93
#[test]
fn a_handshake_that_never_ends_is_given_up() {
    // A TLS record that says it has 16 KiB.
    let server = Dripping::at("", "\u{16}\u{3}\u{3}\u{40}\u{0}");
    let home = Home::new();
    let began = Instant::now();
    let url = format!("pops://alice@127.0.0.1:{}", server.port);
    let ran = home.run(&["list", &url, "--insecure-any-certificate", "--timeout", "1"]);
    assert!(began.elapsed() < LONG && ran.stderr.contains("handshake in time"), "{ran:?}");
}

// Conformance: A-93
#[test]
fn a_tls_record_that_never_ends_is_given_up() {
    use pop3_io::blocking::Stream;
    let ca = crate::support::certificates::Ca::new();
    let config = ca.server(&["127.0.0.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut raw = socket.try_clone().unwrap();
        let mut stream = Stream::accept_tls(socket, config).unwrap();
        stream.write_all(b"+OK ready\r\n").unwrap();
        stream.flush().unwrap();
        std::io::Read::read(&mut stream, &mut [0; 100]).unwrap();
        let Stream::TlsServer(mut stream) = stream else { panic!("no TLS") };
        let mut record = Vec::new();
        stream.conn.writer().write_all(&[b'x'; 10_000]).unwrap();
        stream.conn.write_tls(&mut record).unwrap();
        for octet in record {
            if raw.write_all(&[octet]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    let home = Home::new();
    let began = Instant::now();
    let url = format!("pops://127.0.0.1:{port}");
    let mut command = home.command(&["capa", &url, "--timeout", "1"]);
    let ran = Ran::from(command.arg("--ca-file").arg(ca.file()).output().unwrap());
    assert!(began.elapsed() < LONG && ran.stderr.contains("less than 100 octets per second"), "{ran:?}");
    server.join().unwrap();
}

// Conformance
#[tokio::test(flavor = "multi_thread")]
async fn the_library_gives_up_async() {
    let server = Dripping::at("LIST", "+OK\r\n1 1000\r\n");
    let timeouts = Timeouts { read: Duration::from_secs(1), ..Timeouts::default() };
    let options = Options::new("127.0.0.1").with_port(server.port).with_timeouts(timeouts);
    let connector = Connector::new(options.with_security(Security::InsecurePlain)).unwrap();
    let session = pop3_client::Session::connect(&connector).await.unwrap();
    let login = pop3_client::Login::password("alice", "secret");
    let mut session = session.login(&login).await.unwrap();
    let listed = tokio::time::timeout(LONG, session.list()).await.unwrap();
    assert!(matches!(listed, Err(Error::Peer(PeerMisbehaved::TooSlow { .. }))), "{listed:?}");
}

// Conformance: A-91
#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_an_end_is_not_read_for_ever() {
    use tokio::io::AsyncReadExt as _;
    let server = pop3_testkit::TestServer::builder()
        .user("alice", "secret")
        .message("alice", vec![b'x'; 100_000])
        .start()
        .unwrap();
    let mut options = Options::new("127.0.0.1").with_port(server.plain_port());
    options.max_message = 50_000;
    let connector = Connector::new(options.with_security(Security::InsecurePlain)).unwrap();
    let login = pop3_client::Login::password("alice", "secret");
    let number = pop3_client::proto::types::MessageNumber::FIRST;
    let session = pop3_client::Session::connect(&connector).await.unwrap();
    let mut session = session.login(&login).await.unwrap();
    let mut octets = Vec::new();
    let error = session.retr(number).await.unwrap().read_to_end(&mut octets).await.unwrap_err();
    assert!(error.to_string().contains("a message of more than 50000 octets"), "{error}");
    assert!(octets.len() <= 50_000);
    drop(session);
    // One that is dropped is skipped, and no further either.
    let blocking = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut session = loop {
            let session = pop3_client::blocking::Session::connect(&connector).unwrap();
            match session.login(&login) {
                Ok(session) => break session,
                // The server has not seen the end of the other session yet.
                Err(error) => assert!(began.elapsed() < LONG, "{error}"),
            }
        };
        let _ = session.retr(number).unwrap();
        session.noop()
    });
    let skipped = blocking.await.unwrap();
    assert!(
        matches!(skipped, Err(Error::Peer(PeerMisbehaved::MessageTooLarge { limit: 50_000 }))),
        "{skipped:?}"
    );
}
