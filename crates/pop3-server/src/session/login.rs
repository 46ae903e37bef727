//! A login, judged where blocking is allowed: one trip for the check of the secret, the lock and the
//! snapshot.

use std::{borrow::Cow, sync::Arc};

use pop3_proto::server::{Login, Rejection};
use pop3_sasl::{
    Answer, Decoy, Failure, ITERATIONS_MIN, Mechanism, Nonce, Question, Secret, ServerOptions, Step, apop,
    prepare_query,
};
use pop3_store::{OpenError, OpenMaildrop, Skipped, Store};

use crate::{Authenticator, Lookup, Shared, Unavailable, admission::UserAdmission, penalties::Tried};

/// What a client brings forward.
pub(super) enum Claim {
    Apop {
        name: Box<str>,
        digest: [u8; 16],
        timestamp: Box<str>,
    },
    Password {
        name: Box<str>,
        password: Secret,
    },
    Sasl {
        exchange: Exchange,
        response: Response,
    },
    /// A password that has its turn to be checked.
    Check(PasswordCheck),
}

/// A password to be checked, in one of the forms that it may be stored in: as SASLprep makes it and, where
/// that differs, as it was sent, since other software stores it so. Each form costs a turn.
pub(super) struct PasswordCheck {
    exchange: Option<Exchange>,
    pub(super) user: Box<str>,
    as_sent: Secret,
    is_prepared: bool,
}

/// A SASL exchange, and whom it is about as soon as that is known.
pub(super) struct Exchange {
    machine: Box<pop3_sasl::Server>,
    name: Option<Box<str>>,
    /// Why this user cannot log in this way, whatever the password.
    reason: Option<Box<str>>,
}

/// What came with AUTH, or after a challenge.
pub(super) enum Response {
    Initial(Option<Secret>),
    Further(Secret),
}

/// What became of it.
pub(super) enum Verdict<M> {
    Accepted(Opened<M>),
    Challenge { exchange: Exchange, octets: Vec<u8> },
    Rejected(Refusal),
}

/// How far judging has come.
pub(super) enum Judged<M> {
    Decided(Verdict<M>),
    /// A password is to be checked, which waits for its turn.
    NeedsTurn(PasswordCheck),
}

/// What is logged of a name that nobody has, and of a secret that is not that name's.
const WRONG: &str = "name or password is wrong";

/// A maildrop, open and locked.
pub(super) struct Opened<M> {
    pub(super) user: Box<str>,
    pub(super) maildrop: Arc<M>,
    pub(super) admission: UserAdmission,
    /// What is in the maildrop and not listed.
    pub(super) skipped: Vec<Skipped>,
}

/// A login that failed; the text is for the log.
pub(super) struct Refusal {
    pub(super) rejection: Rejection,
    pub(super) name: Option<Box<str>>,
    pub(super) reason: Box<str>,
    pub(super) tried: Option<Tried>,
}

impl Refusal {
    pub(super) fn new(rejection: Rejection, reason: impl Into<Box<str>>) -> Self {
        Self { rejection, name: None, reason: reason.into(), tried: None }
    }

    /// With a better reason, if there is one.
    fn because(mut self, reason: Option<Box<str>>) -> Self {
        self.reason = reason.unwrap_or(self.reason);
        self
    }

