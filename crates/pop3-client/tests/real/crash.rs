//! The program killed wherever a connection can stand still: after the rerun every message is there, once.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use crate::support::{
    program::{Home, once},
    real_server::RealServer,
};

/// More than a batch, and less than two.
const MESSAGES: usize = 80;

fn messages() -> Vec<Vec<u8>> {
    (0..MESSAGES).map(|n| format!("Subject: {n}\n\n{}\n", "body ".repeat(n)).into_bytes()).collect()
}

/// Which octets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// Stands between program and server, and stalls the first connection at a point.
struct Proxy {
    port: u16,
    /// Says when the first connection stands still.
    stalled: Receiver<()>,
    /// Dropped, it closes what stands still.
    hold: Option<Sender<()>>,
    /// Octets that went to the server, and to the client.
    passed: Arc<[AtomicUsize; 2]>,
}

/// Where a connection stops passing octets on.
struct Stall {
    limit: usize,
    tell: Sender<()>,
    held: Receiver<()>,
}

impl Proxy {
    fn start(upstream: u16, direction: Direction, limit: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ((tell, stalled), (hold, held)) = (mpsc::channel(), mpsc::channel());
        let passed: Arc<[AtomicUsize; 2]> = Arc::default();
        let counters = Arc::clone(&passed);
        thread::spawn(move || {
            let mut stall = Some(Stall { limit, tell, held });
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { return };
                let (up, down) = match direction {
                    Direction::ToServer => (stall.take(), None),
                    Direction::ToClient => (None, stall.take()),
                };
                pump(&client, &server, &counters, 0, up);
                pump(&server, &client, &counters, 1, down);
            }
        });
        Self { port, stalled, hold: Some(hold), passed }
    }
}

/// Passes octets on in one direction, in a thread.
fn pump(
    from: &TcpStream,
    to: &TcpStream,
    counters: &Arc<[AtomicUsize; 2]>,
    counter: usize,
    stall: Option<Stall>,
) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let counters = Arc::clone(counters);
    thread::spawn(move || {
        let limit = stall.as_ref().map_or(usize::MAX, |stall| stall.limit);
        let (mut passed, mut buffer) = (0, [0; 4096]);
        loop {
            let room = (limit - passed).min(buffer.len());
            if let (0, Some(stall)) = (room, &stall) {
                let _ = stall.tell.send(());
                let _ = stall.held.recv();
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
            let count = match from.read(&mut buffer[..room]) {
                Ok(count) if count > 0 => count,
                _ => break,
            };
            passed += count;
            // Counted first: who has received them finds them counted.
            counters[counter].store(passed, Ordering::SeqCst);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Runs until the server has let go of the maildrop, which a killed session may still hold.
fn fetch_when_free(home: &Home, port: u16) {
    loop {
        let ran = home.fetch(port, &["--delete"]);
        if ran.code == Some(75) && ran.stderr.contains("[IN-USE]") {
            thread::yield_now();
            continue;
        }
        assert_eq!(ran.code, Some(0), "{ran:?}");
        return;
    }
}

/// Kills a fetch after so many octets, runs it again, and compares.
fn killed_at(direction: Direction, limit: usize) {
    let server = RealServer::start(messages());
    let home = Home::new();
    let mut proxy = Proxy::start(server.plain, direction, limit);
    let mut command = home.fetch_command(proxy.port, &["--delete"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // An error: the program came to its end first, which has to leave the same.
    let _ = proxy.stalled.recv();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(proxy.hold.take());
    fetch_when_free(&home, proxy.port);
    assert!(server.stored().is_empty(), "{direction:?} {limit}");
    let (mail, expected) = (home.mail(), once(messages()));
    let lost = expected.keys().filter(|message| !mail.contains_key(*message)).count();
    let doubled = mail.values().filter(|count| **count > 1).count();
    assert_eq!((lost, doubled, mail.len()), (0, 0, MESSAGES), "{direction:?} {limit}");
}

/// The octets of an undisturbed session, to the server and to the client.
fn undisturbed() -> [usize; 2] {
    let server = RealServer::start(messages());
    let home = Home::new();
    let proxy = Proxy::start(server.plain, Direction::ToServer, usize::MAX);
    let ran = home.fetch(proxy.port, &["--delete"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(home.mail(), once(messages()));
    proxy.passed.each_ref().map(|passed| passed.load(Ordering::SeqCst))
}

/// So many points between 1 and `total`, and the last octets one by one.
fn points(total: usize, count: usize) -> impl Iterator<Item = usize> {
    let spread = (1..=count).map(move |point| total * point / (count + 1));
    spread.chain(total - 6..=total).filter(|point| *point > 0)
}

// Conformance: C-1939-07, C-REL-01, C-REL-02, C-REL-03
#[test]
fn killed_while_the_server_talks() {
    let [_, down] = undisturbed();
    points(down, 12).for_each(|limit| killed_at(Direction::ToClient, limit));
}

// Conformance: C-1939-07, C-1939-08, C-REL-01, C-REL-02, C-REL-03
#[test]
fn killed_while_the_program_talks() {
    let [up, _] = undisturbed();
    points(up, 12).for_each(|limit| killed_at(Direction::ToServer, limit));
}
