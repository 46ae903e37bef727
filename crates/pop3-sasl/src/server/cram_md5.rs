//! CRAM-MD5 (RFC 2195). Off by default in any sensible server: it needs the plain secrets.

use md5::Md5;
use subtle::{Choice, ConstantTimeEq};

use super::ServerMechanism;
use super::options::ServerOptions;
use super::plain::prepared;
use super::types::{Answer, Failure, Identity, Question, ServerError, Step};
use crate::apop::{is_valid_timestamp, to_hex};
use crate::crypto::hmac;
use crate::{Mechanism, Secret};

#[derive(Debug)]
pub(super) struct CramMd5 {
    challenge: Box<str>,
    /// The name and the digest that came with it.
    claim: Option<(Box<str>, Secret)>,
}

impl CramMd5 {
    pub(super) fn new(options: &ServerOptions) -> Result<Self, ServerError> {
        let missing = ServerError::MissingOption { mechanism: Mechanism::CramMd5, option: "cram_challenge" };
        let challenge = options.cram_challenge.clone().filter(|text| is_valid_timestamp(text));
        Ok(Self { challenge: challenge.ok_or(missing)?, claim: None })
    }

    fn on_claim(&mut self, response: &[u8]) -> Result<Step, Failure> {
        // A name may hold spaces, a digest does not: the last one is what divides them.
        let at = response.iter().rposition(|octet| *octet == b' ').ok_or(Failure::Malformed)?;
        let (name, digest) = response.split_at_checked(at).ok_or(Failure::Malformed)?;
        let digest = digest.strip_prefix(b" ").unwrap_or_default();
        if digest.len() != 32 || !digest.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Failure::Malformed);
        }
        let name = prepared(name)?;
        self.claim = Some((name.clone(), Secret::from(digest)));
        Ok(Step::Question(Question::SharedSecret { name }))
    }
}

impl ServerMechanism for CramMd5 {
    fn prompt(&self) -> Vec<u8> {
        self.challenge.as_bytes().to_vec()
    }

    fn respond(&mut self, response: &[u8]) -> Step {
        self.on_claim(response).unwrap_or_else(Step::Failure)
    }

    fn answer(&mut self, answer: Answer<'_>) -> Option<Step> {
        let (Answer::SharedSecret(secret), Some((name, digest))) = (answer, &self.claim) else {
            return None;
        };
        // An unknown user costs the same work, and fails whatever comes out of it.
        let is_known = Choice::from(u8::from(secret.is_some()));
        let key = secret.unwrap_or_default();
        let expected = to_hex(&hmac::<Md5>(&key, &[self.challenge.as_bytes()]));
        let is_right = expected.as_bytes().ct_eq(digest) & is_known;
        Some(if bool::from(is_right) {
            Step::Success(Identity::user_only(name.clone()))
        } else {
            Step::Failure(Failure::BadCredentials)
        })
    }
}
