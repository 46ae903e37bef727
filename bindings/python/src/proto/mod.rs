//! `pop3.proto`: both machines in the manner of h11.

mod client;
mod client_event;
mod clock;
mod command;
mod input;
mod policy;
mod server;
mod server_event;

pub(crate) use client::Client;
pub(crate) use command::message_number;
pub(crate) use server::Server;

use pop3_proto::{body::OctetCounter, machine::Machine};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

/// The size of a stored message in octets, as LIST and STAT count it.
///
/// Every line end counts as two octets, whether it is LF or CRLF in ``message``; a last line without one
/// gets one; byte-stuffing does not count. RFC 1939 section 11.
#[pyfunction]
pub(crate) fn message_octets(message: PyBackedBytes) -> u64 {
    let mut counter = OctetCounter::new();
    counter.update(&message);
    counter.finish().0
}

/// Octets that one call hands out at most, give or take what the machine had queued already.
const PIECE: usize = 64 * 1024;

/// Takes what the machine has to say, up to about [`PIECE`], and counts it as written.
fn take_output<'py, M: Machine>(py: Python<'py>, machine: &mut M) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &drain(machine))
}

/// As [`take_output`], as octets.
fn drain(machine: &mut impl Machine) -> Vec<u8> {
    let mut octets = Vec::new();
    while octets.len() < PIECE
        && let Some(pending) = machine.poll_transmit()
    {
        octets.extend_from_slice(pending);
        let count = pending.len();
        machine.handle_transmitted(count);
    }
    octets
}

/// The members of `pop3.proto.Wait`.
fn wait(py: Python<'_>, is_paused: bool) -> PyResult<Bound<'_, PyAny>> {
    let wait = if is_paused {
        crate::classes::class!(py, "pop3.proto", "PAUSED")
    } else {
        crate::classes::class!(py, "pop3.proto", "NEED_DATA")
    };
    wait.cloned()
}
