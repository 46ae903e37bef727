//! What the tests share: a scripted server on a real socket, and certificates made for it.
#![allow(dead_code, unreachable_pub, reason = "every test program uses its part")]

pub mod certificates;
#[cfg(feature = "cli")]
pub mod program;
#[cfg(feature = "cli")]
pub mod real_server;

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use pop3_client::{Connector, Options, Security, Timeouts};
use pop3_io::{blocking::Stream, rustls::ServerConfig};

/// How long a test waits for what has to come: far more than it takes, so that a slow machine passes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that plays a script to each of its connections.
pub struct Server {
    pub port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Accepts one connection and plays the script.
    pub fn once(script: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            script(&mut Peer::new(stream));
        });
        Self { port, thread: Some(thread) }
    }

    /// Accepts two connections, one after the other, and plays a script to each.
    pub fn twice(
        first: impl FnOnce(&mut Peer) + Send + 'static,
        second: impl FnOnce(&mut Peer) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = thread::spawn(move || {
            first(&mut Peer::new(listener.accept().unwrap().0));
            second(&mut Peer::new(listener.accept().unwrap().0));
        });
        Self { port, thread: Some(thread) }
    }

    /// Options to reach it without TLS.
    pub fn plain(&self) -> Options {
        options("127.0.0.1", self.port, Security::InsecurePlain)
    }

    /// A connector to reach it without TLS.
    pub fn connector(&self) -> Connector {
        Connector::new(self.plain()).unwrap()
    }

    /// Waits for the end of the script; panics if the script did.
    pub fn finish(mut self) {
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

pub fn options(host: &str, port: u16, security: Security) -> Options {
    let timeouts =
        Timeouts { connect: PATIENCE, greeting: PATIENCE, read: PATIENCE, write: PATIENCE, session: None };
    Options::new(host).with_security(security).with_port(port).with_timeouts(timeouts)
}

/// The client's end, as the script sees it.
pub struct Peer {
    stream: Option<Stream<TcpStream>>,
}

impl Peer {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: Some(Stream::Plain(stream)) }
    }

    fn stream(&mut self) -> &mut Stream<TcpStream> {
        self.stream.as_mut().unwrap()
    }

    /// Sends octets in one piece. The client may have gone already; what matters is what it made of it.
    pub fn send(&mut self, octets: impl AsRef<[u8]>) {
        let _ = self.try_send(octets.as_ref());
    }

    pub fn try_send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream().write_all(octets)?;
        self.stream().flush()
    }

    /// The next line without its end; nothing when the client has closed.
    pub fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let mut octet = [0];
        loop {
            match self.stream().read(&mut octet) {
                Ok(1) => line.push(octet[0]),
                _ if line.is_empty() => return None,
                _ => panic!("half a line: {:?}", line.escape_ascii().to_string()),
            }
            if let Some(line) = line.strip_suffix(b"\r\n") {
                return Some(String::from_utf8(line.to_vec()).unwrap());
            }
        }
    }

    /// Takes the next line, which has to be this one.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Takes a line and answers it.
    #[track_caller]
    pub fn answer(&mut self, line: &str, answer: &str) {
        self.expect(line);
        self.send(answer);
    }

    /// The client says nothing more, not even QUIT, and closes.
    #[track_caller]
    pub fn expect_end(&mut self) {
        assert_eq!(self.line(), None);
    }

    /// Whether nothing comes for a moment.
    pub fn is_silent(&mut self) -> bool {
        let socket = self.stream().transport();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let peeked = socket.peek(&mut [0]);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(peeked, Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }

    /// TLS from here on; false when the client did not want to finish the handshake.
    pub fn start_tls(&mut self, config: &Arc<ServerConfig>) -> bool {
        let Some(Stream::Plain(stream)) = self.stream.take() else { panic!("TLS is there already") };
        let copy = stream.try_clone().unwrap();
        match Stream::accept_tls(stream, Arc::clone(config)) {
            Ok(stream) => {
                self.stream = Some(stream);
                true
            }
            Err(_) => {
                self.stream = Some(Stream::Plain(copy));
                false
            }
        }
    }

    /// Greets, has no CAPA, and lets USER and PASS in.
    pub fn log_in(&mut self) {
        self.send("+OK\r\n");
        self.log_in_after_greeting("-ERR what?\r\n");
    }

    /// As [`log_in`](Self::log_in), with an answer to CAPA, which is asked for once more after the login
    /// by those who need it.
    pub fn log_in_after_greeting(&mut self, capabilities: &str) {
        self.answer("CAPA", capabilities);
        self.answer("USER alice", "+OK\r\n");
        self.answer("PASS wonderland", "+OK\r\n");
    }
}
