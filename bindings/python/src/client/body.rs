use std::io;

use pop3_client::{Error, blocking::Message};
use pyo3::{
    exceptions::{PyBlockingIOError, PyOSError, PyTypeError},
    intern,
    prelude::*,
    types::PyBytes,
};

use super::transport::Interruptible;

/// The message, in memory.
pub(super) fn whole(message: Message<'_, Interruptible>) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::new();
    message.for_each_chunk(|chunk| {
        octets.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(octets)
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
    failure: Option<PyErr>,
}

impl File {
    pub(super) fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = file.py();
        let raw = py.import(intern!(py, "io"))?.getattr(intern!(py, "RawIOBase"))?;
        let write = file.getattr(intern!(py, "write"))?.unbind();
        Ok(Self { write, is_raw: file.is_instance(&raw)?, taken: 0, failure: None })
    }

    /// Writes the message into the file. When the file fails, the session stays usable: the rest of the message is
    /// read and discarded by the next command. [`finish`](Self::finish) gives the failure.
    pub(super) fn take(&mut self, message: Message<'_, Interruptible>) -> Result<u64, Error> {
        let written = message.for_each_chunk(|chunk| {
            Python::attach(|py| self.write(py, chunk)).map_err(|error| {
                self.failure = Some(error);
                io::Error::other("the file cannot be written")
            })
        });
        match written {
            Err(_) if self.failure.is_some() => Ok(0),
            written => Ok(written?),
        }
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

    /// The octets that were written, or what the file said.
    pub(super) fn finish(self, result: PyResult<u64>) -> PyResult<u64> {
        match self.failure {
            Some(failure) => Err(failure),
            None => result,
        }
    }
}
