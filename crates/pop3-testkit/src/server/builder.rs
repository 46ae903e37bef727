//! What a test server shall be.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use pop3_proto::{
    server::{Config, Connection, OfferedMechanism, Policy, Server as Protocol, Utf8Support},
    types::Mechanism as Name,
};
use pop3_sasl::{Decoy, Mechanism, Secret};

use super::{
    ANY_PORT, Error, Kind, Phase, TestServer,
    accept::Listener,
    accounts::{Accounts, ITERATIONS, SALT},
    records::Records,
    scripts::{Rephrase, Scripts},
    shared::{LoginSettings, Shared, Sockets},
};
use crate::{
    certificates::Certificate,
    fault::{Plan, Rule, Watched},
};

/// In which form bearer tokens are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum BearerForm {
    /// In the line of AUTH alone. RFC 5034 section 4.
    OneLine,
    /// After the server's challenge alone: one that comes with AUTH is answered as Exchange Online answers
    /// it, `-ERR Protocol error. Connection is closed. 10`, and the connection closes.
    TwoLine,
    /// Both.
    #[default]
    Either,
}

/// What a test server shall be; [`start`](Self::start) starts it.
///
/// With nothing said, it has no users, listens on 127.0.0.1 at two free ports, one with STLS and one with
/// TLS, takes passwords in clear, and offers USER, SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN, and OAUTHBEARER and
/// XOAUTH2 when there is a token.
#[derive(Debug)]
#[must_use = "a server runs when it was started"]
pub struct Builder {
    users: Vec<(String, Secret)>,
    tokens: Vec<(String, Secret)>,
    mail: Vec<Mail>,
    listeners: Vec<(Kind, SocketAddr)>,
    scripts: Scripts,
    policy: Policy,
    mechanisms: Option<Vec<Mechanism>>,
    is_apop: bool,
    needs_tls: bool,
    bearer_form: BearerForm,
    external: Option<Box<str>>,
    anonymous: Option<Box<str>>,
    certificate: Option<Certificate>,
    faults: Vec<(Origin, Rule)>,
}

/// Who says what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Test,
    Profile,
}

#[derive(Debug)]
struct Mail {
    user: String,
    unique_id: Option<String>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Octets(Arc<[u8]>),
    File(PathBuf),
}

impl Default for Builder {
    fn default() -> Self {
        let mut policy = Policy::default();
        policy.allow_plaintext_without_tls = true;
        Self {
            users: Vec::new(),
            tokens: Vec::new(),
            mail: Vec::new(),
            listeners: Vec::new(),
            scripts: Scripts::default(),
            policy,
            mechanisms: None,
            is_apop: false,
            needs_tls: false,
            bearer_form: BearerForm::default(),
            external: None,
            anonymous: None,
            certificate: None,
            faults: Vec::new(),
        }
    }
}

// ---- who, and with what mail ----

impl Builder {
    /// A user with an empty maildrop. Of one who is named twice, the last password counts.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.users.push((name.into(), password.into()));
        self
    }

    /// A token that this user may log in with, by OAUTHBEARER or XOAUTH2. Any number of them; who is not a
    /// [`user`](Self::user) besides has no password, and an empty maildrop all the same.
    pub fn token(mut self, user: impl Into<String>, token: impl Into<Secret>) -> Self {
        self.tokens.push((user.into(), token.into()));
        self
    }

    /// A message at the end of this user's maildrop; line ends may be LF or CRLF.
    pub fn message(self, user: impl Into<String>, message: impl Into<Arc<[u8]>>) -> Self {
        self.mail(user.into(), None, Content::Octets(message.into()))
    }

    /// The same, with a unique-id of your choice.
    pub fn message_as(
        self,
        user: impl Into<String>,
        unique_id: impl Into<String>,
        message: impl Into<Arc<[u8]>>,
    ) -> Self {
        self.mail(user.into(), Some(unique_id.into()), Content::Octets(message.into()))
    }

    /// The message in this file; it is read when the server starts.
    pub fn eml(self, user: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.mail(user.into(), None, Content::File(path.into()))
    }

    fn mail(mut self, user: String, unique_id: Option<String>, content: Content) -> Self {
        self.mail.push(Mail { user, unique_id, content });
        self
    }
}

// ---- where ----

impl Builder {
    /// Listens at a free port of 127.0.0.1. What is said here or with [`listen_at`](Self::listen_at)
    /// replaces the two listeners that there are otherwise; say it once for each.
    pub fn listen(self, kind: Kind) -> Self {
        self.listen_at(kind, ANY_PORT)
    }

