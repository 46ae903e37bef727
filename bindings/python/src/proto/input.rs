use pyo3::{buffer::PyBuffer, prelude::*, types::PyBytes};

/// Octets that were received and not yet used.
///
/// Usually all is used before more comes; then the `bytes` object itself is the buffer, without a copy.
#[derive(Default)]
pub(super) struct Input {
    held: Held,
    start: usize,
}

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Lent(Py<PyBytes>),
    Owned(Vec<u8>),
}

impl Input {
    /// Takes what was received: anything that lends its octets. False when there were none.
    pub(super) fn receive(&mut self, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = data.py();
        if let Ok(octets) = data.cast::<PyBytes>() {
            if octets.as_bytes().is_empty() {
                return Ok(false);
            }
            if self.is_empty(py) {
                *self = Self { held: Held::Lent(octets.clone().unbind()), start: 0 };
            } else {
                self.append(py, octets.as_bytes());
            }
            return Ok(true);
        }
        let octets = PyBuffer::<u8>::get(data)?.to_vec(py)?;
        self.append(py, &octets);
        Ok(!octets.is_empty())
    }

    fn append(&mut self, py: Python<'_>, octets: &[u8]) {
        if let Held::Owned(held) = &mut self.held {
            held.drain(..self.start);
            held.extend_from_slice(octets);
        } else {
            self.held = Held::Owned([self.unread(py), octets].concat());
        }
        self.start = 0;
    }

    /// So many octets of [`unread`](Self::unread) were used.
    pub(super) fn consume(&mut self, py: Python<'_>, count: usize) {
        self.start += count;
        if self.is_empty(py) {
            *self = Self::default();
        }
    }

    pub(super) fn unread<'s>(&'s self, py: Python<'s>) -> &'s [u8] {
        let octets = match &self.held {
            Held::Nothing => &[],
            Held::Lent(octets) => octets.bind(py).as_bytes(),
            Held::Owned(octets) => octets.as_slice(),
        };
        octets.get(self.start..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self, py: Python<'_>) -> bool {
        self.unread(py).is_empty()
    }
}
