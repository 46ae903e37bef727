//! A client that knows nothing, and one that knows all.
#![allow(dead_code, reason = "each of the tests uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use pop3_client::{Connector, Options, Roots, Security, Timeouts};
use pop3_testkit::TestServer;

/// Long, since nothing that is right ever waits for it.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A client that knows nothing.
pub(crate) struct Raw(pub(crate) BufReader<TcpStream>);

impl Raw {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, octets: &str) {
        self.0.get_mut().write_all(octets.as_bytes()).unwrap();
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n"));
        self.line()
    }

    /// The lines behind the first, up to the termination line.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::iter::from_fn(|| Some(self.line()).filter(|line| line != ".")).collect()
    }

    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }

    pub(crate) fn login(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address);
        assert_eq!(raw.line(), "+OK POP3 server ready");
        raw.ask("USER alice");
        assert!(raw.ask("PASS wonderland").starts_with("+OK"));
        raw
    }
}

pub(crate) fn server() -> TestServer {
    TestServer::builder()
        .user("alice", "wonderland")
        .message("alice", *b"Subject: one\r\n\r\n.dot\r\n")
        .message_as("alice", "my-own-id", *b"Subject: two\n\nLF\n")
        .start()
        .unwrap()
}

/// How our client reaches a server.
pub(crate) fn connector(server: &TestServer, security: Security) -> Connector {
    let port = match security {
        Security::ImplicitTls => server.tls_port(),
        Security::StlsRequired => server.stls_port(),
        _ => server.plain_port(),
    };
    let timeouts = Timeouts { read: LIMIT, ..Timeouts::default() };
    let options = Options::new("127.0.0.1").with_security(security).with_port(port);
    let roots = Roots::File(server.ca_file().unwrap());
    Connector::new(options.with_roots(roots).with_timeouts(timeouts)).unwrap()
}
