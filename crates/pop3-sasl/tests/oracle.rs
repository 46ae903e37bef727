//! Our machines against another implementation, rsasl, in both directions.
//!
//! Two things about rsasl are easily got wrong: `State::Finished` does not mean success, which only
//! `Session::validation` tells, and its SCRAM server hands names over with their escapes.

mod support;

use std::io::Cursor;

use pop3_sasl::{
    BindingUse, ChannelBinding, Choice, Client, ClientError, ClientMechanism, Credentials, Failure, Identity,
    Mechanism, Server, ServerOptions, Step, TokenError,
};
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::anonymous::AnonymousToken;
use rsasl::mechanisms::oauthbearer::properties::{OAuthBearerError, OAuthBearerErrored, OAuthBearerValidate};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::xoauth2::properties::{XOAuth2Error, XOAuth2Validate};
use rsasl::prelude::{
    ChannelBindingCallback, Mechname, Registry, SASLClient, SASLConfig, SASLServer, SessionError, State,
    Validation,
};
use rsasl::property::{AuthId, AuthzId, OAuthBearerToken, Password};
use rsasl::validate::{Validate, ValidationError};
use support::{Backend, client_options, server_options};

const EXPORTED: [u8; 32] = [0x5a; 32];
const XOAUTH2_REFUSAL: &str = r#"{"status":"401","schemes":"bearer","scope":"mail"}"#;

static BOUND: [rsasl::prelude::Mechanism; 4] = [
    rsasl::mechanisms::scram::SCRAM_SHA1,
    rsasl::mechanisms::scram::SCRAM_SHA1_PLUS,
    rsasl::mechanisms::scram::SCRAM_SHA256,
    rsasl::mechanisms::scram::SCRAM_SHA256_PLUS,
];

/// Whom rsasl's server let in.
struct Whom;

impl Validation for Whom {
    type Value = String;
}

/// rsasl's view of one user, for its client and for its server.
#[derive(Clone)]
struct Them {
    name: String,
    password: String,
    token: String,
    authzid: Option<String>,
    trace: Option<String>,
    is_bound: bool,
}

impl Them {
    fn new(name: &str, password: &str) -> Self {
        Self {
            name: name.into(),
            password: password.into(),
            token: "TOKEN".into(),
            authzid: None,
            trace: None,
            is_bound: false,
        }
    }

    fn config(&self) -> std::sync::Arc<SASLConfig> {
        let builder = SASLConfig::builder();
        // The channel-bound mechanisms are not among rsasl's defaults.
        let builder = if self.is_bound {
            builder.with_registry(Registry::with_mechanisms(&BOUND))
        } else {
            builder.with_defaults()
        };
        builder.with_callback(self.clone()).unwrap()
    }
}

impl SessionCallback for Them {
    fn callback(
        &self,
        session: &SessionData,
        context: &Context,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if request.is::<ScramStoredPassword>() {
            let hash = match session.mechanism().mechanism.as_str() {
                name if name.starts_with("SCRAM-SHA-1") => pop3_sasl::ScramHash::Sha1,
                _ => pop3_sasl::ScramHash::Sha256,
            };
            if context.get_ref::<AuthId>() == Some(self.name.as_str()) {
                // What our credentials hold reads as rsasl wants it.
                let keys = stored_keys(hash, &self.password);
                request.satisfy::<ScramStoredPassword>(&ScramStoredPassword::new(
                    4096,
                    b"salt of theirs",
                    &keys[0],
                    &keys[1],
                ))?;
            }
            return Ok(());
        }
        let is_right = context.get_ref::<OAuthBearerToken>() == Some(self.token.as_str());
        if request.is::<OAuthBearerValidate>() {
            let refused = OAuthBearerError::new("invalid_token", Some("mail"), None);
            request.satisfy::<OAuthBearerValidate>(&if is_right { Ok(()) } else { Err(refused) })?;
            return Ok(());
        }
        if request.is::<XOAuth2Validate>() {
            request.satisfy::<XOAuth2Validate>(&if is_right { Ok(()) } else { Err(XOAUTH2_REFUSAL) })?;
            return Ok(());
        }
        // A client has to say that it saw the refusal.
        let _ = request.get_action::<OAuthBearerErrored>();
        let _ = request.get_action::<XOAuth2Error>();
        request
            .satisfy::<AuthId>(&self.name)?
            .satisfy::<Password>(self.password.as_bytes())?
            .satisfy::<OAuthBearerToken>(&self.token)?;
        if let Some(authzid) = &self.authzid {
            request.satisfy::<AuthzId>(authzid)?;
        }
        if let Some(trace) = &self.trace {
            request.satisfy::<AnonymousToken>(trace)?;
        }
        Ok(())
    }

