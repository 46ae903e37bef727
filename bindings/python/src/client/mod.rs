//! `pop3.Client`: a session over TCP and TLS that blocks, with the interpreter free while it waits.

mod body;
mod options;
mod raise;
mod session;
mod transport;
mod values;

use std::{path::PathBuf, sync::Mutex, sync::MutexGuard};

use pop3_client::{Connector, Url, blocking::Session};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyTuple},
};

use self::{
    options::Trust,
    raise::raise,
    session::{End, NotIn, Open, State, not_removed, over},
    transport::Interruptible,
};
use crate::{errors::usage, proto::message_number};

/// A session with a POP3 server.
///
/// ``url`` is ``pops://user@host:port`` for TLS from the first octet on (port 995 if none is given), or
/// ``pop://user@host:port`` for STLS (port 110), which is required then: the password never goes over a
/// connection that is not encrypted, unless ``security`` says so by name. Special characters in the user name
/// are written ``%XX``; the last ``@`` is the one before the host. RFC 2384, RFC 8314.
///
/// With ``password``, or with ``token`` for OAuth 2, it logs in at once; without them, ``login`` does. The way
/// is the best SASL mechanism that the server offers, else USER and PASS. ``auth`` asks for one way: ``"+USER"`` (USER
/// and PASS), ``"+APOP"``, or the name of a SASL mechanism such as ``"PLAIN"``.
///
/// ``ca_file`` is a PEM file of certificates to trust instead of the system's; ``ca_data`` has them in memory, as a
/// ``str`` or ``bytes`` in PEM, or one in DER. ``client_certificate`` and ``client_key`` are PEM files for a server that
/// asks for a certificate. ``timeout`` is in seconds, for
/// connecting, and for every single wait for the server. The interpreter is free while it waits.
///
/// As a context manager it ends with QUIT, which removes what is marked as deleted; an exception drops the
/// connection without QUIT, so that nothing is removed. One thread at a time.
///
/// Raises ``AuthFailed``, ``InUse``, ``LoginDelay`` and other ``Refused`` when the server says no, ``TlsError`` when
/// the connection would not be private, ``ConnectionFailed``, ``TimeoutError``, ``ProtocolError``, and
/// ``UsageError`` for a URL that is none.
#[pyclass(module = "pop3", frozen)]
pub(crate) struct Client {
    url: Url,
    inner: Mutex<Inner>,
}

/// A new connection, with nobody logged in.
fn connect(py: Python<'_>, connector: &Connector) -> PyResult<State> {
    let transport = Interruptible::connect(py, connector.options())?.map_err(|error| raise(py, error))?;
    let opened = py.detach(|| Session::open(transport, connector));
    Ok(State::Authorization(Box::new(opened.map_err(|error| raise(py, error))?)))
}

