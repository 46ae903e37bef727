//! SCRAM where one side does not play by the rules.

mod support;

use pop3_sasl::{
    Answer, BindingUse, ChannelBinding, Choice, Client, ClientError, ClientMechanism, Credentials, Failure,
    Mechanism, Question, ScramCredentials, ScramHash, Server, ServerError, ServerOptions, Step,
};
use support::{Backend, CLIENT_NONCE, SERVER_NONCE, client, client_options, decoy, nonce, run, server};

const MECHANISM: Mechanism = Mechanism::ScramSha256;

fn user() -> Credentials {
    Credentials::new("user").with_password("pencil")
}

fn backend() -> Backend {
    Backend::new("user", "pencil")
}

fn exporter() -> ChannelBinding {
    ChannelBinding::tls_exporter([7; 32])
}

/// A server that has got its first message and the answer to its question.
fn server_after_first(options: &ServerOptions, mechanism: Mechanism, first: &[u8]) -> (Server, Step) {
    let mut server = Server::new(mechanism, options).unwrap();
    let step = match server.start(Some(first)).unwrap() {
        Step::Question(question) => server.answer(backend().answer(&question)).unwrap(),
        step => step,
    };
    (server, step)
}

fn first_failure(options: &ServerOptions, mechanism: Mechanism, first: &str) -> Option<Failure> {
    match server_after_first(options, mechanism, first.as_bytes()).1 {
        Step::Failure(failure) => Some(failure),
        Step::Challenge(_) => None,
        step => panic!("{step:?}"),
    }
}

/// Runs an exchange in which `change` rewrites the client's last message.
fn tampered(change: impl Fn(&str) -> String) -> Option<Failure> {
    let mut client = client(MECHANISM, &user());
    let first = client.initial_response().unwrap();
    let (mut server, step) = server_after_first(&support::server_options(), MECHANISM, &first);
    let Step::Challenge(server_first) = step else { panic!("{step:?}") };
    let last = client.step(&server_first).unwrap();
    match server.respond(change(last.expose_str().unwrap()).as_bytes()).unwrap() {
        Step::Failure(failure) => Some(failure),
        _ => None,
    }
}

// Conformance: S-5802-01, S-5802-02, S-5802-11, P-5802-01, A-42
#[test]
fn tampered_client_final_fails() {
    assert_eq!(tampered(str::to_owned), None);
    // c= of "y,," and of "n,a=x,", and with bits that base64 leaves unused.
    assert_eq!(tampered(|m| m.replace("c=biws", "c=eSws")), Some(Failure::ChannelBinding));
    assert_eq!(tampered(|m| m.replace("c=biws", "c=bixhPXgs")), Some(Failure::ChannelBinding));
    assert_eq!(tampered(|m| m.replace("c=biws", "c=biwt")), Some(Failure::ChannelBinding));
    assert_eq!(tampered(|m| m.replace("c=biws", "c=")), Some(Failure::ChannelBinding));
    assert_eq!(tampered(|m| m.replace(SERVER_NONCE, "another")), Some(Failure::Malformed));
    assert_eq!(tampered(|m| m.replace(SERVER_NONCE, "")), Some(Failure::Malformed));
    assert_eq!(tampered(|m| m.replace(",p=", ",m=x,p=")), Some(Failure::Malformed));
    assert_eq!(tampered(|m| m.replace("c=", "m=x,c=")), Some(Failure::Malformed));
    // An extension that was not signed is as wrong as a wrong proof.
    assert_eq!(tampered(|m| m.replace(",p=", ",x=y,p=")), Some(Failure::BadCredentials));
    let proof = |proof: &'static str| move |m: &str| format!("{},p={proof}", m.split_once(",p=").unwrap().0);
    assert_eq!(tampered(proof("AAAA")), Some(Failure::BadCredentials));
    assert_eq!(tampered(proof("")), Some(Failure::BadCredentials));
    assert_eq!(tampered(proof("x")), Some(Failure::Malformed));
    // The right proof with something after it is wrong too.
    assert_eq!(tampered(|m| m.replace('=', "=AAAA")), Some(Failure::Malformed));
}

// Conformance: S-5802-02, A-42
#[test]
fn a_recorded_exchange_does_not_fit_another_nonce() {
    let mut client = client(MECHANISM, &user());
    let first = client.initial_response().unwrap();
    let (_, step) = server_after_first(&support::server_options(), MECHANISM, &first);
    let Step::Challenge(server_first) = step else { panic!() };
    let last = client.step(&server_first).unwrap();
    let options = ServerOptions::new().scram(nonce("fresh"), decoy());
    let (mut later, _) = server_after_first(&options, MECHANISM, &first);
    assert!(matches!(later.respond(&last).unwrap(), Step::Failure(Failure::Malformed)));
}

