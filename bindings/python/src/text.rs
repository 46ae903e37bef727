//! Octets of the peer as Python strings.

use pop3_proto::{
    encode,
    types::{Capability, ListedUniqueId},
};
use pyo3::{prelude::*, types::PyBytes};

/// Text for humans: octets that are no UTF-8 appear as `\xNN`.
pub(crate) fn lossy(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for piece in octets.utf8_chunks() {
        text.push_str(piece.valid());
        text.extend(piece.invalid().escape_ascii().map(char::from));
    }
    text
}

/// A unique-id, without loss: what is no UTF-8 becomes lone surrogates, as `os.fsdecode` does it.
pub(crate) fn unique_id<'py>(py: Python<'py>, id: &ListedUniqueId<'_>) -> PyResult<Bound<'py, PyAny>> {
    match str::from_utf8(id.as_bytes()) {
        Ok(id) => Ok(id.into_pyobject(py)?.into_any()),
        Err(_) => PyBytes::new(py, id.as_bytes()).call_method1("decode", ("utf-8", "surrogateescape")),
    }
}

/// A capability as tag and parameters.
pub(crate) fn capability(capability: &Capability<'_>) -> (String, Vec<String>) {
    let mut line = Vec::new();
    encode::capability(capability, &mut line);
    let line = lossy(&line);
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}
