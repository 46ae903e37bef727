//! The rules of every mechanism but SCRAM, one by one, and those of the exchange itself.

mod support;

use pop3_sasl::{
    Answer, Choice, Client, ClientError, ClientMechanism, ClientOptions, Credentials, Failure, Field,
    Identity, Mechanism, Nonce, PrepareError, Question, Secret, Server, ServerError, ServerOptions, Step,
    TokenError,
};
use support::{ALL_CLIENT_FIRST, Backend, client, client_options, run, server, server_options};

fn failure(step: Step) -> Failure {
    let Step::Failure(failure) = step else { panic!("no failure but {step:?}") };
    failure
}

fn challenge(step: Step) -> Vec<u8> {
    let Step::Challenge(challenge) = step else { panic!("no challenge but {step:?}") };
    challenge
}

fn new_error(mechanism: Mechanism, credentials: &Credentials) -> ClientError {
    Client::new(&Choice::new(mechanism), credentials, &client_options()).map(|_| ()).unwrap_err()
}

// ---- the exchange -----------------------------------------------------------------------------------------

// Conformance: S-5034-06
#[test]
fn client_first_without_an_initial_response_gets_the_empty_challenge() {
    let credentials = [
        Credentials::new("user").with_password("pencil").with_token("TOKEN"),
        Credentials::external(),
        Credentials::anonymous("trace"),
    ];
    for mechanism in ALL_CLIENT_FIRST {
        let options = server_options().certificate_user("user");
        let mut server = Server::new(mechanism, &options).unwrap();
        let mut client = credentials
            .iter()
            .find_map(|credentials| Client::new(&Choice::new(mechanism), credentials, &client_options()).ok())
            .unwrap();
        if mechanism == Mechanism::External {
            client = self::client(mechanism, &Credentials::external());
        }
        let outcome = run(&mut client, &mut server, &Backend::new("user", "pencil"), false);
        assert_eq!(outcome.challenges[0], b"", "{mechanism}");
        assert!(matches!(outcome.server, Some(Ok(_))), "{mechanism}: {outcome:?}");
        assert_eq!(outcome.client, Ok(()), "{mechanism}");
    }
}

// Conformance: S-5034-07
#[test]
fn an_initial_response_to_cram_md5_fails() {
    for response in [&b"tim b913a602c7eda7a495b4e6e7334d3890"[..], b""] {
        let step = server(Mechanism::CramMd5).start(Some(response)).unwrap();
        assert_eq!(failure(step), Failure::UnexpectedInitialResponse);
    }
}

// Conformance: P-5034-03
#[test]
fn an_empty_initial_response_is_not_a_missing_one() {
    let options = ServerOptions::new().certificate_user("user");
    let mut present = Server::new(Mechanism::External, &options).unwrap();
    assert!(matches!(present.start(Some(b"")).unwrap(), Step::Success(_)));
    let mut absent = Server::new(Mechanism::External, &options).unwrap();
    assert_eq!(challenge(absent.start(None).unwrap()), b"");
    assert!(matches!(absent.respond(b"").unwrap(), Step::Success(_)));
}

#[test]
fn calls_out_of_order_change_nothing() {
    let mut server = server(Mechanism::Plain);
    assert_eq!(server.respond(b"").unwrap_err(), ServerError::OutOfOrder);
    assert_eq!(server.answer(Answer::Password(true)).unwrap_err(), ServerError::OutOfOrder);
    assert!(matches!(server.start(Some(b"\0tim\0pw")).unwrap(), Step::Question(_)));
    assert_eq!(server.start(None).unwrap_err(), ServerError::OutOfOrder);
    assert_eq!(server.respond(b"\0tom\0pw").unwrap_err(), ServerError::OutOfOrder);
    assert_eq!(server.answer(Answer::Authorization(true)).unwrap_err(), ServerError::WrongAnswer);
    assert_eq!(failure(server.answer(Answer::Password(false)).unwrap()), Failure::BadCredentials);
    // After the end there is no second try.
    assert_eq!(server.answer(Answer::Password(true)).unwrap_err(), ServerError::OutOfOrder);
}

