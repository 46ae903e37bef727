//! Ctrl-C and SIGTERM while messages are fetched. The connection is shut down, so that whatever waits for the
//! server ends as if the server were lost. Messages received in full are stored as always.

use std::{
    io,
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    iterator::Signals,
    low_level::emulate_default_handler,
};

/// The first signal received; 0 means none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
static CONNECTION: Mutex<Option<TcpStream>> = Mutex::new(None);

/// A file that reaches the limit of its size (`ulimit -f`) is an error of the write from here on. By default the
/// system ends the program without a word.
///
/// # Errors
///
/// When the system refuses to handle the signal.
pub(super) fn turn_file_size_limit_into_errors() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// From here on the first signal ends this connection, and the second one the program.
///
/// # Errors
///
/// When the system gives no thread or no second handle of the socket.
pub(super) fn end_connection_on_signal(socket: &TcpStream) -> io::Result<()> {
    let is_first = connection().replace(socket.try_clone()?).is_none();
    if is_first {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        thread::Builder::new().name("signals".into()).spawn(move || {
            signals.forever().for_each(handle);
        })?;
    }
    // It may have come between two connections.
    if received().is_some() {
        shut_down();
    }
    Ok(())
}

/// The signal that ended the connection, if one did.
pub(super) fn received() -> Option<i32> {
    Some(SIGNAL.load(Ordering::Acquire)).filter(|signal| *signal != 0)
}

/// Ends the program as the signal would have: the caller of the program sees that it was interrupted.
pub(super) fn end_program(signal: i32) {
    // It returns only for a signal that ends nothing.
    let _ = emulate_default_handler(signal);
}

fn handle(signal: i32) {
    if SIGNAL.swap(signal, Ordering::AcqRel) != 0 {
        end_program(signal);
    }
    shut_down();
}

fn shut_down() {
    if let Some(socket) = connection().as_ref() {
        // At its close the connection is reset. Otherwise a server that is in the middle of a message may wait for minutes
        // for room to send the rest, and keep the maildrop locked.
        let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
        // It may be closed already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

fn connection() -> std::sync::MutexGuard<'static, Option<TcpStream>> {
    // A change is a single step, so a panic elsewhere leaves nothing half-done.
    CONNECTION.lock().unwrap_or_else(PoisonError::into_inner)
}
