//! What holds for every name, every password and every sequence of octets.

mod support;

use pop3_sasl::{
    Answer, Choice, Client, ClientMechanism, Credentials, Mechanism, PlaintextUse, Policy, ScramCredentials,
    Secret, Server, Step, TokenError, apop, choose, prepare_query,
};
use proptest::prelude::*;
use support::{Backend, client_options, run, server_options};

/// The mechanisms that log a user in with a password.
const BY_PASSWORD: [Mechanism; 5] =
    [Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5, Mechanism::ScramSha1, Mechanism::ScramSha256];

/// Text that SASLprep lets through as a stored string, of many scripts and with its own separators.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,24}",
        "[=,a]{1,12}",
        "[a-z\u{e0}-\u{f6}\u{2168}\u{aa}\u{bd}\u{3b1}-\u{3c9}\u{4e00}-\u{4eff} \u{ad}]{1,16}",
        "[\u{5d0}-\u{5ea}]{1,12}",
    ]
    .prop_filter("SASLprep refuses it", |text| pop3_sasl::prepare_stored(text).is_ok())
}

fn prepared(text: &str) -> String {
    prepare_query(text).unwrap().into_owned()
}

fn any_mechanism() -> impl Strategy<Value = Mechanism> {
    proptest::sample::select(&Mechanism::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    // Conformance: P-5802-02, S-4616-04, C-5802-05
    #[test]
    fn both_sides_agree_on_the_right_password(name in text(), password in text(), is_initial: bool) {
        for mechanism in BY_PASSWORD {
            let credentials = Credentials::new(&name).with_password(password.as_str());
            let mut client = Client::new(&Choice::new(mechanism), &credentials, &client_options()).unwrap();
            let mut server = Server::new(mechanism, &server_options()).unwrap();
            // CRAM-MD5 takes the password as it is, the others prepare it.
            let stored = if mechanism == Mechanism::CramMd5 { password.clone() } else { prepared(&password) };
            let backend = Backend::new(&prepared(&name), &stored);
            let outcome = run(&mut client, &mut server, &backend, is_initial);
            let want = prepared(&name);
            prop_assert_eq!(outcome.user(), Some(want.as_str()), "{}", mechanism);
        }
    }

    #[test]
    fn both_sides_agree_on_a_wrong_password(name in text(), right in text(), wrong in text()) {
        prop_assume!(prepared(&right) != prepared(&wrong));
        for mechanism in BY_PASSWORD {
            let credentials = Credentials::new(&name).with_password(wrong.as_str());
            let mut client = Client::new(&Choice::new(mechanism), &credentials, &client_options()).unwrap();
            let mut server = Server::new(mechanism, &server_options()).unwrap();
            let backend = Backend::new(&prepared(&name), &prepared(&right));
            let outcome = run(&mut client, &mut server, &backend, true);
            prop_assert_eq!(outcome.failure(), Some(pop3_sasl::Failure::BadCredentials), "{}", mechanism);
        }
    }

    #[test]
    fn both_sides_agree_on_tokens(name in text(), token in "[A-Za-z0-9._~+/-]{1,80}={0,2}", is_right: bool) {
        for mechanism in [Mechanism::OauthBearer, Mechanism::Xoauth2] {
            let credentials = Credentials::new(&name).with_token(token.as_str());
            let mut client = Client::new(&Choice::new(mechanism), &credentials, &client_options()).unwrap();
            let mut server = Server::new(mechanism, &server_options()).unwrap();
            let mut backend = Backend::new(&prepared(&name), "");
            backend.token = if is_right { token.clone() } else { format!("{token}x") };
            let outcome = run(&mut client, &mut server, &backend, true);
            prop_assert_eq!(outcome.user().is_some(), is_right);
            prop_assert_eq!(client.token_error().is_some(), !is_right);
        }
    }

    /// Whatever a client sends, a server machine ends in an answer, a question or a challenge.
    #[test]
    fn servers_survive_any_octets(
        mechanism in any_mechanism(),
        messages in proptest::collection::vec(hostile(), 1..6),
        is_initial: bool,
    ) {
        let options = server_options()
            .channel_binding(pop3_sasl::ChannelBinding::tls_exporter([0; 32]))
            .certificate_user("user")
            .allow_authzid();
        let mut server = Server::new(mechanism, &options).unwrap();
        let mut messages = messages.iter();
        let mut step = server.start(if is_initial { messages.next().map(Vec::as_slice) } else { None }).unwrap();
        let backend = Backend::new("user", "pencil");
        loop {
            step = match step {
                Step::Challenge(_) => match messages.next() {
                    Some(message) => server.respond(message).unwrap(),
                    None => break,
                },
                Step::Question(question) => server.answer(backend.answer(&question)).unwrap(),
                Step::Success(_) | Step::Failure(_) => {
                    prop_assert!(server.respond(b"").is_err());
                    prop_assert!(server.answer(Answer::Password(true)).is_err());
                    break;
                }
            };
        }
    }

    /// Whatever a server sends, a SCRAM client does not take it for success.
    // Conformance: C-5802-01, C-5034-08
    #[test]
    fn clients_survive_any_octets(mechanism in any_mechanism(), messages in proptest::collection::vec(hostile(), 1..6)) {
        let credentials = Credentials::new("user").with_password("pencil").with_token("TOKEN");
        let credentials = if mechanism == Mechanism::Anonymous { Credentials::anonymous("") } else { credentials };
        let choice = if mechanism.is_channel_bound() {
            let binding = pop3_sasl::ChannelBinding::tls_exporter([0; 32]);
            Choice::new(mechanism).with_binding(pop3_sasl::BindingUse::Used(binding))
        } else {
            Choice::new(mechanism)
        };
        let mut client = Client::new(&choice, &credentials, &client_options()).unwrap();
        client.initial_response();
        for message in &messages {
            if client.step(message).is_err() {
                break;
            }
        }
        if mechanism.name().starts_with("SCRAM") {
            prop_assert!(client.finish().is_err());
        }
    }

    #[test]
    fn parsers_survive_any_text(text in any::<String>(), octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = text.parse::<ScramCredentials>();
        let _ = apop::is_valid_timestamp(&text);
        let _ = TokenError::parse(&octets);
        let _ = TokenError::parse(text.as_bytes());
        let _ = prepare_query(&text);
        let _ = pop3_sasl::prepare_stored(&text);
        prop_assert_eq!(format!("{:?}", Secret::from(text)), "[REDACTED]");
    }

    /// What SASLprep has prepared stays as it is when it is prepared again.
    #[test]
    fn preparation_is_idempotent(text in any::<String>()) {
        if let Ok(once) = prepare_query(&text) {
            prop_assert_eq!(prepare_query(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn token_errors_read_back(status: String, scope in proptest::option::of(any::<String>())) {
        let mut error = TokenError::new(&status);
        if let Some(scope) = &scope {
            error = error.with_scope(scope);
        }
        prop_assert_eq!(TokenError::parse(error.to_json().as_bytes()), Some(error));
    }

    // Conformance: C-5034-06, C-4616-01
    #[test]
    fn no_choice_sends_a_password_in_the_clear(offered in proptest::sample::subsequence(&Mechanism::ALL[..], 0..11)) {
        let names: Vec<&str> = offered.iter().map(|mechanism| mechanism.name()).collect();
        let credentials = Credentials::new("user").with_password("pencil").with_token("TOKEN");
        if let Some(choice) = choose(&names, &credentials, &Policy::new().allow_cram_md5()) {
            prop_assert!(!choice.mechanism().is_plaintext());
        }
        let never = Policy::new().encrypted().plaintext(PlaintextUse::Never);
        if let Some(choice) = choose(&names, &credentials, &never) {
            prop_assert!(!choice.mechanism().is_plaintext());
        }
    }
}

/// Octets at random, and octets that look like messages.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let messages = [
        "n,,n=user,r=abc",
        "y,a=user,n=user,r=abc",
        "p=tls-exporter,,n=user,r=abc",
        "c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=AAAA",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfc,s=QSXCR+Q6sek8bf92,i=4096",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        "\0user\0pencil",
        "user\0user\0pencil",
        "user=user\u{1}auth=Bearer TOKEN\u{1}\u{1}",
        "n,a=user,\u{1}auth=Bearer TOKEN\u{1}\u{1}",
        "user b913a602c7eda7a495b4e6e7334d3890",
        "user",
        "",
    ];
    let mutated = (proptest::sample::select(messages.to_vec()), any::<prop::sample::Index>(), any::<u8>())
        .prop_map(|(message, at, octet)| {
            let mut octets = message.as_bytes().to_vec();
            if !octets.is_empty() {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            octets
        });
    prop_oneof![
        proptest::sample::select(messages.to_vec()).prop_map(|message| message.as_bytes().to_vec()),
        mutated,
        proptest::collection::vec(any::<u8>(), 0..64),
    ]
}