    pub(super) fn of(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// The reason for the log alone: the client must not learn who is there.
fn reason<T>(found: &Lookup<T>, way: &str) -> Option<Box<str>> {
    let is_there = matches!(found, Lookup::OtherKind);
    is_there.then(|| {
        format!("the user has no secret for {way}; let it choose PLAIN, or give it a new password").into()
    })
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Self::new(Rejection::Temporary, error.to_string())
    }
}

impl Claim {
    /// `None` when the mechanism cannot be used; the reason is in the refusal.
    pub(super) fn new<S: Store, A: Authenticator>(
        login: Login<'static>,
        shared: &Shared<S, A>,
    ) -> Result<Self, Refusal> {
        Ok(match login {
            Login::Apop { name, digest, timestamp } => Self::Apop { name: name.into(), digest, timestamp },
            Login::Password { name, password } => {
                Self::Password { name: name.into(), password: Secret::from(&**password.expose()) }
            }
            Login::Sasl { mechanism, initial_response } => {
                let unsupported = || Refusal::new(Rejection::UnsupportedMechanism, "no such mechanism");
                let mechanism = Mechanism::from_name(mechanism.as_str()).ok_or_else(unsupported)?;
                let response = initial_response.map(|octets| Secret::from(&**octets.expose()));
                let machine = pop3_sasl::Server::new(mechanism, &options(shared)?)
                    .map_err(|error| Refusal::new(Rejection::UnsupportedMechanism, error.to_string()))?;
                let exchange = Exchange { machine: Box::new(machine), name: None, reason: None };
                Self::Sasl { exchange, response: Response::Initial(response) }
            }
            _ => return Err(Refusal::new(Rejection::UnsupportedMechanism, "an unknown way to log in")),
        })
    }
}

fn options<S: Store, A: Authenticator>(shared: &Shared<S, A>) -> Result<ServerOptions, Refusal> {
    let no_randomness = |_| Refusal::new(Rejection::Temporary, "the system gives no random numbers");
    let mut random = [0; 18];
    getrandom::fill(&mut random).map_err(no_randomness)?;
    // Each exchange gets a decoy of its own once the name is known.
    let decoy = Decoy::new(&random, ITERATIONS_MIN, 16);
    let options = ServerOptions::new().scram(Nonce::from_random(random), decoy);
    let challenge = crate::timestamp::timestamp(shared.config.apop_host.as_deref().unwrap_or("localhost"));
    Ok(options.cram_challenge(&challenge.map_err(no_randomness)?))
}

/// Blocks: checks what the client brings forward, and opens the maildrop if it is right.
///
/// `turn` is dropped when the secret has been checked: opening needs none.
pub(super) fn judge<S: Store, A: Authenticator, T>(
    shared: &Shared<S, A>,
    claim: Claim,
    turn: T,
) -> Judged<S::Maildrop> {
    let checked = check(shared, claim);
    drop(turn);
    Judged::Decided(match checked {
        Ok(Checked::Right(user)) => match open(shared, &user) {
            Ok(opened) => Verdict::Accepted(opened),
            Err(refusal) => Verdict::Rejected(refusal.of(&user)),
        },
        Ok(Checked::Challenge { exchange, octets }) => Verdict::Challenge { exchange, octets },
        Ok(Checked::NeedsTurn(check)) => return Judged::NeedsTurn(check),
        Err(refusal) => Verdict::Rejected(refusal),
    })
}

enum Checked {
    Right(Box<str>),
    Challenge { exchange: Exchange, octets: Vec<u8> },
    NeedsTurn(PasswordCheck),
}

fn check<S: Store, A: Authenticator>(shared: &Shared<S, A>, claim: Claim) -> Result<Checked, Refusal> {
    let authenticator = &shared.authenticator;
    let wrong = || Refusal::new(Rejection::BadCredentials, WRONG);
    match claim {
        Claim::Password { name, password } => {
            let user = prepare_query(&name).map_err(|_| wrong().of(&name))?.into();
            PasswordCheck { exchange: None, user, as_sent: password, is_prepared: true }.wait(shared)
        }
        Claim::Check(check) => check.run(shared),
        Claim::Apop { name, digest, timestamp } => {
            let user = prepare_query(&name).map_err(|_| wrong().of(&name))?;
            let secret = authenticator.shared_secret(&user)?;
            let reason = reason(&secret, "APOP");
            let secret = secret.found();
            let is_known = secret.is_some();
            if apop::verify(&timestamp, secret.unwrap_or_default().expose(), &digest) & is_known {
                Ok(Checked::Right(user.into()))
            } else {
                Err(wrong().because(reason).of(&user))
            }
        }
        Claim::Sasl { mut exchange, response } => {
            let step = match response {
                Response::Initial(response) => exchange.machine.start(response.as_deref()),
                Response::Further(response) => exchange.machine.respond(&response),
            };
            advance(shared, exchange, step.map_err(broken)?, None)
        }
    }
}

impl PasswordCheck {
    /// A repetition of what was just found wrong needs no turn.
    fn wait<S: Store, A: Authenticator>(self, shared: &Shared<S, A>) -> Result<Checked, Refusal> {
        match self.text() {
            Some(password) if !shared.authenticator.was_refused(&self.user, &password) => {
                Ok(Checked::NeedsTurn(self))
            }
            _ => self.settle(shared, false),
        }
    }

