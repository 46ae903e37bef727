//! The server's side of every mechanism.

mod anonymous;
mod bearer;
mod cram_md5;
mod external;
mod login;
mod options;
mod plain;
mod scram;
mod types;

use std::fmt;

pub use options::ServerOptions;
pub use types::{
    Answer, Failure, Identity, PasswordQuestion, Question, ServerError, Step, TokenQuestion, Trace,
};

use crate::{Mechanism, ScramHash};

/// The server's side of one authentication exchange, in raw octets: base64 is the protocol's business.
///
/// Call [`start`](Self::start) with what came with AUTH, then do what the [`Step`] says until it is
/// [`Step::Success`] or [`Step::Failure`]. A [`Question`] may be answered whenever its answer is known: a
/// database or a token service can be awaited in between.
///
/// ```
/// use pop3_sasl::{Answer, Mechanism, Question, Server, ServerOptions, Step};
///
/// let mut server = Server::new(Mechanism::Plain, &ServerOptions::new())?;
/// // `AUTH PLAIN` came without an initial response, so the client gets the empty challenge.
/// assert!(matches!(server.start(None)?, Step::Challenge(empty) if empty.is_empty()));
/// let Step::Question(Question::Password(asked)) = server.respond(b"\0tim\0tanstaaftanstaaf")? else {
///     panic!("PLAIN asks for the password to be verified");
/// };
/// let is_right = asked.name() == "tim" && asked.password() == "tanstaaftanstaaf";
/// let Step::Success(identity) = server.answer(Answer::Password(is_right))? else { panic!() };
/// assert_eq!(identity.user(), Some("tim"));
/// # Ok::<(), pop3_sasl::ServerError>(())
/// ```
#[derive(Debug)]
pub struct Server {
    mechanism: Mechanism,
    inner: Box<dyn ServerMechanism>,
    phase: Phase,
}

/// What the machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Response,
    Answer,
    Over,
}

/// One mechanism behind [`Server`], which keeps the order of calls.
trait ServerMechanism: fmt::Debug + Send + Sync {
    /// The first challenge; empty for a client-first mechanism.
    fn prompt(&self) -> Vec<u8> {
        Vec::new()
    }

    fn respond(&mut self, response: &[u8]) -> Step;

    /// `None` if the answer belongs to another question; nothing has changed then.
    fn answer(&mut self, _answer: Answer<'_>) -> Option<Step> {
        None
    }
}

impl Server {
    /// Sets up a mechanism.
    ///
    /// # Errors
    ///
    /// [`ServerError::MissingOption`] if the options lack what the mechanism needs.
    pub fn new(mechanism: Mechanism, options: &ServerOptions) -> Result<Self, ServerError> {
        let inner: Box<dyn ServerMechanism> = match mechanism {
            Mechanism::Anonymous => Box::new(anonymous::Anonymous),
            Mechanism::CramMd5 => Box::new(cram_md5::CramMd5::new(options)?),
            Mechanism::External => Box::new(external::External::new(options)),
            Mechanism::Login => Box::new(login::Login::new()),
            Mechanism::OauthBearer | Mechanism::Xoauth2 => Box::new(bearer::Bearer::new(mechanism, options)),
            Mechanism::Plain => Box::new(plain::Plain::new(options)),
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => {
                Box::new(scram::Scram::new(ScramHash::Sha1, mechanism.is_channel_bound(), options)?)
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                Box::new(scram::Scram::new(ScramHash::Sha256, mechanism.is_channel_bound(), options)?)
            }
        };
        Ok(Self { mechanism, inner, phase: Phase::Start })
    }

    /// Begins the exchange with the initial response, if AUTH had one; an empty one (`=`) is `Some(&[])`.
    ///
    /// # Errors
    ///
    /// [`ServerError::OutOfOrder`] if the exchange has begun already.
    pub fn start(&mut self, initial_response: Option<&[u8]>) -> Result<Step, ServerError> {
        self.expect(Phase::Start)?;
        let step = match initial_response {
            None => Step::Challenge(self.inner.prompt()),
            // Many clients send the name with AUTH LOGIN, although LOGIN is server-first too.
            Some(_) if self.mechanism == Mechanism::CramMd5 => {
                Step::Failure(Failure::UnexpectedInitialResponse)
            }
            Some(response) => self.inner.respond(response),
        };
        Ok(self.enter(step))
    }

    /// Takes the client's response to the last challenge.
    ///
    /// # Errors
    ///
    /// [`ServerError::OutOfOrder`] if no challenge is open.
    pub fn respond(&mut self, response: &[u8]) -> Result<Step, ServerError> {
        self.expect(Phase::Response)?;
        let step = self.inner.respond(response);
        Ok(self.enter(step))
    }

    /// Takes the answer to the last question.
    ///
    /// # Errors
    ///
    /// [`ServerError::OutOfOrder`] if no question is open, [`ServerError::WrongAnswer`] if another one is.
    pub fn answer(&mut self, answer: Answer<'_>) -> Result<Step, ServerError> {
        self.expect(Phase::Answer)?;
        let step = self.inner.answer(answer).ok_or(ServerError::WrongAnswer)?;
        Ok(self.enter(step))
    }

    /// The mechanism this machine speaks.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    fn expect(&self, phase: Phase) -> Result<(), ServerError> {
        if self.phase == phase { Ok(()) } else { Err(ServerError::OutOfOrder) }
    }

    fn enter(&mut self, step: Step) -> Step {
        self.phase = match step {
            Step::Challenge(_) => Phase::Response,
            Step::Question(_) => Phase::Answer,
            Step::Success(_) | Step::Failure(_) => Phase::Over,
        };
        step
    }
}
