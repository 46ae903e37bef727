use std::{
    io::{self, Read, Write},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use pop3_client::{Error, Options, blocking::Transport};
use pyo3::prelude::*;

/// A connection that Ctrl-C interrupts: Python's signal handlers run as soon as the system call ends early.
#[derive(Debug)]
pub(super) struct Interruptible(Transport);

/// How long Ctrl-C may take while the name is looked up and the connection made. The system calls for these
/// are repeated after a signal, so they happen in a thread of their own.
const CONNECT_POLL: Duration = Duration::from_millis(100);

impl Interruptible {
    /// Connects; the interpreter is free meanwhile.
    pub(super) fn connect(py: Python<'_>, options: &Options) -> PyResult<Result<Self, Error>> {
        let (send, receive) = mpsc::channel();
        let task = {
            let options = options.clone();
            move || drop(send.send(Transport::connect(&options)))
        };
        thread::Builder::new().name("pop3-connect".to_owned()).spawn(task)?;
        py.detach(move || {
            loop {
                match receive.recv_timeout(CONNECT_POLL) {
                    Ok(transport) => return Ok(transport.map(Self)),
                    Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                    Err(RecvTimeoutError::Disconnected) => {
                        return Ok(Err(Error::Io(io::Error::other("the thread that connects has stopped"))));
                    }
                }
            }
        })
    }
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        repeat(|| self.0.read(buffer))
    }
}

impl Write for Interruptible {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        repeat(|| self.0.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Repeats what a signal cut short, unless the signal's handler in Python raised: then that is the error.
fn repeat(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                Python::attach(|py| py.check_signals()).map_err(io::Error::other)?;
            }
            result => return result,
        }
    }
}
