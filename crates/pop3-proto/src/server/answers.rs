use super::{
    Accepted, CloseReason, Event, Extent, Login, MarkedMaildrop, Rejection, Server, UpdateOutcome,
    UsageError, machine::Phase, text::Text,
};
use crate::{
    body::BodyEncoder,
    encode,
    types::{ResponseCode, Secret},
};
use alloc::{borrow::Cow, boxed::Box, format};

/// The outside's answers to events.
impl Server {
    /// The login succeeded and the maildrop is open and locked: `+OK`, and the session is in TRANSACTION.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no login waits for an answer.
    pub fn accept(&mut self, accepted: impl Into<Accepted>) -> Result<(), UsageError> {
        self.expect_login()?;
        self.resume();
        if self.is_shutting_down {
            self.err(Some(ResponseCode::SysTemp), Text::ShuttingDown);
            return Ok(());
        }
        let accepted = accepted.into();
        self.maildrop = Some(Box::new(MarkedMaildrop::new(accepted.maildrop)));
        self.login_delay = accepted.login_delay;
        self.expire = accepted.expire;
        self.errors.in_a_row = 0;
        self.ok(Text::LoggedIn);
        Ok(())
    }

    /// The login failed: `-ERR` with the code that says whose fault it was. RFC 3206.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no login waits for an answer.
    pub fn reject(&mut self, rejection: Rejection) -> Result<(), UsageError> {
        self.expect_login()?;
        self.resume();
        match rejection {
            Rejection::BadCredentials => self.err(Some(ResponseCode::Auth), Text::BadCredentials),
            Rejection::InUse => self.err(Some(ResponseCode::InUse), Text::InUse),
            Rejection::LoginDelay => self.err(Some(ResponseCode::LoginDelay), Text::LoginDelay),
            Rejection::Permanent => self.err(Some(ResponseCode::SysPerm), Text::Permanent),
            Rejection::Temporary => self.err(Some(ResponseCode::SysTemp), Text::Temporary),
            Rejection::UnsupportedMechanism => self.wrong(Text::NoMechanism),
        }
        if rejection == Rejection::BadCredentials {
            self.errors.failed_logins = self.errors.failed_logins.saturating_add(1);
            if self.errors.failed_logins >= self.config.max_failed_logins {
                self.close = Some(CloseReason::FailedLogins);
            }
        }
        Ok(())
    }

    /// The mechanism has something to say; the client's answer comes as [`Event::SaslResponse`].
    /// RFC 5034 section 4.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no SASL login waits for an answer.
    pub fn challenge(&mut self, challenge: &[u8]) -> Result<(), UsageError> {
        match self.phase {
            Phase::LoginOwed { rounds: Some(rounds) } => {
                encode::challenge(challenge, self.out.queue());
                self.resume();
                self.phase = Phase::SaslLine { rounds: rounds.saturating_add(1) };
                Ok(())
            }
            Phase::LoginOwed { rounds: None } => Err(UsageError::WrongAnswer),
            _ => Err(self.no_such_question()),
        }
    }

    fn expect_login(&self) -> Result<(), UsageError> {
        match self.phase {
            Phase::LoginOwed { .. } => Ok(()),
            _ => Err(self.no_such_question()),
        }
    }

    const fn no_such_question(&self) -> UsageError {
        if self.owes_answer() { UsageError::WrongAnswer } else { UsageError::NothingToAnswer }
    }

    /// Queues `+OK`. The body goes from the store through the encoder to the transport, behind what
    /// [`poll_transmit`](crate::machine::Machine::poll_transmit) gives; it never enters the machine.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no retrieval waits for an answer.
    pub fn begin_message(&mut self) -> Result<BodyEncoder, UsageError> {
        let Phase::RetrieveOwed { number, extent } = self.phase else {
            return Err(self.no_such_question());
        };
        self.phase = Phase::Sending { number, extent };
        self.errors.in_a_row = 0;
        match extent {
            Extent::Whole => {
                let info = self.maildrop.as_ref().and_then(|maildrop| maildrop.visible(number));
                match info.map(|info| info.size) {
                    Some(size) => self.ok_with(&format!("{size} octets")),
                    None => self.ok(Text::MessageFollows),
                }
                Ok(BodyEncoder::whole())
            }
            Extent::Top { lines } => {
                self.ok(Text::MessageFollows);
                Ok(BodyEncoder::top(lines))
            }
        }
    }

