use pop3_proto::{
    body::BodyEncoder,
    machine::Machine as _,
    server::{
        Accepted, Connection, Maildrop, MessageInfo, Rejection, Server as Machine, SessionState,
        UpdateOutcome,
    },
    types::{Octets, ResponseCode, UniqueId},
};
use pyo3::{intern, prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use super::{
    clock::Clock,
    drain,
    input::Input,
    policy::{config, expire},
    server_event::to_python,
    take_output, wait,
};
use crate::{
    classes::{make, member},
    errors::{client_misbehaved, invalid, misuse, usage},
};

/// The server's side of a session, which begins with the greeting.
///
/// Answers CAPA, NOOP, STAT, LIST, UIDL, DELE, RSET, bad syntax and wrong states by itself, from the maildrop
/// that ``accept`` gave it. Events are the questions that only the outside can answer, one at a time.
///
/// ``is_tls`` says that TLS is up already. ``apop_timestamp`` is ``<unique@host>``, another one for every
/// connection; with it APOP is offered. ``began`` is the time of the clock that ``handle_timeout`` will be told.
///
/// Raises ``UsageError`` when the policy is one that no server should have, or leaves no way to log in.
///
/// Not for several threads at once.
#[pyclass(module = "pop3.proto")]
pub(crate) struct Server {
    machine: Machine,
    input: Input,
    clock: Clock,
    encoder: Option<BodyEncoder>,
    is_eof: bool,
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (policy = None, /, *, is_tls = false, apop_timestamp = None, began = 0.0))]
    fn new(
        py: Python<'_>,
        policy: Option<Bound<'_, PyAny>>,
        is_tls: bool,
        apop_timestamp: Option<String>,
        began: f64,
    ) -> PyResult<Self> {
        let policy = policy.map_or_else(|| make!(py, "Policy", ()), Ok)?;
        let connection = Connection { is_tls, apop_timestamp: apop_timestamp.map(Into::into) };
        let machine = Machine::new(config(&policy)?, connection).map_err(|error| misuse(py, &error))?;
        let clock = Clock::new(py, began)?;
        Ok(Self { machine, input: Input::default(), clock, encoder: None, is_eof: false })
    }

    /// Takes octets that the client sent; none of them, ``b""``, says that it closed its half.
    ///
    /// Raises ``UsageError`` when octets come behind the end.
    fn receive_data(&mut self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        let has_octets = self.input.receive(data)?;
        if has_octets && self.is_eof {
            return Err(usage(py, "octets were received behind the end of the connection"));
        }
        if !has_octets {
            self.is_eof = true;
            self.machine.handle_eof().map_err(|error| client_misbehaved(py, error))?;
        }
        Ok(())
    }

    /// The next question, or ``NEED_DATA`` or ``PAUSED``.
    ///
    /// Raises ``ProtocolError`` when the client broke the protocol so that the session cannot go on; every
    /// later call does so again.
    fn next_event<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut rest = self.input.unread(py);
        let before = rest.len();
        let object = match self.machine.next_event(&mut rest) {
            Err(error) => Err(client_misbehaved(py, error)),
            Ok(Some(event)) => to_python(py, event),
            Ok(None) => wait(py, self.is_paused() || !rest.is_empty()),
        };
        let used = before - rest.len();
        self.input.consume(py, used);
        object
    }

    /// Octets to write now, at most about 64 KiB; they count as written. Call it until it gives ``b""``.
    ///
    /// A listing is made as it is taken from here, so a long one never stands in memory whole.
    fn data_to_send<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        take_output(py, &mut self.machine)
    }

    /// The login succeeded and the maildrop is locked: ``messages`` are its ``MessageInfo``, in order.
    ///
    /// ``login_delay`` (seconds) and ``expire`` are this user's own, where they differ by user.
    ///
    /// Raises ``UsageError`` when no login waits for an answer, or a unique-id is none.
    #[pyo3(signature = (messages, *, login_delay = None, expire = None))]
    fn accept(
        &mut self,
        messages: &Bound<'_, PyAny>,
        login_delay: Option<u32>,
        expire: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = messages.py();
        let mut accepted =
            Accepted::from(messages.try_iter()?.map(message_info).collect::<PyResult<Maildrop>>()?);
        accepted.login_delay = login_delay;
        accepted.expire = expire.map_or(Ok(None), |value| self::expire(&value))?;
        self.machine.accept(accepted).map_err(|error| misuse(py, &error))
    }

    /// The login failed: ``-ERR`` with the code that says whose fault it was. RFC 2449 section 8, RFC 3206.
    ///
    /// Raises ``UsageError`` when no login waits for an answer.
    #[pyo3(signature = (rejection, /))]
    fn reject(&mut self, rejection: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = rejection.py();
        self.machine.reject(self::rejection(rejection)?).map_err(|error| misuse(py, &error))
    }

    /// The mechanism has something to say; the answer comes as ``SaslResponse``. RFC 5034 section 4.
    ///
    /// Raises ``UsageError`` when no SASL login waits for an answer.
    #[pyo3(signature = (challenge, /))]
    fn challenge(&mut self, py: Python<'_>, challenge: PyBackedBytes) -> PyResult<()> {
        self.machine.challenge(&challenge).map_err(|error| misuse(py, &error))
    }

    /// Queues ``+OK`` for the message that ``Retrieve`` asked for; ``send_body`` follows.
    ///
    /// Raises ``UsageError`` when no retrieval waits for an answer.
    fn begin_message(&mut self, py: Python<'_>) -> PyResult<()> {
        self.encoder = Some(self.machine.begin_message().map_err(|error| misuse(py, &error))?);
        Ok(())
    }

    /// A piece of the stored message, as it goes on the wire: with CRLF line ends and byte-stuffed. Write what
    /// it gives; what was queued before is part of it.
    ///
    /// Raises ``UsageError`` when no message was begun.
    #[pyo3(signature = (chunk, /))]
    fn send_body<'py>(&mut self, py: Python<'py>, chunk: PyBackedBytes) -> PyResult<Bound<'py, PyBytes>> {
        let Some(encoder) = &mut self.encoder else { return Err(no_message(py)) };
        let mut octets = drain(&mut self.machine);
        octets.reserve(chunk.len());
        encoder.encode(&chunk).for_each(|slice| octets.extend_from_slice(slice));
        Ok(PyBytes::new(py, &octets))
    }

    /// Whether ``send_body`` needs no more of this message: TOP has its lines. RFC 1939 section 7.
    #[getter]
    fn is_body_satisfied(&self) -> bool {
        self.encoder.as_ref().is_some_and(BodyEncoder::is_satisfied)
    }

    /// Queues the termination line.
    ///
    /// Raises ``UsageError`` when no message was begun.
    fn end_message(&mut self, py: Python<'_>) -> PyResult<()> {
        let encoder = self.encoder.take().ok_or_else(|| no_message(py))?;
        self.machine.end_message(encoder).map_err(|error| misuse(py, &error))
    }

    /// The store failed half-way: the session ends without the termination line, so that nobody takes the
    /// piece for the whole.
    ///
    /// Raises ``UsageError`` when no message was begun.
    fn abort_message(&mut self, py: Python<'_>) -> PyResult<()> {
        let encoder = self.encoder.take().ok_or_else(|| no_message(py))?;
        self.machine.abort_message(encoder);
        Ok(())
    }

    /// The message cannot be sent: ``-ERR``, with a response code as ``"SYS/TEMP"`` if there is one.
    ///
    /// Raises ``UsageError`` when no retrieval waits for an answer, or the code is none.
    #[pyo3(signature = (code = None))]
    fn refuse_message(&mut self, py: Python<'_>, code: Option<String>) -> PyResult<()> {
        let code = code.map(ResponseCode::new).transpose();
        let code = code.map_err(|error| invalid(py, "the response code", error))?;
        self.machine.refuse_message(code).map_err(|error| misuse(py, &error))
    }

    /// Removal is done, and this is what came of it. RFC 1939 section 6.
    ///
    /// Raises ``UsageError`` when no update waits for an answer.
    #[pyo3(signature = (outcome, /))]
    fn finish_update(&mut self, outcome: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = outcome.py();
        let outcome = match name_of(outcome)?.as_str() {
            "REMOVED" => UpdateOutcome::Removed,
            "SOME_NOT_REMOVED" => UpdateOutcome::SomeNotRemoved,
            other => return Err(usage(py, &format!("there is no outcome {other}"))),
        };
        self.machine.finish_update(outcome).map_err(|error| misuse(py, &error))
    }

    /// The handshake that ``StartTls`` asked for is done. RFC 2595 section 4.
    ///
    /// Raises ``UsageError`` when no handshake was asked for, and ``ProtocolError`` when octets came between
    /// STLS and the handshake.
    fn tls_established(&mut self, py: Python<'_>) -> PyResult<()> {
        if !self.input.is_empty(py) && self.machine.owes_answer() {
            self.next_event(py)?;
        }
        self.machine.handle_tls_established().map_err(|error| misuse(py, &error))
    }

    /// Ends the session as soon as nothing is owed. An update that has begun is finished; nothing else is
    /// removed.
    fn shut_down(&mut self) {
        self.machine.shut_down();
    }

    /// Tells the time, in seconds of the clock that ``began`` is of. Do it before ``receive_data``, and when the
    /// time that ``poll_timeout`` gave has come.
    #[pyo3(signature = (now, /))]
    fn handle_timeout(&mut self, py: Python<'_>, now: f64) -> PyResult<()> {
        self.machine.handle_timeout(self.clock.elapsed(py, now)?);
        Ok(())
    }

    /// When ``handle_timeout`` has to be called at the latest; a time that is over means at once.
    fn poll_timeout(&self) -> Option<f64> {
        self.machine.poll_timeout().map(|elapsed| self.clock.at(elapsed))
    }

    /// Where the session stands.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let name = match self.machine.state() {
            SessionState::Authorization => intern!(py, "AUTHORIZATION"),
            SessionState::Transaction => intern!(py, "TRANSACTION"),
            SessionState::Update => intern!(py, "UPDATE"),
            SessionState::Closed => intern!(py, "CLOSED"),
        };
        member!(py, "SessionState", name)
    }

    /// Whether TLS protects the session.
    #[getter]
    fn is_tls(&self) -> bool {
        self.machine.is_tls()
    }

    /// Whether the client has asked for UTF-8 mode. RFC 6856 section 2.
    #[getter]
    fn is_utf8(&self) -> bool {
        self.machine.is_utf8()
    }

    fn __repr__(&self) -> String {
        format!("<pop3.proto.Server, {}>", self.machine.state())
    }
}