// Conformance: P-5802-01, P-5802-02, P-5802-03
#[test]
fn malformed_client_first_fails() {
    for bad in [
        "",
        "n,,m=x,n=user,r=abc",
        "n,,n=user,r=abc,m=x",
        "n,,n=us=2cer,r=abc",
        "n,,n=user",
        "n,,n=user,r=a\u{7f}c",
        "q,,n=user,r=abc",
    ] {
        assert_eq!(
            first_failure(&support::server_options(), MECHANISM, bad),
            Some(Failure::Malformed),
            "{bad}"
        );
    }
    // What SASLprep leaves nothing of, or forbids.
    for bad in ["n,,n=\u{AD},r=abc", "n,,n=a\u{1},r=abc", "n,a=\u{7},n=user,r=abc"] {
        assert_eq!(
            first_failure(&support::server_options(), MECHANISM, bad),
            Some(Failure::Preparation),
            "{bad}"
        );
    }
}

// Conformance: S-5802-03
#[test]
fn flag_y_fails_where_plus_is_offered() {
    let (without, with) = (support::server_options(), support::server_options().channel_binding(exporter()));
    assert_eq!(first_failure(&without, MECHANISM, "y,,n=user,r=abc"), None);
    assert_eq!(first_failure(&with, MECHANISM, "y,,n=user,r=abc"), Some(Failure::Downgrade));
    assert_eq!(first_failure(&with, MECHANISM, "n,,n=user,r=abc"), None);
}

// Conformance: S-5802-04, P-9266-02, A-42
#[test]
fn flag_p_is_for_plus_and_for_known_types() {
    let with = support::server_options().channel_binding(exporter());
    let failing = Some(Failure::ChannelBinding);
    let plus = Mechanism::ScramSha256Plus;
    assert_eq!(first_failure(&with, MECHANISM, "p=tls-exporter,,n=user,r=abc"), failing);
    assert_eq!(first_failure(&with, plus, "p=tls-exporter,,n=user,r=abc"), None);
    assert_eq!(first_failure(&with, plus, "p=tls-unique,,n=user,r=abc"), failing);
    assert_eq!(first_failure(&with, plus, "p=tls-server-end-point,,n=user,r=abc"), failing);
    assert_eq!(first_failure(&with, plus, "n,,n=user,r=abc"), failing);
    assert_eq!(first_failure(&with, plus, "y,,n=user,r=abc"), failing);
    let both = with.channel_binding(ChannelBinding::tls_server_end_point(&[1; 32]));
    assert_eq!(first_failure(&both, plus, "p=tls-server-end-point,,n=user,r=abc"), None);
}

#[test]
fn plus_cannot_be_set_up_without_a_channel() {
    let error = Server::new(Mechanism::ScramSha1Plus, &support::server_options()).map(|_| ()).unwrap_err();
    assert!(matches!(error, ServerError::MissingOption { option: "channel_binding", .. }));
}

// Conformance: P-5802-04, C-5802-04, A-42
#[test]
fn plus_binds_the_channel() {
    for (mechanism, ours, theirs, is_same) in [
        (Mechanism::ScramSha256Plus, exporter(), exporter(), true),
        (Mechanism::ScramSha1Plus, exporter(), exporter(), true),
        (Mechanism::ScramSha256Plus, exporter(), ChannelBinding::tls_exporter([8; 32]), false),
        (
            Mechanism::ScramSha256Plus,
            ChannelBinding::tls_server_end_point(&[1; 48]),
            ChannelBinding::tls_server_end_point(&[1; 48]),
            true,
        ),
    ] {
        let choice = Choice::new(mechanism).with_binding(BindingUse::Used(ours.clone()));
        let mut client = Client::new(&choice, &user(), &client_options()).unwrap();
        let mut server = Server::new(mechanism, &support::server_options().channel_binding(theirs)).unwrap();
        let outcome = run(&mut client, &mut server, &backend(), true);
        if is_same {
            assert_eq!(outcome.user(), Some("user"));
        } else {
            assert_eq!(outcome.failure(), Some(Failure::ChannelBinding));
            assert!(outcome.client.is_err());
        }
    }
    for choice in [
        Choice::new(Mechanism::ScramSha256Plus),
        Choice::new(Mechanism::ScramSha256).with_binding(BindingUse::Used(exporter())),
    ] {
        let error = Client::new(&choice, &user(), &client_options()).map(|_| ()).unwrap_err();
        assert!(matches!(error, ClientError::ChannelBindingMismatch { .. }));
    }
}

