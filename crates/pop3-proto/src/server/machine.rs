use alloc::{borrow::Cow, boxed::Box, format};

use zeroize::Zeroize;

use super::{
    CloseReason, Config, Connection, Event, Extent, InvalidPolicy, MarkedMaildrop, PeerMisbehaved,
    SessionState,
    listing::Listing,
    text::{Catalogue, Text},
};
use crate::{
    framing::{Framed, LineEnd, LineFramer},
    machine::{Elapsed, Machine},
    outgoing::Outgoing,
    types::{Expire, MessageNumber},
};

/// The server's side of a session.
///
/// Answers CAPA, NOOP, STAT, LIST, UIDL, DELE, RSET, bad syntax and wrong states by itself, from the
/// maildrop it was given. Events are the questions only the outside can answer.
#[derive(Debug)]
pub struct Server {
    pub(super) config: Config,
    pub(super) connection: Connection,
    pub(super) phase: Phase,
    pub(super) maildrop: Option<Box<MarkedMaildrop>>,
    /// The name that USER gave, until PASS or something else comes.
    pub(super) user: Option<Box<str>>,
    pub(super) is_utf8: bool,
    pub(super) language: Catalogue,
    pub(super) login_delay: Option<u32>,
    pub(super) expire: Option<Expire>,
    pub(super) out: Outgoing,
    pub(super) listing: Option<Listing>,
    pub(super) errors: Errors,
    pub(super) close: Option<CloseReason>,
    framer: LineFramer,
    clock: Clock,
    is_eof: bool,
    pub(super) is_shutting_down: bool,
}

/// What the machine waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A command line.
    Command,
    /// An answer to `Login` or `SaslResponse`; in an exchange, so many challenges were sent.
    LoginOwed { rounds: Option<u32> },
    /// The client's answer to a challenge.
    SaslLine { rounds: u32 },
    /// An answer to `Retrieve`.
    RetrieveOwed { number: MessageNumber, extent: Extent },
    /// The end of a message that passes by.
    Sending { number: MessageNumber, extent: Extent },
    /// The TLS handshake.
    TlsOwed,
    /// An answer to `Update`.
    UpdateOwed { is_empty: bool },
    /// Nothing.
    Closed,
    /// Nothing, because of this.
    Failed(PeerMisbehaved),
}

/// What counts towards closing.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// Wrong commands since the last right one.
    pub(super) in_a_row: u32,
    /// The message that was refused last.
    pub(super) refused: Option<MessageNumber>,
    pub(super) failed_logins: u32,
    pub(super) long_lines: u32,
}

#[derive(Debug, Default)]
struct Clock {
    now: Elapsed,
    last_activity: Elapsed,
    /// The outside was busy for a time it has not told: what it tells next is when the client was last
    /// served.
    is_stale: bool,
}

/// Output that waits while more commands are taken; beyond it, the client has to read first.
const HIGH_WATER: usize = 4 * 1024;

impl Server {
    /// A session that begins with the greeting.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy::NoLogin`] when nothing would let anybody log in over such a connection;
    /// [`InvalidPolicy::Timestamp`] when the timestamp for APOP is none.
    pub fn new(config: Config, connection: Connection) -> Result<Self, InvalidPolicy> {
        if !config.can_log_in(&connection) {
            return Err(InvalidPolicy::NoLogin);
        }
        if !connection.is_timestamp_good() {
            return Err(InvalidPolicy::Timestamp);
        }
        let language = config.languages.first().copied().unwrap_or(Catalogue::ENGLISH);
        let mut this = Self {
            config,
            connection,
            phase: Phase::Command,
            maildrop: None,
            user: None,
            is_utf8: false,
            language,
            login_delay: None,
            expire: None,
            out: Outgoing::default(),
            listing: None,
            errors: Errors::default(),
            close: None,
            framer: LineFramer::new(),
            clock: Clock::default(),
            is_eof: false,
            is_shutting_down: false,
        };
        this.greet();
        Ok(this)
    }

