//! One connection: octets as they come, with or without TLS, and what was said on it.
//!
//! This reads lines in its own way and knows nothing of the grammar that the server under test may share
//! with us: it is the judge.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{logins::Watch, text::shown};

/// A line longer than this is given up.
const LONGEST_LINE: usize = 1 << 20;

/// A connection to the server under test.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    pub(super) logins: Watch,
    /// What came and was not looked at yet.
    ahead: Vec<u8>,
    end: Option<End>,
    said: Vec<String>,
}

#[derive(Debug)]
enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// Between the two, or after an abrupt end.
    Gone,
}

/// How the server ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// FIN, without TLS.
    Closed,
    /// FIN after a close_notify alert.
    CloseNotify,
    /// FIN under TLS without the alert.
    NoCloseNotify,
    /// RST.
    Reset,
}

/// Why there is no line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing, or no end of the line, within the time; what came of it.
    Late(Vec<u8>),
    /// The connection ended; what came of it.
    Ended(Vec<u8>),
    /// The line ends in LF without CR.
    BareLf(Vec<u8>),
    /// It never ends.
    TooLong,
}

/// How much of a response that ends in `.` is read, and how long: a server may send lines for ever, each of
/// them in time.
#[derive(Debug)]
pub(super) struct Patience {
    octets_left: usize,
    ends: Instant,
}

impl Patience {
    /// More than the listing of any maildrop has, or any message of ours.
    const MOST_OCTETS: usize = 32 << 20;
    /// The whole may take so many times the time that one line may.
    const LINES_IN_TIME: u32 = 10;

    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            octets_left: Self::MOST_OCTETS,
            ends: Instant::now() + timeout.saturating_mul(Self::LINES_IN_TIME),
        }
    }

    /// After one more line; false when there is an end to it.
    pub(super) fn bears(&mut self, line: &[u8]) -> bool {
        // What is remembered of a short line takes more room than the line.
        const BESIDE: usize = 64;
        let left = self.octets_left.checked_sub(line.len() + BESIDE);
        self.octets_left = left.unwrap_or_default();
        left.is_some() && Instant::now() < self.ends
    }
}

