//! The blocking driver, over std.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use pop3_proto::{
    body::BodyEncoder,
    machine::{Elapsed, Machine},
    server::Server,
};
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned, pki_types::ServerName,
};

use crate::{Error, ReadBuffer};

/// A TCP connection, with or without TLS on it.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one of these for each connection, and it is not moved"
)]
pub enum Stream<S: Read + Write = TcpStream> {
    /// Readable for everybody on the way.
    Plain(S),
    /// TLS, our side being the client.
    TlsClient(Box<StreamOwned<ClientConnection, S>>),
    /// TLS, our side being the server.
    TlsServer(Box<StreamOwned<ServerConnection, S>>),
}

impl<S: Read + Write> Stream<S> {
    /// Starts TLS as its client and finishes the handshake, the check of the server's certificate included. Between two
    /// reads it looks whether `limit` is over.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the handshake fails or the certificate is not accepted; [`io::ErrorKind::TimedOut`] after
    /// `limit`.
    pub fn connect_tls(
        mut transport: S,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        limit: Duration,
    ) -> io::Result<Self> {
        let began = Instant::now();
        let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        // What is to be sent is written out whole; of what comes, one read at a time.
        while session.is_handshaking() || session.wants_write() {
            if session.wants_write() {
                session.write_tls(&mut transport)?;
                continue;
            }
            transport.flush()?;
            if began.elapsed() > limit {
                let text = "the server did not finish the TLS handshake in time";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            match session.read_tls(&mut transport) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if let Err(error) = session.process_new_packets() {
                // The alert that says why. The error is what counts.
                let _ = session.write_tls(&mut transport);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
        transport.flush()?;
        Ok(Self::TlsClient(Box::new(StreamOwned::new(session, transport))))
    }

    /// Starts TLS as its server and finishes the handshake.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the handshake fails.
    pub fn accept_tls(mut transport: S, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut transport)?;
        }
        Ok(Self::TlsServer(Box::new(StreamOwned::new(session, transport))))
    }

    /// Whether TLS protects the connection.
    pub const fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// The transport under it all.
    pub const fn transport(&self) -> &S {
        match self {
            Self::Plain(transport) => transport,
            Self::TlsClient(stream) => &stream.sock,
            Self::TlsServer(stream) => &stream.sock,
        }
    }

    /// Tells the peer that nothing more comes: the alert that closes TLS. RFC 8314 section 3.4.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when it cannot be sent.
    pub fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => {}
            Self::TlsClient(stream) => stream.conn.send_close_notify(),
            Self::TlsServer(stream) => stream.conn.send_close_notify(),
        }
        self.flush()
    }
}

impl<S: Read + Write> Read for Stream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buf),
            Self::TlsClient(stream) => stream.read(buf),
            Self::TlsServer(stream) => stream.read(buf),
        }
    }
}

impl<S: Read + Write> Write for Stream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buf),
            Self::TlsClient(stream) => stream.write(buf),
            Self::TlsServer(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::TlsClient(stream) => stream.flush(),
            Self::TlsServer(stream) => stream.flush(),
        }
    }
}

/// A machine on a transport that blocks. Time limits are the transport's own.
#[derive(Debug)]
pub struct Driver<M, S> {
    /// The machine. After every call that may change it, come back through the driver.
    pub machine: M,
    stream: S,
    buffer: ReadBuffer,
    began: Instant,
    is_eof: bool,
}

impl<M: Machine, S: Read + Write> Driver<M, S> {
    /// Puts a machine on a transport; `capacity` octets are read at once.
    pub fn new(machine: M, stream: S, capacity: usize) -> Self {
        Self { machine, stream, buffer: ReadBuffer::new(capacity), began: Instant::now(), is_eof: false }
    }