// Conformance: C-5034-08
#[test]
fn success_before_anything_was_sent_is_failure() {
    for mechanism in Mechanism::ALL {
        for credentials in [
            Credentials::new("user").with_password("pencil").with_token("TOKEN"),
            Credentials::external(),
            Credentials::anonymous(""),
        ] {
            if let Ok(client) = Client::new(&Choice::new(mechanism), &credentials, &client_options()) {
                assert_eq!(client.finish(), Err(ClientError::Incomplete { mechanism }), "{mechanism}");
            }
        }
    }
    let mut login = client(Mechanism::Login, &Credentials::new("tim").with_password("pw"));
    login.step(b"Username:").unwrap();
    assert!(login.finish().is_err(), "the password has not been sent");
}

// Conformance: P-5034-05
#[test]
fn long_tokens_pass() {
    let token = "x".repeat(12 * 1024);
    let credentials = Credentials::new("user").with_token(token.as_str());
    let mut backend = Backend::new("user", "");
    backend.token = token;
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let outcome = run(&mut client(mechanism, &credentials), &mut server(mechanism), &backend, false);
        assert_eq!(outcome.user(), Some("user"));
    }
}

// ---- PLAIN ------------------------------------------------------------------------------------------------

// Conformance: S-4616-01, S-4616-02, S-4616-03, S-4616-04, S-5034-15
#[test]
fn plain_messages_are_read_strictly() {
    let read = |message: &[u8]| server(Mechanism::Plain).start(Some(message)).unwrap();
    for bad in [
        &b"tim"[..],
        b"\0timpw",
        b"\0tim\0pw\0",
        b"\0tim\0p\0w",
        b"",
        b"\0\0\0",
        b"\0\xff\0pw",
        b"\0tim\0\xff",
        b"\xc0\x80\0tim\0pw",
    ] {
        assert_eq!(failure(read(bad)), Failure::Malformed, "{bad:?}");
    }
    for bad in
        ["\0\0pw", "\0tim\0", "\0\0", "\0\u{AD}\0pw", "\0tim\0\u{AD}", "\0ti\u{7}m\0pw", "\u{7}\0tim\0pw"]
    {
        assert_eq!(failure(read(bad.as_bytes())), Failure::Preparation, "{bad:?}");
    }
    let long = "x".repeat(255);
    let Step::Question(Question::Password(asked)) = read(format!("\0{long}\0{long}").as_bytes()) else {
        panic!()
    };
    assert_eq!((asked.name(), asked.password()), (&*long, &*long));
    assert_eq!(failure(read(format!("\0tim\0{}", "x".repeat(1025)).as_bytes())), Failure::Malformed);
    assert_eq!(failure(read(&[0; 65536])), Failure::Malformed);
}

// Conformance: S-4616-04
#[test]
fn plain_prepares_and_keeps_what_was_sent() {
    let step = server(Mechanism::Plain).start(Some("\0\u{2168}\0p\u{B2}".as_bytes())).unwrap();
    let Step::Question(Question::Password(asked)) = step else { panic!() };
    assert_eq!((asked.name(), asked.password(), asked.password_as_sent()), ("IX", "p2", "p\u{B2}"));
}

// Conformance: S-5034-16, S-4616-05
#[test]
fn plain_authorization_identity() {
    let backend = || Backend::new("tim", "pw");
    let boss = Credentials::new("tim").with_password("pw").with_authzid("boss");
    let run_with = |options: &ServerOptions, backend: &Backend| {
        let mut server = Server::new(Mechanism::Plain, options).unwrap();
        run(&mut client(Mechanism::Plain, &boss), &mut server, backend, true)
    };
    assert_eq!(run_with(&ServerOptions::new(), &backend()).failure(), Some(Failure::NotAuthorized));
    let allowing = ServerOptions::new().allow_authzid();
    assert_eq!(run_with(&allowing, &backend()).failure(), Some(Failure::NotAuthorized));
    let permitting = Backend { authzids: vec!["boss".into()], ..backend() };
    let outcome = run_with(&allowing, &permitting);
    let acting = Identity::User { user: "boss".into(), authcid: "tim".into() };
    assert!(matches!(outcome.server, Some(Ok(identity)) if identity.user() == Some("boss")));
    assert_eq!(acting.user(), Some("boss"));
    // The permission does not stand in for the password.
    let wrong = Backend { password: "other".into(), ..permitting };
    assert_eq!(run_with(&allowing, &wrong).failure(), Some(Failure::BadCredentials));
}

