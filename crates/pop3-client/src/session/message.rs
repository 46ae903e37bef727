use std::{
    future::Future as _,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::link::{Link, SESSION_OVER, timed_out};
use crate::{Error, exchange::copy_chunk};

/// A message that is being received: reads are what the server stores, unstuffed, with CRLF line ends.
///
/// The end of the reader is the termination line. A connection that ends before it is an error of kind
/// [`io::ErrorKind::UnexpectedEof`]; what was read then is no message. RFC 1939 section 3.
///
/// A message that is dropped before its end leaves the rest on the wire: the next command reads and
/// discards it first. To save that for a large message, drop the session.
#[derive(Debug)]
pub struct Message<'s, T = tokio::net::TcpStream> {
    link: &'s mut Link<T>,
    /// When the server has been silent for too long; set anew by everything that comes.
    silence: Pin<Box<Sleep>>,
}

impl<'s, T: AsyncRead + AsyncWrite + Unpin> Message<'s, T> {
    pub(super) fn new(link: &'s mut Link<T>) -> Self {
        link.is_mid_body = true;
        let silence = Box::pin(sleep_until(next_silence(link)));
        Self { link, silence }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize, Error>> {
        // Looked at here and not only where nothing comes: a message without an end may never let us wait.
        if self.link.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Poll::Ready(Err(Error::Io(timed_out(SESSION_OVER))));
        }
        let room = buffer.len();
        let mut take = |_: &mut _, event: pop3_proto::client::Event<'_>| copy_chunk(buffer, &event);
        // The driver loses nothing when its future is dropped, so a new one goes on where this one waits.
        let read = pin!(self.link.driver.run_limited(room, &mut take)).poll(cx);
        match read {
            Poll::Ready(result) => Poll::Ready(result.map_err(Error::from)),
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                let is_over = self.link.deadline.is_some_and(|deadline| deadline <= Instant::now());
                let what = if is_over { SESSION_OVER } else { "the server sent nothing for too long" };
                Poll::Ready(Err(Error::Io(timed_out(what))))
            }
        }
    }
}

fn next_silence<T>(link: &Link<T>) -> Instant {
    let silence = Instant::now() + link.connector.options().timeouts.read;
    link.deadline.map_or(silence, |deadline| deadline.min(silence))
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Message<'_, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 || !this.link.is_mid_body {
            return Poll::Ready(Ok(()));
        }
        let count = ready!(this.poll_chunk(cx, buffer.initialize_unfilled()))?;
        buffer.advance(count);
        this.link.is_mid_body = count > 0;
        if count > 0 {
            let next = next_silence(this.link);
            this.silence.as_mut().reset(next);
        }
        Poll::Ready(Ok(()))
    }
}