    /// Writes out what the machine has to say.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the transport fails.
    pub fn flush(&mut self) -> Result<(), Error<M::Error>> {
        let mut has_written = false;
        while let Some(octets) = self.machine.poll_transmit() {
            match self.stream.write(octets) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => self.machine.handle_transmitted(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
            has_written = true;
        }
        if has_written {
            self.stream.flush()?;
        }
        Ok(())
    }

    /// Runs the session until `on_event` breaks, and gives what it broke with.
    ///
    /// # Errors
    ///
    /// [`Error`] when the transport fails or the peer breaks the protocol.
    pub fn run<R>(
        &mut self,
        mut on_event: impl FnMut(&mut M, M::Event<'_>) -> ControlFlow<R>,
    ) -> Result<R, Error<M::Error>> {
        self.run_limited(usize::MAX, &mut on_event)
    }

    /// As [`run`](Self::run), but feeds at most `limit` octets of what was read to each event: whoever
    /// copies a chunk into a buffer of that size has room for it.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub fn run_limited<R>(
        &mut self,
        limit: usize,
        on_event: &mut impl FnMut(&mut M, M::Event<'_>) -> ControlFlow<R>,
    ) -> Result<R, Error<M::Error>> {
        loop {
            self.machine.handle_timeout(Elapsed(self.began.elapsed()));
            if let Some(result) = feed(&mut self.machine, &mut self.buffer, limit, on_event)? {
                return Ok(result);
            }
            if self.machine.poll_transmit().is_some() {
                self.flush()?;
            } else {
                self.fill()?;
            }
        }
    }

    fn fill(&mut self) -> Result<(), Error<M::Error>> {
        if self.is_eof {
            // The machine was told, and still waits: it never will get what it waits for.
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if self.buffer.spare().is_empty() {
            // The machine leaves octets unread without saying why: nothing would ever change.
            return Err(io::Error::other("the session stands still").into());
        }
        let began = Instant::now();
        loop {
            match self.stream.read(self.buffer.spare()) {
                Ok(0) => {
                    self.is_eof = true;
                    return self.machine.handle_eof().map_err(Error::Peer);
                }
                Ok(count) => {
                    self.buffer.fill(count);
                    self.machine.handle_waited(Elapsed(began.elapsed()));
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Overwrites what was read and used: call it once a password has been taken.
    pub fn wipe_used(&mut self) {
        self.buffer.wipe_used();
    }

    /// What was read, and not yet used by the machine.
    pub fn unread(&self) -> &[u8] {
        self.buffer.unread()
    }

    /// The transport.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// The transport, to close it.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Replaces the transport by what `upgrade` makes of it, with an empty buffer: nothing that was read
    /// before reaches the machine after. Call it once the machine has asked for TLS and all is flushed.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] when the handshake fails; the session is lost then.
    pub fn upgrade(mut self, upgrade: impl FnOnce(S) -> io::Result<S>) -> Result<Self, Error<M::Error>> {
        self.flush()?;
        self.buffer.wipe();
        let stream = upgrade(self.stream).map_err(Error::Tls)?;
        Ok(Self { stream, ..self })
    }
}

/// Octets of a stored message that are read at once.
const CHUNK: usize = 64 * 1024;

impl<S: Read + Write> Driver<Server, S> {
    /// Answers a `Retrieve`: `+OK`, the message, the termination line. What the store cannot read to its
    /// end is aborted, so that the client sees no end either.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the transport fails.
    pub fn send_message(&mut self, body: &mut impl Read) -> Result<(), Error<<Server as Machine>::Error>> {
        let Ok(mut encoder) = self.machine.begin_message() else { return Ok(()) };
        self.flush()?;
        let mut chunk = vec![0; CHUNK];
        let mut wire = Vec::with_capacity(CHUNK);
        loop {
            let count = match body.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.machine.abort_message(encoder);
                    return Ok(());
                }
            };
            self.send_chunk(&mut encoder, chunk.get(..count).unwrap_or_default(), &mut wire)?;
            if encoder.is_satisfied() {
                break;
            }
        }
        // The machine is in the midst of this message, so this is its end.
        let _ = self.machine.end_message(encoder);
        Ok(())
    }

    fn send_chunk(
        &mut self,
        encoder: &mut BodyEncoder,
        chunk: &[u8],
        wire: &mut Vec<u8>,
    ) -> Result<(), Error<<Server as Machine>::Error>> {
        wire.clear();
        encoder.encode(chunk).for_each(|slice| wire.extend_from_slice(slice));
        self.stream.write_all(wire)?;
        Ok(())
    }
}

/// Feeds at most `limit` unread octets and gives what `on_event` broke with.
pub(crate) fn feed<M: Machine, R>(
    machine: &mut M,
    buffer: &mut ReadBuffer,
    limit: usize,
    on_event: &mut impl FnMut(&mut M, M::Event<'_>) -> ControlFlow<R>,
) -> Result<Option<R>, Error<M::Error>> {
    loop {
        let unread = buffer.unread();
        let mut input = unread.get(..limit).unwrap_or(unread);
        let before = input.len();
        let flow = match machine.next_event(&mut input) {
            Ok(Some(event)) => Ok(Some(on_event(machine, event))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let used = before - input.len();
        buffer.consume(used);
        match flow.map_err(Error::Peer)? {
            Some(ControlFlow::Break(result)) => return Ok(Some(result)),
            Some(ControlFlow::Continue(())) => {}
            // With a limit, what was fed may have been a part of what is there.
            None if used > 0 && !buffer.unread().is_empty() => {}
            None => return Ok(None),
        }
    }
}
