use std::{io, ops::ControlFlow, time::Duration};

use pop3_proto::machine::{Elapsed, Machine};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

use crate::{Error, ReadBuffer, blocking::feed, error::stalled};

/// How long a peer may stand still.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Between two octets that the peer takes from us.
    pub write: Duration,
    /// Between two octets that the peer gives us; the machine's own deadline holds besides.
    pub read: Option<Duration>,
}

/// A machine on a transport.
#[derive(Debug)]
pub struct Driver<M, S> {
    /// The machine. After every call that may change it, come back through the driver.
    pub machine: M,
    pub(super) stream: S,
    buffer: ReadBuffer,
    /// Octets that go out before what the machine has to say.
    pub(super) wire: Vec<u8>,
    /// How many of them are out already: a write that is given up half-way is not done twice.
    written: usize,
    pub(super) limits: Limits,
    began: Instant,
    /// Since when a read has been waiting; it outlives the future that began it.
    waits_since: Option<Instant>,
    is_eof: bool,
}

/// What one turn of the loop has to do.
enum Turn<R> {
    Done(R),
    Write,
    Read,
}

impl<M: Machine, S: AsyncRead + AsyncWrite + Unpin> Driver<M, S> {
    /// Puts a machine on a transport; `capacity` octets are read at once.
    pub fn new(machine: M, stream: S, capacity: usize, limits: Limits) -> Self {
        Self {
            machine,
            stream,
            buffer: ReadBuffer::new(capacity),
            wire: Vec::new(),
            written: 0,
            limits,
            began: Instant::now(),
            waits_since: None,
            is_eof: false,
        }
    }