    fn greet(&mut self) {
        let text = match &self.connection.apop_timestamp {
            Some(timestamp) => format!("{} {timestamp}", self.config.greeting).into_boxed_str(),
            None => self.config.greeting.clone(),
        };
        self.ok_with(&text);
    }

    /// Where the session stands.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        match self.phase {
            Phase::Closed | Phase::Failed(_) => SessionState::Closed,
            // The reason is known, the event is still to be given out.
            _ if self.close.is_some() => SessionState::Closed,
            Phase::UpdateOwed { .. } => SessionState::Update,
            _ if self.maildrop.is_some() => SessionState::Transaction,
            _ => SessionState::Authorization,
        }
    }

    /// Whether TLS protects the session.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.connection.is_tls
    }

    /// Whether the client has asked for UTF-8 mode. RFC 6856 section 2.
    #[must_use]
    pub const fn is_utf8(&self) -> bool {
        self.is_utf8
    }

    /// Ends the session as soon as nothing is owed: an UPDATE that has begun is finished, nothing else is
    /// removed.
    pub const fn shut_down(&mut self) {
        self.is_shutting_down = true;
    }

    /// Whether the outside owes an answer, so that no command is read and no timer runs.
    #[must_use]
    pub const fn owes_answer(&self) -> bool {
        matches!(
            self.phase,
            Phase::LoginOwed { .. }
                | Phase::RetrieveOwed { .. }
                | Phase::Sending { .. }
                | Phase::UpdateOwed { .. }
                | Phase::TlsOwed
        )
    }

    /// The reason to close now, if there is one and nothing is owed.
    fn due_close(&mut self) -> Option<CloseReason> {
        if matches!(self.phase, Phase::Closed | Phase::Failed(_)) {
            return None;
        }
        if let Some(reason) = self.close {
            return Some(reason);
        }
        let is_idle = self.listing.is_none() && (!self.owes_answer() || self.phase == Phase::TlsOwed);
        (self.is_shutting_down && is_idle).then_some(CloseReason::ShuttingDown)
    }

    fn fail(&mut self, error: PeerMisbehaved) -> PeerMisbehaved {
        self.phase = Phase::Failed(error);
        self.maildrop = None;
        self.listing = None;
        if error == PeerMisbehaved::PlaintextAfterStls {
            // Nobody may be told to begin TLS. What an endless line was answered may still go out.
            self.out.clear();
        }
        error
    }

    /// The outside has answered: the next command may come, and the timer runs again.
    pub(super) const fn resume(&mut self) {
        self.phase = Phase::Command;
        self.clock.is_stale = true;
    }

    fn on_framed<'i>(&mut self, framed: Framed<'i>) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        self.clock.last_activity = self.clock.now;
        match framed {
            Framed::Line { line, end } if end == LineEnd::Crlf || self.config.accept_lf => {
                Ok(self.on_line(line))
            }
            Framed::Line { .. } => Ok(self.on_bad_line(Text::BadArguments)),
            Framed::TooLong => Ok(self.on_long_line()),
            Framed::Endless => Err(self.fail(PeerMisbehaved::EndlessLine)),
        }
    }

    fn on_line<'i>(&mut self, line: Cow<'i, [u8]>) -> Option<Event<'i>> {
        match line {
            Cow::Borrowed(line) => self.on_octets(line),
            Cow::Owned(mut line) => {
                let event = self.on_octets(&line).map(Event::into_owned);
                line.zeroize();
                event
            }
        }
    }

    fn on_octets<'i>(&mut self, line: &'i [u8]) -> Option<Event<'i>> {
        match self.phase {
            Phase::SaslLine { rounds } => self.on_sasl_line(line, rounds),
            _ => self.on_command_line(line),
        }
    }

    fn on_long_line(&mut self) -> Option<Event<'static>> {
        self.errors.long_lines = self.errors.long_lines.saturating_add(1);
        let is_exchange = matches!(self.phase, Phase::SaslLine { .. });
        if is_exchange || self.errors.long_lines >= self.config.max_long_lines {
            self.close = Some(CloseReason::TooManyErrors);
        }
        self.on_bad_line(Text::LineTooLong)
    }

    /// A line that cannot be looked into; a SASL exchange does not survive it.
    fn on_bad_line(&mut self, text: Text) -> Option<Event<'static>> {
        self.user = None;
        self.wrong(text);
        if matches!(self.phase, Phase::SaslLine { .. }) {
            self.phase = Phase::Command;
            return Some(Event::SaslCancelled);
        }
        None
    }
}

