//! A client and a server machine joined, with a backend of one user.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use pop3_sasl::{
    Answer, Choice, Client, ClientError, ClientMechanism, ClientOptions, Credentials, Decoy, Failure,
    Identity, Mechanism, Nonce, Question, ScramCredentials, Secret, Server, ServerOptions, Step, TokenError,
};

pub(crate) const CLIENT_NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";
pub(crate) const SERVER_NONCE: &str = "3rfcNHYJY1ZVvWVs7j";
pub(crate) const CRAM_CHALLENGE: &str = "<1896.697170952@postoffice.reston.mci.net>";
pub(crate) const ALL_CLIENT_FIRST: [Mechanism; 7] = [
    Mechanism::Anonymous,
    Mechanism::External,
    Mechanism::OauthBearer,
    Mechanism::Plain,
    Mechanism::ScramSha1,
    Mechanism::ScramSha256,
    Mechanism::Xoauth2,
];

pub(crate) fn nonce(text: &str) -> Nonce {
    Nonce::new(text).unwrap()
}

pub(crate) fn decoy() -> Decoy {
    Decoy::new(b"decoy secret", 4096, 16)
}

pub(crate) fn client_options() -> ClientOptions {
    ClientOptions::new(nonce(CLIENT_NONCE))
}

pub(crate) fn server_options() -> ServerOptions {
    ServerOptions::new().scram(nonce(SERVER_NONCE), decoy()).cram_challenge(CRAM_CHALLENGE)
}

pub(crate) fn client(mechanism: Mechanism, credentials: &Credentials) -> Client {
    Client::new(&Choice::new(mechanism), credentials, &client_options()).unwrap()
}

pub(crate) fn server(mechanism: Mechanism) -> Server {
    Server::new(mechanism, &server_options()).unwrap()
}

/// One user, one password, one token. The answers come as a server's would, after the question.
pub(crate) struct Backend {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) token: String,
    pub(crate) authzids: Vec<String>,
}

impl Backend {
    pub(crate) fn new(name: &str, password: &str) -> Self {
        Self { name: name.into(), password: password.into(), token: "TOKEN".into(), authzids: Vec::new() }
    }

    pub(crate) fn answer<'a>(&'a self, question: &Question) -> Answer<'a> {
        match question {
            Question::Password(asked) => {
                Answer::Password(asked.name() == self.name && asked.password() == self.password)
            }
            Question::Token(asked) if asked.token() == self.token => Answer::Token(Ok(&self.name)),
            Question::Token(_) => Answer::Token(Err(TokenError::new("invalid_token").with_scope("mail"))),
            Question::Scram { name, hash } => Answer::Scram((**name == self.name).then(|| {
                ScramCredentials::derive(*hash, &self.password, b"a salt of 16 octs", 4096).unwrap()
            })),
            Question::SharedSecret { name } => {
                Answer::SharedSecret((**name == self.name).then(|| Secret::from(self.password.as_str())))
            }
            Question::Authorization { authcid, authzid } => Answer::Authorization(
                **authcid == self.name && self.authzids.iter().any(|a| **a == **authzid),
            ),
            other => panic!("an unknown question: {other:?}"),
        }
    }
}

/// How an exchange ended, seen from both sides.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) server: Option<Result<Identity, Failure>>,
    pub(crate) client: Result<(), ClientError>,
    /// Everything the server sent as challenges.
    pub(crate) challenges: Vec<Vec<u8>>,
}

impl Outcome {
    pub(crate) fn user(&self) -> Option<&str> {
        self.server.as_ref()?.as_ref().ok().filter(|_| self.client.is_ok())?.user()
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.server.as_ref()?.as_ref().err().copied()
    }
}

/// Runs an exchange, with an initial response where `is_initial` and where there is one.
pub(crate) fn run(client: &mut Client, server: &mut Server, backend: &Backend, is_initial: bool) -> Outcome {
    let initial = if is_initial { client.initial_response() } else { None };
    let mut challenges = Vec::new();
    let mut step = server.start(initial.as_deref()).unwrap();
    loop {
        step = match step {
            Step::Question(question) => server.answer(backend.answer(&question)).unwrap(),
            Step::Challenge(challenge) => {
                challenges.push(challenge.clone());
                match client.step(&challenge) {
                    Ok(response) => server.respond(&response).unwrap(),
                    Err(error) => return Outcome { server: None, client: Err(error), challenges },
                }
            }
            Step::Success(identity) => {
                return Outcome { server: Some(Ok(identity)), client: client.finish(), challenges };
            }
            Step::Failure(failure) => {
                return Outcome { server: Some(Err(failure)), client: client.finish(), challenges };
            }
        }
    }
}