struct Inner {
    state: State,
    /// Message-numbers that DELE was accepted for.
    marked: Vec<u32>,
    /// The same, once the server has confirmed QUIT.
    removed: Option<Vec<u32>>,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        url, /, *, user = None, password = None, token = None, auth = None, security = None, ca_file = None,
        ca_data = None, client_certificate = None, client_key = None, timeout = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        url: &str,
        user: Option<String>,
        password: Option<String>,
        token: Option<String>,
        auth: Option<&str>,
        security: Option<Bound<'_, PyAny>>,
        ca_file: Option<PathBuf>,
        ca_data: Option<Bound<'_, PyAny>>,
        client_certificate: Option<PathBuf>,
        client_key: Option<PathBuf>,
        timeout: Option<f64>,
    ) -> PyResult<Self> {
        let url = options::url(py, url)?;
        let login = options::login(py, &url, user, password, token, auth)?;
        let options = options::options(
            py,
            &url,
            security.as_ref(),
            Trust { ca_file, ca_data, client_certificate, client_key },
            timeout,
        )?;
        let connector = py.detach(|| Connector::new(options)).map_err(|error| raise(py, error))?;
        let mut state = connect(py, &connector)?;
        if let Some(login) = login {
            match state.login(py, &login) {
                Ok(()) => {}
                // Once more, on a new connection.
                Err(NotIn { instead: Some(login), .. }) => {
                    state = connect(py, &connector)?;
                    state.login(py, &login).map_err(|not_in| not_in.error)?;
                }
                Err(NotIn { error, .. }) => return Err(error),
            }
        }
        Ok(Self { url, inner: Mutex::new(Inner { state, marked: Vec::new(), removed: None }) })
    }

    /// Logs in and opens the maildrop. The user may stand in the URL.
    ///
    /// Raises ``Refused`` or a subclass when the server says no; another attempt may follow then.
    #[pyo3(signature = (*, user = None, password = None, token = None, auth = None))]
    #[allow(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    fn login(
        &self,
        py: Python<'_>,
        user: Option<String>,
        password: Option<String>,
        token: Option<String>,
        auth: Option<&str>,
    ) -> PyResult<()> {
        let Some(login) = options::login(py, &self.url, user, password, token, auth)? else {
            return Err(usage(py, "there is nothing to log in with; give a password or a token"));
        };
        self.lock(py)?.state.login(py, &login).map_err(|not_in| not_in.error)
    }

    /// What the server announces now: tags with their parameters. It differs before and after login.
    ///
    /// Empty when the server does not know CAPA. RFC 2449 section 5.
    fn capabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let state = &mut self.lock(py)?.state;
        let result = match state {
            State::Authorization(session) => py.detach(|| session.capabilities().cloned()),
            State::Transaction(session) => py.detach(|| session.capabilities().cloned()),
            State::Over(_) => return Err(over(py)),
        };
        values::capabilities(py, &state.settle(py, result)?)
    }

    /// STAT: how many messages are not marked as deleted, and their octets. RFC 1939 section 5.
    fn stat<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let listing = self.lock(py)?.state.transaction(py, Session::stat)?;
        values::drop_listing(py, listing)
    }

    /// LIST: the size in octets of every message that is not marked, or of one. RFC 1939 section 5.
    ///
    /// Sizes are what the server says. A message is left out if the server names no valid size for it. Raises
    /// ``Refused`` when there is no such message.
    #[pyo3(signature = (number = None, /))]
    fn list<'py>(&self, py: Python<'py>, number: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(number) = number {
            let number = message_number(&number)?;
            let listing = self.lock(py)?.state.transaction(py, |session| session.list_one(number))?;
            return values::scan_listing(py, &listing);
        }
        let listings = self.lock(py)?.state.transaction(py, Session::list)?;
        let values = listings.iter().map(|listing| values::scan_listing(py, listing));
        Ok(PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any())
    }

    /// UIDL: the unique-id of every message that is not marked, or of one. RFC 1939 section 7.
    ///
    /// Octets in it that are no UTF-8 are kept as lone surrogates, as ``os.fsdecode`` does. Raises ``Refused``
    /// when there is no such message, or the server has no unique-ids.
    #[pyo3(signature = (number = None, /))]
    fn uidl<'py>(&self, py: Python<'py>, number: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(number) = number {
            let number = message_number(&number)?;
            let listing = self.lock(py)?.state.transaction(py, |session| session.uidl_one(number))?;
            return values::unique_id_listing(py, &listing);
        }
        let listings = self.lock(py)?.state.transaction(py, Session::uidl)?;
        let values = listings.iter().map(|listing| values::unique_id_listing(py, listing));
        Ok(PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any())
    }

    /// RETR: a whole message, with CRLF line ends. For large ones, see ``retr_to``. RFC 1939 section 5.
    ///
    /// Raises ``Refused`` when there is no such message, it is marked, or the server cannot read it;
    /// ``MessageTooLarge`` when it has more than ``max_octets`` octets, and ``MemoryError`` when there is no memory for
    /// it. The session goes on after either.
    #[pyo3(signature = (number, /, *, max_octets = 1_073_741_824))]
    fn retr<'py>(
        &self,
        py: Python<'py>,
        number: &Bound<'py, PyAny>,
        max_octets: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let number = message_number(number)?;
        let whole = |session: &mut Open| {
            body::allow(session, max_octets);
            body::whole(session.retr(number)?, max_octets)
        };
        self.lock(py)?.state.transaction(py, whole)?.into_bytes(py)
    }

    /// RETR into a binary file, piece by piece, whatever the message's size. Gives its octets.
    ///
    /// The message is whole only if this returns: after an exception the file holds a part of it, and the session is as
    /// usable as before. A raw file that would block raises ``BlockingIOError``, with ``characters_written``; a message
    /// of more than ``max_octets`` octets raises ``MessageTooLarge``.
    #[pyo3(signature = (number, file, /, *, max_octets = 1_073_741_824))]
    fn retr_to(
        &self,
        py: Python<'_>,
        number: &Bound<'_, PyAny>,
        file: &Bound<'_, PyAny>,
        max_octets: u64,
    ) -> PyResult<u64> {
        let number = message_number(number)?;
        let mut file = body::File::new(file)?;
        let result = self.lock(py)?.state.transaction(py, |session| {
            body::allow(session, max_octets);
            file.take(session.retr(number)?, max_octets)
        });
        file.finish(py, result)
    }

    /// TOP: the header of a message, the empty line, and so many lines of the body. RFC 1939 section 7.
    ///
    /// Raises ``Refused`` when there is no such message, or the server does not know TOP; ``MessageTooLarge`` and
    /// ``MemoryError`` as ``retr``.
    #[pyo3(signature = (number, /, lines = 0, *, max_octets = 1_073_741_824))]
    fn top<'py>(
        &self,
        py: Python<'py>,
        number: &Bound<'py, PyAny>,
        lines: u32,
        max_octets: u64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let number = message_number(number)?;
        let whole = |session: &mut Open| {
            body::allow(session, max_octets);
            body::whole(session.top(number, lines)?, max_octets)
        };
        self.lock(py)?.state.transaction(py, whole)?.into_bytes(py)
    }

    /// DELE: marks a message as deleted; ``quit`` removes it. RFC 1939 section 5.
    ///
    /// Raises ``Refused`` when there is no such message, or it is marked already.
    #[pyo3(signature = (number, /))]
    fn dele(&self, number: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = number.py();
        let number = message_number(number)?;
        let mut inner = self.lock(py)?;
        inner.state.transaction(py, |session| session.dele(number))?;
        inner.marked.push(number.value());
        Ok(())
    }

    /// RSET: takes all marks away. RFC 1939 section 5.
    fn rset(&self, py: Python<'_>) -> PyResult<()> {
        let mut inner = self.lock(py)?;
        inner.state.transaction(py, Session::rset)?;
        inner.marked.clear();
        Ok(())
    }

    /// NOOP: nothing, but the server's autologout timer starts anew. RFC 1939 section 5.
    fn noop(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.state.transaction(py, Session::noop)
    }

    /// QUIT: removes what is marked as deleted, and ends the session. Gives the message-numbers that were
    /// removed, ascending. RFC 1939 section 6.
    ///
    /// Raises ``Refused`` when some were not removed. After any other exception it is unknown whether they
    /// were: compare the unique-ids in the next session.
    fn quit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.lock(py)?.quit(py)
    }

    /// Drops the connection without QUIT: nothing is removed. Does nothing when the session is over.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.state.close(py);
        Ok(())
    }

    /// Message-numbers that are marked as deleted in this session, ascending.
    #[getter]
    fn marked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        numbers(py, &self.lock(py)?.marked)
    }

    /// Message-numbers that the server has removed, ascending; ``None`` until it has confirmed QUIT.
    #[getter]
    fn removed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.lock(py)?.removed.as_deref().map(|removed| numbers(py, removed)).transpose()
    }

    /// Whether the connection is encrypted; false once the session is over.
    #[getter]
    fn is_tls(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.lock(py)?.state.is_tls())
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// QUIT; after an exception, ``close``.
    #[pyo3(signature = (exception_type, exception, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        exception_type: &Bound<'_, PyAny>,
        exception: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (exception, traceback);
        let mut inner = self.lock(py)?;
        match inner.state {
            State::Over(End::Broken) if exception_type.is_none() && !inner.marked.is_empty() => {
                Err(not_removed(py))
            }
            State::Over(_) => Ok(()),
            _ if exception_type.is_none() => inner.quit(py).map(drop),
            _ => {
                inner.state.close(py);
                Ok(())
            }
        }
    }

    fn __repr__(&self) -> String {
        format!("<pop3.Client of {}>", self.url)
    }
}

impl Client {
    /// The session, unless another thread has it: waiting for that one could wait for ever.
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Inner>> {
        self.inner.try_lock().map_err(|_| usage(py, "the client is in use by another call"))
    }
}

impl Inner {
    fn quit<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.state.quit(py, !self.marked.is_empty())?;
        let mut removed = std::mem::take(&mut self.marked);
        removed.sort_unstable();
        let report = numbers(py, &removed)?;
        self.removed = Some(removed);
        Ok(report)
    }
}

fn numbers<'py>(py: Python<'py>, numbers: &[u32]) -> PyResult<Bound<'py, PyTuple>> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    PyTuple::new(py, numbers)
}