    fn run<S: Store, A: Authenticator>(self, shared: &Shared<S, A>) -> Result<Checked, Refusal> {
        let is_right = match self.text() {
            Some(password) => shared.authenticator.is_password(&self.user, &password).map_err(|error| {
                Refusal { tried: self.tried(shared), ..Refusal::from(error).of(&self.user) }
            })?,
            None => false,
        };
        self.settle(shared, is_right)
    }

    fn settle<S: Store, A: Authenticator>(
        self,
        shared: &Shared<S, A>,
        is_right: bool,
    ) -> Result<Checked, Refusal> {
        if !is_right && self.has_other_form() {
            return Self { is_prepared: false, ..self }.wait(shared);
        }
        let tried = self.tried(shared);
        match self.exchange {
            Some(mut exchange) => {
                let step = exchange.machine.answer(Answer::Password(is_right)).map_err(broken)?;
                exchange.name = Some(self.user);
                advance(shared, exchange, step, tried)
            }
            None if is_right => Ok(Checked::Right(self.user)),
            None => Err(Refusal { tried, ..Refusal::new(Rejection::BadCredentials, WRONG) }.of(&self.user)),
        }
    }

    /// In the form that is to be checked; `None` when SASLprep refuses it.
    fn text(&self) -> Option<Cow<'_, str>> {
        let as_sent = self.as_sent.expose_str()?;
        if self.is_prepared { prepare_query(as_sent).ok() } else { Some(as_sent.into()) }
    }

    fn has_other_form(&self) -> bool {
        self.is_prepared && self.text().is_some_and(|prepared| Some(&*prepared) != self.as_sent.expose_str())
    }

    fn tried<S: Store, A: Authenticator>(&self, shared: &Shared<S, A>) -> Option<Tried> {
        Some(shared.penalties.tried(&self.user, self.as_sent.expose_str().unwrap_or_default()))
    }
}

/// Goes on with an exchange until the client has to speak, a password has to be checked, or it is decided.
fn advance<S: Store, A: Authenticator>(
    shared: &Shared<S, A>,
    mut exchange: Exchange,
    mut step: Step,
    tried: Option<Tried>,
) -> Result<Checked, Refusal> {
    loop {
        let question = match step {
            Step::Challenge(octets) => return Ok(Checked::Challenge { exchange, octets }),
            Step::Success(identity) => {
                let nobody =
                    || Refusal::new(Rejection::BadCredentials, "anonymous sessions have no maildrop");
                return Ok(Checked::Right(identity.user().ok_or_else(nobody)?.into()));
            }
            Step::Failure(failure) => {
                let refusal = refusal(failure).because(exchange.reason.take());
                return Err(Refusal { name: exchange.name.take(), tried, ..refusal });
            }
            Step::Question(Question::Password(asked)) => {
                let (user, as_sent) =
                    (asked.name().into(), Secret::from(asked.password_as_sent().as_bytes()));
                let check = PasswordCheck { exchange: Some(exchange), user, as_sent, is_prepared: true };
                return check.wait(shared);
            }
            Step::Question(question) => question,
        };
        let Found { name, reason, answer } = find_out(&shared.authenticator, question)?;
        (exchange.name, exchange.reason) = (Some(name), reason);
        step = exchange.machine.answer(answer).map_err(broken)?;
    }
}

