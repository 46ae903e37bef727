use std::io;

use pop3_client::{Error, blocking::Message};
use pyo3::{
    exceptions::{PyBlockingIOError, PyMemoryError, PyOSError, PyTypeError},
    intern,
    prelude::*,
    types::PyBytes,
};

use super::{session::Open, transport::Interruptible};
use crate::errors::exception;

/// Octets of a message, at most, unless the caller says otherwise: 1 GiB. The signatures in Python have the number.
pub(super) const MAX_OCTETS: u64 = 1 << 30;

/// Lets the session receive as much as the caller wants, and discard as much as a message may usually have: one may
/// have no end.
pub(super) fn allow(session: &mut Open, max: u64) {
    session.set_max_message(max.max(MAX_OCTETS));
}

/// Why a message is not given to Python, though the session goes on: the next command reads and discards the rest.
pub(super) enum NotTaken {
    /// It has more octets than the caller wants.
    TooLarge {
        max: u64,
    },
    NoMemory,
    /// What the file raised.
    File(PyErr),
}

impl NotTaken {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::TooLarge { max } => {
                let text = format!("the message has more than {max} octets (max_octets)");
                exception!(py, "MessageTooLarge", (text,))
            }
            Self::NoMemory => PyMemoryError::new_err("there is not enough memory for the message"),
            Self::File(error) => error,
        }
    }
}

/// Takes pieces until one is not wanted.
fn take(
    message: Message<'_, Interruptible>,
    max: u64,
    mut piece: impl FnMut(&[u8]) -> Result<(), NotTaken>,
) -> Result<Result<u64, NotTaken>, Error> {
    let (mut octets, mut not_taken) = (0_u64, None);
    let taken = message.for_each_chunk(|chunk| {
        octets = octets.saturating_add(chunk.len() as u64);
        let result = if octets > max { Err(NotTaken::TooLarge { max }) } else { piece(chunk) };
        result.map_err(|error| {
            not_taken = Some(error);
            io::Error::other("the rest of the message is not wanted")
        })
    });
    match not_taken {
        Some(not_taken) => Ok(Err(not_taken)),
        None => Ok(Ok(taken?)),
    }
}

/// The message, in memory.
pub(super) fn whole(message: Message<'_, Interruptible>, max: u64) -> Result<Whole, Error> {
    let mut octets: Vec<u8> = Vec::new();
    let taken = take(message, max, |chunk| {
        // Doubling would want twice the memory; a message is not known to be larger than it is by now.
        if octets.capacity() - octets.len() < chunk.len() {
            let more = chunk.len().max(octets.len() / 4);
            octets.try_reserve(more).map_err(|_| NotTaken::NoMemory)?;
        }
        octets.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(Whole(taken.map(|_| octets)))
}

/// A message in memory, or why it is not.
pub(super) struct Whole(Result<Vec<u8>, NotTaken>);

impl Whole {
    pub(super) fn into_bytes(self, py: Python<'_>) -> PyResult<Bound<'_, PyBytes>> {
        let octets = self.0.map_err(|not_taken| not_taken.raise(py))?;
        // Without memory for it this is a MemoryError.
        PyBytes::new_with(py, octets.len(), |bytes| {
            bytes.copy_from_slice(&octets);
            Ok(())
        })
    }
}

/// What ``errno.EAGAIN`` is on Linux.
const EAGAIN: i32 = 11;

fn no_count(taken: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "write() of the file has to give how many octets it took, or None; it gave {}",
        taken.repr().map_or_else(|_| "something else".to_owned(), |repr| repr.to_string())
    ))
}

/// A binary file of Python that a message goes into.
pub(super) struct File {
    write: Py<PyAny>,
    /// An ``io.RawIOBase``, whose ``write`` gives ``None`` when it would block and took nothing.
    is_raw: bool,
    /// Octets that it has taken.
    taken: usize,
    not_taken: Option<NotTaken>,
}

impl File {
    pub(super) fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = file.py();
        let raw = py.import(intern!(py, "io"))?.getattr(intern!(py, "RawIOBase"))?;
        let Some(write) = file.getattr_opt(intern!(py, "write"))? else {
            let shown = file.repr().map_or_else(|_| "something else".to_owned(), |repr| repr.to_string());
            return Err(PyTypeError::new_err(format!(
                "the file needs a write() method, as an open binary file has; it is {shown}"
            )));
        };
        let write = write.unbind();
        Ok(Self { write, is_raw: file.is_instance(&raw)?, taken: 0, not_taken: None })
    }

    /// Writes the message into the file. [`finish`](Self::finish) returns why it did not take everything.
    pub(super) fn take(&mut self, message: Message<'_, Interruptible>, max: u64) -> Result<u64, Error> {
        let written =
            take(message, max, |chunk| Python::attach(|py| self.write(py, chunk)).map_err(NotTaken::File))?;
        Ok(written.unwrap_or_else(|not_taken| {
            self.not_taken = Some(not_taken);
            0
        }))
    }

    /// A raw file may take less than it is given.
    fn write(&mut self, py: Python<'_>, mut chunk: &[u8]) -> PyResult<()> {
        while !chunk.is_empty() {
            let taken = self.write.bind(py).call1((PyBytes::new(py, chunk),))?;
            let count = match taken.is_none() {
                true if self.is_raw => {
                    let text = "the file would block, and took only the first octets of the message";
                    return Err(PyBlockingIOError::new_err((EAGAIN, text, self.taken)));
                }
                // A file of another kind says nothing, as `print` does, and took everything.
                true => chunk.len(),
                false => taken.extract::<usize>().map_err(|_| no_count(&taken))?,
            };
            chunk = match chunk.split_at_checked(count) {
                Some((_, rest)) if count > 0 => rest,
                Some(_) => {
                    return Err(PyOSError::new_err("the file took none of the octets that it was given"));
                }
                None => return Err(no_count(&taken)),
            };
            self.taken += count;
        }
        Ok(())
    }

    /// The octets that were written, or why not all were.
    pub(super) fn finish(self, py: Python<'_>, result: PyResult<u64>) -> PyResult<u64> {
        match self.not_taken {
            Some(not_taken) => Err(not_taken.raise(py)),
            None => result,
        }
    }
}