// Conformance: S-5802-08
#[test]
fn unknown_users_look_like_wrong_passwords() {
    let probe = |name: &str| {
        let mut client = client(MECHANISM, &Credentials::new(name).with_password("wrong"));
        run(&mut client, &mut server(MECHANISM), &backend(), true)
    };
    let (known, unknown, again, other) = (probe("user"), probe("nobody"), probe("nobody"), probe("none"));
    assert_eq!(known.failure(), Some(Failure::BadCredentials));
    assert_eq!(unknown.failure(), known.failure());
    assert_eq!(unknown.challenges, again.challenges);
    assert_ne!(unknown.challenges, other.challenges);
    // One challenge each, with the nonce, a salt and the same iteration count.
    assert_eq!((known.challenges.len(), unknown.challenges.len()), (1, 1));
    let count = |outcome: &support::Outcome| {
        String::from_utf8(outcome.challenges[0].clone()).unwrap().rsplit_once(",i=").unwrap().1.to_owned()
    };
    assert_eq!(count(&known), count(&unknown));
}

// Conformance: S-5802-08
#[test]
fn an_unknown_user_fails_after_the_proof_as_others_do() {
    let mut server = server(MECHANISM);
    let first = format!("n,,n=nobody,r={CLIENT_NONCE}");
    let Step::Question(Question::Scram { .. }) = server.start(Some(first.as_bytes())).unwrap() else {
        panic!()
    };
    let Step::Challenge(_) = server.answer(Answer::Scram(None)).unwrap() else { panic!() };
    let last = format!("c=biws,r={CLIENT_NONCE}{SERVER_NONCE},p={}=", "A".repeat(43));
    assert!(matches!(server.respond(last.as_bytes()).unwrap(), Step::Failure(Failure::BadCredentials)));
    assert_eq!(server.respond(b"").unwrap_err(), ServerError::OutOfOrder);
}

// Conformance: S-5034-16
#[test]
fn acting_as_somebody_else_takes_a_policy() {
    let asking = user().with_authzid("boss");
    let run_with = |options: &ServerOptions, backend: &Backend| {
        run(&mut client(MECHANISM, &asking), &mut Server::new(MECHANISM, options).unwrap(), backend, true)
    };
    let (default, allowing) = (support::server_options(), support::server_options().allow_authzid());
    assert_eq!(run_with(&default, &backend()).failure(), Some(Failure::NotAuthorized));
    assert_eq!(run_with(&allowing, &backend()).failure(), Some(Failure::NotAuthorized));
    let mut permitting = backend();
    permitting.authzids.push("boss".into());
    assert_eq!(run_with(&allowing, &permitting).user(), Some("boss"));
    permitting.password = "other".into();
    assert_eq!(run_with(&allowing, &permitting).failure(), Some(Failure::BadCredentials));
    // Asking to act as oneself is asking nothing.
    let own = user().with_authzid("us\u{AD}er");
    assert_eq!(
        run(&mut client(MECHANISM, &own), &mut server(MECHANISM), &backend(), true).user(),
        Some("user")
    );
}

// Conformance: S-5034-11, S-5802-10
#[test]
fn the_last_challenge_is_answered_by_an_empty_response() {
    let mut client = client(MECHANISM, &user());
    let first = client.initial_response().unwrap();
    let (mut server, step) = server_after_first(&support::server_options(), MECHANISM, &first);
    let Step::Challenge(server_first) = step else { panic!() };
    let step = server.respond(&client.step(&server_first).unwrap()).unwrap();
    let Step::Challenge(server_final) = step else { panic!("success before the client has seen the proof") };
    assert!(server_final.starts_with(b"v="));
    assert!(matches!(server.respond(b"x").unwrap(), Step::Failure(Failure::Malformed)));
}

#[test]
fn credentials_of_another_hash_are_not_taken() {
    let mut server = server(MECHANISM);
    let first = format!("n,,n=user,r={CLIENT_NONCE}");
    server.start(Some(first.as_bytes())).unwrap();
    let wrong = ScramCredentials::derive(ScramHash::Sha1, "pencil", b"salt", 4096).unwrap();
    assert_eq!(server.answer(Answer::Scram(Some(wrong))).unwrap_err(), ServerError::WrongAnswer);
    assert_eq!(server.answer(Answer::Password(true)).unwrap_err(), ServerError::WrongAnswer);
    // The question is still open.
    let right = ScramCredentials::derive(ScramHash::Sha256, "pencil", b"salt", 4096).unwrap();
    assert!(matches!(server.answer(Answer::Scram(Some(right))).unwrap(), Step::Challenge(_)));
}

fn step_error(server_first: &str) -> ClientError {
    let mut client = client(MECHANISM, &user());
    client.initial_response().unwrap();
    let error = client.step(server_first.as_bytes()).unwrap_err();
    assert!(client.finish().is_err());
    assert!(matches!(client.step(b"").unwrap_err(), ClientError::UnexpectedChallenge { .. }));
    error
}

