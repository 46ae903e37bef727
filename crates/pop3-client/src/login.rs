//! What a person has to log in with, and which way is taken with it.

use std::str::FromStr;

use pop3_proto::types::{Capability, Mechanism};
use pop3_sasl::{
    ChannelBinding, Choice, Client, ClientError, ClientOptions, Credentials, Nonce, PlaintextUse, Policy,
    Secret, apop, choose,
};

use crate::{Capabilities, Connector, Error, exchange::login::LoginExchange};

/// Which way to log in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// The best SASL mechanism that the server offers and the credentials fit; else USER and PASS.
    /// Never APOP.
    #[default]
    Any,
    /// This mechanism and no other, announced or not. RFC 5034.
    Sasl(pop3_sasl::Mechanism),
    /// USER and PASS. RFC 1939 section 7.
    UserPass,
    /// APOP, whose digest is MD5 and lets whoever listens guess the password at leisure. RFC 1939
    /// section 7.
    Apop,
}

/// A way to log in that is not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown way to log in; use *, +USER, +APOP, or the name of a SASL mechanism such as PLAIN")]
pub struct UnknownMethod;

/// As in a URL (RFC 2384 section 4), in any case: `*`, `+APOP`, the name of a SASL mechanism; also `+USER` for USER
/// and PASS.
impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        match text.to_ascii_uppercase().as_str() {
            "*" => Ok(Self::Any),
            "+APOP" => Ok(Self::Apop),
            "+USER" => Ok(Self::UserPass),
            name => pop3_sasl::Mechanism::from_name(name).map(Self::Sasl).ok_or(UnknownMethod),
        }
    }
}

/// A name, and what proves that it is one's own.
///
/// ```
/// use pop3_client::{Login, Method};
/// let login = Login::password("alice", "wonderland").with_method(Method::UserPass);
/// assert!(!format!("{login:?}").contains("wonderland"));
/// ```
#[derive(Debug, Clone)]
pub struct Login {
    name: String,
    secret: Secret,
    kind: Kind,
    authzid: Option<String>,
    method: Method,
    sends_long_token_at_once: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Password,
    Token,
    External,
}

impl Login {
    /// With a password.
    #[must_use]
    pub fn password(name: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::new(name.into(), password.into(), Kind::Password)
    }

    /// With an OAuth 2 access token, by OAUTHBEARER (RFC 7628) or XOAUTH2.
    #[must_use]
    pub fn token(name: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self::new(name.into(), token.into(), Kind::Token)
    }

    /// With what the server knows already, by EXTERNAL. RFC 4422 appendix A.
    #[must_use]
    pub fn external() -> Self {
        Self::new(String::new(), Secret::default(), Kind::External)
    }

    fn new(name: String, secret: Secret, kind: Kind) -> Self {
        Self { name, secret, kind, authzid: None, method: Method::Any, sends_long_token_at_once: false }
    }

    /// Takes this way, and no other.
    #[must_use]
    pub const fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Asks to act as somebody else, which the server has to allow. RFC 4422 section 3.4.1.
    #[must_use]
    pub fn with_authzid(mut self, authzid: impl Into<String>) -> Self {
        self.authzid = Some(authzid.into());
        self
    }

    /// Sends a bearer token together with AUTH where the line stays within 255 octets. Otherwise tokens
    /// wait for the server's challenge, since Exchange Online takes them in no other way.
    #[must_use]
    pub const fn with_initial_token(mut self) -> Self {
        self.sends_long_token_at_once = true;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether another way may be tried where the server refuses one.
    pub(crate) fn may_go_another_way(&self) -> bool {
        self.method == Method::Any
    }

    /// What to try on a new connection, after the server closed the one on which this mechanism was under way:
    /// USER and PASS, where they protect the password no less.
    #[must_use]
    pub fn without(&self, mechanism: pop3_sasl::Mechanism) -> Option<Self> {
        let is_as_good = mechanism.is_plaintext() && self.kind == Kind::Password && self.authzid.is_none();
        (is_as_good && self.may_go_another_way()).then(|| self.clone().with_method(Method::UserPass))
    }

    fn credentials(&self) -> Credentials {
        let credentials = match self.kind {
            Kind::Password => Credentials::new(&self.name).with_password(self.secret.clone()),
            Kind::Token => Credentials::new(&self.name).with_token(self.secret.clone()),
            Kind::External => Credentials::external(),
        };
        match &self.authzid {
            Some(authzid) => credentials.with_authzid(authzid),
            None => credentials,
        }
    }
}

/// What the login has to know about the session.
#[derive(Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) connector: &'a Connector,
    pub(crate) capabilities: &'a Capabilities,
    /// From the greeting, unless TLS was started since: then it is not to be believed any more.
    pub(crate) timestamp: Option<&'a str>,
    pub(crate) is_tls: bool,
    pub(crate) binding: Option<[u8; pop3_sasl::EXPORTER_LENGTH]>,
}

impl Login {
    /// Decides what to send. RFC 5034 section 4: local preference, never weaker than the policy. The server
    /// has refused the mechanisms `refused` as such.
    pub(crate) fn plan(
        &self,
        at: &Circumstances<'_>,
        refused: &[pop3_sasl::Mechanism],
    ) -> Result<LoginExchange, Error> {
        let has_code = at.capabilities.contains(&Capability::AuthRespCode);
        match self.method {
            Method::Apop => self.apop(at, has_code),
            Method::UserPass => self.user_pass(at, has_code),
            Method::Sasl(mechanism) => {
                let choice = choose(&[mechanism.name()], &self.credentials(), &at.policy());
                match choice {
                    // RFC 5802 section 6: to say that the server does not offer -PLUS would be a lie, and a
                    // server takes it for somebody in between. What was asked for is used without binding.
                    Some(_) if at.offers_bound(mechanism) => self.sasl(&Choice::new(mechanism), at, has_code),
                    Some(choice) => self.sasl(&choice, at, has_code),
                    None if mechanism.is_plaintext() && !at.may_send_plaintext() => {
                        Err(Error::PlaintextRefused)
                    }
                    None => self.sasl(&Choice::new(mechanism), at, has_code),
                }
            }
            Method::Any => self.any(at, has_code, refused),
        }
    }