    /// Takes the encoder back by value: a message cannot be ended twice. Until then the machine answers
    /// nothing else.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no message is being sent.
    pub fn end_message(&mut self, encoder: BodyEncoder) -> Result<(), UsageError> {
        let Phase::Sending { number, extent } = self.phase else {
            return Err(self.no_such_question());
        };
        self.out.queue().extend_from_slice(encoder.finish());
        self.resume();
        if let (Extent::Whole, Some(maildrop)) = (extent, &mut self.maildrop) {
            maildrop.note_retrieved(number);
        }
        Ok(())
    }

    /// The store failed half-way: close without the termination line, so that nobody takes the piece for
    /// the whole.
    pub fn abort_message(&mut self, encoder: BodyEncoder) {
        drop(encoder);
        if matches!(self.phase, Phase::Sending { .. }) {
            self.resume();
            self.out.clear();
            self.close = Some(CloseReason::BodyFailed);
        }
    }

    /// The message cannot be sent: `-ERR`, and the session goes on.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no retrieval waits for an answer.
    pub fn refuse_message(&mut self, code: Option<ResponseCode<'static>>) -> Result<(), UsageError> {
        let Phase::RetrieveOwed { number, .. } = self.phase else {
            return Err(self.no_such_question());
        };
        self.resume();
        self.err(code, Text::MessageUnavailable);
        // A client that asks for one message again and again is sent away in the end. One that goes on to the
        // next does nothing wrong: many that cannot be read must not keep it from those that can.
        if self.errors.refused.replace(number).is_none_or(|before| before == number) {
            self.errors.in_a_row = self.errors.in_a_row.saturating_add(1);
            self.check_errors();
        }
        Ok(())
    }

    /// The one truthful answer to QUIT: removal is done, and this is what came of it. RFC 1939 section 6.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no update waits for an answer.
    pub fn finish_update(&mut self, outcome: UpdateOutcome) -> Result<(), UsageError> {
        let Phase::UpdateOwed { is_empty } = self.phase else {
            return Err(self.no_such_question());
        };
        match outcome {
            UpdateOutcome::Removed if is_empty => self.ok(Text::Goodbye),
            UpdateOutcome::Removed => self.ok(Text::Removed),
            UpdateOutcome::SomeNotRemoved => self.err(Some(ResponseCode::SysTemp), Text::SomeNotRemoved),
        }
        self.resume();
        self.close = Some(CloseReason::Quit);
        Ok(())
    }

    /// The handshake that [`Event::StartTls`] asked for is done. The session is as new, but for the
    /// failures it has seen; no greeting is sent again. RFC 2595 section 4.
    ///
    /// # Errors
    ///
    /// [`UsageError`] when no handshake was asked for.
    pub fn handle_tls_established(&mut self) -> Result<(), UsageError> {
        if self.phase != Phase::TlsOwed {
            return Err(self.no_such_question());
        }
        self.resume();
        self.connection.is_tls = true;
        self.user = None;
        self.language = self.config.languages.first().copied().unwrap_or(self.language);
        Ok(())
    }
}

impl Event<'_> {
    /// The same event, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Login(login) => Event::Login(login.into_owned()),
            Self::SaslResponse(response) => Event::SaslResponse(response.into_owned()),
            Self::SaslCancelled => Event::SaslCancelled,
            Self::Retrieve { number, extent } => Event::Retrieve { number, extent },
            Self::StartTls => Event::StartTls,
            Self::Update { deletions, retrieved } => Event::Update { deletions, retrieved },
            Self::Close(reason) => Event::Close(reason),
        }
    }
}

impl Login<'_> {
    /// The same login, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Login<'static> {
        match self {
            Self::Apop { name, digest, timestamp } => {
                Login::Apop { name: Cow::Owned(name.into_owned()), digest, timestamp }
            }
            Self::Password { name, password } => {
                Login::Password { name: Cow::Owned(name.into_owned()), password: password.into_owned() }
            }
            Self::Sasl { mechanism, initial_response } => Login::Sasl {
                mechanism: mechanism.into_owned(),
                initial_response: initial_response.map(Secret::<Cow<'_, [u8]>>::into_owned),
            },
        }
    }
}