// Conformance: C-5802-02, P-5802-03, A-42
#[test]
fn the_server_nonce_continues_ours() {
    for nonce in [CLIENT_NONCE, "another", &CLIENT_NONCE[1..], &format!("x{CLIENT_NONCE}")] {
        assert_eq!(step_error(&format!("r={nonce},s=QUI=,i=4096")), ClientError::NonceMismatch, "{nonce}");
    }
}

// Conformance: C-5802-03, A-42
#[test]
fn iteration_counts_are_bounded() {
    for (count, read) in
        [("1", 1), ("4095", 4095), ("2000001", 2_000_001), ("2147483648", 1 << 31), ("99999999999", u32::MAX)]
    {
        assert_eq!(
            step_error(&format!("r={CLIENT_NONCE}x,s=QUI=,i={count}")),
            ClientError::IterationsOutOfBounds { iterations: read, min: 4096, max: 2_000_000 }
        );
    }
    let options = client_options().iterations(1..=10);
    let mut lax = Client::new(&Choice::new(MECHANISM), &user(), &options).unwrap();
    lax.initial_response().unwrap();
    assert!(lax.step(format!("r={CLIENT_NONCE}x,s=QUI=,i=1").as_bytes()).is_ok());
}

// Conformance: P-5802-01
#[test]
fn malformed_server_first_fails() {
    for bad in [
        "",
        "m=x,r=R,s=QUI=,i=4096",
        "r=R,s=QUI=,i=4096,m=x",
        "r=R,s=Q,i=4096",
        "r=R,i=4096,s=QUI=",
        "\u{e9}",
    ] {
        let error = step_error(&bad.replace('R', &format!("{CLIENT_NONCE}x")));
        assert_eq!(error, ClientError::MalformedChallenge { mechanism: MECHANISM }, "{bad}");
    }
}

/// A client that waits for the server's proof, and that proof.
fn client_before_final() -> (Client, Vec<u8>) {
    let mut client = client(MECHANISM, &user());
    let first = client.initial_response().unwrap();
    let (mut server, step) = server_after_first(&support::server_options(), MECHANISM, &first);
    let Step::Challenge(server_first) = step else { panic!() };
    let Step::Challenge(server_final) = server.respond(&client.step(&server_first).unwrap()).unwrap() else {
        panic!()
    };
    (client, server_final)
}

// Conformance: C-5802-01
#[test]
fn a_forged_server_signature_fails() {
    let (mut honest, right) = client_before_final();
    assert!(honest.step(&right).unwrap().is_empty());
    assert_eq!(honest.finish(), Ok(()));

    let mut forged = right.clone();
    forged[2] = if forged[2] == b'A' { b'B' } else { b'A' };
    for (challenge, want) in [
        (forged, ClientError::ServerSignatureMismatch),
        (b"v=".to_vec(), ClientError::ServerSignatureMismatch),
        (b"v=AAAA".to_vec(), ClientError::ServerSignatureMismatch),
        (b"e=invalid-proof".to_vec(), ClientError::ServerError("invalid-proof")),
        (b"e=\x1b[2J".to_vec(), ClientError::ServerError("other-error")),
        (Vec::new(), ClientError::MalformedChallenge { mechanism: MECHANISM }),
        ([&right[..], b",m=x"].concat(), ClientError::MalformedChallenge { mechanism: MECHANISM }),
    ] {
        let (mut client, _) = client_before_final();
        assert_eq!(client.step(&challenge).unwrap_err(), want);
        // Whatever the server reports afterwards, this is no success.
        assert_eq!(client.finish(), Err(ClientError::Incomplete { mechanism: MECHANISM }));
    }
}

// Conformance: C-5034-08, C-5802-01
#[test]
fn success_without_the_servers_proof_is_failure() {
    let incomplete = Err(ClientError::Incomplete { mechanism: MECHANISM });
    let mut early = client(MECHANISM, &user());
    assert_eq!(early.finish(), incomplete);
    early.initial_response().unwrap();
    assert_eq!(early.finish(), incomplete);
    let (client, _) = client_before_final();
    assert_eq!(client.finish(), incomplete);
}

// Conformance: C-5802-05, S-4616-04
#[test]
fn both_sides_prepare_with_saslprep() {
    // The vulgar fraction, the Roman numeral, and a soft hyphen that does not count.
    let backend = Backend::new("IX", "1\u{2044}2");
    for mechanism in [Mechanism::ScramSha1, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login] {
        let credentials = Credentials::new("\u{2168}").with_password("\u{BD}\u{AD}");
        let outcome = run(&mut client(mechanism, &credentials), &mut server(mechanism), &backend, true);
        assert_eq!(outcome.user(), Some("IX"), "{mechanism}");
    }
}
