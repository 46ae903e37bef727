//! A login, judged where blocking is allowed: one trip for the check of the secret, the lock and the
//! snapshot.

use std::sync::Arc;

use pop3_proto::server::{Login, Rejection};
use pop3_sasl::{
    Answer, Failure, Mechanism, Nonce, Question, Secret, ServerOptions, Step, apop, prepare_query,
};
use pop3_store::{OpenError, OpenMaildrop, Store};

use crate::{Authenticator, Shared, Unavailable, admission::UserAdmission, penalties::Tried};

/// What a client brings forward.
pub(super) enum Claim {
    Apop { name: Box<str>, digest: [u8; 16], timestamp: Box<str> },
    Password { name: Box<str>, password: Secret },
    Sasl { exchange: Exchange, response: Response },
}

/// A SASL exchange, and whom it is about as soon as that is known.
pub(super) struct Exchange {
    machine: Box<pop3_sasl::Server>,
    name: Option<Box<str>>,
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

/// What is logged of a name that nobody has, and of a secret that is not that name's.
const WRONG: &str = "name or password is wrong";

/// A maildrop, open and locked.
pub(super) struct Opened<M> {
    pub(super) user: Box<str>,
    pub(super) maildrop: Arc<M>,
    pub(super) admission: UserAdmission,
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

    fn of(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }
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
                let exchange = Exchange { machine: Box::new(machine), name: None };
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
    let options = ServerOptions::new().scram(Nonce::from_random(random), shared.authenticator.decoy());
    let challenge = crate::timestamp::timestamp(shared.config.apop_host.as_deref().unwrap_or("localhost"));
    Ok(options.cram_challenge(&challenge.map_err(no_randomness)?))
}

/// Blocks: checks what the client brings forward, and opens the maildrop if it is right.
///
/// `checking` is dropped when the secret has been checked: opening needs no turn.
pub(super) fn judge<S: Store, A: Authenticator, P>(
    shared: &Shared<S, A>,
    claim: Claim,
    checking: P,
) -> Verdict<S::Maildrop> {
    let checked = check(shared, claim);
    drop(checking);
    match checked {
        Ok(Checked::Right(user)) => match open(shared, &user) {
            Ok(opened) => Verdict::Accepted(opened),
            Err(refusal) => Verdict::Rejected(refusal.of(&user)),
        },
        Ok(Checked::Challenge { exchange, octets }) => Verdict::Challenge { exchange, octets },
        Err(refusal) => Verdict::Rejected(refusal),
    }
}

enum Checked {
    Right(Box<str>),
    Challenge { exchange: Exchange, octets: Vec<u8> },
}

fn check<S: Store, A: Authenticator>(shared: &Shared<S, A>, claim: Claim) -> Result<Checked, Refusal> {
    let authenticator = &shared.authenticator;
    let wrong = || Refusal::new(Rejection::BadCredentials, WRONG);
    match claim {
        Claim::Password { name, password } => {
            let as_sent = password.expose_str().unwrap_or_default();
            let tried = Some(shared.penalties.tried(&name, as_sent));
            let failed = |refusal: Refusal| Refusal { tried, ..refusal.of(&name) };
            let (Ok(user), Ok(prepared)) = (prepare_query(&name), prepare_query(as_sent)) else {
                return Err(failed(wrong()));
            };
            let is_right = is_password(authenticator, &user, &prepared, as_sent);
            match is_right.map_err(|error| failed(error.into()))? {
                true => Ok(Checked::Right(user.into())),
                false => Err(failed(wrong())),
            }
        }
        Claim::Apop { name, digest, timestamp } => {
            let user = prepare_query(&name).map_err(|_| wrong().of(&name))?;
            let secret = authenticator.shared_secret(&user)?;
            let is_known = secret.is_some();
            if apop::verify(&timestamp, secret.unwrap_or_default().expose(), &digest) & is_known {
                Ok(Checked::Right(user.into()))
            } else {
                Err(wrong().of(&name))
            }
        }
        Claim::Sasl { exchange, response } => advance(shared, exchange, response),
    }
}

/// The password is tried as SASLprep makes it and, where that differs, as it was sent: other software
/// stored it so.
fn is_password(
    authenticator: &impl Authenticator,
    user: &str,
    prepared: &str,
    as_sent: &str,
) -> Result<bool, Unavailable> {
    Ok(authenticator.is_password(user, prepared)?
        || (prepared != as_sent && authenticator.is_password(user, as_sent)?))
}

/// Goes on with an exchange until the client has to speak, or it is decided.
fn advance<S: Store, A: Authenticator>(
    shared: &Shared<S, A>,
    mut exchange: Exchange,
    response: Response,
) -> Result<Checked, Refusal> {
    let broken = |error: pop3_sasl::ServerError| Refusal::new(Rejection::Temporary, error.to_string());
    let Exchange { machine, name } = &mut exchange;
    let mut step = match response {
        Response::Initial(response) => machine.start(response.as_deref()),
        Response::Further(response) => machine.respond(&response),
    }
    .map_err(broken)?;
    let mut tried = None;
    loop {
        let question = match step {
            Step::Challenge(octets) => return Ok(Checked::Challenge { exchange, octets }),
            Step::Success(identity) => {
                let nobody =
                    || Refusal::new(Rejection::BadCredentials, "anonymous sessions have no maildrop");
                return Ok(Checked::Right(identity.user().ok_or_else(nobody)?.into()));
            }
            Step::Failure(failure) => {
                return Err(Refusal { name: name.take(), tried, ..refusal(failure) });
            }
            Step::Question(question) => question,
        };
        if let Question::Password(asked) = &question {
            tried = Some(shared.penalties.tried(asked.name(), asked.password_as_sent()));
        }
        let (asked, answer) = find_out(&shared.authenticator, question)?;
        *name = Some(asked);
        step = machine.answer(answer).map_err(broken)?;
    }
}

/// The answer to a question, and about whom it was asked.
fn find_out(
    authenticator: &impl Authenticator,
    question: Question,
) -> Result<(Box<str>, Answer<'static>), Refusal> {
    let failed = |name: &str, error: Unavailable| Refusal::from(error).of(name);
    match question {
        Question::Password(asked) => {
            let name = asked.name();
            let is_right = is_password(authenticator, name, asked.password(), asked.password_as_sent())
                .map_err(|error| failed(name, error))?;
            Ok((name.into(), Answer::Password(is_right)))
        }
        Question::Scram { name, hash } => {
            let credentials = authenticator.scram(&name, hash).map_err(|error| failed(&name, error))?;
            Ok((name, Answer::Scram(credentials)))
        }
        Question::SharedSecret { name } => {
            let secret = authenticator.shared_secret(&name).map_err(|error| failed(&name, error))?;
            Ok((name, Answer::SharedSecret(secret)))
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
        Ok(maildrop) => Ok(Opened { user: user.into(), maildrop: Arc::new(maildrop), admission }),
        Err(error) => Err(Refusal::new(blame(&error), error.to_string())),
    }
}

/// What is likely to pass is temporary; what somebody has to mend is permanent. RFC 3206 section 4.
fn blame(error: &OpenError) -> Rejection {
    use std::io::ErrorKind as E;
    match error {
        OpenError::InUse => Rejection::InUse,
        OpenError::Missing { .. } | OpenError::UnsafeName => Rejection::Permanent,
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
}
