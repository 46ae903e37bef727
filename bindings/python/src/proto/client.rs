use pop3_proto::{
    body::LineEnds,
    client::{Client as Machine, Config, Event, PipeliningPolicy, SessionState},
    machine::Machine as _,
    types::Secret,
};
use pyo3::{intern, prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use super::{
    client_event::{CommandIds, to_python},
    clock::Clock,
    command::command,
    input::Input,
    take_output, wait,
};
use crate::{
    classes::member,
    errors::{misuse, server_misbehaved, usage},
};

/// The client's side of a session: sends commands, and matches what comes back to them in order.
///
/// ``max_line`` and ``max_challenge`` are octets of one line, its end included; ``max_listing`` is lines of one
/// listing; ``max_outstanding`` is commands on the wire. ``accept_lf`` takes LF alone as a line end, for
/// servers that send it. ``began`` is the time of the clock that ``handle_timeout`` will be told.
///
/// Not for several threads at once.
#[pyclass(module = "pop3.proto")]
pub(crate) struct Client {
    machine: Machine,
    input: Input,
    ids: CommandIds,
    clock: Clock,
    /// A challenge or the TLS handshake waits for the application.
    is_our_turn: bool,
    is_eof: bool,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        *, pipelining = None, max_line = 8192, max_challenge = 65536, max_listing = 10_000_000,
        max_outstanding = 128, accept_lf = false, began = 0.0
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        pipelining: Option<&Bound<'_, PyAny>>,
        max_line: usize,
        max_challenge: usize,
        max_listing: usize,
        max_outstanding: usize,
        accept_lf: bool,
        began: f64,
    ) -> PyResult<Self> {
        let mut config = Config::default();
        config.pipelining = pipelining.map_or(Ok(config.pipelining), pipelining_policy)?;
        config.max_line = max_line;
        config.max_challenge = max_challenge;
        config.max_listing = max_listing;
        config.max_outstanding = max_outstanding;
        config.line_ends = if accept_lf { LineEnds::Lenient } else { LineEnds::Strict };
        Ok(Self {
            machine: Machine::new(config),
            input: Input::default(),
            ids: CommandIds::default(),
            clock: Clock::new(py, began)?,
            is_our_turn: false,
            is_eof: false,
        })
    }

    /// Takes octets that the server sent; none of them, ``b""``, says that it closed its half.
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
            self.machine.handle_eof().map_err(|error| server_misbehaved(py, error, error.to_string()))?;
        }
        Ok(())
    }

    /// The next event, or ``NEED_DATA`` or ``PAUSED``.
    ///
    /// Raises ``ProtocolError`` when the server broke the protocol, and ``ConnectionClosed`` when it closed
    /// where it may not; every later call does so again.
    fn next_event<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut rest = self.input.unread(py);
        let before = rest.len();
        let object = match self.machine.next_event(&mut rest) {
            Err(error) => Err(server_misbehaved(py, error, error.to_string())),
            Ok(Some(event)) => {
                self.is_our_turn = matches!(event, Event::Challenge { .. } | Event::StartTls);
                to_python(py, event, &mut self.ids)
            }
            Ok(None) => wait(py, self.is_paused() || !rest.is_empty()),
        };
        let used = before - rest.len();
        self.input.consume(py, used);
        object
    }

    /// Octets to write now, at most about 64 KiB; they count as written. Call it until it gives ``b""``.
    fn data_to_send<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        take_output(py, &mut self.machine)
    }

    /// Queues a command, and gives the id that its events will carry.
    ///
    /// May be called again before the answer has come, as far as PIPELINING allows. RFC 2449 section 6.6.
    ///
    /// Raises ``UsageError`` when the command cannot be sent now; then nothing was queued.
    #[pyo3(signature = (command, /))]
    fn send(&mut self, command: &Bound<'_, PyAny>) -> PyResult<u64> {
        let py = command.py();
        let sent = self.machine.send(&self::command(command)?).map_err(|error| misuse(py, &error))?;
        Ok(self.ids.push(sent))
    }

    /// Answers a ``Challenge``; base64 is the machine's business. RFC 5034 section 4.
    ///
    /// Raises ``UsageError`` when none waits.
    #[pyo3(signature = (response, /))]
    fn respond(&mut self, py: Python<'_>, response: PyBackedBytes) -> PyResult<()> {
        self.machine.respond(Secret::new(&*response)).map_err(|error| misuse(py, &error))?;
        self.is_our_turn = false;
        Ok(())
    }

    /// Gives the SASL exchange up; the server answers ``-ERR``. RFC 5034 section 4.
    ///
    /// Raises ``UsageError`` when no challenge waits.
    fn cancel_auth(&mut self, py: Python<'_>) -> PyResult<()> {
        self.machine.cancel_auth().map_err(|error| misuse(py, &error))?;
        self.is_our_turn = false;
        Ok(())
    }

    /// The handshake that ``StartTls`` asked for is done. What was learned before is forgotten; ask for the
    /// capabilities again. RFC 2595 section 4.
    ///
    /// Raises ``UsageError`` when no handshake was asked for, and ``ProtocolError`` when octets came between
    /// the answer to STLS and the handshake.
    fn tls_established(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.is_our_turn && !self.input.is_empty(py) {
            self.next_event(py)?;
        }
        self.machine.handle_tls_established().map_err(|error| misuse(py, &error))?;
        self.is_our_turn = false;
        Ok(())
    }

    /// Tells the time, in seconds of the clock that ``began`` is of.
    #[pyo3(signature = (now, /))]
    fn handle_timeout(&mut self, py: Python<'_>, now: f64) -> PyResult<()> {
        self.machine.handle_timeout(self.clock.elapsed(py, now)?);
        Ok(())
    }

    /// When ``handle_timeout`` has to be called; ``None`` for a client: how long to wait is your business.
    fn poll_timeout(&self) -> Option<f64> {
        self.machine.poll_timeout().map(|elapsed| self.clock.at(elapsed))
    }

    /// Where the session stands, as far as this side knows.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let name = match self.machine.state() {
            SessionState::Greeting => intern!(py, "GREETING"),
            SessionState::Authorization => intern!(py, "AUTHORIZATION"),
            SessionState::Transaction => intern!(py, "TRANSACTION"),
            SessionState::Update => intern!(py, "UPDATE"),
            SessionState::Closed => intern!(py, "CLOSED"),
        };
        member!(py, "SessionState", name)
    }

    /// How many commands wait for the end of their answer.
    #[getter]
    fn outstanding(&self) -> usize {
        self.machine.outstanding()
    }

    /// Whether another command may be sent while one is unanswered. RFC 2449 section 6.6.
    #[getter]
    fn may_pipeline(&self) -> bool {
        self.machine.may_pipeline()
    }

    fn __repr__(&self) -> String {
        format!("<pop3.proto.Client, {}, {} outstanding>", self.machine.state(), self.machine.outstanding())
    }
}

impl Client {
    /// Whether more input would not help.
    fn is_paused(&self) -> bool {
        self.is_our_turn || self.is_eof || self.machine.poll_transmit().is_some()
    }
}

fn pipelining_policy(policy: &Bound<'_, PyAny>) -> PyResult<PipeliningPolicy> {
    let name: String = policy.getattr("name")?.extract()?;
    Ok(match name.as_str() {
        "NEVER" => PipeliningPolicy::Never,
        "ALWAYS" => PipeliningPolicy::Always,
        _ => PipeliningPolicy::WhenAdvertised,
    })
}
