//! Serves a transcript.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{
    matching::{begins_scram, is_same, without_end},
    turns::{Turn, turns},
};
use crate::{
    certificates::Certificate,
    transcript::{Entry, Side, Transcript, escaped},
};

/// The longest line of a client that is compared with the transcript, in octets.
const MAX_LINE: usize = 1 << 20;
/// How long a client may take to close its side after the server has.
const LINGER: Duration = Duration::from_secs(10);

/// A recorded session, to be served.
#[derive(Debug, Clone)]
pub struct Replay {
    turns: Arc<[Turn]>,
    is_tls: bool,
}

/// A server that says what was recorded, for as long as this value is there.
///
/// It says the recorded lines, octet for octet, as the client says those that it said then. Words that were
/// masked may be any; keywords may be in any case; a client may pipeline where the recorded one did not, and
/// the other way round. Only a login by SCRAM cannot be repeated, since the server's part of it answers the
/// client's (RFC 5802 section 3). Where the transcript has TLS, the certificate is the one of
/// [`Certificate::for_localhost`].
#[derive(Debug)]
pub struct Replaying {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// In what a client differed from what was recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It said something else.
    #[error(
        "session {session}: the client said `{said}`, but `{recorded}` was recorded; record again, or let the client do what it did then"
    )]
    Differs {
        /// Counted from 1.
        session: u32,
        /// The line of the recording.
        recorded: Box<str>,
        /// The line of the client; what may be a secret is not shown.
        said: Box<str>,
    },
    /// It went away early.
    #[error("session {session}: the client went away, but said `{recorded}` when it was recorded")]
    Left {
        /// Counted from 1.
        session: u32,
        /// The line of the recording.
        recorded: Box<str>,
    },
    /// The connection failed.
    #[error("session {session}: the connection failed: {source}")]
    Io {
        /// Counted from 1.
        session: u32,
        /// What the system, or the TLS library, says.
        source: io::Error,
    },
}

#[derive(Debug, Default)]
struct Shared {
    is_stopped: AtomicBool,
    /// How the sessions ended that nobody asked about yet.
    ended: Mutex<VecDeque<Result<(), ReplayError>>>,
    news: Condvar,
}

impl Shared {
    fn end(&self, result: Result<(), ReplayError>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push_back(result);
        self.news.notify_all();
    }
}

impl Replay {
    /// Serves this transcript.
    #[must_use]
    pub fn new(transcript: &Transcript) -> Self {
        Self { turns: turns(transcript).into(), is_tls: transcript.is_tls() }
    }

    /// Whether nobody can follow it to its end: it has a login by SCRAM.
    #[must_use]
    pub fn has_scram(&self) -> bool {
        let lines = self.turns.iter().filter_map(|turn| turn.line.as_deref());
        lines.into_iter().any(begins_scram)
    }

    /// Listens on a port of 127.0.0.1 that the system chooses.
    ///
    /// # Errors
    ///
    /// Where the system has no port, or no certificate can be made.
    pub fn serve(&self) -> io::Result<Replaying> {
        self.listen((Ipv4Addr::LOCALHOST, 0))
    }

    /// Listens on this address.
    ///
    /// # Errors
    ///
    /// Where the system refuses the address, or no certificate can be made.
    pub fn listen(&self, address: impl ToSocketAddrs) -> io::Result<Replaying> {
        let tls = match self.is_tls {
            true => Some(Certificate::for_localhost().map_err(io::Error::other)?.config()),
            false => None,
        };
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (turns, acceptor) = (Arc::clone(&self.turns), Arc::clone(&shared));
        let acceptor = thread::spawn(move || accept(&listener, &turns, tls.as_ref(), &acceptor));
        Ok(Replaying { address, shared, acceptor: Some(acceptor) })
    }
}