fn broken(error: pop3_sasl::ServerError) -> Refusal {
    Refusal::new(Rejection::Temporary, error.to_string())
}

/// What was found out about a user.
struct Found {
    name: Box<str>,
    reason: Option<Box<str>>,
    answer: Answer<'static>,
}

fn find_out(authenticator: &impl Authenticator, question: Question) -> Result<Found, Refusal> {
    let failed = |name: &str, error: Unavailable| Refusal::from(error).of(name);
    match question {
        Question::Scram { name, hash } => {
            let found = authenticator.scram(&name, hash).map_err(|error| failed(&name, error))?;
            let reason = reason(&found, hash.mechanism().name());
            let answer = match found.found() {
                Some(credentials) => Answer::Scram(Some(credentials)),
                None => Answer::ScramDecoy(authenticator.decoy(&name, hash)),
            };
            Ok(Found { name, reason, answer })
        }
        Question::SharedSecret { name } => {
            let found = authenticator.shared_secret(&name).map_err(|error| failed(&name, error))?;
            let reason = reason(&found, "CRAM-MD5");
            Ok(Found { name, reason, answer: Answer::SharedSecret(found.found()) })
        }
        // Mechanisms that ask anything else are not offered.
        _ => Err(Refusal::new(Rejection::UnsupportedMechanism, "nobody can answer this")),
    }
}

fn refusal(failure: Failure) -> Refusal {
    let rejection = match failure {
        Failure::UnexpectedInitialResponse => Rejection::UnsupportedMechanism,
        _ => Rejection::BadCredentials,
    };
    match failure {
        // The same text whatever way the password came.
        Failure::BadCredentials => Refusal::new(rejection, WRONG),
        failure => Refusal::new(rejection, failure.to_string()),
    }
}

/// Takes the lock and the snapshot. RFC 1939 section 4: only then may the client hear `+OK`.
fn open<S: Store, A: Authenticator>(
    shared: &Shared<S, A>,
    user: &str,
) -> Result<Opened<S::Maildrop>, Refusal> {
    let Some(admission) = shared.counters.admit_user(user) else {
        return Err(Refusal::new(Rejection::Temporary, "the user has too many sessions"));
    };
    match shared.store.open(user) {
        Ok(maildrop) => {
            let skipped = maildrop.skipped();
            Ok(Opened { user: user.into(), maildrop: Arc::new(maildrop), admission, skipped })
        }
        Err(error) => Err(Refusal::new(blame(&error), error.to_string())),
    }
}

/// What is likely to pass is temporary; what somebody has to mend is permanent. RFC 3206 section 4.
fn blame(error: &OpenError) -> Rejection {
    use std::io::ErrorKind as E;
    match error {
        OpenError::InUse => Rejection::InUse,
        OpenError::Missing { .. } | OpenError::Incomplete { .. } | OpenError::UnsafeName => {
            Rejection::Permanent
        }
        OpenError::Io { source, .. } => match source.kind() {
            E::PermissionDenied
            | E::NotADirectory
            | E::ReadOnlyFilesystem
            | E::NotFound
            | E::InvalidData
            | E::CrossesDevices => Rejection::Permanent,
            _ => Rejection::Temporary,
        },
        _ => Rejection::Temporary,
    }
}

impl<M: OpenMaildrop> Opened<M> {
    pub(super) fn messages(&self) -> usize {
        self.maildrop.maildrop().messages().len()
    }

    /// Files that may be messages and are not listed.
    pub(super) fn skipped_files(&self) -> u32 {
        self.skipped.iter().fold(0, |sum, skipped| sum.saturating_add(skipped.count))
    }
}
