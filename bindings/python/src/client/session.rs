use pop3_client::{
    Authorization, Error, Login, LoginError, Transaction, blocking::Session, proto::client::PeerMisbehaved,
};
use pyo3::prelude::*;

use super::{raise::raise, transport::Interruptible};
use crate::errors::{exception, usage};

/// A session in which the maildrop is open.
pub(super) type Open = Session<Transaction, Interruptible>;

type In<S> = Box<Session<S, Interruptible>>;

/// Both typestates of a Rust session in one, for a Python object has one class all its life.
pub(super) enum State {
    Authorization(In<Authorization>),
    Transaction(In<Transaction>),
    Over(End),
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By QUIT.
    Quit,
    /// By this side, without QUIT.
    Dropped,
    /// By an error.
    Broken,
}

/// A login that did not succeed.
pub(super) struct NotIn {
    pub(super) error: PyErr,
    /// What to try on a new connection: the server closed this one at AUTH.
    pub(super) instead: Option<Box<Login>>,
}

impl State {
    /// Runs a command of the TRANSACTION state while other threads run Python.
    pub(super) fn transaction<R: Send>(
        &mut self,
        py: Python<'_>,
        command: impl Send + FnOnce(&mut Open) -> Result<R, Error>,
    ) -> PyResult<R> {
        let session = match self {
            Self::Transaction(session) => session,
            Self::Authorization(_) => return Err(usage(py, "log in first: nobody is logged in")),
            Self::Over(_) => return Err(over(py)),
        };
        let result = py.detach(|| command(session));
        self.settle(py, result)
    }

    /// What an error leaves of the session: all of it, if the server merely refused.
    pub(super) fn settle<R>(&mut self, py: Python<'_>, result: Result<R, Error>) -> PyResult<R> {
        result.map_err(|error| {
            if !matches!(error, Error::Refused { .. } | Error::Usage(_)) {
                *self = Self::Over(End::Broken);
            }
            raise(py, error)
        })
    }

    /// Logs in; a server that says no leaves the session as it was.
    pub(super) fn login(&mut self, py: Python<'_>, login: &Login) -> Result<(), NotIn> {
        let session = match std::mem::replace(self, Self::Over(End::Broken)) {
            Self::Authorization(session) => session,
            other => {
                let is_over = matches!(other, Self::Over(_));
                *self = other;
                let error = if is_over { over(py) } else { usage(py, "somebody is logged in already") };
                return Err(NotIn { error, instead: None });
            }
        };
        let (state, error) = py.detach(|| match session.login(login) {
            Ok(session) => (Self::Transaction(Box::new(session)), None),
            Err(LoginError { session: Some(session), error, .. }) => {
                (Self::Authorization(Box::new(session)), Some((error, None)))
            }
            Err(LoginError { session: None, error, mechanism }) => {
                let is_lost = matches!(error, Error::Io(_) | Error::Peer(PeerMisbehaved::UnexpectedEof));
                let instead = mechanism
                    .filter(|_| is_lost)
                    .and_then(|mechanism| login.without(mechanism))
                    .map(Box::new);
                (Self::Over(End::Broken), Some((error, instead)))
            }
        });
        *self = state;
        match error {
            None => Ok(()),
            Some((error, instead)) => Err(NotIn { error: raise(py, error), instead }),
        }
    }

    /// QUIT: the session is over, whatever the server says.
    pub(super) fn quit(&mut self, py: Python<'_>, has_marks: bool) -> PyResult<()> {
        let result = match std::mem::replace(self, Self::Over(End::Broken)) {
            Self::Authorization(session) => py.detach(|| session.quit()),
            Self::Transaction(session) => py.detach(|| session.quit()),
            Self::Over(end) => {
                *self = Self::Over(end);
                return Err(over(py));
            }
        };
        result.map_err(|error| {
            let is_refusal = matches!(error, Error::Refused { .. });
            let error = raise(py, error);
            if has_marks && !is_refusal {
                let note = "QUIT was not confirmed: whether the marked messages are removed is unknown; compare the unique-ids in the next session";
                // Python 3.11 has notes.
                let _ = error.value(py).call_method1("add_note", (note,));
            }
            error
        })?;
        *self = Self::Over(End::Quit);
        Ok(())
    }

    /// Closes the connection without QUIT: nothing is removed. RFC 1939 section 6.
    pub(super) fn close(&mut self, py: Python<'_>) {
        if !matches!(self, Self::Over(_)) {
            let session = std::mem::replace(self, Self::Over(End::Dropped));
            py.detach(|| drop(session));
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        match self {
            Self::Authorization(session) => session.is_tls(),
            Self::Transaction(session) => session.is_tls(),
            Self::Over(_) => false,
        }
    }
}

/// For a session that broke and still has messages marked.
pub(super) fn not_removed(py: Python<'_>) -> PyErr {
    let message = "the session broke before QUIT; the messages that were marked as deleted are not removed";
    exception!(py, "ConnectionFailed", (message,))
}

pub(super) fn over(py: Python<'_>) -> PyErr {
    usage(py, "the session is over; connect again")
}