    /// Runs the session until `on_event` breaks, and gives what it broke with.
    ///
    /// What the machine says is written when there is nothing left to feed, so that the answers to
    /// commands that came together go out together. Dropping the future loses no octet of the input.
    ///
    /// # Errors
    ///
    /// [`Error`] when the transport fails, stands still, or the peer breaks the protocol.
    pub async fn run<R>(
        &mut self,
        mut on_event: impl FnMut(&mut M, M::Event<'_>) -> ControlFlow<R>,
    ) -> Result<R, Error<M::Error>> {
        self.run_limited(usize::MAX, &mut on_event).await
    }

    /// As [`run`](Self::run), but feeds at most `limit` octets of what was read to each event: whoever
    /// copies a chunk into a buffer of that size has room for it.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    pub async fn run_limited<R>(
        &mut self,
        limit: usize,
        on_event: &mut impl FnMut(&mut M, M::Event<'_>) -> ControlFlow<R>,
    ) -> Result<R, Error<M::Error>> {
        loop {
            match self.turn(limit, on_event)? {
                Turn::Done(result) => return Ok(result),
                Turn::Write => self.flush().await?,
                Turn::Read => self.fill().await?,
            }
        }
    }

    fn turn<R>(
        &mut self,
        limit: usize,
        on_event: &mut impl FnMut(&mut M, M::Event<'_>) -> ControlFlow<R>,
    ) -> Result<Turn<R>, Error<M::Error>> {
        self.machine.handle_timeout(Elapsed(self.began.elapsed()));
        let result = feed(&mut self.machine, &mut self.buffer, limit, on_event)?;
        Ok(match result {
            Some(result) => Turn::Done(result),
            None if self.has_output() => Turn::Write,
            None => Turn::Read,
        })
    }

    fn has_output(&self) -> bool {
        !self.wire.is_empty() || self.machine.poll_transmit().is_some()
    }

    /// Writes out everything that waits.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the transport fails or the peer takes nothing for too long.
    pub async fn flush(&mut self) -> Result<(), Error<M::Error>> {
        self.write_wire().await?;
        while let Some(octets) = self.machine.poll_transmit() {
            let count = write_some(&mut self.stream, octets, self.limits.write).await?;
            self.machine.handle_timeout(Elapsed(self.began.elapsed()));
            self.machine.handle_transmitted(count);
        }
        flush(&mut self.stream, self.limits.write).await?;
        Ok(())
    }

    /// Writes out what goes before the machine's own octets.
    pub(super) async fn write_wire(&mut self) -> io::Result<()> {
        while let Some(rest) = self.wire.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.written += write_some(&mut self.stream, rest, self.limits.write).await?;
        }
        self.wire.clear();
        self.written = 0;
        Ok(())
    }

    /// Moves what the machine has to say behind what already waits.
    pub(super) fn take_transmit(&mut self) {
        while let Some(octets) = self.machine.poll_transmit() {
            let count = octets.len();
            self.wire.extend_from_slice(octets);
            self.machine.handle_transmitted(count);
        }
    }

    async fn fill(&mut self) -> Result<(), Error<M::Error>> {
        if self.is_eof {
            // The machine was told, and still waits: it never will get what it waits for.
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if self.wire.capacity() > KEPT_CAPACITY {
            self.wire = Vec::new();
        }
        let deadline = self.machine.poll_timeout().map(|Elapsed(deadline)| self.began + deadline);
        let silence = self.limits.read.map(|limit| Instant::now() + limit);
        let spare = self.buffer.spare();
        if spare.is_empty() {
            // The machine leaves octets unread without saying why: nothing would ever change.
            return Err(io::Error::other("the session stands still").into());
        }
        let since = *self.waits_since.get_or_insert_with(Instant::now);
        let read = self.stream.read(spare);
        let count = match [deadline, silence].into_iter().flatten().min() {
            None => read.await?,
            Some(at) => match timeout_at(at, read).await {
                Ok(count) => count?,
                // The machine's deadline: it is told the time at the next turn.
                Err(_) if deadline == Some(at) => return Ok(()),
                Err(_) => return Err(stalled("sent nothing").into()),
            },
        };
        self.waits_since = None;
        if count == 0 {
            self.is_eof = true;
            return self.machine.handle_eof().map_err(Error::Peer);
        }
        self.buffer.fill(count);
        // No single wait is longer than what is allowed; a future that nobody asked for so long did not wait.
        let waited = since.elapsed().min(self.limits.read.unwrap_or(Duration::MAX));
        self.machine.handle_waited(Elapsed(waited));
        Ok(())
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

    /// Flushes, tells the peer that nothing more comes (under TLS with the alert that closes it,
    /// RFC 8314 section 3.4), and closes our half.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the transport fails.
    pub async fn close(&mut self) -> Result<(), Error<M::Error>> {
        self.flush().await?;
        timeout(self.limits.write, self.stream.shutdown()).await.map_err(|_| stalled("took nothing"))??;
        Ok(())
    }

    /// Reads and throws away what the peer still sends, until it closes, `octets` have come or `time` is up.
    ///
    /// A connection that is closed while input waits is reset, and a reset can take away the last words
    /// before the peer has read them.
    pub async fn discard_input(&mut self, octets: usize, time: Duration) {
        self.buffer.wipe();
        let mut left = octets;
        let drain = async {
            while left > 0 {
                match self.stream.read(self.buffer.spare()).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => left = left.saturating_sub(count),
                }
            }
        };
        // Running out of time is one of the ends.
        let _ = timeout(time, drain).await;
    }

    /// Replaces the transport by what `upgrade` makes of it, with an empty buffer: nothing that was read
    /// before reaches the machine after. Call it once the machine has asked for TLS.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] when the handshake fails; the session is lost then.
    pub async fn upgrade<F: Future<Output = io::Result<S>>>(
        mut self,
        upgrade: impl FnOnce(S) -> F,
    ) -> Result<Self, Error<M::Error>> {
        self.flush().await?;
        self.buffer.wipe();
        let stream = upgrade(self.stream).await.map_err(Error::Tls)?;
        Ok(Self { stream, ..self })
    }
}

/// A buffer larger than this is given back before the session waits.
const KEPT_CAPACITY: usize = 1024;

/// Writes at least one octet, or fails when the peer takes none for so long.
pub(super) async fn write_some<S: AsyncWrite + Unpin>(
    stream: &mut S,
    octets: &[u8],
    limit: Duration,
) -> io::Result<usize> {
    match timeout(limit, stream.write(octets)).await {
        Ok(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
        Ok(result) => result,
        Err(_) => Err(stalled("took nothing")),
    }
}

async fn flush<S: AsyncWrite + Unpin>(stream: &mut S, limit: Duration) -> io::Result<()> {
    timeout(limit, stream.flush()).await.map_err(|_| stalled("took nothing"))?
}