    fn any(
        &self,
        at: &Circumstances<'_>,
        has_code: bool,
        refused: &[pop3_sasl::Mechanism],
    ) -> Result<LoginExchange, Error> {
        let offered: Vec<&str> = at.capabilities.mechanisms().map(Mechanism::as_str).collect();
        if let Some(choice) = choose(&offered, &self.credentials(), &at.policy().instead_of(refused)) {
            return self.sasl(&choice, at, has_code);
        }
        // USER and PASS protect the password as little as PLAIN does.
        if refused.iter().any(|mechanism| !mechanism.is_plaintext()) {
            let offered = at.capabilities.mechanisms().cloned().collect();
            return Err(Error::NoMechanism { offered });
        }
        // A server that does not know CAPA, or names neither USER nor SASL there, is asked by USER itself.
        let is_user_worth_trying = at.capabilities.contains(&Capability::User) || offered.is_empty();
        if self.kind == Kind::Password && self.authzid.is_none() && is_user_worth_trying {
            return self.user_pass(at, has_code);
        }
        let is_any_usable = |policy: Policy| choose(&offered, &self.credentials(), &policy).is_some();
        if !at.may_send_plaintext() && is_any_usable(at.policy().plaintext(PlaintextUse::Always)) {
            return Err(Error::PlaintextRefused);
        }
        let offered = at.capabilities.mechanisms().cloned().collect();
        Err(Error::NoMechanism { offered })
    }

    fn sasl(&self, choice: &Choice, at: &Circumstances<'_>, has_code: bool) -> Result<LoginExchange, Error> {
        let options = at.connector.options();
        let mut random = [0; 18];
        getrandom::fill(&mut random).map_err(|error| Error::Io(std::io::Error::other(error)))?;
        let client_options =
            ClientOptions::new(Nonce::from_random(random)).service(&options.host, options.port);
        let client = Client::new(choice, &self.credentials(), &client_options).map_err(Error::Sasl)?;
        let mechanism = choice.mechanism();
        let is_announced = at.capabilities.mechanisms().any(|name| *name.as_str() == *mechanism.name());
        let is_bearer =
            matches!(mechanism, pop3_sasl::Mechanism::Xoauth2 | pop3_sasl::Mechanism::OauthBearer);
        let may_begin = is_announced && (!is_bearer || self.sends_long_token_at_once);
        LoginExchange::sasl(client, may_begin, has_code)
    }

    fn user_pass(&self, at: &Circumstances<'_>, has_code: bool) -> Result<LoginExchange, Error> {
        if !at.may_send_plaintext() {
            return Err(Error::PlaintextRefused);
        }
        let mechanism = pop3_sasl::Mechanism::Plain;
        let (name, password) = (pop3_sasl::Field::Name, pop3_sasl::Field::Password);
        if self.kind != Kind::Password {
            return Err(Error::Sasl(ClientError::MissingCredentials { mechanism, field: password }));
        }
        let check = |text: Option<&str>, field| match text {
            Some(text) if is_sendable(text) => Ok(()),
            _ => Err(Error::Sasl(ClientError::InvalidField { mechanism, field })),
        };
        let secret = self.secret.expose_str();
        check(Some(&self.name), name)?;
        check(secret, password)?;
        let is_ascii = self.name.is_ascii() && self.secret.expose().is_ascii();
        if !is_ascii && !at.capabilities.contains(&Capability::Utf8 { user: true }) {
            return Err(Error::Utf8NotAnnounced);
        }
        Ok(LoginExchange::user_pass(&self.name, secret.unwrap_or_default(), has_code))
    }

    fn apop(&self, at: &Circumstances<'_>, has_code: bool) -> Result<LoginExchange, Error> {
        let timestamp = at.timestamp.filter(|timestamp| apop::is_valid_timestamp(timestamp));
        let timestamp = timestamp.ok_or(Error::NoTimestamp)?;
        let digest = apop::digest(timestamp, self.secret.expose());
        Ok(LoginExchange::apop(&self.name, digest, has_code))
    }
}

/// Whether a command line can carry it: not empty, and nothing that ends the line.
fn is_sendable(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|octet| octet.is_ascii_control())
}

impl Circumstances<'_> {
    /// Whether the server announces this mechanism with channel binding too.
    fn offers_bound(&self, mechanism: pop3_sasl::Mechanism) -> bool {
        let bound = |name: &Mechanism<'_>| name.as_str().strip_suffix("-PLUS") == Some(mechanism.name());
        self.capabilities.mechanisms().any(bound)
    }

    fn may_send_plaintext(&self) -> bool {
        self.is_tls || self.connector.options().security.allows_plaintext()
    }

    fn policy(&self) -> Policy {
        let policy = match (self.is_tls, self.may_send_plaintext()) {
            (true, _) => Policy::new().encrypted(),
            (false, true) => Policy::new().plaintext(PlaintextUse::Always),
            (false, false) => Policy::new(),
        };
        match self.binding {
            Some(exported) => policy.channel_binding(ChannelBinding::tls_exporter(exported)),
            None => policy,
        }
    }
}