// Conformance: C-4616-02
#[test]
fn no_nul_is_sent() {
    let (mechanism, field) = (Mechanism::Plain, Field::Password);
    for bad in ["p\0w", "\0", ""] {
        let credentials = Credentials::new("tim").with_password(bad);
        assert_eq!(new_error(mechanism, &credentials), ClientError::InvalidField { mechanism, field });
    }
    let octets = Credentials::new("tim").with_password(&b"\xff"[..]);
    assert_eq!(new_error(mechanism, &octets), ClientError::InvalidField { mechanism, field });
    let (field, error) = (Field::Name, PrepareError::Prohibited);
    let credentials = Credentials::new("t\0m").with_password("pw");
    assert_eq!(new_error(mechanism, &credentials), ClientError::Preparation { field, error });
    let field = Field::AuthorizationIdentity;
    let credentials = Credentials::new("tim").with_password("pw").with_authzid("\0");
    assert_eq!(new_error(mechanism, &credentials), ClientError::Preparation { field, error });
}

#[test]
fn plain_has_no_second_challenge() {
    let mut plain = client(Mechanism::Plain, &Credentials::new("tim").with_password("pw"));
    assert_eq!(&plain.step(b"").unwrap()[..], b"\0tim\0pw");
    assert!(plain.initial_response().is_none());
    assert_eq!(
        plain.step(b"").unwrap_err(),
        ClientError::UnexpectedChallenge { mechanism: Mechanism::Plain }
    );
    let mut other = client(Mechanism::Plain, &Credentials::new("tim").with_password("pw"));
    assert!(other.step(b"What is your name?").is_err());
}

#[test]
fn missing_credentials_are_named() {
    let (mechanism, field) = (Mechanism::ScramSha1, Field::Password);
    let error = new_error(mechanism, &Credentials::new("tim"));
    assert_eq!(error, ClientError::MissingCredentials { mechanism, field });
    assert_eq!(error.to_string(), "SCRAM-SHA-1 needs a password; none was given");
    let error = new_error(Mechanism::Xoauth2, &Credentials::new("tim").with_password("x"));
    assert!(matches!(error, ClientError::MissingCredentials { field: Field::Token, .. }));
    let error = new_error(Mechanism::Plain, &Credentials::external());
    assert!(matches!(error, ClientError::MissingCredentials { field: Field::Name, .. }));
}

// ---- LOGIN ------------------------------------------------------------------------------------------------

// Conformance: S-LOGIN-01, S-LOGIN-03
#[test]
fn login_takes_the_name_as_initial_response() {
    let mut server = server(Mechanism::Login);
    assert_eq!(challenge(server.start(Some(b"tim")).unwrap()), b"Password:");
    let Step::Question(Question::Password(asked)) = server.respond(b"p w").unwrap() else { panic!() };
    assert_eq!((asked.name(), asked.password()), ("tim", "p w"));
    assert!(matches!(server.answer(Answer::Password(true)).unwrap(), Step::Success(_)));
    let mut empty = support::server(Mechanism::Login);
    empty.start(Some(b"")).unwrap();
    assert_eq!(failure(empty.respond(b"pw").unwrap()), Failure::Preparation);
}

// Conformance: C-LOGIN-01
#[test]
fn login_ignores_what_the_prompts_say() {
    let credentials = Credentials::new("tim").with_password("pw");
    for prompts in [[&b"Username:"[..], b"Password:"], [b"User Name\0", b"Password\0"], [b"", b"Username:"]] {
        let mut login = client(Mechanism::Login, &credentials);
        assert!(login.initial_response().is_none());
        assert_eq!(&login.step(prompts[0]).unwrap()[..], b"tim");
        assert_eq!(&login.step(prompts[1]).unwrap()[..], b"pw");
        assert_eq!(login.finish(), Ok(()));
        assert!(login.step(b"One more?").is_err());
    }
}

