use std::io::{self, Read};

use pop3_proto::{body::BodyEncoder, machine::Machine, server::Server};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_blocking,
};

use super::{Driver, driver::write_some};
use crate::Error;

/// Octets of a stored message that are read at once.
const CHUNK: usize = 128 * 1024;

/// Output that is gathered before it is written: several small messages may go out in one piece.
const GATHERED: usize = 64 * 1024;

/// A run of at least this many octets is written from where it was read, without a copy.
const LONG_RUN: usize = 16 * 1024;

/// A stored message, its first octets already read.
///
/// Make it where blocking is allowed: one trip to the blocking pool then opens the message and reads all
/// of it, if it is small.
#[derive(Debug)]
pub struct Body<R> {
    first: Vec<u8>,
    /// `None` when `first` is everything.
    rest: Option<R>,
}

impl<R: Read + Send + 'static> Body<R> {
    /// Reads the first octets. `expected` is a guess at the size of the message, in octets. Blocks.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the store cannot read.
    pub fn open(mut body: R, expected: u64) -> io::Result<Self> {
        // One more than expected, so that the end shows itself in the same read where the guess is right.
        let capacity = usize::try_from(expected).unwrap_or(CHUNK).saturating_add(1).min(CHUNK);
        let mut first = Vec::new();
        let is_whole = read_chunk(&mut body, &mut first, capacity)?;
        Ok(Self { first, rest: (!is_whole).then_some(body) })
    }

    /// A message that is in memory as a whole.
    #[must_use]
    pub const fn whole(octets: Vec<u8>) -> Self {
        Self { first: octets, rest: None }
    }

    /// The message, if all of it is in memory.
    #[must_use]
    pub fn into_whole(self) -> Option<Vec<u8>> {
        self.rest.is_none().then_some(self.first)
    }
}

/// Fills `chunk` with up to `capacity` octets; true when the end was seen.
fn read_chunk(body: &mut impl Read, chunk: &mut Vec<u8>, capacity: usize) -> io::Result<bool> {
    chunk.resize(capacity, 0);
    let mut filled = 0;
    while let Some(spare) = chunk.get_mut(filled..).filter(|spare| !spare.is_empty()) {
        match body.read(spare) {
            Ok(0) => {
                chunk.truncate(filled);
                return Ok(true);
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

type PeerError = <Server as Machine>::Error;

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<Server, S> {
    /// Answers a `Retrieve`: `+OK`, the message, the termination line.
    ///
    /// The next chunk is read from the store while the one before is being written. What the store cannot
    /// read to its end is aborted, so that the client sees no end either.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the transport fails or the client takes nothing for too long.
    pub async fn send_message<R: Read + Send + 'static>(
        &mut self,
        body: Body<R>,
    ) -> Result<(), Error<PeerError>> {
        let Ok(mut encoder) = self.machine.begin_message() else { return Ok(()) };
        self.take_transmit();
        let Body { mut first, mut rest } = body;
        loop {
            let is_last = rest.is_none() || encoder.is_satisfied();
            let next = rest.take().filter(|_| !is_last).map(|mut reader| {
                spawn_blocking(move || {
                    let mut chunk = Vec::new();
                    let is_whole = read_chunk(&mut reader, &mut chunk, CHUNK);
                    (reader, chunk, is_whole)
                })
            });
            self.send_chunk(&mut encoder, &first).await?;
            let Some(next) = next else { break };
            match next.await {
                Ok((reader, chunk, Ok(is_whole))) => {
                    first = chunk;
                    rest = (!is_whole).then_some(reader);
                }
                Ok((_, _, Err(_))) | Err(_) => {
                    self.machine.abort_message(encoder);
                    return Ok(());
                }
            }
        }
        // The machine is in the midst of this message, so this is its end.
        let _ = self.machine.end_message(encoder);
        if self.wire.len() >= GATHERED {
            self.write_wire().await?;
        } else {
            self.take_transmit();
        }
        Ok(())
    }

    /// Short runs are gathered, long ones written from where they are.
    async fn send_chunk(&mut self, encoder: &mut BodyEncoder, chunk: &[u8]) -> Result<(), Error<PeerError>> {
        for run in encoder.encode(chunk) {
            if run.len() < LONG_RUN {
                self.wire.extend_from_slice(run);
            } else {
                self.write_wire().await?;
                let mut rest = run;
                while !rest.is_empty() {
                    let count = write_some(&mut self.stream, rest, self.limits.write).await?;
                    rest = rest.get(count..).unwrap_or_default();
                }
            }
            if self.wire.len() >= GATHERED {
                self.write_wire().await?;
            }
        }
        Ok(())
    }
}
