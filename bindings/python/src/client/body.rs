use std::io;

use pop3_client::{Error, blocking::Message};
use pyo3::{exceptions::PyOSError, intern, prelude::*, types::PyBytes};

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

/// A binary file of Python that a message goes into.
pub(super) struct File {
    write: Py<PyAny>,
    failure: Option<PyErr>,
}

impl File {
    pub(super) fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { write: file.getattr(intern!(file.py(), "write"))?.unbind(), failure: None })
    }

    /// Writes the message into the file. When the file fails, the session is none the worse, and this says
    /// that nothing happened: [`finish`](Self::finish) knows better.
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
    fn write(&self, py: Python<'_>, mut chunk: &[u8]) -> PyResult<()> {
        while !chunk.is_empty() {
            let taken = self.write.bind(py).call1((PyBytes::new(py, chunk),))?;
            let count = if taken.is_none() { chunk.len() } else { taken.extract::<usize>()? };
            if count == 0 {
                return Err(PyOSError::new_err("the file took none of the octets that it was given"));
            }
            chunk = chunk.get(count..).unwrap_or_default();
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
