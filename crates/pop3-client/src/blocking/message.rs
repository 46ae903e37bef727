use std::{
    io::{self, Read, Write},
    ops::ControlFlow,
};

use pop3_proto::client::Event;

use super::link::Link;
use crate::{Error, exchange::copy_chunk};

/// A message that is being received: reads are what the server stores, unstuffed, with CRLF line ends.
///
/// The end of the reader is the termination line. A connection that ends before it is an error of kind
/// [`io::ErrorKind::UnexpectedEof`]; what was read then is no message. RFC 1939 section 3.
///
/// A message that is dropped before its end leaves the rest on the wire: the next command reads and
/// discards it first. To save that for a large message, drop the session.
#[derive(Debug)]
pub struct Message<'s, T: Read + Write = super::Transport> {
    link: &'s mut Link<T>,
}

impl<'s, T: Read + Write> Message<'s, T> {
    pub(super) fn new(link: &'s mut Link<T>) -> Self {
        link.is_mid_body = true;
        Self { link }
    }

    /// Hands every piece of the message to `take`, lent out of the driver's buffer: no copy is made.
    /// Gives the octets of the message.
    ///
    /// # Errors
    ///
    /// What `take` fails with, the rest of the message being left as if this were dropped; otherwise
    /// [`Error`] in the form of an [`io::Error`], as for reading.
    pub fn for_each_chunk(self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
        if !self.link.is_mid_body {
            return Ok(0);
        }
        let mut octets: u64 = 0;
        let done = self.link.run(|_, event| match event {
            Event::MessageChunk { chunk, .. } => {
                octets = octets.saturating_add(chunk.len() as u64);
                take(chunk).map_or_else(|error| ControlFlow::Break(Err(error)), ControlFlow::Continue)
            }
            Event::End { .. } => ControlFlow::Break(Ok(())),
            _ => ControlFlow::Continue(()),
        })?;
        done?;
        self.link.is_mid_body = false;
        Ok(octets)
    }
}

impl<T: Read + Write> Read for Message<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.link.is_mid_body {
            return Ok(0);
        }
        let room = buffer.len();
        let result = self.link.driver.run_limited(room, &mut |_, event| copy_chunk(buffer, &event));
        let count = result.map_err(Error::from)?;
        self.link.is_mid_body = count > 0;
        Ok(count)
    }
}
