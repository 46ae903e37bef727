use pop3_proto::{
    server::{CloseReason, Event, Extent, Login},
    types::MessageNumber,
};
use pyo3::{
    exceptions::PyNotImplementedError,
    intern,
    prelude::*,
    types::{PyBytes, PyTuple},
};

use crate::classes::{make, member};

/// The Python object for an event.
pub(super) fn to_python<'py>(py: Python<'py>, event: Event<'_>) -> PyResult<Bound<'py, PyAny>> {
    match event {
        Event::Login(login) => login_event(py, login),
        Event::SaslResponse(response) => {
            make!(py, "SaslResponse", (PyBytes::new(py, response.expose()),))
        }
        Event::SaslCancelled => make!(py, "SaslCancelled", ()),
        Event::Retrieve { number, extent } => {
            let lines = match extent {
                Extent::Whole => None,
                Extent::Top { lines } => Some(lines),
            };
            make!(py, "Retrieve", (number.value(), lines))
        }
        Event::StartTls => make!(py, "StartTls", ()),
        Event::Update { deletions, retrieved } => {
            make!(py, "Update", (numbers(py, deletions.numbers())?, numbers(py, retrieved.numbers())?))
        }
        Event::Close(reason) => make!(py, "Close", (close_reason(py, reason)?,)),
        _ => Err(unknown()),
    }
}

fn login_event<'py>(py: Python<'py>, login: Login<'_>) -> PyResult<Bound<'py, PyAny>> {
    match login {
        Login::Apop { name, digest, timestamp } => {
            make!(py, "ApopLogin", (name, PyBytes::new(py, &digest), &*timestamp))
        }
        Login::Password { name, password } => make!(py, "PasswordLogin", (name, &**password.expose())),
        Login::Sasl { mechanism, initial_response } => {
            let initial = initial_response.map(|response| PyBytes::new(py, response.expose()));
            // Names that differ in case alone are the same; Python compares strings.
            make!(py, "SaslLogin", (mechanism.as_str().to_ascii_uppercase(), initial))
        }
        _ => Err(unknown()),
    }
}

fn close_reason(py: Python<'_>, reason: CloseReason) -> PyResult<Bound<'_, PyAny>> {
    let name = match reason {
        CloseReason::Autologout => intern!(py, "AUTOLOGOUT"),
        CloseReason::BodyFailed => intern!(py, "BODY_FAILED"),
        CloseReason::Eof => intern!(py, "EOF"),
        CloseReason::FailedLogins => intern!(py, "FAILED_LOGINS"),
        CloseReason::Quit => intern!(py, "QUIT"),
        CloseReason::ShuttingDown => intern!(py, "SHUTTING_DOWN"),
        CloseReason::TooManyErrors => intern!(py, "TOO_MANY_ERRORS"),
        _ => return Err(unknown()),
    };
    member!(py, "CloseReason", name)
}

fn numbers<'py>(py: Python<'py>, numbers: &[MessageNumber]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, numbers.iter().map(|number| number.value()))
}

fn unknown() -> PyErr {
    PyNotImplementedError::new_err("the core has an event that this package does not know")
}