// ---- CRAM-MD5 ---------------------------------------------------------------------------------------------

fn cram_answer(response: &str, secret: Option<&str>) -> Step {
    let mut server = server(Mechanism::CramMd5);
    server.start(None).unwrap();
    match server.respond(response.as_bytes()).unwrap() {
        Step::Question(_) => server.answer(Answer::SharedSecret(secret.map(Secret::from))).unwrap(),
        step => step,
    }
}

// Conformance: S-2195-01, S-2195-02
#[test]
fn cram_md5_responses() {
    const DIGEST: &str = "b913a602c7eda7a495b4e6e7334d3890";
    let (right, wrong) = (Some("tanstaaftanstaaf"), Some("tanstaaf"));
    assert!(matches!(cram_answer(&format!("tim {DIGEST}"), right), Step::Success(_)));
    let Step::Success(identity) = cram_answer(&format!("a b  {DIGEST}"), right) else { panic!() };
    assert_eq!(identity.user(), Some("a b "));
    assert_eq!(failure(cram_answer(&format!("tim {DIGEST}"), wrong)), Failure::BadCredentials);
    assert_eq!(failure(cram_answer(&format!("tim {DIGEST}"), None)), Failure::BadCredentials);
    for bad in [
        "",
        "tim",
        DIGEST,
        "tim ",
        "tim b913",
        &format!("tim {}", DIGEST.to_uppercase()),
        &format!("tim {DIGEST} "),
    ] {
        assert_eq!(failure(cram_answer(bad, right)), Failure::Malformed, "{bad}");
    }
    assert_eq!(failure(cram_answer(&format!(" {DIGEST}"), right)), Failure::Preparation);
    // The right digest for the empty secret does not let an unknown user in.
    assert_eq!(failure(cram_answer("tim a00b54b824afa19ec2de0f73cb2a04c2", None)), Failure::BadCredentials);
    let mut client = client(Mechanism::CramMd5, &Credentials::new("tim").with_password("x"));
    assert!(client.step(b"").is_err(), "there is nothing to answer");
}

// Conformance: S-2195-01
#[test]
fn cram_md5_needs_a_msg_id() {
    for bad in [None, Some("no msg-id"), Some("")] {
        let options = bad.map_or(ServerOptions::new(), |text| ServerOptions::new().cram_challenge(text));
        let error = Server::new(Mechanism::CramMd5, &options).map(|_| ()).unwrap_err();
        assert!(matches!(error, ServerError::MissingOption { option: "cram_challenge", .. }));
    }
}

// ---- OAUTHBEARER and XOAUTH2 ------------------------------------------------------------------------------

// Conformance: S-7628-03, C-7628-01, S-XOAUTH2-01, C-XOAUTH2-01
#[test]
fn a_refused_token_takes_one_more_round() {
    for (mechanism, acknowledgement) in [(Mechanism::OauthBearer, &b"\x01"[..]), (Mechanism::Xoauth2, b"")] {
        let mut client = client(mechanism, &Credentials::new("user").with_token("expired"));
        let mut server = server(mechanism);
        let step = server.start(client.initial_response().as_deref()).unwrap();
        assert!(matches!(step, Step::Question(Question::Token(_))));
        let refused = TokenError::new("invalid_token").with_scope("mail").with_schemes("bearer");
        let json = challenge(server.answer(Answer::Token(Err(refused.clone()))).unwrap());
        assert_eq!(json, br#"{"status":"invalid_token","schemes":"bearer","scope":"mail"}"#);
        let response = client.step(&json).unwrap();
        assert_eq!(&response[..], acknowledgement);
        assert_eq!(client.token_error(), Some(&refused));
        assert!(client.token_error().unwrap().is_token_stale());
        assert_eq!(failure(server.respond(&response).unwrap()), Failure::BadCredentials);
        assert_eq!(client.finish(), Err(ClientError::TokenRefused(refused)));
        assert!(client.step(&json).is_err(), "there is only one refusal");
    }
}

// Conformance: S-XOAUTH2-01, S-7628-03
#[test]
fn any_response_ends_a_refusal() {
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        for response in [&b""[..], b"\x01", b"n,,\x01auth=Bearer TOKEN\x01\x01", b"anything"] {
            let mut server = server(mechanism);
            let mut client = client(mechanism, &Credentials::new("user").with_token("expired"));
            server.start(client.initial_response().as_deref()).unwrap();
            server.answer(Answer::Token(Err(TokenError::new("401")))).unwrap();
            assert_eq!(failure(server.respond(response).unwrap()), Failure::BadCredentials);
        }
    }
}