    /// Listens at this address; port 0 is any free one.
    pub fn listen_at(mut self, kind: Kind, address: SocketAddr) -> Self {
        self.listeners.push((kind, address));
        self
    }

    /// What is presented in the TLS handshake, in place of a certificate for localhost by the throw-away
    /// authority.
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

// ---- how to log in ----

impl Builder {
    /// The mechanisms of AUTH, in the order in which they are announced; none for no AUTH.
    ///
    /// Those with `-PLUS` are offered under TLS alone, and work with TLS 1.3.
    pub fn mechanisms(mut self, mechanisms: impl IntoIterator<Item = Mechanism>) -> Self {
        self.mechanisms = Some(mechanisms.into_iter().collect());
        self
    }

    /// Whether USER and PASS are there; they are, unless this says no.
    pub fn user_pass(mut self, is_offered: bool) -> Self {
        self.policy.user_pass = is_offered;
        self
    }

    /// Whether APOP is there: then the greeting has a timestamp. RFC 1939 section 7.
    pub fn apop(mut self, is_offered: bool) -> Self {
        self.is_apop = is_offered;
        self
    }

    /// In which form bearer tokens are taken.
    pub fn bearer_form(mut self, form: BearerForm) -> Self {
        self.bearer_form = form;
        self
    }

    /// Whom EXTERNAL lets in: there are no client certificates here, so whoever asks is this user.
    pub fn external(mut self, user: impl Into<Box<str>>) -> Self {
        self.external = Some(user.into());
        self
    }

    /// Whose maildrop ANONYMOUS opens. RFC 4505.
    pub fn anonymous(mut self, user: impl Into<Box<str>>) -> Self {
        self.anonymous = Some(user.into());
        self
    }

    /// Whether passwords and tokens may pass without TLS; they may, unless this says no.
    /// RFC 2595 section 2.3.
    pub fn password_in_clear(mut self, is_allowed: bool) -> Self {
        self.policy.allow_plaintext_without_tls = is_allowed;
        self
    }

    /// Lets nobody log in without TLS, by whatever mechanism.
    pub fn require_tls(mut self) -> Self {
        self.needs_tls = true;
        self.password_in_clear(false)
    }
}

// ---- what it says ----

impl Builder {
    /// The greeting, without its line end, as it is sent: also octets that no server should send. Where it
    /// begins with neither `+` nor `-`, `+OK ` is put in front. With [`apop`](Self::apop), a timestamp in it
    /// is the one that counts.
    pub fn greeting(mut self, line: impl AsRef<[u8]>) -> Self {
        let line = line.as_ref();
        let status: &[u8] = if matches!(line, [b'+' | b'-', ..]) { b"" } else { b"+OK " };
        self.scripts.greeting = Some([status, line].concat().into());
        self
    }

    /// Exactly these lines are the answer to CAPA in this phase. What the server does is not changed by it.
    pub fn capabilities<L: Into<String>>(mut self, phase: Phase, lines: impl IntoIterator<Item = L>) -> Self {
        let lines = lines.into_iter().map(Into::into).collect();
        self.scripts.capabilities.insert(phase, Some(lines));
        self
    }

    /// CAPA is answered with `-ERR`, as by a server that does not know it.
    pub fn no_capa(mut self) -> Self {
        self.scripts.capabilities = Phase::ALL.map(|phase| (phase, None)).into();
        self
    }

    /// Says this line, without its line end, in place of a status line that begins with `begins`, in the
    /// answer to this keyword: `.rephrase("PASS", "-ERR [AUTH]", "-ERR Login failed.")`. The end of a SASL
    /// exchange belongs to AUTH. The first that fits counts.
    pub fn rephrase(
        mut self,
        keyword: impl Into<String>,
        begins: impl Into<Box<str>>,
        line: impl AsRef<[u8]>,
    ) -> Self {
        let keyword = keyword.into().to_ascii_uppercase().into_boxed_str();
        self.scripts.lines.push(Rephrase { keyword, begins: begins.into(), line: line.as_ref().into() });
        self
    }

    /// Offers UTF8; with `user`, names and passwords may be UTF-8 too. RFC 6856.
    pub fn utf8(mut self, user: bool) -> Self {
        self.policy.utf8 = Some(Utf8Support { user });
        self
    }

    /// Changes anything else that the protocol core can be told: limits, time-outs, languages, what CAPA
    /// says about retention.
    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }
}

// ---- what goes wrong ----

impl Builder {
    /// What goes wrong, in place of what was said with this and [`fault`](Self::fault) before; the faults of
    /// a [`profile`](Self::profile) stay.
    pub fn faults(mut self, plan: Plan) -> Self {
        self.faults.retain(|(origin, _)| *origin == Origin::Profile);
        plan.rules().iter().cloned().fold(self, Self::fault)
    }

