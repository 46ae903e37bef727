//! Errors of the Rust client as the package's exceptions.

use std::io;

use pop3_client::{
    Error,
    proto::types::{Response, ResponseCode},
    sasl::ClientError,
};
use pyo3::prelude::*;

use crate::{
    errors::{exception, server_misbehaved, usage},
    text,
};

/// The exception for an error. What Python raised underneath, as Ctrl-C does, comes out as itself.
pub(super) fn raise(py: Python<'_>, error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Io(source) | Error::NoGreeting { source, .. } => connection_lost(py, source, message),
        Error::Connect { source, .. } if source.kind() == io::ErrorKind::TimedOut => {
            exception!(py, "TimeoutError", (message,))
        }
        Error::Connect { .. } => exception!(py, "ConnectionFailed", (message,)),
        Error::Peer(error) => server_misbehaved(py, error, message),
        Error::Tls { source, .. } if holds_python_error(&source) => connection_lost(py, source, message),
        Error::Tls { .. } | Error::TlsUnavailable { .. } | Error::PlaintextRefused | Error::Roots { .. } => {
            exception!(py, "TlsError", (message,))
        }
        Error::Unavailable { response } | Error::Refused { response, .. } => {
            refused(py, &response, message, false)
        }
        Error::LoginRefused { response, is_credentials } => refused(py, &response, message, is_credentials),
        Error::MechanismRefused { response, .. } => refused(py, &response, message, false),
        Error::Sasl(error) if is_ours(&error) => usage(py, &message),
        Error::Sasl(_) => exception!(py, "ProtocolError", (message,)),
        Error::NoMechanism { .. } | Error::NoTimestamp | Error::HostName { .. } | Error::Usage(_) => {
            usage(py, &message)
        }
        _ => exception!(py, "Error", (message,)),
    }
}

fn holds_python_error(source: &io::Error) -> bool {
    source.get_ref().is_some_and(|inner| inner.is::<PyErr>())
}

fn connection_lost(py: Python<'_>, source: io::Error, message: String) -> PyErr {
    let kind = source.kind();
    match source.downcast::<PyErr>() {
        Ok(error) => error,
        Err(_) => match kind {
            io::ErrorKind::TimedOut => exception!(py, "TimeoutError", (message,)),
            io::ErrorKind::UnexpectedEof => exception!(py, "ConnectionClosed", (message,)),
            _ => exception!(py, "ConnectionFailed", (message,)),
        },
    }
}

/// The subclass of `Refused` that the response code asks for; words in the text are not looked at. RFC 3206.
fn refused(py: Python<'_>, response: &Response<'_>, message: String, is_credentials: bool) -> PyErr {
    let code = response.code.as_ref().map(ResponseCode::as_str);
    let args = (message, code, text::lossy(&response.text));
    match &response.code {
        Some(ResponseCode::Auth) => exception!(py, "AuthFailed", args),
        Some(ResponseCode::InUse) => exception!(py, "InUse", args),
        Some(ResponseCode::LoginDelay) => exception!(py, "LoginDelay", args),
        Some(ResponseCode::SysTemp) => exception!(py, "TemporaryError", args),
        Some(ResponseCode::SysPerm) => exception!(py, "PermanentError", args),
        _ if is_credentials => exception!(py, "AuthFailed", args),
        _ => exception!(py, "Refused", args),
    }
}

/// Whether the mechanism failed over what it was given here, not over what the server said.
const fn is_ours(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::MissingCredentials { .. }
            | ClientError::InvalidField { .. }
            | ClientError::Preparation { .. }
            | ClientError::ChannelBindingMismatch { .. }
    )
}