fn bearer_start(mechanism: Mechanism, message: &str) -> Step {
    let options = ServerOptions::new().service(Some("pop.example.com"), Some(995));
    Server::new(mechanism, &options).unwrap().start(Some(message.as_bytes())).unwrap()
}

// Conformance: P-7628-01, S-7628-02, C-7628-02
#[test]
fn oauthbearer_messages() {
    for good in [
        "n,,^auth=Bearer T^^",
        "y,a=user,^auth=bearer T^^",
        "n,a=us=2Cer,^auth=BEARER  T==^unknown=a=b^^",
        "n,,^host=POP.example.com^port=995^auth=Bearer T^^",
        "n,,^user=x^auth=Bearer T^^",
    ] {
        let step = bearer_start(Mechanism::OauthBearer, &good.replace('^', "\u{1}"));
        assert!(matches!(step, Step::Question(Question::Token(_))), "{good}: {step:?}");
    }
    for bad in [
        "",
        "^",
        "n,,",
        "n,,^^",
        "n,,^auth=Bearer T^",
        "n,,^auth=Bearer T",
        "n,,auth=Bearer T^^",
        "n,,^auth=T^^",
        "n,,^auth=Basic T^^",
        "n,,^auth=Bearer ^^",
        "n,,^auth=Bearer a b^^",
        "n,,^auth=Bearer T^auth=Bearer U^^",
        "n,,^host=a^host=a^auth=Bearer T^^",
        "n,,^junk^auth=Bearer T^^",
        "n,a==,^auth=Bearer T^^",
        "auth=Bearer T^^",
        "user=x^auth=Bearer T^^",
    ] {
        let step = bearer_start(Mechanism::OauthBearer, &bad.replace('^', "\u{1}"));
        assert_eq!(failure(step), Failure::Malformed, "{bad}");
    }
    let bound = bearer_start(Mechanism::OauthBearer, "p=tls-exporter,,\u{1}auth=Bearer T\u{1}\u{1}");
    assert_eq!(failure(bound), Failure::ChannelBinding);
    // A token for another host or port is refused like a bad one.
    for other in ["host=evil.example.com", "port=110", "port=x"] {
        let step =
            bearer_start(Mechanism::OauthBearer, &format!("n,,\u{1}{other}\u{1}auth=Bearer T\u{1}\u{1}"));
        assert_eq!(challenge(step), br#"{"status":"invalid_request"}"#);
    }
}

// Conformance: P-XOAUTH2-01
#[test]
fn xoauth2_messages() {
    let step = bearer_start(Mechanism::Xoauth2, "user=a@b\u{1}auth=bearer T\u{1}\u{1}");
    assert!(matches!(step, Step::Question(Question::Token(asked)) if asked.claimed() == Some("a@b")));
    for bad in [
        "",
        "user=a",
        "user=a^auth=Bearer T^",
        "auth=Bearer T^^",
        "user=a^user=b^auth=Bearer T^^",
        "n,,^auth=Bearer T^^",
    ] {
        assert_eq!(
            failure(bearer_start(Mechanism::Xoauth2, &bad.replace('^', "\u{1}"))),
            Failure::Malformed,
            "{bad}"
        );
    }
    let empty = bearer_start(Mechanism::Xoauth2, "user=\u{1}auth=Bearer T\u{1}\u{1}");
    assert_eq!(failure(empty), Failure::Preparation);
}

// Conformance: S-7628-04, S-5034-16
#[test]
fn the_tokens_identity_decides() {
    let claim = |mechanism, identity: &'static str, options: &ServerOptions| {
        let mut server = Server::new(mechanism, options).unwrap();
        let mut client = client(mechanism, &Credentials::new("victim").with_token("TOKEN"));
        server.start(client.initial_response().as_deref()).unwrap();
        let step = server.answer(Answer::Token(Ok(identity))).unwrap();
        (server, step)
    };
    for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
        let (mut server, step) = claim(mechanism, "mallory", &ServerOptions::new());
        assert_eq!(challenge(step), br#"{"status":"invalid_token"}"#);
        assert_eq!(failure(server.respond(b"").unwrap()), Failure::NotAuthorized);

        let (mut server, step) = claim(mechanism, "admin", &ServerOptions::new().allow_authzid());
        assert!(matches!(step, Step::Question(Question::Authorization { .. })));
        let Step::Success(identity) = server.answer(Answer::Authorization(true)).unwrap() else { panic!() };
        assert_eq!(identity, Identity::User { user: "victim".into(), authcid: "admin".into() }.clone());
    }
    // Without a claim the token alone says who it is; a token of nobody is no answer.
    let mut server = server(Mechanism::OauthBearer);
    server.start(Some(b"n,,\x01auth=Bearer T\x01\x01")).unwrap();
    assert_eq!(server.answer(Answer::Token(Ok(""))).unwrap_err(), ServerError::WrongAnswer);
    let Step::Success(identity) = server.answer(Answer::Token(Ok("tim"))).unwrap() else { panic!() };
    assert_eq!(identity.user(), Some("tim"));
}

