//! OAUTHBEARER (RFC 7628) and XOAUTH2.

use super::ServerMechanism;
use super::options::ServerOptions;
use super::plain::{ask_authorization, authorized, prepared};
use super::types::{Answer, Failure, Identity, Question, Step, TokenQuestion};
use crate::bearer::{SEPARATOR, is_token};
use crate::gs2::{Flag, Header};
use crate::{Mechanism, Secret, TokenError};

/// Octets in one message; tokens of 16 KiB have been seen.
const MESSAGE_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Bearer {
    mechanism: Mechanism,
    service: (Option<Box<str>>, Option<u16>),
    is_authzid_allowed: bool,
    claimed: Option<Box<str>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Message,
    Token,
    Authorization {
        authcid: Box<str>,
    },
    /// The error challenge is out; any response ends it (RFC 7628 section 3.2.3).
    Refused(Failure),
}

/// What a message holds. `key=value` pairs that nobody knows are ignored.
struct Message<'a> {
    name: Option<Box<str>>,
    host: Option<&'a str>,
    port: Option<&'a str>,
    token: &'a str,
}

impl Bearer {
    pub(super) fn new(mechanism: Mechanism, options: &ServerOptions) -> Self {
        Self {
            mechanism,
            service: options.service.clone(),
            is_authzid_allowed: options.is_authzid_allowed,
            claimed: None,
            state: State::Message,
        }
    }

    fn on_message(&mut self, message: &[u8]) -> Result<Step, Failure> {
        let message = match self.mechanism {
            Mechanism::OauthBearer => parse_oauthbearer(message)?,
            _ => parse_xoauth2(message)?,
        };
        if !self.is_this_service(&message) {
            return Ok(self.refuse(&TokenError::new("invalid_request"), Failure::BadCredentials));
        }
        self.claimed = message.name.clone();
        self.state = State::Token;
        let token = Secret::from(message.token);
        let question = TokenQuestion { mechanism: self.mechanism, claimed: message.name, token };
        Ok(Step::Question(Question::Token(question)))
    }

    fn is_this_service(&self, message: &Message<'_>) -> bool {
        let (host, port) = &self.service;
        let is_host = match (host, message.host) {
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            _ => true,
        };
        let is_port = match (port, message.port) {
            (Some(ours), Some(theirs)) => theirs.parse() == Ok(*ours),
            _ => true,
        };
        is_host && is_port
    }

    fn on_identity(&mut self, identity: &str) -> Step {
        match self.claimed.clone() {
            Some(claimed) if *claimed != *identity => {
                if !self.is_authzid_allowed {
                    return self.refuse(&TokenError::new("invalid_token"), Failure::NotAuthorized);
                }
                self.state = State::Authorization { authcid: identity.into() };
                ask_authorization(identity, &claimed)
            }
            _ => Step::Success(Identity::user_only(identity.into())),
        }
    }

    fn refuse(&mut self, error: &TokenError, failure: Failure) -> Step {
        self.state = State::Refused(failure);
        Step::Challenge(error.to_json().into_bytes())
    }
}

impl ServerMechanism for Bearer {
    fn respond(&mut self, response: &[u8]) -> Step {
        match self.state {
            State::Refused(failure) => Step::Failure(failure),
            _ => self.on_message(response).unwrap_or_else(Step::Failure),
        }
    }

    fn answer(&mut self, answer: Answer<'_>) -> Option<Step> {
        match (&self.state, answer) {
            (State::Token, Answer::Token(Ok(identity))) if !identity.is_empty() => {
                Some(self.on_identity(identity))
            }
            (State::Token, Answer::Token(Err(error))) => Some(self.refuse(&error, Failure::BadCredentials)),
            (State::Authorization { authcid }, Answer::Authorization(is_allowed)) => {
                Some(authorized(is_allowed, authcid, self.claimed.as_deref()?))
            }
            _ => None,
        }
    }
}

/// `gs2-header ^A (key=value^A)* ^A` (RFC 7628 section 3.1).
fn parse_oauthbearer(message: &[u8]) -> Result<Message<'_>, Failure> {
    let text = text(message)?;
    let (header, _, rest) = Header::parse(text).ok_or(Failure::Malformed)?;
    // There is nothing to bind a channel with in this mechanism.
    if let Flag::Used(_) = header.flag {
        return Err(Failure::ChannelBinding);
    }
    let name = header.authzid.map(|name| prepared(name.as_bytes())).transpose()?;
    let pairs = rest.strip_prefix(char::from(SEPARATOR)).ok_or(Failure::Malformed)?;
    Ok(Message { name, ..parse_pairs(pairs, None)? })
}

/// `user=name^Aauth=Bearer token^A^A`.
fn parse_xoauth2(message: &[u8]) -> Result<Message<'_>, Failure> {
    let mut user = None;
    let parsed = parse_pairs(text(message)?, Some(&mut user))?;
    let name = prepared(user.ok_or(Failure::Malformed)?.as_bytes())?;
    Ok(Message { name: Some(name), ..parsed })
}

fn text(message: &[u8]) -> Result<&str, Failure> {
    if message.len() > MESSAGE_MAX {
        return Err(Failure::Malformed);
    }
    std::str::from_utf8(message).map_err(|_| Failure::Malformed)
}

/// The pairs up to the separator that ends the message; none of the known keys may come twice.
fn parse_pairs<'a>(pairs: &'a str, mut user: Option<&mut Option<&'a str>>) -> Result<Message<'a>, Failure> {
    let pairs = pairs.strip_suffix("\u{1}\u{1}").ok_or(Failure::Malformed)?;
    let (mut auth, mut host, mut port) = (None, None, None);
    for pair in pairs.split(char::from(SEPARATOR)) {
        let (key, value) = pair.split_once('=').ok_or(Failure::Malformed)?;
        let place = match (key, &mut user) {
            ("auth", _) => &mut auth,
            ("host", _) => &mut host,
            ("port", _) => &mut port,
            ("user", Some(user)) => user,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(Failure::Malformed);
        }
    }
    // The scheme is compared in any case (RFC 7628 section 4).
    let (scheme, token) = auth.and_then(|auth| auth.split_once(' ')).ok_or(Failure::Malformed)?;
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer") || !is_token(token) {
        return Err(Failure::Malformed);
    }
    Ok(Message { name: None, host, port, token })
}
