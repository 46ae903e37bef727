//! Logins: what the client brings forward, judged.

use std::time::{SystemTime, UNIX_EPOCH};

use pop3_proto::server::{Login, Rejection};
use pop3_sasl::{
    Answer as Found, ChannelBinding, Mechanism, Nonce, Question, ServerOptions, Step, TokenError, apop,
};
use pop3_store::{OpenError, OpenMaildrop, Store};

use super::{
    BearerForm, End,
    carry_out::{Answer, Then},
    session::Session,
};

/// How Exchange Online refuses a token that comes with AUTH: email-oauth2-proxy issue 379, getmail6 issue 256.
const TOKEN_WITH_AUTH: &[u8] = b"-ERR Protocol error. Connection is closed. 10\r\n";

/// A SASL exchange under way.
#[derive(Debug)]
pub(super) struct Exchange {
    machine: pop3_sasl::Server,
}

/// What comes of a step.
enum Judged {
    Right { user: Box<str>, way: &'static str },
    Challenge(Vec<u8>),
    Wrong(Rejection),
}

impl Session {
    pub(super) fn on_login(&mut self, login: Login<'static>, answer: &mut Answer) {
        let judged = match login {
            Login::Password { name, password } => {
                let is_right = self.shared.accounts.is_password(&name, password.expose().as_bytes());
                self.known(is_right, &name, "PASS")
            }
            Login::Apop { name, digest, timestamp } => {
                let secret = self.shared.accounts.password(&name);
                let is_right = secret.is_some_and(|secret| apop::verify(&timestamp, &secret, &digest));
                self.known(is_right, &name, "APOP")
            }
            Login::Sasl { mechanism, initial_response } => {
                let mechanism = Mechanism::from_name(mechanism.as_str());
                let response = initial_response.as_ref().map(|response| &**response.expose());
                match mechanism {
                    Some(mechanism) if !self.is_form_taken(mechanism, response.is_some()) => {
                        self.refuse_form(response.is_some(), answer);
                        return;
                    }
                    Some(mechanism) => self.begin_exchange(mechanism, response),
                    None => Judged::Wrong(Rejection::UnsupportedMechanism),
                }
            }
            _ => Judged::Wrong(Rejection::UnsupportedMechanism),
        };
        self.settle(judged);
    }

    pub(super) fn on_sasl_response(&mut self, response: &[u8], _answer: &mut Answer) {
        let judged = match self.exchange.take() {
            Some(mut exchange) => match exchange.machine.respond(response) {
                Ok(step) => self.advance(exchange, step),
                Err(_) => Judged::Wrong(Rejection::Temporary),
            },
            None => Judged::Wrong(Rejection::Temporary),
        };
        self.settle(judged);
    }

    fn known(&self, is_right: bool, name: &str, way: &'static str) -> Judged {
        match self.shared.accounts.name(name) {
            Some(user) if is_right => Judged::Right { user, way },
            _ => Judged::Wrong(Rejection::BadCredentials),
        }
    }

    /// Takes the lock where the login is right, and tells the machine.
    fn settle(&mut self, judged: Judged) {
        // Each answer below is one to the question that is open.
        let _ = match judged {
            Judged::Challenge(octets) => self.machine.challenge(&octets),
            Judged::Wrong(rejection) => self.reject(rejection),
            Judged::Right { user, way } => match self.shared.accounts.store.open(&user) {
                Ok(opened) => {
                    let maildrop = opened.maildrop();
                    self.opened = Some(opened);
                    self.wire.note(|record| {
                        record.user = Some(user.into());
                        record.login = Some(way.to_owned());
                    });
                    self.machine.accept(maildrop)
                }
                Err(OpenError::InUse) => self.reject(Rejection::InUse),
                Err(_) => self.reject(Rejection::Permanent),
            },
        };
    }

    fn reject(&mut self, rejection: Rejection) -> Result<(), pop3_proto::server::UsageError> {
        self.exchange = None;
        self.wire.note(|record| record.failed_logins = record.failed_logins.saturating_add(1));
        self.machine.reject(rejection)
    }

    // ---- bearer tokens ----

    fn is_form_taken(&self, mechanism: Mechanism, is_one_line: bool) -> bool {
        let is_bearer = matches!(mechanism, Mechanism::OauthBearer | Mechanism::Xoauth2);
        match self.shared.login.bearer_form {
            BearerForm::OneLine => is_one_line || !is_bearer,
            BearerForm::TwoLine => !is_one_line || !is_bearer,
            BearerForm::Either => true,
        }
    }