impl Server {
    /// Whether more input would not help.
    fn is_paused(&self) -> bool {
        self.is_eof
            || self.machine.owes_answer()
            || self.machine.state() == SessionState::Closed
            || self.machine.poll_transmit().is_some()
    }
}

fn message_info(item: PyResult<Bound<'_, PyAny>>) -> PyResult<MessageInfo> {
    let item = item?;
    let (size, unique_id): (u64, String) = item.extract()?;
    let unique_id = UniqueId::new(unique_id).map_err(|error| invalid(item.py(), "a unique-id", error))?;
    Ok(MessageInfo { size: Octets(size), unique_id })
}

fn rejection(rejection: &Bound<'_, PyAny>) -> PyResult<Rejection> {
    Ok(match name_of(rejection)?.as_str() {
        "BAD_CREDENTIALS" => Rejection::BadCredentials,
        "IN_USE" => Rejection::InUse,
        "LOGIN_DELAY" => Rejection::LoginDelay,
        "PERMANENT" => Rejection::Permanent,
        "TEMPORARY" => Rejection::Temporary,
        "UNSUPPORTED_MECHANISM" => Rejection::UnsupportedMechanism,
        other => return Err(usage(rejection.py(), &format!("there is no rejection {other}"))),
    })
}

/// The name of an enum's member.
fn name_of(member: &Bound<'_, PyAny>) -> PyResult<String> {
    member.getattr(intern!(member.py(), "name"))?.extract()
}

fn no_message(py: Python<'_>) -> PyErr {
    usage(py, "no message was begun")
}