    fn validate(
        &self,
        session: &SessionData,
        context: &Context,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let name = context.get_ref::<AuthId>();
        let whom = match session.mechanism().mechanism.as_str() {
            "ANONYMOUS" => context.get_ref::<AnonymousToken>(),
            "EXTERNAL" => context.get_ref::<AuthzId>(),
            "PLAIN" | "LOGIN" => name.filter(|name| {
                *name == self.name && context.get_ref::<Password>() == Some(self.password.as_bytes())
            }),
            "OAUTHBEARER" => context
                .get_ref::<AuthzId>()
                .filter(|_| context.get_ref::<OAuthBearerToken>() == Some(&self.token)),
            "XOAUTH2" => name.filter(|_| context.get_ref::<OAuthBearerToken>() == Some(&self.token)),
            _ => name,
        };
        if let Some(whom) = whom {
            validate.finalize::<Whom>(whom.to_owned());
        }
        Ok(())
    }

    fn enable_channel_binding(&self) -> bool {
        self.is_bound
    }
}

struct Exporter;

impl ChannelBindingCallback for Exporter {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        (name == "tls-exporter").then_some(&EXPORTED[..])
    }
}

/// StoredKey and ServerKey as our text form holds them.
fn stored_keys(hash: pop3_sasl::ScramHash, password: &str) -> [Vec<u8>; 2] {
    use base64::Engine as _;
    let made =
        pop3_sasl::ScramCredentials::derive(hash, password, b"salt of theirs", 4096).unwrap().to_stored();
    let mut fields =
        made.rsplit(',').map(|field| base64::engine::general_purpose::STANDARD.decode(field).unwrap());
    let server_key = fields.next().unwrap();
    [fields.next().unwrap(), server_key]
}

fn mechname(mechanism: Mechanism) -> &'static Mechname {
    Mechname::parse(mechanism.name().as_bytes()).unwrap()
}

/// Our client logs in to rsasl's server: whom that let in, and what our client says to it.
fn our_client(
    client: &mut Client,
    mechanism: Mechanism,
    them: &Them,
) -> (Option<String>, Result<(), ClientError>) {
    let mut session =
        SASLServer::<Whom, _>::with_cb(them.config(), Exporter).start_suggested(mechname(mechanism)).unwrap();
    let mut input = client.initial_response();
    loop {
        let mut out = Cursor::new(Vec::new());
        let Ok(state) = session.step(input.as_deref(), &mut out) else {
            return (None, client.finish());
        };
        let has_message = state.has_sent_message() && !(state.is_finished() && out.get_ref().is_empty());
        if has_message {
            match client.step(out.get_ref()) {
                Ok(response) => input = Some(response),
                Err(error) => return (session.validation(), Err(error)),
            }
        }
        if state.is_finished() {
            return (session.validation(), client.finish());
        }
    }
}

/// rsasl's client logs in to our server; the flag tells whether it believes in the success.
fn our_server(server: &mut Server, them: &Them, backend: &Backend) -> (Result<Identity, Failure>, bool) {
    let mechanism = server.mechanism();
    let sasl = SASLClient::with_cb(them.config(), Exporter);
    let mut session = sasl.start_suggested(&[mechname(mechanism)]).unwrap();
    let mut state = State::Running;
    let mut take = |input: Option<&[u8]>, state: &mut State| {
        let mut out = Cursor::new(Vec::new());
        *state = session.step(input, &mut out).unwrap();
        out.into_inner()
    };
    let initial = if mechanism.is_server_first() { None } else { Some(take(None, &mut state)) };
    let mut step = server.start(initial.as_deref()).unwrap();
    loop {
        step = match step {
            Step::Challenge(challenge) => {
                let response = take(Some(&challenge), &mut state);
                server.respond(&response).unwrap()
            }
            Step::Question(question) => server.answer(backend.answer(&question)).unwrap(),
            Step::Success(identity) => return (Ok(identity), state.is_finished()),
            Step::Failure(failure) => return (Err(failure), state.is_finished()),
        };
    }
}

fn login_with(
    choice: &Choice,
    credentials: &Credentials,
    them: &Them,
) -> (Option<String>, Result<(), ClientError>) {
    let mut client = Client::new(choice, credentials, &client_options()).unwrap();
    our_client(&mut client, choice.mechanism(), them)
}