#[test]
fn what_would_break_a_bearer_message_is_refused() {
    for token in ["a\u{1}b", "a b", "", "\u{e9}"] {
        let error = new_error(Mechanism::Xoauth2, &Credentials::new("user").with_token(token));
        assert!(matches!(error, ClientError::InvalidField { field: Field::Token, .. }), "{token:?}");
    }
    let options = ClientOptions::new(Nonce::from_random([1; 18])).service("a\u{1}auth=x", 995);
    let credentials = Credentials::new("user").with_token("TOKEN");
    let error =
        Client::new(&Choice::new(Mechanism::OauthBearer), &credentials, &options).map(|_| ()).unwrap_err();
    assert!(matches!(error, ClientError::InvalidField { field: Field::Host, .. }));
}

// ---- EXTERNAL and ANONYMOUS -------------------------------------------------------------------------------

// Conformance: S-EXTERNAL-01, S-EXTERNAL-03, S-5034-16
#[test]
fn external_on_the_server() {
    let start = |options: &ServerOptions, authzid: &[u8]| {
        let mut server = Server::new(Mechanism::External, options).unwrap();
        let step = server.start(Some(authzid)).unwrap();
        (server, step)
    };
    let none = ServerOptions::new();
    assert_eq!(failure(start(&none, b"").1), Failure::BadCredentials);
    assert_eq!(failure(start(&none, b"user").1), Failure::BadCredentials);
    let user = ServerOptions::new().certificate_user("user");
    for authzid in [&b""[..], b"user", "us\u{AD}er".as_bytes()] {
        let Step::Success(identity) = start(&user, authzid).1 else { panic!() };
        assert_eq!(identity.user(), Some("user"));
    }
    assert_eq!(failure(start(&user, b"other").1), Failure::NotAuthorized);
    assert_eq!(failure(start(&user, b"a\0b").1), Failure::Preparation);
    assert_eq!(failure(start(&user, b"\xff").1), Failure::Malformed);
    for (is_allowed, want) in [(true, Some("other")), (false, None)] {
        let (mut server, step) = start(&user.clone().allow_authzid(), b"other");
        assert!(matches!(step, Step::Question(Question::Authorization { .. })));
        let step = server.answer(Answer::Authorization(is_allowed)).unwrap();
        assert_eq!(if let Step::Success(identity) = &step { identity.user() } else { None }, want);
    }
}