    /// One more thing that goes wrong.
    pub fn fault(mut self, rule: Rule) -> Self {
        self.faults.push((Origin::Test, rule));
        self
    }

    /// One more thing that a profile's server does.
    pub(crate) fn fault_of_profile(mut self, rule: Rule) -> Self {
        self.faults.push((Origin::Profile, rule));
        self
    }
}

// ---- start ----

impl Builder {
    /// Starts it. It takes connections from here on.
    ///
    /// # Errors
    ///
    /// [`Error`] says what cannot be.
    pub fn start(self) -> Result<TestServer, Error> {
        let listeners = match &*self.listeners {
            [] => vec![(Kind::Stls, ANY_PORT), (Kind::Tls, ANY_PORT)],
            listeners => listeners.to_vec(),
        };
        let shared = Arc::new(self.share()?);
        let mut server = TestServer {
            shared: Arc::clone(&shared),
            listeners: Vec::with_capacity(listeners.len()),
            ca_file: Default::default(),
            ca_file_turn: Mutex::default(),
        };
        for (kind, address) in listeners {
            // A server that could let nobody in is a mistake of the test.
            let connection = Connection {
                is_tls: kind == Kind::Tls,
                apop_timestamp: shared.login.is_apop.then(|| "<1@localhost>".into()),
            };
            Protocol::new(shared.config(kind).clone(), connection)?;
            server.listeners.push(Listener::start(&shared, kind, address)?);
        }
        Ok(server)
    }

    fn share(self) -> Result<Shared, Error> {
        let mechanisms = self.offered();
        let plan = self.faults.into_iter().map(|(_, rule)| rule).collect();
        let accounts = accounts(self.users, self.tokens, self.mail)?;
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)?;
        let mut policy = self.policy;
        policy.mechanisms = offer(&mechanisms, self.needs_tls);
        let config = |stls| {
            let mut policy = policy.clone();
            policy.stls = stls;
            Config::new(policy)
        };
        Ok(Shared {
            accounts,
            records: Records::default(),
            scripts: self.scripts,
            login: LoginSettings {
                mechanisms,
                is_apop: self.is_apop,
                needs_tls: self.needs_tls,
                bearer_form: self.bearer_form,
                external: self.external,
                anonymous: self.anonymous,
                decoy: Decoy::new(&secret, ITERATIONS, SALT),
            },
            certificate: self.certificate,
            with_stls: config(true)?,
            without_stls: config(false)?,
            plan: Mutex::new(Arc::new(Watched::new(plan))),
            sockets: Mutex::new(Sockets::default()),
        })
    }

    fn offered(&self) -> Vec<Mechanism> {
        if let Some(mechanisms) = &self.mechanisms {
            return mechanisms.clone();
        }
        let mut all = vec![Mechanism::ScramSha256, Mechanism::ScramSha1, Mechanism::Plain];
        if !self.tokens.is_empty() {
            all.extend([Mechanism::OauthBearer, Mechanism::Xoauth2]);
        }
        all.extend(self.external.as_ref().map(|_| Mechanism::External));
        all.extend(self.anonymous.as_ref().map(|_| Mechanism::Anonymous));
        all
    }
}

fn offer(mechanisms: &[Mechanism], needs_tls: bool) -> Vec<OfferedMechanism> {
    let offer = |mechanism: &Mechanism| {
        let name = Name::new(mechanism.name()).ok()?;
        Some(if needs_tls || mechanism.is_plaintext() {
            OfferedMechanism::plaintext(name)
        } else {
            OfferedMechanism::safe(name)
        })
    };
    mechanisms.iter().filter_map(offer).collect()
}

fn accounts(
    users: Vec<(String, Secret)>,
    tokens: Vec<(String, Secret)>,
    mail: Vec<Mail>,
) -> Result<Accounts, Error> {
    let mut accounts = Accounts::default();
    for (name, password) in users {
        accounts.add(&name, password);
    }
    for (name, token) in tokens {
        accounts.add_token(&name, token);
    }
    for Mail { user, unique_id, content } in mail {
        let octets = match content {
            Content::Octets(octets) => octets,
            Content::File(path) => std::fs::read(&path).map_err(|source| Error::Eml { path, source })?.into(),
        };
        match unique_id {
            Some(unique_id) => accounts.deliver_as(&user, &unique_id, octets)?,
            None => drop(accounts.deliver(&user, octets)?),
        }
    }
    Ok(accounts)
}
