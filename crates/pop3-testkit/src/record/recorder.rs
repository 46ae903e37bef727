//! Stands between a client and a server, and writes down what they say.

use std::{
    fmt, io,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::{Mutex, MutexGuard, PoisonError, mpsc::channel},
    thread,
    time::Duration,
};

use super::{Scrub, Upstream, matching::without_end, upstream::Link};
use crate::transcript::{Entry, Masker, Side, Transcript};

/// How long a server may go on after its client has closed, where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records sessions with a server.
#[derive(Debug, Clone)]
pub struct Recorder {
    upstream: Upstream,
    scrub: Scrub,
    patience: Duration,
}

/// A recorder that clients can connect to, in clear.
#[derive(Debug)]
pub struct Recording {
    recorder: Recorder,
    listener: TcpListener,
    address: SocketAddr,
}

/// Why a session could not be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another address or port")]
    Listen {
        /// The address as it was given.
        address: Box<str>,
        /// What the system says.
        source: io::Error,
    },
    /// The server cannot be reached.
    #[error(
        "cannot reach {host} port {port}: {source}; check the name, the port, and whether the server runs"
    )]
    Connect {
        /// The server.
        host: Box<str>,
        /// Its port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// TLS did not come about.
    #[error(
        "no TLS with {host}: {source}; if it presents a certificate of its own, say that it is to be trusted"
    )]
    Tls {
        /// The server.
        host: Box<str>,
        /// What the TLS library says.
        source: io::Error,
    },
    /// The server does not start TLS.
    #[error(
        "{host} does not start TLS, but answers STLS by `{answer}`; record it in clear, or with TLS from the start"
    )]
    StlsRefused {
        /// The server.
        host: Box<str>,
        /// What it said.
        answer: Box<str>,
    },
    /// The client said STLS, and what follows could not be read.
    #[error(
        "the client starts TLS, and then nothing can be recorded; let it connect in clear, and the recorder use STLS or TLS with the server"
    )]
    ClientStls,
    /// The client could not be listened to.
    #[error("the connection of the client failed: {0}")]
    Client(#[source] io::Error),
}

impl Recorder {
    /// Records sessions with this server, with the secrets masked.
    #[must_use]
    pub const fn new(upstream: Upstream) -> Self {
        Self { upstream, scrub: Scrub::secrets(), patience: PATIENCE }
    }

    /// Takes out more than the secrets.
    #[must_use]
    pub const fn scrub(mut self, scrub: Scrub) -> Self {
        self.scrub = scrub;
        self
    }

    /// How long the server may go on after its client has closed; 10 seconds, unless this says otherwise.
    #[must_use]
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Listens for clients; port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// [`RecordError::Listen`].
    pub fn listen(self, address: impl ToSocketAddrs + fmt::Display) -> Result<Recording, RecordError> {
        let failed = |source| RecordError::Listen { address: address.to_string().into(), source };
        let listener = TcpListener::bind(&address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Recording { recorder: self, listener, address })
    }
}

impl Recording {
    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a client, and records its session until one side has closed the connection.
    ///
    /// # Errors
    ///
    /// [`RecordError`]. That a side resets the connection is none; it stands in the transcript.
    pub fn session(&self) -> Result<Transcript, RecordError> {
        let (client, _) = self.listener.accept().map_err(RecordError::Client)?;
        client.set_nodelay(true).map_err(RecordError::Client)?;
        let (server, greeting) = self.recorder.upstream.connect()?;
        let log = Mutex::new(Log::default());
        let (done, has_ended) = channel();
        thread::scope(|scope| {
            let (server, client, log) = (&server, &client, &log);
            scope.spawn(move || {
                carry_answers(server, client, log, greeting);
                // Nobody waits for it any more where the session could not be recorded.
                let _ = done.send(());
            });
            let asked = carry_commands(client, server, log);
            if asked.is_err() || has_ended.recv_timeout(self.recorder.patience).is_err() {
                lock(log).is_over = true;
                server.abort();
                let _ = client.shutdown(Shutdown::Both);
            }
            asked
        })?;
        let transcript = log.into_inner().unwrap_or_else(PoisonError::into_inner).transcript;
        Ok(self.recorder.scrub.apply(&transcript))
    }
}

/// What was said so far.
#[derive(Debug, Default)]
struct Log {
    transcript: Transcript,
    masker: Masker,
    is_over: bool,
}

impl Log {
    fn client(&mut self, line: &[u8]) {
        let line = self.masker.client_line(line);
        self.transcript.say(Side::Client, &line);
    }

    fn server(&mut self, octets: &[u8]) {
        self.masker.hear_server(octets);
        self.transcript.say(Side::Server, octets);
    }

    /// The connection of this side is at its end; that the other one ends then is our doing.
    fn end(&mut self, side: Side, result: &io::Result<usize>) {
        if !self.is_over {
            self.transcript.push(if result.is_ok() { Entry::Eof(side) } else { Entry::Reset(side) });
        }
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the server to the client, until the server closes.
fn carry_answers(server: &Link, mut client: &TcpStream, log: &Mutex<Log>, greeting: Vec<u8>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut octets = greeting;
    loop {
        if !octets.is_empty() {
            lock(log).server(&octets);
            if client.write_all(&octets).is_err() {
                // The client is gone; its own direction has noticed, or will.
                server.finish();
            }
        }
        let read = server.read(&mut buffer);
        match read {
            Ok(count) if count > 0 => {
                octets.clear();
                octets.extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
            end => {
                let mut log = lock(log);
                log.end(Side::Server, &end);
                log.is_over = true;
                break;
            }
        }
    }
    // The client hears all of it, and the other direction wakes up.
    let _ = client.shutdown(Shutdown::Write);
    let _ = client.shutdown(Shutdown::Read);
}

/// From the client to the server, until the client closes.
fn carry_commands(mut client: &TcpStream, server: &Link, log: &Mutex<Log>) -> Result<(), RecordError> {
    let mut buffer = vec![0; 16 * 1024];
    let mut line = Vec::new();
    loop {
        let read = client.read(&mut buffer);
        let count = match read {
            Ok(count) if count > 0 => count,
            end => {
                let mut log = lock(log);
                if !line.is_empty() {
                    log.client(&line);
                }
                log.end(Side::Client, &end);
                drop(log);
                server.finish();
                return Ok(());
            }
        };
        let octets = buffer.get(..count).unwrap_or_default();
        // Written down first, so that no answer stands before its command.
        for piece in octets.split_inclusive(|&octet| octet == b'\n') {
            line.extend_from_slice(piece);
            if line.ends_with(b"\n") {
                if without_end(&line).eq_ignore_ascii_case(b"STLS") {
                    return Err(RecordError::ClientStls);
                }
                lock(log).client(&line);
                line.clear();
            }
        }
        // A server that is gone shows in the other direction.
        let _ = server.write_all(octets);
    }
}
