//! The connection to the server that is recorded.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream, ToSocketAddrs as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};

use super::RecordError;

/// How long to wait for a connection, for each address of the host.
const CONNECT: Duration = Duration::from_secs(30);
/// The most octets of a greeting, or of the answer to STLS.
const MAX_LINE: usize = 64 * 1024;

/// The server to record.
#[derive(Debug, Clone)]
pub struct Upstream {
    host: String,
    port: u16,
    security: Security,
}

/// How the connection to the server is encrypted.
#[derive(Debug, Clone)]
pub enum Security {
    /// It is not.
    Plain,
    /// TLS from the first octet on. RFC 8314 section 3.3.
    Tls(Arc<ClientConfig>),
    /// STLS, which the recorder does on its own before the client hears the greeting. RFC 2595 section 4.
    Stls(Arc<ClientConfig>),
}

impl Upstream {
    /// A server, by name or address, reached with this security.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self { host: host.into(), port, security }
    }

    /// A server that is reached in clear.
    #[must_use]
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self::new(host, port, Security::Plain)
    }

    /// Connects, and does what comes before the session. The octets are the greeting where it was heard
    /// already.
    pub(super) fn connect(&self) -> Result<(Link, Vec<u8>), RecordError> {
        let failed =
            |source| RecordError::Connect { host: self.host.clone().into(), port: self.port, source };
        let socket = self.socket().map_err(failed)?;
        socket.set_nodelay(true).map_err(failed)?;
        match &self.security {
            Security::Plain => Ok((Link { socket, tls: None }, Vec::new())),
            Security::Tls(config) => Ok((self.handshake(socket, config)?, Vec::new())),
            Security::Stls(config) => {
                let greeting = read_line(&socket).map_err(failed)?;
                (&socket).write_all(b"STLS\r\n").map_err(failed)?;
                let answer = read_line(&socket).map_err(failed)?;
                if !answer.starts_with(b"+OK") {
                    let answer = crate::transcript::escaped(super::matching::without_end(&answer)).into();
                    return Err(RecordError::StlsRefused { host: self.host.clone().into(), answer });
                }
                Ok((self.handshake(socket, config)?, greeting))
            }
        }
    }

    fn socket(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn handshake(&self, mut socket: TcpStream, config: &Arc<ClientConfig>) -> Result<Link, RecordError> {
        let failed = |source| RecordError::Tls { host: self.host.clone().into(), source };
        let name =
            ServerName::try_from(self.host.clone()).map_err(|error| failed(io::Error::other(error)))?;
        let mut connection = ClientConnection::new(Arc::clone(config), name)
            .map_err(|error| failed(io::Error::other(error)))?;
        while connection.is_handshaking() {
            let (read, _) = connection.complete_io(&mut socket).map_err(failed)?;
            if read == 0 && connection.is_handshaking() {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        let tls = Tls { connection: Mutex::new(connection), turn: Mutex::new(()) };
        Ok(Link { socket, tls: Some(tls) })
    }
}

/// One octet after the other, so that nothing is read beyond the line: what came in clear behind the answer
/// to STLS fails in the handshake. RFC 2595 section 4.
fn read_line(mut socket: &TcpStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut octet = [0];
    while !line.ends_with(b"\n") && line.len() < MAX_LINE {
        socket.read_exact(&mut octet)?;
        line.extend_from_slice(&octet);
    }
    Ok(line)
}

/// A connection that one thread reads while another writes.
#[derive(Debug)]
pub(super) struct Link {
    socket: TcpStream,
    tls: Option<Tls>,
}

#[derive(Debug)]
struct Tls {
    connection: Mutex<ClientConnection>,
    /// Held while records go out, so that they go in the order in which they were made. It is taken while
    /// `connection` is held, which is free again before the socket is waited for.
    turn: Mutex<()>,
}

impl Link {
    /// The next octets; 0 at the end.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return (&self.socket).read(buffer) };
        let mut raw = vec![0; 16 * 1024];
        loop {
            match lock(&tls.connection).reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Whether the server said goodbye to TLS first is no part of a transcript.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            let count = (&self.socket).read(&mut raw)?;
            let mut new = raw.get(..count).unwrap_or_default();
            let mut connection = lock(&tls.connection);
            loop {
                connection.read_tls(&mut new)?;
                connection.process_new_packets().map_err(io::Error::other)?;
                if new.is_empty() {
                    break;
                }
            }
            self.flush(tls, connection)?;
        }
    }

    /// Sends all of it.
    pub(super) fn write_all(&self, octets: &[u8]) -> io::Result<()> {
        let Some(tls) = &self.tls else { return (&self.socket).write_all(octets) };
        for part in octets.chunks(16 * 1024) {
            let mut connection = lock(&tls.connection);
            connection.writer().write_all(part)?;
            self.flush(tls, connection)?;
        }
        Ok(())
    }

    /// Says that no more is to come.
    pub(super) fn finish(&self) {
        if let Some(tls) = &self.tls {
            let mut connection = lock(&tls.connection);
            connection.send_close_notify();
            // The server may be gone; then there is nobody to tell.
            let _ = self.flush(tls, connection);
        }
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends the connection, also for a thread that waits for octets.
    pub(super) fn abort(&self) {
        // Where it has ended already there is nothing to do.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn flush(&self, tls: &Tls, mut connection: MutexGuard<'_, ClientConnection>) -> io::Result<()> {
        let mut records = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut records)?;
        }
        if records.is_empty() {
            return Ok(());
        }
        let _turn = lock(&tls.turn);
        drop(connection);
        (&self.socket).write_all(&records)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
