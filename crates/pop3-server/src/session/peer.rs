//! What the system knows of the other side of a connection, without reading from it.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether the client has ended its side. It may still wait for answers.
pub(super) fn is_half_closed(socket: &impl AsFd) -> bool {
    events(socket).contains(PollFlags::RDHUP)
}

/// Whether the connection is broken, so that no answer can reach the client.
pub(super) fn is_gone(socket: &impl AsFd) -> bool {
    events(socket).intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Whether something has come that was not read.
pub(super) fn has_input(socket: &impl AsFd) -> bool {
    events(socket).contains(PollFlags::IN)
}

fn events(socket: &impl AsFd) -> PollFlags {
    let mut polled = [PollFd::new(socket, PollFlags::RDHUP | PollFlags::IN)];
    // An error here says nothing about the client.
    let _ = poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    polled.map(|polled| polled.revents()).into_iter().collect()
}