/// Pairs of names and passwords that need escapes, more than ASCII, or nothing special.
const USERS: [(&str, &str); 4] = [
    ("user", "pencil"),
    ("tim@example.com", "p w,=\"\\"),
    ("\u{436}\u{e9}", "\u{6f22}\u{5b57}1"),
    ("a", "b"),
];

// Conformance: S-4616-01, C-LOGIN-01, C-5802-01, S-7677-01
#[test]
fn our_client_with_passwords() {
    for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::ScramSha1, Mechanism::ScramSha256] {
        for (name, password) in USERS {
            let them = Them::new(name, password);
            let choice = Choice::new(mechanism);
            let right = Credentials::new(name).with_password(password);
            let (whom, ours) = login_with(&choice, &right, &them);
            assert_eq!((whom.as_deref(), ours), (Some(name), Ok(())), "{mechanism}");

            let wrong = Credentials::new(name).with_password("wrong");
            let (whom, ours) = login_with(&choice, &wrong, &them);
            assert_eq!(whom, None, "{mechanism}");
            if mechanism.is_plaintext() {
                assert_eq!(ours, Ok(()));
            } else {
                assert_eq!(ours, Err(ClientError::ServerError("invalid-proof")));
            }
        }
    }
    let unknown = Credentials::new("nobody").with_password("pencil");
    let (whom, ours) =
        login_with(&Choice::new(Mechanism::ScramSha256), &unknown, &Them::new("user", "pencil"));
    assert_eq!((whom, ours), (None, Err(ClientError::ServerError("unknown-user"))));
}

// Conformance: S-4616-01, S-LOGIN-01, S-5802-10, S-7677-01, S-2195-02
#[test]
fn our_server_with_passwords() {
    for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::ScramSha1, Mechanism::ScramSha256] {
        for (name, password) in USERS.into_iter().chain([("a=b,c", "pencil"), ("=2C", ",")]) {
            let them = Them::new(name, password);
            let mut server = support::server(mechanism);
            let (ours, is_finished) = our_server(&mut server, &them, &Backend::new(name, password));
            assert_eq!(ours.unwrap().user(), Some(name), "{mechanism}");
            assert!(is_finished, "{mechanism}");

            let mut server = support::server(mechanism);
            let (ours, _) = our_server(&mut server, &them, &Backend::new(name, "other"));
            assert_eq!(ours.unwrap_err(), Failure::BadCredentials, "{mechanism}");
            let mut server = support::server(mechanism);
            let (ours, _) = our_server(&mut server, &them, &Backend::new("other", password));
            assert_eq!(ours.unwrap_err(), Failure::BadCredentials, "{mechanism}");
        }
    }
}

// Conformance: P-5802-04, C-5802-04
#[test]
fn our_client_with_a_bound_channel() {
    let them = Them { is_bound: true, ..Them::new("user", "pencil") };
    for mechanism in [Mechanism::ScramSha1Plus, Mechanism::ScramSha256Plus] {
        for (exported, is_same) in [(EXPORTED, true), ([0; 32], false)] {
            let binding = BindingUse::Used(ChannelBinding::tls_exporter(exported));
            let choice = Choice::new(mechanism).with_binding(binding);
            let credentials = Credentials::new("user").with_password("pencil");
            let (whom, ours) = login_with(&choice, &credentials, &them);
            if is_same {
                assert_eq!((whom.as_deref(), ours), (Some("user"), Ok(())));
            } else {
                assert_eq!(
                    (whom, ours),
                    (None, Err(ClientError::ServerError("channel-bindings-dont-match")))
                );
            }
        }
    }
    // rsasl's server offers -PLUS, so that it takes `y` for an attack, as ours does.
    let choice = Choice::new(Mechanism::ScramSha256).with_binding(BindingUse::NotOffered);
    let credentials = Credentials::new("user").with_password("pencil");
    let (whom, ours) = login_with(&choice, &credentials, &them);
    assert_eq!(whom, None);
    assert!(ours.is_err());
}

