//! The connection of one session: reading, writing, waiting and ending, and the noting of it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use pop3_io::{
    blocking::Stream,
    rustls::{ProtocolVersion, ServerConfig},
};
use pop3_sasl::{EXPORTER_LABEL, EXPORTER_LENGTH};
use socket2::SockRef;

use super::{
    records::{End, SessionRecord},
    shared::Shared,
};
use crate::{
    fault::Act,
    transcript::{Entry, Masker, Side},
};

/// Octets that are read at once.
const READ: usize = 4 * 1024;
/// Octets that are taken while the session waits; a client that sends more waits too.
const READ_AHEAD: usize = 64 * 1024;
/// Octets that are written at once where there is no end of them.
const WRITE: usize = 64 * 1024;

/// A socket that is shared with whoever stops the server.
#[derive(Debug, Clone)]
pub(super) struct Socket(Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        (&*self.0).write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

/// A connection, and what was read from it and not yet looked at.
pub(super) struct Wire {
    shared: Arc<Shared>,
    number: u32,
    socket: Socket,
    stream: Stream<Socket>,
    masker: Masker,
    pub(super) input: Vec<u8>,
    /// What comes next is a handshake, which nobody but TLS may read.
    pub(super) is_before_tls: bool,
}

/// What reading gave.
pub(super) enum Heard {
    Octets,
    Eof,
    /// Nothing, until the time was over.
    Nothing,
}

impl Wire {
    pub(super) fn new(shared: Arc<Shared>, number: u32, socket: Arc<TcpStream>) -> Self {
        let socket = Socket(socket);
        let stream = Stream::Plain(socket.clone());
        Self {
            shared,
            number,
            socket,
            stream,
            masker: Masker::new(),
            input: Vec::new(),
            is_before_tls: false,
        }
    }

    // ---- reading ----

    /// Waits for more octets until `until`.
    pub(super) fn read(&mut self, until: Option<Instant>) -> Result<Heard, End> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Heard::Nothing);
        }
        self.socket.0.set_read_timeout(left).map_err(|error| self.lost(&error))?;
        let mut buffer = [0; READ];
        let count = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        match count {
            Ok(0) => self.on_eof(),
            Ok(count) => {
                self.input.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(Heard::Octets)
            }
            Err(error) if is_timeout(&error) => Ok(Heard::Nothing),
            // TLS without the alert that closes it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.on_eof(),
            Err(error) => Err(self.lost(&error)),
        }
    }

    fn on_eof(&mut self) -> Result<Heard, End> {
        // Stopping a server looks like the end of the input.
        if self.shared.is_stopped() { Err(End::Stopped) } else { Ok(Heard::Eof) }
    }

    /// The next line with its LF, if it was read already.
    pub(super) fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.input.iter().position(|&octet| octet == b'\n')?.saturating_add(1);
        let rest = self.input.split_off(end);
        Some(std::mem::replace(&mut self.input, rest))
    }

    // ---- noting ----

    pub(super) fn note(&self, change: impl FnOnce(&mut SessionRecord)) {
        self.shared.records.change(self.number, change);
    }

    pub(super) fn note_entry(&self, entry: Entry) {
        self.note(|record| record.transcript.push(entry));
    }

    pub(super) fn note_client(&mut self, line: &[u8]) {
        let shown = self.masker.client_line(line);
        self.shared.records.change(self.number, |record| record.transcript.say(Side::Client, &shown));
    }

    /// What was read and will not be looked at any more.
    pub(super) fn note_rest(&mut self) {
        while let Some(line) = self.take_line() {
            self.note_client(&line);
        }
        let rest = std::mem::take(&mut self.input);
        if !rest.is_empty() {
            self.note_client(&rest);
        }
    }

    // ---- writing ----

    /// Notes it first: whoever has read an answer finds it in the transcript.
    fn send(&mut self, octets: &[u8]) -> Result<(), End> {
        if octets.is_empty() {
            return Ok(());
        }
        self.masker.hear_server(octets);
        self.note(|record| record.transcript.say(Side::Server, octets));
        self.write(octets)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), End> {
        let result = self.stream.write_all(octets).and_then(|()| self.stream.flush());
        result.map_err(|error| self.lost(&error))
    }

    fn send_forever(&mut self, octets: &[u8]) -> Result<(), End> {
        if octets.is_empty() {
            return self.wait_forever();
        }
        self.send(octets)?;
        self.note_entry(Entry::Endless);
        let many = octets.repeat((WRITE / octets.len()).max(1));
        loop {
            self.write(&many)?;
        }
    }

    // ---- waiting ----

    /// Until then, or until the client is gone.
    fn wait(&mut self, time: Duration) -> Result<(), End> {
        self.note_entry(Entry::Wait(time));
        let until = Instant::now() + time;
        while !self.is_before_tls && self.input.len() < READ_AHEAD {
            match self.read(Some(until))? {
                Heard::Octets => {}
                Heard::Nothing => return Ok(()),
                // It may have closed its half and still wait for what comes.
                Heard::Eof => break,
            }
        }
        if self.shared.records.pause(until, || self.shared.is_stopped()) { Err(End::Stopped) } else { Ok(()) }
    }

    /// Until the client is gone.
    pub(super) fn wait_forever(&mut self) -> Result<(), End> {
        self.note_entry(Entry::Hang);
        self.read_to_end()
    }

    fn read_to_end(&mut self) -> Result<(), End> {
        loop {
            match self.read(None)? {
                Heard::Eof => {
                    self.note_rest();
                    self.note_entry(Entry::Eof(Side::Client));
                    return Err(End::Eof);
                }
                // Nobody asks for an answer, but what was said is worth knowing.
                _ => self.note_rest(),
            }
        }
    }

    // ---- all of it ----

    pub(super) fn perform(&mut self, acts: Vec<Act>) -> Result<(), End> {
        for act in acts {
            match act {
                Act::Send(octets) => self.send(&octets)?,
                Act::SendForever(octets) => self.send_forever(&octets)?,
                Act::Wait(time) => self.wait(time)?,
                Act::WaitForever => self.wait_forever()?,
                Act::HalfClose => {
                    let _ = self.socket.0.shutdown(Shutdown::Write);
                    self.note_entry(Entry::Eof(Side::Server));
                    // However the client goes away then, this is what ended the session.
                    let ended = self.read_to_end();
                    return if matches!(ended, Err(End::Stopped)) { ended } else { Err(End::Fault) };
                }
                Act::Close => return Err(self.close_abruptly()),
                Act::Reset => return Err(self.reset()),
            }
        }
        Ok(())
    }

    // ---- TLS ----

    pub(super) fn begin_tls(&mut self, config: Arc<ServerConfig>, until: Duration) -> Result<(), End> {
        let failed = |error: io::Error| End::Handshake(error.to_string());
        self.socket.0.set_read_timeout(Some(until)).map_err(failed)?;
        match Stream::accept_tls(self.socket.clone(), config) {
            Ok(stream) => {
                self.stream = stream;
                self.is_before_tls = false;
                self.masker = Masker::new();
                self.note(|record| {
                    record.is_tls = true;
                    record.transcript.push(Entry::Tls);
                });
                Ok(())
            }
            Err(_) if self.shared.is_stopped() => Err(End::Stopped),
            Err(error) => Err(failed(error)),
        }
    }

    /// What ties a login to this TLS channel. RFC 9266 section 4.2 wants TLS 1.3.
    pub(super) fn binding(&self) -> Option<[u8; EXPORTER_LENGTH]> {
        let Stream::TlsServer(stream) = &self.stream else { return None };
        let is_1_3 = stream.conn.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let export =
            || stream.conn.export_keying_material([0; EXPORTER_LENGTH], EXPORTER_LABEL, Some(&[])).ok();
        if is_1_3 { export() } else { None }
    }

    // ---- the end ----

    /// As a server that has said all it wanted to say.
    pub(super) fn close(&mut self) {
        let _ = self.stream.close();
        let _ = self.socket.0.shutdown(Shutdown::Write);
        self.note_rest();
        self.note_entry(Entry::Eof(Side::Server));
        self.discard();
    }

    /// As a server that is gone: under TLS without the alert that closes it.
    pub(super) fn close_abruptly(&mut self) -> End {
        let _ = self.socket.0.shutdown(Shutdown::Write);
        self.note_rest();
        self.note_entry(Entry::Eof(Side::Server));
        self.discard();
        End::Fault
    }

    /// Octets that nobody reads would turn the end of the connection into a reset, and might take the last
    /// answer with them.
    fn discard(&self) {
        let mut buffer = [0; READ];
        let _ = self.socket.0.set_nonblocking(true);
        while matches!((&*self.socket.0).read(&mut buffer), Ok(1..)) {}
    }

    pub(super) fn reset(&mut self) -> End {
        // The socket is closed when the session has dropped it; then this makes it a reset.
        let _ = SockRef::from(&*self.socket.0).set_linger(Some(Duration::ZERO));
        self.note_rest();
        self.note_entry(Entry::Reset(Side::Server));
        End::Fault
    }

    fn lost(&mut self, error: &io::Error) -> End {
        if self.shared.is_stopped() {
            return End::Stopped;
        }
        self.note_rest();
        // What is no TLS, or an alert that says what the client thinks of ours.
        if error.kind() == io::ErrorKind::InvalidData {
            return End::Misbehaved(error.to_string());
        }
        self.note_entry(Entry::Reset(Side::Client));
        End::Reset
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
