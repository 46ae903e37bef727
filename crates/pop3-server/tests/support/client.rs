use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use pop3_server::rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

/// Somebody who sends octets and reads lines. Whatever takes longer than ten seconds fails the test.
pub(crate) struct Client {
    stream: Stream,
    unread: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(Duration::from_secs(10))).unwrap();
        }
        Self { stream: Stream::Plain(stream), unread: Vec::new() }
    }

    /// TLS on what is plain so far; a certificate that is not trusted fails the test.
    pub(crate) fn start_tls(self, config: &Arc<ClientConfig>) -> Self {
        self.try_start_tls(config).unwrap()
    }

    pub(crate) fn try_start_tls(self, config: &Arc<ClientConfig>) -> io::Result<Self> {
        assert!(self.unread.is_empty(), "octets before TLS: {}", self.unread.escape_ascii());
        let Stream::Plain(mut socket) = self.stream else { panic!("TLS twice") };
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Self { stream: Stream::Tls(Box::new(StreamOwned::new(session, socket))), unread: Vec::new() })
    }

    /// USER and PASS, which have to work.
    pub(crate) fn log_in(&mut self, user: &str, password: &str) {
        assert!(self.ask(&format!("USER {user}")).starts_with("+OK"));
        let answer = self.ask(&format!("PASS {password}"));
        assert!(answer.starts_with("+OK"), "{answer}");
    }

    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.try_send(octets.as_ref()).unwrap();
    }

    pub(crate) fn try_send(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(octets),
            Stream::Tls(stream) => stream.write_all(octets).and_then(|()| stream.flush()),
        }
    }

    /// Sends a line, reads a line.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n"));
        self.line()
    }

    /// As [`ask`](Self::ask); the answer has to be positive.
    pub(crate) fn ok(&mut self, command: &str) -> String {
        let answer = self.ask(command);
        assert!(answer.starts_with("+OK"), "{command}: {answer}");
        answer
    }

    /// As [`ask`](Self::ask); the answer has to be negative.
    pub(crate) fn err(&mut self, command: &str) -> String {
        let answer = self.ask(command);
        assert!(answer.starts_with("-ERR "), "{command}: {answer}");
        answer
    }

    /// The next line, which has to end in CRLF.
    pub(crate) fn line(&mut self) -> String {
        self.try_line().expect("a line, not the end")
    }

    /// The next line, or `None` at the end of the connection.
    pub(crate) fn try_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=at).collect();
                let line = line.strip_suffix(b"\r\n").expect("CRLF");
                return Some(String::from_utf8(line.to_vec()).expect("UTF-8"));
            }
            if self.fill().expect("the server is still there, or has closed") == 0 {
                assert!(self.unread.is_empty(), "a part of a line: {}", self.unread.escape_ascii());
                return None;
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// The lines of a multi-line response after its first, unstuffed, with CRLF; without the termination.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        let mut looked_at = 0;
        loop {
            let is_at_start = self.unread.starts_with(b".\r\n");
            let end = self.unread[looked_at..].windows(5).position(|octets| octets == b"\r\n.\r\n");
            if is_at_start || end.is_some() {
                let length = if is_at_start { 0 } else { looked_at + end.unwrap_or_default() + 2 };
                let body = unstuffed(&self.unread[..length]);
                self.unread.drain(..length + 3);
                return body;
            }
            looked_at = self.unread.len().saturating_sub(4);
            assert_ne!(self.fill().unwrap(), 0, "the end of the connection within a response");
        }
    }

    /// Sends a command and reads its multi-line response.
    pub(crate) fn multi(&mut self, command: &str) -> Vec<u8> {
        self.ok(command);
        self.body()
    }

    /// A multi-line response as text lines.
    pub(crate) fn lines(&mut self, command: &str) -> Vec<String> {
        let body = String::from_utf8(self.multi(command)).unwrap();
        body.lines().map(str::to_owned).collect()
    }

    /// Everything up to the end of the connection; a reset counts as one.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        loop {
            match self.fill() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_end(&error) => break,
                Err(error) => panic!("no end of the connection: {error}"),
            }
        }
        std::mem::take(&mut self.unread)
    }

    /// Whether an octet comes.
    pub(crate) fn try_octet(&mut self) -> io::Result<usize> {
        self.fill()
    }

    /// So many octets, whatever they are.
    pub(crate) fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert_ne!(self.fill().unwrap(), 0, "the end of the connection");
        }
        self.unread.drain(..count).collect()
    }

    /// QUIT, its answer, and the end.
    pub(crate) fn quit(mut self) {
        self.ok("QUIT");
        assert_eq!(self.rest(), b"");
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    /// Whether the server said that it closes TLS, before it closed the connection.
    pub(crate) fn ends_with_close_alert(mut self) -> bool {
        loop {
            match self.fill() {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
    )
}

/// Without the stuffing: every line end is CRLF here, so what follows an LF begins a line.
fn unstuffed(octets: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(octets.len());
    let mut previous = b'\n';
    for octet in octets {
        if *octet == b'.' && previous == b'\n' {
            previous = 0;
        } else {
            body.push(*octet);
            previous = *octet;
        }
    }
    body
}