// Conformance: P-5802-04, S-5802-03, S-5802-04
#[test]
fn our_server_with_a_bound_channel() {
    let them = Them { is_bound: true, ..Them::new("user", "pencil") };
    let backend = Backend::new("user", "pencil");
    let with = |exported| server_options().channel_binding(ChannelBinding::tls_exporter(exported));
    for mechanism in [Mechanism::ScramSha1Plus, Mechanism::ScramSha256Plus] {
        let mut server = Server::new(mechanism, &with(EXPORTED)).unwrap();
        let (ours, is_finished) = our_server(&mut server, &them, &backend);
        assert_eq!((ours.unwrap().user(), is_finished), (Some("user"), true));
        let mut server = Server::new(mechanism, &with([0; 32])).unwrap();
        assert_eq!(our_server(&mut server, &them, &backend).0.unwrap_err(), Failure::ChannelBinding);
    }
    // Offered the bare mechanism only, rsasl's client says `y`.
    let mut without = support::server(Mechanism::ScramSha256);
    assert_eq!(our_server(&mut without, &them, &backend).0.unwrap().user(), Some("user"));
    let mut downgraded = Server::new(Mechanism::ScramSha256, &with(EXPORTED)).unwrap();
    assert_eq!(our_server(&mut downgraded, &them, &backend).0.unwrap_err(), Failure::Downgrade);
}

// Conformance: P-7628-01, P-XOAUTH2-01, C-7628-01, C-7628-03, C-XOAUTH2-01
#[test]
fn our_client_with_tokens() {
    // rsasl's OAUTHBEARER server hands the value of auth= over whole, scheme and all.
    let theirs = |mechanism| match mechanism {
        Mechanism::OauthBearer => Them { token: "Bearer TOKEN".into(), ..Them::new("user", "") },
        _ => Them::new("user", ""),
    };
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let mut them = theirs(mechanism);
        let credentials = Credentials::new("user").with_token("TOKEN");
        let (whom, ours) = login_with(&Choice::new(mechanism), &credentials, &them);
        assert_eq!((whom.as_deref(), ours), (Some("user"), Ok(())), "{mechanism}");

        them.token = "another".into();
        let (whom, ours) = login_with(&Choice::new(mechanism), &credentials, &them);
        assert_eq!(whom, None, "{mechanism}");
        let refused = match mechanism {
            Mechanism::OauthBearer => TokenError::new("invalid_token").with_scope("mail"),
            _ => TokenError::new("401").with_schemes("bearer").with_scope("mail"),
        };
        assert_eq!(ours, Err(ClientError::TokenRefused(refused)), "{mechanism}");
    }
}

// Conformance: P-7628-01, P-XOAUTH2-01, S-7628-03, S-XOAUTH2-01
#[test]
fn our_server_with_tokens() {
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let them = Them { authzid: Some("user".into()), ..Them::new("user", "") };
        let mut server = support::server(mechanism);
        let (ours, _) = our_server(&mut server, &them, &Backend::new("user", ""));
        assert_eq!(ours.unwrap().user(), Some("user"), "{mechanism}");

        // rsasl reads the refusal, and acknowledges it.
        let stale = Them { token: "stale".into(), ..them };
        let mut server = support::server(mechanism);
        let (ours, is_finished) = our_server(&mut server, &stale, &Backend::new("user", ""));
        assert_eq!((ours.unwrap_err(), is_finished), (Failure::BadCredentials, true), "{mechanism}");
    }
}

// Conformance: C-EXTERNAL-01, S-EXTERNAL-03, S-4505-02, C-4505-01
#[test]
fn external_and_anonymous_both_ways() {
    let them = Them::new("user", "");
    for authzid in ["", "other"] {
        let mut credentials = Credentials::external();
        if !authzid.is_empty() {
            credentials = credentials.with_authzid(authzid);
        }
        let (whom, ours) = login_with(&Choice::new(Mechanism::External), &credentials, &them);
        assert_eq!((whom.as_deref(), ours), (Some(authzid), Ok(())));

        let them = Them { authzid: (!authzid.is_empty()).then(|| authzid.into()), ..them.clone() };
        let options = ServerOptions::new().certificate_user("user").allow_authzid();
        let mut server = Server::new(Mechanism::External, &options).unwrap();
        let backend = Backend { authzids: vec!["other".into()], ..Backend::new("user", "") };
        let (ours, _) = our_server(&mut server, &them, &backend);
        assert_eq!(ours.unwrap().user(), Some(if authzid.is_empty() { "user" } else { authzid }));
    }
    for trace in ["", "a trace", "tim@example.com", "\u{e9}"] {
        let credentials = Credentials::anonymous(trace);
        let (whom, ours) = login_with(&Choice::new(Mechanism::Anonymous), &credentials, &them);
        assert_eq!((whom.as_deref(), ours), (Some(trace), Ok(())));

        let them = Them { trace: Some(trace.into()), ..them.clone() };
        let mut server = support::server(Mechanism::Anonymous);
        let (ours, _) = our_server(&mut server, &them, &Backend::new("user", ""));
        let Identity::Anonymous { trace: seen } = ours.unwrap() else { panic!() };
        assert_eq!(seen.to_string(), trace);
    }
}
