//! A client that knows nothing but a socket.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use pop3_testkit::TestServer;

use crate::support::PATIENCE;

/// How long it has to be silent to be called so.
const SILENCE: Duration = Duration::from_millis(300);

/// How a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// The connection stays, and nothing comes.
    Silent,
    /// Something comes as long as anybody listens.
    Endless,
}

/// A connection.
pub(crate) struct Raw {
    stream: TcpStream,
    /// Everything so far.
    pub(crate) heard: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.plain_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be reset already, which is for the reader to see.
        let _ = stream.set_nodelay(true);
        Self { stream, heard: Vec::new() }
    }

    pub(crate) fn say(&mut self, octets: &str) {
        self.stream.write_all(octets.as_bytes()).unwrap();
    }

    /// What one read gives, and whether that was the end.
    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.heard.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Reads until so many lines have come in all.
    pub(crate) fn lines(&mut self, count: usize) {
        while self.heard.iter().filter(|octet| **octet == b'\n').count() < count {
            assert_ne!(self.read().unwrap(), 0, "{}", self.heard.escape_ascii());
        }
    }

    /// Greeting and login, and forgets what was said then.
    pub(crate) fn log_in(&mut self) {
        self.say("USER alice\r\nPASS wonderland\r\n");
        self.lines(3);
        self.heard.clear();
    }

    /// The next pieces as they come, one read each, and when.
    pub(crate) fn pieces(&mut self, octets: usize) -> Vec<(Vec<u8>, Instant)> {
        let mut pieces = Vec::new();
        while self.heard.len() < octets {
            let before = self.heard.len();
            assert_ne!(self.read().unwrap(), 0, "{}", self.heard.escape_ascii());
            pieces.push((self.heard[before..].to_vec(), Instant::now()));
        }
        pieces
    }

    /// Reads on until this is how it ends; panics when it is not. What `is_all` that has to come is waited
    /// for; only what must not come after it has little time.
    pub(crate) fn read_to(&mut self, end: End, is_all: impl Fn(&[u8]) -> bool) {
        let enough = 1 << 20;
        if end == End::Silent {
            while !is_all(&self.heard) {
                assert_ne!(self.read().unwrap(), 0, "{}", self.heard.escape_ascii());
            }
            self.stream.set_read_timeout(Some(SILENCE)).unwrap();
        }
        let found = loop {
            match self.read() {
                Ok(0) => break End::Closed,
                Ok(_) if self.heard.len() > enough => break End::Endless,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break End::Reset,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    break End::Silent;
                }
                Err(error) => panic!("{error}"),
            }
        };
        let heard = &self.heard[..self.heard.len().min(2000)];
        assert_eq!(found, end, "after {}", heard.escape_ascii());
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

/// Whether octets are what a pattern says, in which `*` is anything within a line.
pub(crate) fn is_like(octets: &[u8], pattern: &[u8]) -> bool {
    matches(octets, pattern, false)
}

/// Whether octets begin as a pattern says.
pub(crate) fn begins_like(octets: &[u8], pattern: &[u8]) -> bool {
    matches(octets, pattern, true)
}

fn matches(octets: &[u8], pattern: &[u8], may_go_on: bool) -> bool {
    match pattern.split_first() {
        None => may_go_on || octets.is_empty(),
        Some((b'*', rest)) => {
            let line = octets.iter().position(|octet| matches!(octet, b'\r' | b'\n')).unwrap_or(octets.len());
            (0..=line).rev().any(|skipped| matches(&octets[skipped..], rest, may_go_on))
        }
        Some((first, rest)) => octets.first() == Some(first) && matches(&octets[1..], rest, may_go_on),
    }
}