impl Machine for Server {
    type Event<'i> = Event<'i>;
    type Error = PeerMisbehaved;

    fn next_event<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Event<'i>>, PeerMisbehaved> {
        loop {
            if let Some(reason) = self.due_close() {
                self.phase = Phase::Closed;
                self.maildrop = None;
                return Ok(Some(Event::Close(reason)));
            }
            match self.phase {
                Phase::Command | Phase::SaslLine { .. } => {}
                Phase::Failed(error) => return Err(error),
                Phase::Closed => {
                    *input = &[];
                    return Ok(None);
                }
                Phase::TlsOwed if !input.is_empty() => {
                    return Err(self.fail(PeerMisbehaved::PlaintextAfterStls));
                }
                Phase::TlsOwed if self.is_eof => {
                    self.close = Some(CloseReason::Eof);
                    continue;
                }
                _ => return Ok(None),
            }
            if self.listing.is_some() || self.out.len() >= HIGH_WATER {
                return Ok(None);
            }
            let limit = line_limit(&self.config, self.phase);
            let Some(framed) = self.framer.next(input, limit) else {
                if self.is_eof {
                    self.close = Some(CloseReason::Eof);
                    continue;
                }
                return Ok(None);
            };
            let event = self.on_framed(framed)?;
            if self.phase == Phase::TlsOwed {
                self.framer.clear();
                if !input.is_empty() {
                    return Err(self.fail(PeerMisbehaved::PlaintextAfterStls));
                }
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn handle_eof(&mut self) -> Result<(), PeerMisbehaved> {
        self.is_eof = true;
        Ok(())
    }

    fn poll_transmit(&self) -> Option<&[u8]> {
        self.out.pending()
    }

    fn handle_transmitted(&mut self, count: usize) {
        if count > 0 {
            // A client that reads, however slowly, is not idle.
            self.clock.last_activity = self.clock.now;
            self.clock.is_stale |= self.listing.is_some();
        }
        self.out.transmitted(count);
        if self.out.len() == 0 {
            self.refill_listing();
        }
    }

    fn poll_timeout(&self) -> Option<Elapsed> {
        if self.owes_answer() && self.phase != Phase::TlsOwed || self.state() == SessionState::Closed {
            return None;
        }
        if self.clock.is_stale {
            return Some(self.clock.now);
        }
        let after = |duration| self.clock.last_activity.saturating_add(Elapsed(duration));
        Some(if self.maildrop.is_some() {
            after(self.config.autologout)
        } else {
            after(self.config.authorization_idle).min(Elapsed(self.config.authorization_total))
        })
    }

    fn handle_timeout(&mut self, now: Elapsed) {
        self.clock.now = self.clock.now.max(now);
        if core::mem::take(&mut self.clock.is_stale) {
            self.clock.last_activity = self.clock.now;
        }
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            // Without a word: what came now could pass for the answer to the client's next command.
            self.close = Some(CloseReason::Autologout);
            self.out.clear();
            self.listing = None;
        }
    }
}

/// How long a line may be, by its first octets. RFC 2449 section 4, RFC 5034 section 4.
fn line_limit(config: &Config, phase: Phase) -> impl Fn(&[u8]) -> usize {
    let (command, auth, sasl) = (config.max_line, config.max_auth_line, config.max_sasl_line);
    move |start| match phase {
        Phase::SaslLine { .. } => sasl,
        _ if start.get(..4).is_some_and(|keyword| keyword.eq_ignore_ascii_case(b"AUTH")) => auth,
        _ => command,
    }
}
