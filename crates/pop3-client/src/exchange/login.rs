//! USER and PASS, APOP, AUTH: from the first command to the maildrop or the refusal.

use std::{borrow::Cow, ops::ControlFlow};

use pop3_proto::{
    client::{Client, Event, PeerMisbehaved, UsageError},
    types::{Command, Mechanism, Response, ResponseCode, Secret},
};
use pop3_sasl::{ClientError, ClientMechanism as _};

use super::{Exchange, Flow};
use crate::Error;

/// The most octets of an AUTH line, CRLF included. RFC 5034 section 4.
const MAX_AUTH_LINE: usize = 255;

/// A login on its way.
#[derive(Debug)]
pub(crate) struct LoginExchange {
    way: Way,
    /// The server marks with a code every refusal that the credentials caused.
    has_code: bool,
}

#[derive(Debug)]
enum Way {
    User { name: String, password: Secret<Cow<'static, str>> },
    Pass,
    Apop { name: String, digest: [u8; 16] },
    Sasl(Box<Sasl>),
}

#[derive(Debug)]
struct Sasl {
    client: pop3_sasl::Client,
    mechanism: Mechanism<'static>,
    /// Goes with AUTH.
    initial: Option<pop3_sasl::Secret>,
    /// Did not fit the AUTH line, so it answers the first challenge, which has to be empty.
    held: Option<pop3_sasl::Secret>,
    /// Why the exchange was cancelled.
    failed: Option<ClientError>,
    /// What was sent of the mechanism, the initial response included.
    responses: usize,
}

/// How a login ended, as far as the session lives on.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The maildrop is open.
    In,
    /// The server said no; the session is still in the AUTHORIZATION state.
    Refused(Error),
    /// The server said no to the mechanism, and not to name and password: another way may do.
    /// `was_sent`: the server had name and password, or a proof of it.
    NotThisWay { mechanism: pop3_sasl::Mechanism, response: Response<'static>, was_sent: bool },
}

impl LoginExchange {
    pub(crate) fn user_pass(name: &str, password: &str, has_code: bool) -> Self {
        let password = Secret::new(Cow::Owned(password.to_owned()));
        Self { way: Way::User { name: name.to_owned(), password }, has_code }
    }

    pub(crate) fn apop(name: &str, digest: [u8; 16], has_code: bool) -> Self {
        Self { way: Way::Apop { name: name.to_owned(), digest }, has_code }
    }

    /// `may_begin`: an initial response may go with AUTH. RFC 5034 section 3 forbids it where SASL was
    /// not announced, section 4 where the line would be too long. A password waits for the challenge where
    /// the server does not mark refused credentials with a code: a refusal before it is about the mechanism.
    pub(crate) fn sasl(
        mut client: pop3_sasl::Client,
        may_begin: bool,
        has_code: bool,
    ) -> Result<Self, Error> {
        let name = client.name().to_owned();
        let may_begin = may_begin && (has_code || !client.mechanism().is_plaintext());
        let response = if may_begin { client.initial_response() } else { None };
        let fits = |response: &pop3_sasl::Secret| {
            let encoded = response.len().div_ceil(3).saturating_mul(4).max(1);
            encoded.saturating_add("AUTH  \r\n".len()).saturating_add(name.len()) <= MAX_AUTH_LINE
        };
        let (initial, held) = match response {
            Some(response) if fits(&response) => (Some(response), None),
            response => (None, response),
        };
        let mechanism = Mechanism::new(name).map_err(|error| Error::Usage(error.into()))?;
        let responses = usize::from(initial.is_some());
        let sasl = Sasl { client, mechanism, initial, held, failed: None, responses };
        Ok(Self { way: Way::Sasl(Box::new(sasl)), has_code })
    }

    /// The SASL mechanism, if it is one.
    pub(crate) fn mechanism(&self) -> Option<pop3_sasl::Mechanism> {
        match &self.way {
            Way::Sasl(sasl) => Some(sasl.client.mechanism()),
            _ => None,
        }
    }

