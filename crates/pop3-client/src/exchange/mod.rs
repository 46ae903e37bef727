//! From events to results, without I/O: what both sessions share.
//!
//! An [`Exchange`] sends what begins it and takes the events that follow until it has its result. The
//! sessions only differ in how octets come and go.

pub(crate) mod ask;
pub(crate) mod listing;
pub(crate) mod login;
pub(crate) mod window;

use std::ops::ControlFlow;

use pop3_proto::client::{Client, Event, UsageError};

use crate::Error;

/// `Break` with the result, or `Continue` to wait for the next event.
pub(crate) type Flow<T> = ControlFlow<Result<T, Error>>;

/// A conversation with one result.
pub(crate) trait Exchange {
    /// What comes out of it.
    type Output;

    /// Sends what begins it.
    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError>;

    /// Takes what came.
    fn on_event(&mut self, machine: &mut Client, event: Event<'_>) -> Flow<Self::Output>;
}

/// Reads on until nothing is outstanding: the rest of a message that nobody wanted to the end, and the
/// answers to commands whose caller went away.
pub(crate) fn settle(machine: &mut Client, _event: Event<'_>) -> ControlFlow<()> {
    if machine.outstanding() == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Reads on until the message that is being received ends.
pub(crate) fn skip_body(_machine: &mut Client, event: Event<'_>) -> ControlFlow<()> {
    match event {
        Event::End { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    }
}

/// Copies the next piece of a message into `buffer`; nothing when the message is over.
///
/// The driver feeds at most as many octets as there is room for, and unstuffing never adds any.
pub(crate) fn copy_chunk(buffer: &mut [u8], event: &Event<'_>) -> ControlFlow<usize> {
    match event {
        Event::MessageChunk { chunk, .. } => {
            let count = chunk.len().min(buffer.len());
            if let (Some(room), Some(octets)) = (buffer.get_mut(..count), chunk.get(..count)) {
                room.copy_from_slice(octets);
            }
            if count == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(count) }
        }
        Event::End { .. } => ControlFlow::Break(0),
        _ => ControlFlow::Continue(()),
    }
}
