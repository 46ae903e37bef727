//! LOGIN (draft-murchison-sasl-login-00), with the prompts that picky clients look for.

use super::ServerMechanism;
use super::plain::ask_password;
use super::types::{Answer, Failure, Identity, Question, Step};

#[derive(Debug)]
pub(super) struct Login {
    name: Option<Vec<u8>>,
    /// The name as asked about; from then on only the answer is missing.
    asked: Option<Box<str>>,
}

impl Login {
    pub(super) fn new() -> Self {
        Self { name: None, asked: None }
    }
}

impl ServerMechanism for Login {
    fn prompt(&self) -> Vec<u8> {
        b"Username:".to_vec()
    }

    fn respond(&mut self, response: &[u8]) -> Step {
        // The first response, be it the initial one, is the name; the second is the password.
        let Some(name) = &self.name else {
            self.name = Some(response.to_vec());
            return Step::Challenge(b"Password:".to_vec());
        };
        match ask_password(name, response) {
            Ok(question) => {
                self.asked = Some(question.name.clone());
                Step::Question(Question::Password(question))
            }
            Err(failure) => Step::Failure(failure),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) -> Option<Step> {
        match (answer, &self.asked) {
            (Answer::Password(true), Some(name)) => Some(Step::Success(Identity::user_only(name.clone()))),
            (Answer::Password(false), Some(_)) => Some(Step::Failure(Failure::BadCredentials)),
            _ => None,
        }
    }
}
