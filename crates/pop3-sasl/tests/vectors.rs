//! Known answers, both directions, in the base64 in which they travel.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pop3_sasl::{
    Answer, Choice, Client, ClientMechanism, ClientOptions, Credentials, Mechanism, Question,
    ScramCredentials, ScramHash, Secret, Server, ServerOptions, Step,
};
use support::{CRAM_CHALLENGE, client, nonce, server};

fn encode(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn challenge(step: Step) -> Vec<u8> {
    let Step::Challenge(challenge) = step else { panic!("no challenge but {step:?}") };
    challenge
}

fn user(step: Step) -> String {
    let Step::Success(identity) = step else { panic!("no success but {step:?}") };
    identity.user().unwrap().to_owned()
}

// Conformance: S-4616-01, S-4616-05
#[test]
fn plain() {
    for (name, password, authzid, wire) in [
        ("tim", "tanstaaftanstaaf", None, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"),
        ("test", "test", Some("test"), "dGVzdAB0ZXN0AHRlc3Q="),
    ] {
        let mut credentials = Credentials::new(name).with_password(password);
        if let Some(authzid) = authzid {
            credentials = credentials.with_authzid(authzid);
        }
        assert_eq!(encode(&client(Mechanism::Plain, &credentials).initial_response().unwrap()), wire);

        let mut server = server(Mechanism::Plain);
        let Step::Question(Question::Password(asked)) = server.start(Some(&decode(wire))).unwrap() else {
            panic!()
        };
        assert_eq!((asked.name(), asked.password(), asked.password_as_sent()), (name, password, password));
        assert_eq!(user(server.answer(Answer::Password(true)).unwrap()), name);
    }
}

// Conformance: S-LOGIN-01
#[test]
fn login() {
    let credentials = Credentials::new("tim").with_password("tanstaaftanstaaf");
    let (mut client, mut server) = (client(Mechanism::Login, &credentials), server(Mechanism::Login));
    let prompt = challenge(server.start(None).unwrap());
    assert_eq!(encode(&prompt), "VXNlcm5hbWU6");
    let name = client.step(&prompt).unwrap();
    let prompt = challenge(server.respond(&name).unwrap());
    assert_eq!(encode(&prompt), "UGFzc3dvcmQ6");
    let password = client.step(&prompt).unwrap();
    assert_eq!((&name[..], &password[..]), (&b"tim"[..], &b"tanstaaftanstaaf"[..]));
    let Step::Question(Question::Password(asked)) = server.respond(&password).unwrap() else { panic!() };
    assert_eq!((asked.name(), asked.password()), ("tim", "tanstaaftanstaaf"));
}

// Conformance: S-2195-01
#[test]
fn cram_md5() {
    let credentials = Credentials::new("tim").with_password("tanstaaftanstaaf");
    let (mut client, mut server) = (client(Mechanism::CramMd5, &credentials), server(Mechanism::CramMd5));
    let text = challenge(server.start(None).unwrap());
    assert_eq!(text, CRAM_CHALLENGE.as_bytes());
    let response = client.step(&text).unwrap();
    assert_eq!(response.expose_str(), Some("tim b913a602c7eda7a495b4e6e7334d3890"));
    assert_eq!(encode(&response), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
    let Step::Question(Question::SharedSecret { name }) = server.respond(&response).unwrap() else {
        panic!()
    };
    assert_eq!(&*name, "tim");
    let secret = Secret::from("tanstaaftanstaaf");
    assert_eq!(user(server.answer(Answer::SharedSecret(Some(secret))).unwrap()), "tim");
}

struct ScramVector {
    hash: ScramHash,
    client_nonce: &'static str,
    server_nonce: &'static str,
    messages: [&'static str; 4],
}

const SHA_1: ScramVector = ScramVector {
    hash: ScramHash::Sha1,
    client_nonce: "fyko+d2lbbFgONRv9qkxdawL",
    server_nonce: "3rfcNHYJY1ZVvWVs7j",
    messages: [
        "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ],
};

const SHA_256: ScramVector = ScramVector {
    hash: ScramHash::Sha256,
    client_nonce: "rOprNGfwEbeRWgbNEkqO",
    server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    messages: [
        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ],
};

impl ScramVector {
    fn credentials(&self) -> ScramCredentials {
        let salt = self.messages[1].split(",s=").nth(1).unwrap().split(',').next().unwrap();
        ScramCredentials::derive(self.hash, "pencil", &decode(salt), 4096).unwrap()
    }

    fn check_client(&self) {
        let credentials = Credentials::new("user").with_password("pencil");
        let options = ClientOptions::new(nonce(self.client_nonce));
        let choice = Choice::new(self.hash.mechanism());
        let mut client = Client::new(&choice, &credentials, &options).unwrap();
        assert_eq!(client.initial_response().unwrap().expose_str(), Some(self.messages[0]));
        assert_eq!(client.step(self.messages[1].as_bytes()).unwrap().expose_str(), Some(self.messages[2]));
        assert!(client.finish().is_err());
        assert!(client.step(self.messages[3].as_bytes()).unwrap().is_empty());
        assert_eq!(client.finish(), Ok(()));
    }

    fn check_server(&self) {
        let options = ServerOptions::new().scram(nonce(self.server_nonce), support::decoy());
        let mut server = Server::new(self.hash.mechanism(), &options).unwrap();
        let step = server.start(Some(self.messages[0].as_bytes())).unwrap();
        let Step::Question(Question::Scram { name, hash }) = step else { panic!("{step:?}") };
        assert_eq!((&*name, hash), ("user", self.hash));
        let first = challenge(server.answer(Answer::Scram(Some(self.credentials()))).unwrap());
        assert_eq!(String::from_utf8(first).unwrap(), self.messages[1]);
        let last = challenge(server.respond(self.messages[2].as_bytes()).unwrap());
        assert_eq!(String::from_utf8(last).unwrap(), self.messages[3]);
        assert_eq!(user(server.respond(b"").unwrap()), "user");
    }
}

// Conformance: C-5802-01, C-5034-08, P-5802-04
#[test]
fn scram_sha_1_client() {
    SHA_1.check_client();
}

// Conformance: S-5034-11, S-5802-10, P-5802-04
#[test]
fn scram_sha_1_server() {
    SHA_1.check_server();
}

// Conformance: S-7677-01, C-5802-01
#[test]
fn scram_sha_256_client() {
    SHA_256.check_client();
}

// Conformance: S-7677-01, S-5034-11, S-5802-10
#[test]
fn scram_sha_256_server() {
    SHA_256.check_server();
}

// Conformance: P-7628-01
#[test]
fn oauthbearer() {
    const WIRE: &str = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9OTk1AWF1dGg9QmVhcmVyIFRPS0VOAQE=";
    let credentials = Credentials::new("user@example.com").with_token("TOKEN");
    let options = support::client_options().service("server.example.com", 995);
    let mut client = Client::new(&Choice::new(Mechanism::OauthBearer), &credentials, &options).unwrap();
    assert_eq!(encode(&client.initial_response().unwrap()), WIRE);

    let options = ServerOptions::new().service(Some("server.example.com"), Some(995));
    let mut server = Server::new(Mechanism::OauthBearer, &options).unwrap();
    let Step::Question(Question::Token(asked)) = server.start(Some(&decode(WIRE))).unwrap() else { panic!() };
    assert_eq!((asked.claimed(), asked.token()), (Some("user@example.com"), "TOKEN"));
    assert_eq!(user(server.answer(Answer::Token(Ok("user@example.com"))).unwrap()), "user@example.com");
}

// Conformance: C-7628-01
#[test]
fn oauthbearer_dummy() {
    let credentials = Credentials::new("user@example.com").with_token("TOKEN");
    let mut client = client(Mechanism::OauthBearer, &credentials);
    client.initial_response().unwrap();
    assert_eq!(encode(&client.step(br#"{"status":"invalid_token"}"#).unwrap()), "AQ==");
}

// Conformance: P-XOAUTH2-01
#[test]
fn xoauth2() {
    const WIRE: &str = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==";
    const TOKEN: &str = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
    let credentials = Credentials::new("someuser@example.com").with_token(TOKEN);
    assert_eq!(encode(&client(Mechanism::Xoauth2, &credentials).initial_response().unwrap()), WIRE);

    let mut server = server(Mechanism::Xoauth2);
    let Step::Question(Question::Token(asked)) = server.start(Some(&decode(WIRE))).unwrap() else { panic!() };
    assert_eq!((asked.claimed(), asked.token()), (Some("someuser@example.com"), TOKEN));
}

// The credentials of RFC 5802 and RFC 7677 in Dovecot's form, computed with Python's hashlib.
// Conformance: S-5802-07
#[test]
fn stored_credentials() {
    for (vector, stored) in [
        (
            SHA_1,
            "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=",
        ),
        (
            SHA_256,
            "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        ),
    ] {
        assert_eq!(vector.credentials().to_stored(), stored);
        let read: ScramCredentials = stored.parse().unwrap();
        assert!(read.verify_password("pencil"));
        assert!(!read.verify_password("Pencil"));
    }
}
