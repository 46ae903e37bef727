//! A limit on the size of files (`ulimit -f`).

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// From here on writing beyond the limit is an error like others, and no longer the end of the process
/// with a message half-written. Has to be called within a runtime; holds after its end.
pub(super) fn turn_limit_into_errors() -> io::Result<()> {
    // What handles the signal stays when this is dropped; that it does nothing is what is wanted.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
