use alloc::{borrow::Cow, vec::Vec};

use zeroize::Zeroize;

use super::{
    CommandId, Config, Event, PeerMisbehaved, PipeliningPolicy, SessionState, UsageError,
    config::is_sendable,
    error::Excerpt,
    lines::{mechanism, odd_line, single_line_event},
    outstanding::{Fifo, Outstanding},
    progress::Progress,
};
use crate::{
    body::{BodyDecoder, BodyPiece},
    encode,
    framing::{Framed, LineFramer},
    grammar,
    machine::{Elapsed, Machine},
    outgoing::Outgoing,
    types::{Capability, Command, Keyword, Secret},
};

/// The client's side of a session: sends commands, and matches what comes back to them in order.
#[derive(Debug)]
pub struct Client {
    config: Config,
    state: SessionState,
    reading: Reading,
    /// Reused by every message.
    decoder: BodyDecoder,
    outstanding: Fifo,
    out: Outgoing,
    framer: LineFramer,
    is_pipelining: bool,
    is_utf8: bool,
    auth: Auth,
    is_eof: bool,
    progress: Progress,
}

/// What the next octet belongs to.
#[derive(Debug, Clone)]
enum Reading {
    FirstLine,
    Listing {
        lines: usize,
    },
    Body,
    /// STLS was agreed on; the event is still to be given out.
    TlsAgreed,
    TlsHandshake,
    Failed(PeerMisbehaved),
}

/// Whose turn it is in a SASL exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    ServersTurn,
    OurTurn,
    /// It was given up: only a `-ERR` can come.
    Cancelled,
}