    fn refuse_form(&mut self, is_one_line: bool, answer: &mut Answer) {
        let _ = self.reject(Rejection::UnsupportedMechanism);
        if is_one_line {
            let _ = self.transmit();
            answer.octets = TOKEN_WITH_AUTH.to_vec();
            answer.then = Then::Close(End::TokenForm);
        }
    }

    // ---- SASL ----

    fn begin_exchange(&mut self, mechanism: Mechanism, response: Option<&[u8]>) -> Judged {
        let machine = self.options().and_then(|options| pop3_sasl::Server::new(mechanism, &options).ok());
        let Some(machine) = machine else { return Judged::Wrong(Rejection::UnsupportedMechanism) };
        let mut exchange = Exchange { machine };
        match exchange.machine.start(response) {
            Ok(step) => self.advance(exchange, step),
            Err(_) => Judged::Wrong(Rejection::Temporary),
        }
    }

    fn options(&self) -> Option<ServerOptions> {
        let mut random = [0; 18];
        getrandom::fill(&mut random).ok()?;
        let login = &self.shared.login;
        let mut options = ServerOptions::new()
            .scram(Nonce::from_random(random), login.decoy.clone())
            .cram_challenge(&timestamp()?);
        if let Some(user) = &login.external {
            options = options.certificate_user(user);
        }
        // As soon as there is a binding, `-PLUS` counts as offered.
        let offers_plus = login.mechanisms.iter().any(|mechanism| mechanism.is_channel_bound());
        match self.wire.binding() {
            Some(exported) if offers_plus => {
                Some(options.channel_binding(ChannelBinding::tls_exporter(exported)))
            }
            _ => Some(options),
        }
    }

    /// Goes on until the client has to speak, or it is decided.
    fn advance(&mut self, mut exchange: Exchange, mut step: Step) -> Judged {
        let mechanism = exchange.machine.mechanism();
        loop {
            let question = match step {
                Step::Challenge(octets) => {
                    self.exchange = Some(exchange);
                    return Judged::Challenge(octets);
                }
                Step::Success(identity) => {
                    let user = identity.user().or(self.shared.login.anonymous.as_deref());
                    return self.known(true, user.unwrap_or_default(), mechanism.name());
                }
                Step::Failure(pop3_sasl::Failure::UnexpectedInitialResponse) => {
                    return Judged::Wrong(Rejection::UnsupportedMechanism);
                }
                Step::Failure(_) => return Judged::Wrong(Rejection::BadCredentials),
                Step::Question(question) => question,
            };
            let found = self.find_out(question).and_then(|found| exchange.machine.answer(found).ok());
            match found {
                Some(next) => step = next,
                None => return Judged::Wrong(Rejection::UnsupportedMechanism),
            }
        }
    }

    fn find_out(&self, question: Question) -> Option<Found<'_>> {
        let accounts = &self.shared.accounts;
        Some(match question {
            Question::Password(asked) => {
                let is_right = |password: &str| accounts.is_password(asked.name(), password.as_bytes());
                Found::Password(is_right(asked.password()) || is_right(asked.password_as_sent()))
            }
            Question::Scram { name, hash } => Found::Scram(accounts.scram(&name, hash)),
            Question::SharedSecret { name } => Found::SharedSecret(accounts.password(&name)),
            Question::Token(asked) => {
                Found::Token(accounts.holder(asked.token()).ok_or_else(|| token_error(asked.mechanism())))
            }
            // Nobody may act as somebody else, so nothing else is asked.
            _ => return None,
        })
    }
}

/// As Google's servers say it for XOAUTH2, and as RFC 7628 section 3.2.2 has it.
fn token_error(mechanism: Mechanism) -> TokenError {
    match mechanism {
        Mechanism::Xoauth2 => {
            TokenError::new("401").with_schemes("bearer").with_scope("https://mail.google.com/")
        }
        _ => TokenError::new("invalid_token").with_scope("mail"),
    }
}

/// A msg-id that never comes twice. RFC 1939 section 7, RFC 2195 section 2.
pub(super) fn timestamp() -> Option<Box<str>> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).ok()?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Some(format!("<{:016x}.{seconds}@localhost>", u64::from_le_bytes(random)).into())
}