// Conformance: C-EXTERNAL-01
#[test]
fn external_on_the_client() {
    let mut own = client(Mechanism::External, &Credentials::external());
    assert_eq!(&own.initial_response().unwrap()[..], b"");
    assert_eq!(own.finish(), Ok(()));
    assert!(own.step(b"").is_err());
    let mut other = client(Mechanism::External, &Credentials::external().with_authzid("other"));
    assert_eq!(&other.step(b"").unwrap()[..], b"other");
}

// Conformance: S-4505-02
#[test]
fn traces_are_bounded_and_escaped() {
    let trace = |message: &[u8]| server(Mechanism::Anonymous).start(Some(message)).unwrap();
    let Step::Success(Identity::Anonymous { trace: hostile }) = trace(b"a\r\nlogin\x1b[2J ok") else {
        panic!()
    };
    assert_eq!(hostile.to_string(), r"a\r\nlogin\u{1b}[2J ok");
    assert!(!format!("{hostile:?}").contains(char::is_control));
    assert!(matches!(trace(b""), Step::Success(_)));
    assert!(matches!(trace("\u{e9}".repeat(255).as_bytes()), Step::Success(_)));
    assert_eq!(failure(trace("\u{e9}".repeat(256).as_bytes())), Failure::Malformed);
    assert_eq!(failure(trace(b"\xff")), Failure::Malformed);
}

// Conformance: C-4505-01
#[test]
fn no_trace_unless_given() {
    let mut empty = client(Mechanism::Anonymous, &Credentials::anonymous(""));
    assert_eq!(&empty.initial_response().unwrap()[..], b"");
    let mut given = client(Mechanism::Anonymous, &Credentials::anonymous("tim@example.com"));
    assert_eq!(&given.initial_response().unwrap()[..], b"tim@example.com");
    // A name alone is not a permission to tell it.
    let error = new_error(Mechanism::Anonymous, &Credentials::new("tim@example.com").with_password("pw"));
    assert!(matches!(error, ClientError::MissingCredentials { field: Field::Trace, .. }));
    let error = new_error(Mechanism::Anonymous, &Credentials::anonymous(&"x".repeat(256)));
    assert!(matches!(error, ClientError::InvalidField { .. }));
}

// ---- secrets ----------------------------------------------------------------------------------------------

#[test]
fn debug_never_prints_a_secret() {
    const SECRET: &str = "s3cretWord";
    let credentials = Credentials::new("user").with_password(SECRET).with_token(SECRET);
    let mut seen = format!("{credentials:?}");
    for mechanism in Mechanism::ALL {
        let Ok(mut client) = Client::new(&Choice::new(mechanism), &credentials, &client_options()) else {
            continue;
        };
        let options = server_options().certificate_user("user");
        let Ok(mut server) = Server::new(mechanism, &options) else { continue };
        seen.push_str(&format!("{client:?}"));
        let initial = client.initial_response();
        seen.push_str(&format!("{initial:?}{client:?}"));
        let mut step = server.start(initial.as_deref()).unwrap();
        for _ in 0..8 {
            seen.push_str(&format!("{step:?}{server:?}{client:?}"));
            let backend = Backend { token: SECRET.into(), ..Backend::new("user", SECRET) };
            step = match step {
                Step::Question(question) => {
                    let answer = backend.answer(&question);
                    seen.push_str(&format!("{answer:?}"));
                    server.answer(answer).unwrap()
                }
                Step::Challenge(challenge) => {
                    let response = client.step(&challenge).unwrap();
                    seen.push_str(&format!("{response:?}"));
                    server.respond(&response).unwrap()
                }
                Step::Success(_) => break,
                Step::Failure(failure) => panic!("{mechanism}: {failure}"),
            };
        }
    }
    assert!(seen.contains("[REDACTED]"));
    assert!(!seen.contains(SECRET), "{seen}");
    // Nor as a list of octets, as a derived Debug would show it.
    assert!(!seen.contains("115, 51, 99"), "{seen}");
}