impl Client {
    /// A session that waits for the greeting.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            decoder: BodyDecoder::new(config.line_ends),
            config,
            state: SessionState::Greeting,
            reading: Reading::FirstLine,
            outstanding: Fifo::default(),
            out: Outgoing::default(),
            framer: LineFramer::new(),
            is_pipelining: false,
            is_utf8: false,
            auth: Auth::ServersTurn,
            is_eof: false,
            progress: Progress::default(),
        }
    }

    /// Queues a command. May be called again before its response, as far as PIPELINING allows.
    ///
    /// # Errors
    ///
    /// [`UsageError`] says why not; then nothing was queued.
    pub fn send(&mut self, command: &Command<'_>) -> Result<CommandId, UsageError> {
        self.check_sendable(command.keyword())?;
        encode::command(command, self.out.queue())?;
        if command.keyword() == Keyword::Quit {
            self.state = match self.state {
                SessionState::Transaction => SessionState::Update,
                state => state,
            };
        }
        Ok(self.outstanding.push(command))
    }

    fn check_sendable(&self, keyword: Keyword) -> Result<(), UsageError> {
        match self.reading {
            Reading::Failed(_) => return Err(UsageError::Closed),
            Reading::TlsAgreed | Reading::TlsHandshake => return Err(UsageError::TlsHandshakePending),
            _ => {}
        }
        if self.is_eof {
            return Err(UsageError::Closed);
        }
        match self.state {
            SessionState::Greeting => return Err(UsageError::GreetingPending),
            SessionState::Update | SessionState::Closed => return Err(UsageError::Closed),
            state if !is_sendable(state, keyword) => return Err(UsageError::WrongState(state)),
            _ => {}
        }
        let is_utf8 = self.is_utf8 || self.outstanding.contains(Keyword::Utf8);
        if keyword == Keyword::Stls && is_utf8 {
            return Err(UsageError::StlsAfterUtf8);
        }
        if self.outstanding.is_empty() {
            return Ok(());
        }
        if self.outstanding.has_barrier() || matches!(keyword, Keyword::Auth | Keyword::Stls) {
            return Err(UsageError::NotPipelinable);
        }
        match self.config.pipelining {
            PipeliningPolicy::Always => {}
            PipeliningPolicy::WhenAdvertised if self.is_pipelining => {}
            PipeliningPolicy::WhenAdvertised => return Err(UsageError::PipeliningNotAdvertised),
            PipeliningPolicy::Never => return Err(UsageError::NotPipelinable),
        }
        if self.outstanding.len() >= self.config.max_outstanding {
            return Err(UsageError::TooManyOutstanding);
        }
        Ok(())
    }

    /// Answers a challenge; base64 is the machine's business. RFC 5034 section 4.
    ///
    /// # Errors
    ///
    /// [`UsageError::NoChallenge`] when none waits.
    #[allow(clippy::needless_pass_by_value, reason = "a secret is handed over, not looked at")]
    pub fn respond(&mut self, response: Secret<&[u8]>) -> Result<(), UsageError> {
        self.take_turn(Auth::ServersTurn)?;
        encode::sasl_response(response.expose(), self.out.queue());
        Ok(())
    }

    /// Gives the SASL exchange up; the server answers `-ERR`. RFC 5034 section 4.
    ///
    /// # Errors
    ///
    /// [`UsageError::NoChallenge`] when no challenge waits.
    pub fn cancel_auth(&mut self) -> Result<(), UsageError> {
        self.take_turn(Auth::Cancelled)?;
        self.out.queue().extend_from_slice(b"*\r\n");
        Ok(())
    }

    fn take_turn(&mut self, next: Auth) -> Result<(), UsageError> {
        if self.auth != Auth::OurTurn {
            return Err(UsageError::NoChallenge);
        }
        self.auth = next;
        Ok(())
    }

    /// The handshake that [`Event::StartTls`] asked for is done. All that was learned before is
    /// forgotten; no greeting comes. RFC 2595 section 4.
    ///
    /// # Errors
    ///
    /// [`UsageError::NotPipelinable`] when no handshake was asked for.
    pub fn handle_tls_established(&mut self) -> Result<(), UsageError> {
        if !matches!(self.reading, Reading::TlsHandshake) {
            return Err(UsageError::NotPipelinable);
        }
        self.reading = Reading::FirstLine;
        self.framer.clear();
        self.is_pipelining = false;
        Ok(())
    }

    /// Sets [`Config::max_message`], for the message that is being received and those after it.
    pub const fn set_max_message(&mut self, octets: u64) {
        self.config.max_message = octets;
    }

    /// Where the session stands.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        self.state
    }

    /// How many commands wait for the end of their answer.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether a line has begun to come that is not ended yet.
    #[must_use]
    pub const fn is_mid_line(&self) -> bool {
        self.framer.is_mid_line()
    }

    /// Whether another command may be sent while one is unanswered.
    #[must_use]
    pub const fn may_pipeline(&self) -> bool {
        match self.config.pipelining {
            PipeliningPolicy::Never => false,
            PipeliningPolicy::WhenAdvertised => self.is_pipelining,
            PipeliningPolicy::Always => true,
        }
    }

    fn on_line<'i>(&mut self, line: Cow<'i, [u8]>) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        match line {
            Cow::Borrowed(line) => self.on_octets(line),
            Cow::Owned(mut line) => {
                let event = self.on_octets(&line).map(|event| event.and_then(Event::into_owned));
                line.zeroize();
                event
            }
        }
    }

    fn on_octets<'i>(&mut self, line: &'i [u8]) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        if self.state == SessionState::Greeting {
            return self.on_greeting(line).map(Some);
        }
        let Some(command) = self.outstanding.first() else {
            return Err(PeerMisbehaved::UnsolicitedResponse);
        };
        match self.reading {
            Reading::Listing { lines } => self.on_listing_line(line, lines, command),
            _ => self.on_first_line(line, command),
        }
    }

    fn on_greeting<'i>(&mut self, line: &'i [u8]) -> Result<Event<'i>, PeerMisbehaved> {
        let response = grammar::response(line).ok_or(PeerMisbehaved::NotAGreeting(Excerpt::of(line)))?;
        self.state = if response.is_ok() { SessionState::Authorization } else { SessionState::Closed };
        self.progress = Progress::default();
        let timestamp = response.is_ok().then(|| grammar::greeting_timestamp(line)).flatten();
        Ok(Event::Greeting { timestamp: timestamp.map(Cow::Borrowed), response })
    }

    fn on_first_line<'i>(
        &mut self,
        line: &'i [u8],
        command: Outstanding,
    ) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        let id = command.id;
        if command.is_exchange()
            && let Some(challenge) = grammar::challenge(line)
        {
            return self.on_challenge(challenge, id);
        }
        let response = grammar::response(line).ok_or(PeerMisbehaved::NoStatusIndicator)?;
        if !response.is_ok() {
            self.finish(command, false);
            return Ok(Some(Event::Response { id, response, is_last: true }));
        }
        if self.auth == Auth::Cancelled {
            return Err(PeerMisbehaved::UnsolicitedResponse);
        }
        if command.is_multi_line {
            self.reading = match command.keyword {
                Keyword::Retr | Keyword::Top => {
                    self.decoder.restart();
                    Reading::Body
                }
                _ => Reading::Listing { lines: 0 },
            };
            if command.keyword == Keyword::Capa {
                self.is_pipelining = false;
            }
            return Ok(Some(Event::Response { id, response, is_last: false }));
        }
        let payload = line.get(3..).unwrap_or_default();
        let event = single_line_event(&response, payload, command)?;
        self.finish(command, true);
        Ok(Some(event.unwrap_or(Event::Response { id, response, is_last: true })))
    }

    /// `None` is a challenge that is no base64.
    fn on_challenge<'i>(
        &mut self,
        challenge: Option<Vec<u8>>,
        id: CommandId,
    ) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        if self.auth == Auth::Cancelled {
            return Err(PeerMisbehaved::UnsolicitedResponse);
        }
        let Some(challenge) = challenge else {
            // RFC 5034 section 4 has the client give the exchange up. The -ERR that follows tells the caller.
            self.auth = Auth::Cancelled;
            self.out.queue().extend_from_slice(b"*\r\n");
            return Ok(None);
        };
        self.auth = Auth::OurTurn;
        Ok(Some(Event::Challenge { id, challenge: Secret::new(Cow::Owned(challenge)) }))
    }

    /// The last line of a command's answer is in.
    fn finish(&mut self, command: Outstanding, is_ok: bool) {
        self.outstanding.pop();
        self.progress = Progress::default();
        self.reading = Reading::FirstLine;
        match command.keyword {
            Keyword::Auth if !command.is_exchange() => {}
            Keyword::Utf8 => self.is_utf8 |= is_ok,
            Keyword::Pass | Keyword::Apop | Keyword::Auth => {
                self.auth = Auth::ServersTurn;
                if is_ok {
                    self.state = SessionState::Transaction;
                }
            }
            Keyword::Stls if is_ok => self.reading = Reading::TlsAgreed,
            Keyword::Quit => self.state = SessionState::Closed,
            _ => {}
        }
    }

    fn on_listing_line<'i>(
        &mut self,
        line: &'i [u8],
        lines: usize,
        command: Outstanding,
    ) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        let (id, keyword) = (command.id, command.keyword);
        if line == b"." {
            self.finish(command, true);
            return Ok(Some(Event::End { id }));
        }
        if lines >= self.config.max_listing {
            return Err(PeerMisbehaved::ListingTooLong { keyword, limit: self.config.max_listing });
        }
        self.reading = Reading::Listing { lines: lines.saturating_add(1) };
        let line = line.strip_prefix(b".").unwrap_or(line);
        Ok(match keyword {
            Keyword::List => match grammar::scan_listing(line) {
                Some(listing) => Some(Event::ScanListing { id, listing }),
                None => odd_line(line, command)?,
            },
            Keyword::Uidl => match grammar::unique_id_listing(line) {
                Some(listing) => Some(Event::UniqueIdListing { id, listing }),
                None => odd_line(line, command)?,
            },
            Keyword::Lang => grammar::language(line).map(|language| Event::Language { id, language }),
            Keyword::Auth => mechanism(line).map(|mechanism| Event::Mechanism { id, mechanism }),
            _ => {
                let capability = grammar::capability(line);
                self.is_pipelining |= capability == Some(Capability::Pipelining);
                capability.map(|capability| Event::Capability { id, capability })
            }
        })
    }

    fn fail(&mut self, error: PeerMisbehaved) -> PeerMisbehaved {
        self.reading = Reading::Failed(error);
        self.state = SessionState::Closed;
        self.auth = Auth::ServersTurn;
        self.out.clear();
        error
    }

    /// What can be said without a whole line; `Ok(None)` sends the input on to the framer.
    fn next_without_line<'i>(&mut self, input: &mut &'i [u8]) -> Result<Step<'i>, PeerMisbehaved> {
        match &mut self.reading {
            Reading::Failed(error) => Err(*error),
            Reading::TlsAgreed | Reading::TlsHandshake if !input.is_empty() => {
                Err(PeerMisbehaved::PlaintextAfterStls)
            }
            Reading::TlsAgreed => {
                self.reading = Reading::TlsHandshake;
                Ok(Step::Event(Event::StartTls))
            }
            Reading::TlsHandshake => Ok(Step::Wait),
            Reading::Body => {
                let Some(command) = self.outstanding.first() else { return Ok(Step::Wait) };
                let id = command.id;
                Ok(match self.decoder.next(input) {
                    Some(BodyPiece::Chunk(chunk)) => {
                        self.progress.take_message(chunk, self.config.max_message)?;
                        Step::Event(Event::MessageChunk { id, chunk })
                    }
                    Some(BodyPiece::End) => {
                        self.finish(command, true);
                        Step::Event(Event::End { id })
                    }
                    None => Step::Wait,
                })
            }
            // While our answer to a challenge is owed, nothing can rightly come.
            Reading::FirstLine | Reading::Listing { .. } if self.auth == Auth::OurTurn => Ok(Step::Wait),
            Reading::FirstLine | Reading::Listing { .. } => Ok(Step::Line),
        }
    }

    fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        loop {
            match self.next_without_line(input)? {
                Step::Event(event) => return Ok(Some(event)),
                Step::Wait => return self.at_end(input),
                Step::Line => {}
            }
            let limit = self.line_limit();
            match self.framer.next(input, |_| limit) {
                None => return self.at_end(input),
                Some(Framed::TooLong | Framed::Endless) => {
                    return Err(PeerMisbehaved::LineTooLong { limit });
                }
                Some(Framed::Line { line, .. }) => {
                    if let Some(event) = self.on_line(line)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn line_limit(&self) -> usize {
        let max_line = self.config.max_line;
        match self.outstanding.first() {
            Some(command) if command.is_exchange() => max_line.max(self.config.max_challenge),
            _ => max_line,
        }
    }

    /// The input is used up; is that the end of a session that may end here?
    fn at_end(&mut self, input: &[u8]) -> Result<Option<Event<'static>>, PeerMisbehaved> {
        if !self.is_eof || !input.is_empty() {
            return Ok(None);
        }
        self.is_eof = false;
        let is_clean = self.outstanding.is_empty()
            && !self.framer.is_mid_line()
            && matches!(self.reading, Reading::FirstLine)
            && self.state != SessionState::Greeting;
        if !is_clean {
            return Err(PeerMisbehaved::UnexpectedEof);
        }
        self.state = SessionState::Closed;
        Ok(Some(Event::Closed))
    }
}

enum Step<'i> {
    Event(Event<'i>),
    Line,
    Wait,
}

impl Machine for Client {
    type Event<'i> = Event<'i>;
    type Error = PeerMisbehaved;

    fn next_event<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        let before = input.len();
        if !matches!(self.reading, Reading::Failed(_)) {
            self.progress.check(self.config.pace, before).map_err(|error| self.fail(error))?;
        }
        let event = self.next(input).map_err(|error| self.fail(error))?;
        self.progress.take(before.saturating_sub(input.len()));
        Ok(event)
    }

    /// What is left of the input is still read; then comes [`Event::Closed`] or an error.
    fn handle_eof(&mut self) -> Result<(), PeerMisbehaved> {
        self.is_eof = true;
        Ok(())
    }

    fn poll_transmit(&self) -> Option<&[u8]> {
        self.out.pending()
    }

    fn handle_transmitted(&mut self, count: usize) {
        self.out.transmitted(count);
    }

    /// The client has no timer of its own: how long to wait is the driver's business.
    fn poll_timeout(&self) -> Option<Elapsed> {
        None
    }

    fn handle_timeout(&mut self, _now: Elapsed) {}

    fn handle_waited(&mut self, waited: Elapsed) {
        self.progress.wait(waited);
    }
}