impl Replaying {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the next session has ended, and says how; each session is told once.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]: in what the client differed.
    pub fn wait_for_session(&self) -> Result<(), ReplayError> {
        let mut ended = self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match ended.pop_front() {
                Some(result) => return result,
                None => ended = self.shared.news.wait(ended).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Drop for Replaying {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        // Wakes the thread that waits for clients; sessions that run end with their clients.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(
    listener: &TcpListener,
    turns: &Arc<[Turn]>,
    tls: Option<&Arc<ServerConfig>>,
    shared: &Arc<Shared>,
) {
    for (client, session) in listener.incoming().zip(1..) {
        if shared.is_stopped.load(Ordering::Acquire) {
            return;
        }
        let (turns, tls, shared) = (Arc::clone(turns), tls.cloned(), Arc::clone(shared));
        thread::spawn(move || {
            let client = client
                .and_then(|client| client.set_nodelay(true).map(|()| client))
                .map_err(|source| ReplayError::Io { session, source });
            match client {
                Ok(client) => Session::new(session, client, tls).run(&turns, &shared),
                Err(error) => shared.end(Err(error)),
            }
        });
    }
}

/// The connection to one client.
#[derive(Debug)]
enum Link {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// Between the two.
    Gone,
}

impl Link {
    fn stream(&mut self) -> io::Result<&mut dyn ReadWrite> {
        match self {
            Self::Plain(socket) => Ok(socket),
            Self::Tls(stream) => Ok(stream),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(socket) => Some(socket),
            Self::Tls(stream) => Some(&stream.sock),
            Self::Gone => None,
        }
    }
}

/// How a session goes on.
enum Next {
    GoOn,
    /// It ends here, as it did when it was recorded.
    Over,
    /// The client does not listen any more.
    Gone,
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

struct Session {
    number: u32,
    link: Link,
    tls: Option<Arc<ServerConfig>>,
    /// What the client said and what was not compared yet.
    heard: Vec<u8>,
}

impl Session {
    const fn new(number: u32, client: TcpStream, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { number, link: Link::Plain(client), tls, heard: Vec::new() }
    }

    fn run(mut self, turns: &[Turn], shared: &Shared) {
        let result = self.converse(turns);
        self.finish();
        shared.end(result);
        // With octets of the client unread the system would reset the connection, and what is under way to
        // the client would be lost.
        self.wait_for_end();
    }

    fn converse(&mut self, turns: &[Turn]) -> Result<(), ReplayError> {
        let number = self.number;
        let failed = |source| ReplayError::Io { session: number, source };
        for (index, turn) in turns.iter().enumerate() {
            if let Some(recorded) = &turn.line {
                let said = self.line(recorded).map_err(failed)?;
                if said.is_empty() {
                    return Err(ReplayError::Left { session: number, recorded: shown(recorded) });
                }
                if !is_same(recorded, &said) {
                    return Err(self.refuse(recorded, &said));
                }
            }
            for entry in &turn.answer {
                match self.perform(entry).map_err(failed)? {
                    Next::GoOn => {}
                    Next::Over => return Ok(()),
                    Next::Gone => {
                        let missing = turns.iter().skip(index + 1).find_map(|turn| turn.line.as_deref());
                        let left = |line| ReplayError::Left { session: number, recorded: shown(line) };
                        return missing.map_or(Ok(()), |line| Err(left(line)));
                    }
                }
            }
        }
        Ok(())
    }

    /// The next line of the client, or the part of one that was recorded; empty when the client is gone.
    fn line(&mut self, recorded: &[u8]) -> io::Result<Vec<u8>> {
        let is_line = recorded.ends_with(b"\n");
        let mut buffer = [0; 4096];
        loop {
            let end = match is_line {
                true => self.heard.iter().position(|&octet| octet == b'\n').map(|end| end + 1),
                false => Some(recorded.len()).filter(|&end| end <= self.heard.len()),
            };
            if let Some(end) = end.or((self.heard.len() >= MAX_LINE).then_some(MAX_LINE)) {
                return Ok(self.heard.drain(..end).collect());
            }
            match self.link.stream()?.read(&mut buffer) {
                Ok(0) => return Ok(std::mem::take(&mut self.heard)),
                Ok(count) => self.heard.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if is_gone(&error) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Says and does what was recorded.
    fn perform(&mut self, entry: &Entry) -> io::Result<Next> {
        match entry {
            Entry::Said { octets, .. } => match self.link.stream()?.write_all(octets) {
                Err(error) if is_gone(&error) => return Ok(Next::Gone),
                written => written?,
            },
            Entry::Tls => self.start_tls()?,
            Entry::Wait(time) => thread::sleep(*time),
            Entry::Eof(Side::Client) | Entry::Reset(Side::Client) | Entry::Hang => {
                self.wait_for_end();
                return Ok(if matches!(entry, Entry::Eof(_)) { Next::GoOn } else { Next::Over });
            }
            Entry::Eof(Side::Server) => return Ok(Next::Over),
            Entry::Reset(Side::Server) => {
                if let Some(socket) = self.link.socket() {
                    socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
                }
                self.link = Link::Gone;
                return Ok(Next::Over);
            }
            // What stands before it was said once, which is as much as was written down.
            Entry::Endless => return Ok(Next::Over),
        }
        Ok(Next::GoOn)
    }

    fn start_tls(&mut self) -> io::Result<()> {
        let Some(config) = &self.tls else { return Ok(()) };
        // RFC 2595 section 4: what the client sent in clear behind STLS is not listened to.
        self.heard.clear();
        let Link::Plain(mut socket) = std::mem::replace(&mut self.link, Link::Gone) else { return Ok(()) };
        let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            let (read, _) = connection.complete_io(&mut socket)?;
            if read == 0 && connection.is_handshaking() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.link = Link::Tls(Box::new(StreamOwned::new(connection, socket)));
        Ok(())
    }

    /// Says to the client that it differs, and what to do.
    fn refuse(&mut self, recorded: &[u8], said: &[u8]) -> ReplayError {
        let (recorded, said) = (shown(recorded), shown_masked(said));
        let answer = format!("-ERR `{recorded}` was recorded here, and not `{said}`\r\n");
        if let Ok(stream) = self.link.stream() {
            // A client that is gone finds it in the error all the same.
            let _ = stream.write_all(answer.as_bytes());
        }
        ReplayError::Differs { session: self.number, recorded, said }
    }

    /// Reads and forgets what the client says until it closes.
    fn wait_for_end(&mut self) {
        let mut buffer = [0; 4096];
        if let Ok(stream) = self.link.stream() {
            while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
        }
    }

    /// Says that no more is to come.
    fn finish(&mut self) {
        if let Link::Tls(stream) = &mut self.link {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        if let Some(socket) = self.link.socket() {
            let _ = socket.shutdown(Shutdown::Write);
            let _ = socket.set_read_timeout(Some(LINGER));
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn shown(line: &[u8]) -> Box<str> {
    escaped(without_end(line)).into()
}

/// A line of the client that may be a secret, since nobody knows what it is.
fn shown_masked(line: &[u8]) -> Box<str> {
    let masked = crate::transcript::Masker::new().client_line(line).into_owned();
    shown(&masked)
}
