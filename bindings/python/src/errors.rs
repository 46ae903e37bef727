//! Errors of the core as the package's exceptions.

use pop3_proto::{client, server, types::InvalidValue};
use pyo3::{exceptions::PyOverflowError, prelude::*};

/// An exception of the package, by the name it has in `pop3`.
macro_rules! exception {
    ($py:expr, $name:literal, $args:expr) => {
        match crate::classes::class!($py, "pop3._errors", $name).and_then(|class| class.call1($args)) {
            Ok(exception) => pyo3::PyErr::from_value(exception),
            Err(error) => error,
        }
    };
}

pub(crate) use exception;

/// `pop3.UsageError` with this sentence.
pub(crate) fn usage(py: Python<'_>, message: &str) -> PyErr {
    exception!(py, "UsageError", (message,))
}

/// What the core says that this side did wrong.
pub(crate) fn misuse(py: Python<'_>, error: &impl ToString) -> PyErr {
    usage(py, &error.to_string())
}

/// A value that the protocol cannot carry.
pub(crate) fn invalid(py: Python<'_>, what: &str, error: InvalidValue) -> PyErr {
    usage(py, &format!("{what} cannot be sent: it {error}"))
}

/// A number that does not fit is misuse like any other; everything else stays what it is.
pub(crate) fn out_of_range(py: Python<'_>, what: &str, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) {
        usage(py, &format!("{what} is out of range"))
    } else {
        error
    }
}

/// The server broke the protocol, in the words of `message`.
pub(crate) fn server_misbehaved(py: Python<'_>, error: client::PeerMisbehaved, message: String) -> PyErr {
    match error {
        client::PeerMisbehaved::UnexpectedEof => exception!(py, "ConnectionClosed", (message,)),
        client::PeerMisbehaved::TooSlow { .. } => exception!(py, "TimeoutError", (message,)),
        _ => exception!(py, "ProtocolError", (message,)),
    }
}

/// The client broke the protocol.
pub(crate) fn client_misbehaved(py: Python<'_>, error: server::PeerMisbehaved) -> PyErr {
    exception!(py, "ProtocolError", (error.to_string(),))
}
