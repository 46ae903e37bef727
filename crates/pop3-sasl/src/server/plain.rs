//! PLAIN (RFC 4616).

use super::ServerMechanism;
use super::options::ServerOptions;
use super::types::{Answer, Failure, Identity, PasswordQuestion, Question, Step};
use crate::{Secret, prepare_query};

/// The longest name or password taken, in octets. RFC 4616 section 2 asks for 255; a limit keeps SASLprep and
/// the password hash from being fed by the megabyte.
pub(super) const FIELD_MAX: usize = 1024;

#[derive(Debug)]
pub(super) struct Plain {
    is_authzid_allowed: bool,
    authcid: Box<str>,
    authzid: Option<Box<str>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Message,
    Password,
    Authorization,
}

impl Plain {
    pub(super) fn new(options: &ServerOptions) -> Self {
        Self {
            is_authzid_allowed: options.is_authzid_allowed,
            authcid: Box::default(),
            authzid: None,
            state: State::Message,
        }
    }

    fn on_message(&mut self, message: &[u8]) -> Result<Step, Failure> {
        // Four fields are one too many, and there is no need to count further.
        let fields: Vec<&[u8]> = message.splitn(4, |octet| *octet == 0).collect();
        let [authzid, authcid, password] = fields[..] else { return Err(Failure::Malformed) };
        let question = ask_password(authcid, password)?;
        self.authcid = question.name.clone();
        self.authzid = if authzid.is_empty() {
            None
        } else {
            Some(prepared(authzid)?).filter(|authzid| *authzid != self.authcid)
        };
        if self.authzid.is_some() && !self.is_authzid_allowed {
            return Err(Failure::NotAuthorized);
        }
        self.state = State::Password;
        Ok(Step::Question(Question::Password(question)))
    }
}

impl ServerMechanism for Plain {
    fn respond(&mut self, response: &[u8]) -> Step {
        self.on_message(response).unwrap_or_else(Step::Failure)
    }

    fn answer(&mut self, answer: Answer<'_>) -> Option<Step> {
        Some(match (&self.state, answer, &self.authzid) {
            (State::Password, Answer::Password(false), _) => Step::Failure(Failure::BadCredentials),
            (State::Password, Answer::Password(true), None) => {
                Step::Success(Identity::user_only(self.authcid.clone()))
            }
            (State::Password, Answer::Password(true), Some(authzid)) => {
                let step = ask_authorization(&self.authcid, authzid);
                self.state = State::Authorization;
                step
            }
            (State::Authorization, Answer::Authorization(is_allowed), Some(authzid)) => {
                authorized(is_allowed, &self.authcid, authzid)
            }
            _ => return None,
        })
    }
}

/// Prepares both, and puts them into a question.
pub(super) fn ask_password(name: &[u8], password: &[u8]) -> Result<PasswordQuestion, Failure> {
    let name = prepared(name)?;
    let as_sent = text(password)?;
    let password = prepare_query(as_sent).map_err(|_| Failure::Preparation)?;
    Ok(PasswordQuestion {
        name,
        password: Secret::from(password.into_owned()),
        as_sent: Secret::from(as_sent),
    })
}

/// A name as sent, prepared with SASLprep.
pub(super) fn prepared(name: &[u8]) -> Result<Box<str>, Failure> {
    prepare_query(text(name)?).map(Into::into).map_err(|_| Failure::Preparation)
}

fn text(field: &[u8]) -> Result<&str, Failure> {
    if field.len() > FIELD_MAX {
        return Err(Failure::Malformed);
    }
    std::str::from_utf8(field).map_err(|_| Failure::Malformed)
}

pub(super) fn ask_authorization(authcid: &str, authzid: &str) -> Step {
    Step::Question(Question::Authorization { authcid: authcid.into(), authzid: authzid.into() })
}

pub(super) fn authorized(is_allowed: bool, authcid: &str, authzid: &str) -> Step {
    if is_allowed {
        Step::Success(Identity::User { user: authzid.into(), authcid: authcid.into() })
    } else {
        Step::Failure(Failure::NotAuthorized)
    }
}