impl Wire {
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn connect(address: SocketAddr, timeout: Duration, logins: Watch) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { stream: Stream::Clear(stream), logins, ahead: Vec::new(), end: None, said: Vec::new() })
    }

    /// The TLS handshake.
    ///
    /// # Errors
    ///
    /// What rustls or the system says; the connection is over then.
    pub(super) fn start_tls(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> io::Result<()> {
        let Stream::Clear(mut socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::Error::other("TLS is there already"));
        };
        if !self.ahead.is_empty() {
            let ahead = shown(&self.ahead);
            return Err(io::Error::other(format!("octets came before the handshake: {ahead}")));
        }
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let deadline = Instant::now() + timeout;
        while connection.is_handshaking() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
            connection.complete_io(&mut socket)?;
        }
        self.note("   (TLS from here on)");
        self.stream = Stream::Tls(Box::new(StreamOwned::new(connection, socket)));
        Ok(())
    }

    /// The octets that bind an authentication to this TLS session. RFC 9266 section 2.
    pub(super) fn exporter(&self) -> Option<[u8; 32]> {
        let Stream::Tls(stream) = &self.stream else { return None };
        stream.conn.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).ok()
    }

    /// Whether TLS 1.3 is spoken.
    pub(super) fn is_tls13(&self) -> bool {
        let Stream::Tls(stream) = &self.stream else { return false };
        stream.conn.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
    }

    /// Sends octets; what is remembered of them is `said`, which holds no secret.
    ///
    /// # Errors
    ///
    /// What the system says. A peer that has closed is noticed when it is read from.
    pub(super) fn send(&mut self, octets: &[u8], said: &str, is_octet_by_octet: bool) -> io::Result<()> {
        self.note(&format!("C: {said}"));
        self.logins.sent(octets);
        let size = if is_octet_by_octet { 1 } else { octets.len().max(1) };
        for piece in octets.chunks(size) {
            let sent = match &mut self.stream {
                Stream::Clear(stream) => stream.write_all(piece),
                Stream::Tls(stream) => stream.write_all(piece).and_then(|()| stream.flush()),
                Stream::Gone => return Err(ErrorKind::NotConnected.into()),
            };
            match sent {
                Err(error) if is_gone(&error) => break,
                sent => sent?,
            }
        }
        Ok(())
    }

    /// The next line, without its CRLF.
    pub(super) fn line(&mut self, timeout: Duration) -> Result<Vec<u8>, Missing> {
        let deadline = Instant::now() + timeout;
        let mut looked_at = 0;
        loop {
            let fresh = self.ahead.get(looked_at..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=looked_at + at).collect();
                return self.without_line_end(line);
            }
            looked_at = self.ahead.len();
            if looked_at > LONGEST_LINE {
                self.note("S: (a line without an end)");
                return Err(Missing::TooLong);
            }
            if self.more(deadline) {
                continue;
            }
            let rest = std::mem::take(&mut self.ahead);
            if !rest.is_empty() {
                self.note(&format!("S: {} (no line end)", shown(&rest)));
            }
            self.note_end();
            return Err(if self.end.is_some() { Missing::Ended(rest) } else { Missing::Late(rest) });
        }
    }

    fn without_line_end(&mut self, mut line: Vec<u8>) -> Result<Vec<u8>, Missing> {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
            self.note(&format!("S: {}", shown(&line)));
            return Ok(line);
        }
        self.note(&format!("S: {} (LF without CR)", shown(&line)));
        Err(Missing::BareLf(line))
    }

    /// What arrives first, at least one octet, however much it is.
    pub(super) fn octets(&mut self, timeout: Duration) -> Result<Vec<u8>, Missing> {
        let deadline = Instant::now() + timeout;
        if self.ahead.is_empty() && !self.more(deadline) {
            self.note_end();
            return Err(if self.end.is_some() {
                Missing::Ended(Vec::new())
            } else {
                Missing::Late(Vec::new())
            });
        }
        let octets = std::mem::take(&mut self.ahead);
        self.note(&format!("S: {} (octets as they came)", shown(&octets)));
        Ok(octets)
    }

    /// How the connection ends, and what came before it did; no end within the time is `None`.
    pub(super) fn end(&mut self, timeout: Duration) -> (Vec<u8>, Option<End>) {
        let deadline = Instant::now() + timeout;
        while self.ahead.len() < LONGEST_LINE && self.more(deadline) {}
        let before = std::mem::take(&mut self.ahead);
        if !before.is_empty() {
            self.note(&format!("S: {}", shown(&before)));
        }
        self.note_end();
        (before, self.end)
    }

    /// What came that nobody has asked for yet.
    pub(super) fn unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    /// Whether the server has ended it.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some() || matches!(self.stream, Stream::Gone)
    }

    /// Ends it without a word: no QUIT, no close_notify.
    pub(super) fn close_abruptly(&mut self) {
        let stream = std::mem::replace(&mut self.stream, Stream::Gone);
        let socket = match &stream {
            Stream::Clear(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
            Stream::Gone => return,
        };
        // The peer sees FIN, or RST where octets of its own were left unread.
        let _ = socket.shutdown(Shutdown::Both);
        self.note("   (the client closes the connection)");
    }

    /// Ends it in order.
    pub(super) fn close(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        self.stream = Stream::Gone;
    }

    /// What was said so far, one line each.
    pub(super) fn said(&self) -> &[String] {
        &self.said
    }

    /// Puts one line in place of all that was said from a place on.
    pub(super) fn shorten(&mut self, from: usize, what: &str) {
        self.said.truncate(from);
        self.note(what);
    }

    /// Remembers something beside what was said.
    pub(super) fn note(&mut self, what: &str) {
        self.said.push(what.to_owned());
    }

    fn note_end(&mut self) {
        let what = match self.end {
            None => return,
            Some(End::Closed) => "   (the server closes the connection)",
            Some(End::CloseNotify) => "   (the server closes the connection, with close_notify)",
            Some(End::NoCloseNotify) => "   (the server closes the connection, without close_notify)",
            Some(End::Reset) => "   (the server resets the connection)",
        };
        if self.said.last().is_none_or(|last| last != what) {
            self.note(what);
        }
    }

    /// Reads once; false when nothing came until the deadline, or when nothing will come.
    fn more(&mut self, deadline: Instant) -> bool {
        let mut buffer = [0; 16 * 1024];
        while self.end.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let (socket, is_tls) = match &self.stream {
                Stream::Clear(stream) => (stream, false),
                Stream::Tls(stream) => (&stream.sock, true),
                Stream::Gone => return false,
            };
            if socket.set_read_timeout(Some(left)).is_err() {
                self.end = Some(End::Reset);
                return false;
            }
            let count = match &mut self.stream {
                Stream::Clear(stream) => stream.read(&mut buffer),
                Stream::Tls(stream) => stream.read(&mut buffer),
                Stream::Gone => return false,
            };
            match count {
                Ok(0) => self.end = Some(if is_tls { End::CloseNotify } else { End::Closed }),
                Ok(count) => {
                    let octets = buffer.get(..count).unwrap_or_default();
                    self.logins.received(octets);
                    self.ahead.extend_from_slice(octets);
                    return true;
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    ErrorKind::UnexpectedEof => self.end = Some(End::NoCloseNotify),
                    _ => self.end = Some(End::Reset),
                },
            }
        }
        false
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::conform::logins::Ledger;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(10);

    /// A server that sends this and closes.
    fn server(octets: &'static [u8]) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(octets).unwrap());
        Wire::connect(address, LATE, Watch::new(Ledger::new(1))).unwrap()
    }

    #[test]
    fn lines_end_in_crlf() {
        let mut wire = server(b"+OK\r\na\rb\r\nbare\nrest");
        assert_eq!(wire.line(LATE).unwrap(), b"+OK");
        assert_eq!(wire.line(LATE).unwrap(), b"a\rb");
        assert_eq!(wire.line(LATE), Err(Missing::BareLf(b"bare".to_vec())));
        assert_eq!(wire.line(LATE), Err(Missing::Ended(b"rest".to_vec())));
        assert_eq!(wire.end(LATE).1, Some(End::Closed));
        assert_eq!(wire.said().last().unwrap(), "   (the server closes the connection)");
    }

    #[test]
    fn silence_is_no_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut wire =
            Wire::connect(listener.local_addr().unwrap(), LATE, Watch::new(Ledger::new(1))).unwrap();
        assert_eq!(wire.line(SOON), Err(Missing::Late(Vec::new())));
        assert_eq!(wire.end(SOON), (Vec::new(), None));
        assert!(!wire.has_ended());
    }
}