    fn on_response(&mut self, machine: &mut Client, response: Response<'_>) -> Flow<Outcome> {
        let is_ok = response.is_ok();
        match &mut self.way {
            Way::User { password, .. } if is_ok => {
                let sent = machine.send(&Command::Pass(password.clone()));
                self.way = Way::Pass;
                match sent {
                    Ok(_) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(Err(error.into())),
                }
            }
            Way::Sasl(sasl) => ControlFlow::Break(match sasl.verdict(is_ok) {
                // The server is not who it says, or does not keep to the mechanism: no more of it.
                Some(error) if is_ok || sasl.failed.is_some() => Err(Error::Sasl(error)),
                Some(error) => Ok(Outcome::Refused(Error::Sasl(error))),
                None if is_ok => Ok(Outcome::In),
                None if is_about_mechanism(sasl, &response, self.has_code) => Ok(Outcome::NotThisWay {
                    mechanism: sasl.client.mechanism(),
                    response: response.into_owned(),
                    was_sent: sasl.was_judged(),
                }),
                None => Ok(self.refused(response)),
            }),
            _ if is_ok => ControlFlow::Break(Ok(Outcome::In)),
            _ => ControlFlow::Break(Ok(self.refused(response))),
        }
    }

    fn refused(&self, response: Response<'_>) -> Outcome {
        let is_credentials = match response.code {
            Some(ResponseCode::Auth) => true,
            Some(
                ResponseCode::InUse
                | ResponseCode::LoginDelay
                | ResponseCode::SysTemp
                | ResponseCode::SysPerm
                | ResponseCode::Utf8,
            ) => false,
            _ => !self.has_code,
        };
        Outcome::Refused(Error::LoginRefused { response: response.into_owned(), is_credentials })
    }
}

/// Whether a refusal is about the mechanism. It has no code then; and either the server had nothing else that it
/// could refuse, or it announces that it marks refused credentials (RFC 3206 section 5).
fn is_about_mechanism(sasl: &Sasl, response: &Response<'_>, has_code: bool) -> bool {
    response.code.is_none() && (has_code || !sasl.was_judged())
}

impl Sasl {
    /// Whether the server has something to judge: the first message of SCRAM holds no proof. RFC 5802 section 5.
    fn was_judged(&self) -> bool {
        let is_scram = self.client.mechanism().name().starts_with("SCRAM-");
        self.responses > usize::from(is_scram)
    }

    /// What the mechanism has to say when the server ends the exchange; it is believed, not the server.
    /// RFC 5802 section 5, RFC 4422 section 3.6.
    fn verdict(&self, is_ok: bool) -> Option<ClientError> {
        if let Some(failed) = &self.failed {
            return Some(failed.clone());
        }
        if is_ok {
            return self.client.finish().err();
        }
        self.client.token_error().map(|error| ClientError::TokenRefused(error.clone()))
    }

    fn on_challenge(&mut self, machine: &mut Client, challenge: &[u8]) -> Result<(), UsageError> {
        let answer = match self.held.take() {
            Some(held) if challenge.is_empty() => Ok(held),
            Some(_) => Err(ClientError::UnexpectedChallenge { mechanism: self.client.mechanism() }),
            None => self.client.step(challenge),
        };
        match answer {
            Ok(answer) => {
                self.responses += 1;
                machine.respond(Secret::new(answer.expose()))
            }
            Err(error) => {
                self.failed = Some(error);
                machine.cancel_auth()
            }
        }
    }
}

impl Exchange for LoginExchange {
    type Output = Outcome;

    fn begin(&mut self, machine: &mut Client) -> Result<(), UsageError> {
        let sent = match &self.way {
            Way::User { name, .. } => machine.send(&Command::User(Cow::Borrowed(name))),
            Way::Pass => return Ok(()),
            Way::Apop { name, digest } => {
                machine.send(&Command::Apop { name: Cow::Borrowed(name), digest: *digest })
            }
            Way::Sasl(sasl) => {
                let initial = sasl.initial.as_ref();
                let initial_response = initial.map(|octets| Secret::new(Cow::Borrowed(octets.expose())));
                machine.send(&Command::Auth { mechanism: sasl.mechanism.clone(), initial_response })
            }
        };
        sent.map(drop)
    }

    fn on_event(&mut self, machine: &mut Client, event: Event<'_>) -> Flow<Outcome> {
        match (event, &mut self.way) {
            (Event::Response { response, .. }, _) => self.on_response(machine, response),
            (Event::Challenge { challenge, .. }, Way::Sasl(sasl)) => {
                match sasl.on_challenge(machine, challenge.expose()) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(Err(error.into())),
                }
            }
            (Event::Closed, _) => ControlFlow::Break(Err(Error::Peer(PeerMisbehaved::UnexpectedEof))),
            _ => ControlFlow::Continue(()),
        }
    }
}
