//! Who gets in, and what the others hear.

mod support;

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pop3_sasl::{
    Choice, ClientMechanism as _, ClientOptions, Credentials, Decoy, Mechanism, Nonce, ScramCredentials,
    ScramHash, Secret, apop,
};
use pop3_server::{Authenticator, Lookup, Proof, Share, Unavailable, users::Users};
use pop3_store::{OpenError, Store, memory::MemoryStore};
use support::{Client, PASSWORD, TestServer, USER, deliver, root, users, wait_until};

fn plain(authzid: &str, user: &str, password: &str) -> String {
    STANDARD.encode(format!("{authzid}\0{user}\0{password}"))
}

/// Alice and Bob, in memory, with everything that can be switched on.
fn server_with_everything() -> TestServer {
    let store = MemoryStore::new();
    store.add_user(USER);
    store.add_user("bob");
    let scram = |hash, password| {
        ScramCredentials::derive(hash, password, b"0123456789abcdef", 4096).unwrap().to_stored()
    };
    let secrets = [scram(ScramHash::Sha1, PASSWORD), scram(ScramHash::Sha256, PASSWORD)].join(" ");
    let users = users().with_secrets(USER, &secrets).unwrap();
    TestServer::serve(store, users, |config| {
        config.mechanisms = vec![
            Mechanism::ScramSha256,
            Mechanism::ScramSha1,
            Mechanism::CramMd5,
            Mechanism::Plain,
            Mechanism::Login,
        ];
        config.apop_host = Some("mail.example".into());
    })
}

// Conformance: A-10, S-2595-10, S-2449-09, S-5034-03, S-5034-13, S-STLS-06, S-8314-06
#[test]
fn passwords_in_clear_are_refused_before_they_are_looked_at() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| {
        config.mechanisms = vec![Mechanism::Plain];
        // A plain listener would let nobody in, and is refused.
        config.listeners[0] = config.listeners[1];
    });
    let mut client = server.connect_clear();
    client.line();
    let capabilities = client.lines("CAPA");
    assert!(!capabilities.iter().any(|line| line.starts_with("USER") || line.starts_with("SASL")));
    let mut heard = Vec::new();
    for (name, password) in [(USER, PASSWORD), (USER, "wrong"), ("nobody", "wrong")] {
        let mut client = server.connect_clear();
        client.line();
        let commands = [
            format!("USER {name}"),
            format!("PASS {password}"),
            format!("AUTH PLAIN {}", plain("", name, password)),
            "AUTH PLAIN".to_owned(),
        ];
        heard.push(commands.map(|command| client.err(&command)));
    }
    assert!(heard.iter().all(|answers| answers == &heard[0]));
    assert!(heard[0].iter().all(|answer| !answer.contains('[')), "{:?}", heard[0]);
}

// Conformance: A-35, S-3206-02, S-3206-03, S-3206-04, S-5034-17, S-1939-09
#[test]
fn an_unknown_user_and_a_wrong_password_are_the_same_to_the_octet() {
    let server = server_with_everything();
    let conversation = |name: &str| {
        let mut client = server.connect();
        client.send(format!("USER {name}\r\nPASS wrong\r\nAUTH PLAIN {}\r\n", plain("", name, "wrong")));
        let mut heard: Vec<String> = (0..3).map(|_| client.line()).collect();
        heard.push(client.ask("AUTH LOGIN"));
        heard.push(client.ask(&STANDARD.encode(name)));
        heard.push(client.ask(&STANDARD.encode("wrong")));
        heard.push(String::from_utf8(client.rest()).unwrap());
        heard
    };
    let known = conversation(USER);
    assert_eq!(known, conversation("nobody"));
    assert_eq!(known, conversation("bob"));
    assert!(known[0].starts_with("+OK") && !known[0].contains("[AUTH]"));
    assert!([1, 2, 5].iter().all(|at| known[*at].starts_with("-ERR [AUTH] ")), "{known:?}");
    let mut client = server.connect();
    let capabilities = client.lines("CAPA");
    assert!(["RESP-CODES", "AUTH-RESP-CODE"].iter().all(|tag| capabilities.contains(&(*tag).to_owned())));
    // One failure, and then the right password.
    client.ok(&format!("USER {USER}"));
    client.err("PASS wrong");
    client.log_in(USER, PASSWORD);
}

// Conformance: S-1939-07, S-1939-08, S-1939-18
#[test]
fn the_second_session_hears_in_use_until_the_first_is_over() {
    let root = root();
    deliver(root.path(), &[b"Subject: 1\n\n1\n"]);
    let server = TestServer::start(root.path());
    let mut first = server.log_in();
    let mut second = server.connect();
    second.ok(&format!("USER {USER}"));
    assert!(second.err(&format!("PASS {PASSWORD}")).starts_with("-ERR [IN-USE] "));
    // Who does not know the password does not hear that either.
    second.ok(&format!("USER {USER}"));
    assert!(second.err("PASS wrong").starts_with("-ERR [AUTH] "));
    // Somebody else is not kept out.
    server.log_in_as("bob", "spaces in it ").quit();
    first.ok("DELE 1");
    first.quit();
    second.log_in(USER, PASSWORD);
    assert_eq!(second.ask("STAT"), "+OK 0 0");
    second.quit();
}

/// A store whose maildrops cannot be opened, for a reason of choice.
struct Failing {
    inner: MemoryStore,
    reason: Arc<Mutex<Option<io::ErrorKind>>>,
}

impl Store for Failing {
    type Maildrop = <MemoryStore as Store>::Maildrop;

    fn open(&self, user: &str) -> Result<Self::Maildrop, OpenError> {
        let opened = self.inner.open(user)?;
        match *self.reason.lock().unwrap() {
            None => Ok(opened),
            Some(kind) => {
                Err(OpenError::Io { action: "open", path: "/some/where".into(), source: kind.into() })
            }
        }
    }
}

// Conformance: S-1939-08, S-3206-01
#[test]
fn what_will_pass_is_temporary_and_what_will_not_is_permanent() {
    let inner = MemoryStore::new();
    inner.add_user(USER);
    let reason = Arc::new(Mutex::new(None));
    let store = Failing { inner, reason: Arc::clone(&reason) };
    let server = TestServer::serve(store, users(), |_| {});
    let mut client = server.connect();
    for (kind, code) in [
        (io::ErrorKind::StorageFull, "-ERR [SYS/TEMP] "),
        (io::ErrorKind::Other, "-ERR [SYS/TEMP] "),
        (io::ErrorKind::PermissionDenied, "-ERR [SYS/PERM] "),
        (io::ErrorKind::NotADirectory, "-ERR [SYS/PERM] "),
    ] {
        *reason.lock().unwrap() = Some(kind);
        client.ok(&format!("USER {USER}"));
        let answer = client.err(&format!("PASS {PASSWORD}"));
        assert!(answer.starts_with(code), "{kind}: {answer}");
        assert!(!answer.contains("/some/where"), "no paths for clients");
    }
    // There is no maildrop for Bob at all.
    client.ok("USER bob");
    assert!(client.err("PASS spaces in it ").starts_with("-ERR [SYS/PERM] "));
    // Each failure gave the lock back.
    *reason.lock().unwrap() = None;
    client.log_in(USER, PASSWORD);
    client.quit();
}

/// Users that can be out of reach.
struct Unreliable {
    users: Users,
    is_down: Arc<AtomicBool>,
}

impl Unreliable {
    fn check(&self) -> Result<(), Unavailable> {
        if self.is_down.load(Ordering::Relaxed) {
            Err(Unavailable::new("the directory is down"))
        } else {
            Ok(())
        }
    }
}

impl Authenticator for Unreliable {
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Unavailable> {
        self.check().and_then(|()| self.users.is_password(user, password))
    }

    fn scram(&self, user: &str, hash: ScramHash) -> Result<Lookup<ScramCredentials>, Unavailable> {
        self.check().and_then(|()| self.users.scram(user, hash))
    }

    fn shared_secret(&self, user: &str) -> Result<Lookup<Secret>, Unavailable> {
        self.check().and_then(|()| self.users.shared_secret(user))
    }

    fn usable_by(&self, proof: Proof) -> Share {
        self.users.usable_by(proof)
    }

    fn decoy(&self, user: &str, hash: ScramHash) -> Decoy {
        self.users.decoy(user, hash)
    }
}

// Conformance: A-44, S-3206-05
#[test]
fn where_nobody_can_tell_it_is_not_the_passwords_fault() {
    let store = MemoryStore::new();
    store.add_user(USER);
    let is_down = Arc::new(AtomicBool::new(true));
    let users = Unreliable { users: users(), is_down: Arc::clone(&is_down) };
    let server = TestServer::serve(store, users, |config| config.mechanisms.push(Mechanism::CramMd5));
    let mut client = server.connect();
    client.ok(&format!("USER {USER}"));
    assert!(client.err(&format!("PASS {PASSWORD}")).starts_with("-ERR [SYS/TEMP] "));
    let answer = client.err(&format!("AUTH PLAIN {}", plain("", USER, PASSWORD)));
    assert!(answer.starts_with("-ERR [SYS/TEMP] "), "{answer}");
    client.lines("CAPA");
    is_down.store(false, Ordering::Relaxed);
    client.log_in(USER, PASSWORD);
    client.quit();
}

// Conformance: S-5034-05, S-5034-06, S-5034-08, S-5034-09, S-5034-10, S-5034-12, S-5034-16, A-39, A-40
#[test]
fn auth_plain_and_how_it_fails() {
    let server = server_with_everything();
    let right = plain("", USER, PASSWORD);
    let mut client = server.connect();
    assert_eq!(client.ask("AUTH PLAIN"), "+ ");
    client.ok(&right);
    client.quit();
    let mut client = server.connect();
    client.ok(&format!("AUTH plain {right}"));
    client.err("AUTH PLAIN");
    client.quit();
    let mut client = server.connect();
    client.err("AUTH FOO");
    client.ask("AUTH PLAIN");
    client.err("*");
    client.ask("AUTH PLAIN");
    client.err("not base64!");
    // The next line is a command again.
    client.lines("CAPA");
    assert!(client.err(&format!("AUTH PLAIN {}", STANDARD.encode("no NULs"))).starts_with("-ERR [AUTH]"));
    let answer = client.err(&format!("AUTH PLAIN {}", plain("bob", USER, PASSWORD)));
    assert!(answer.starts_with("-ERR [AUTH]"), "{answer}");
    // To act as oneself is nothing special.
    client.ok(&format!("AUTH PLAIN {}", plain(USER, USER, PASSWORD)));
    client.quit();
}

// Conformance: A-40
#[test]
fn a_thousand_exchanges_that_are_cancelled() {
    let server = server_with_everything();
    for _ in 0..20 {
        let mut client = server.connect();
        for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"].iter().cycle().take(50) {
            assert!(client.ask(&format!("AUTH {mechanism}")).starts_with('+'));
            client.err("*");
        }
        client.log_in(USER, PASSWORD);
        client.quit();
    }
}

/// Runs a mechanism of the client's side; what the server said last.
fn authenticate(client: &mut Client, mechanism: Mechanism, user: &str, password: &str) -> String {
    let credentials = Credentials::new(user).with_password(password);
    let options = ClientOptions::new(Nonce::from_random([5; 18]));
    let mut exchange = pop3_sasl::Client::new(&Choice::new(mechanism), &credentials, &options).unwrap();
    let mut answer = client.ask(&format!("AUTH {mechanism}"));
    while let Some(challenge) = answer.strip_prefix("+ ") {
        let challenge = STANDARD.decode(challenge).unwrap();
        match exchange.step(&challenge) {
            Ok(response) => answer = client.ask(&STANDARD.encode(&response[..])),
            Err(_) => answer = client.ask("*"),
        }
    }
    if answer.starts_with("+OK") {
        exchange.finish().expect("the server has proved itself");
    }
    answer
}

// Conformance: S-5034-02, S-5034-07, S-5034-11, S-5034-14, S-1939-60
#[test]
fn every_mechanism_lets_the_right_one_in() {
    let server = server_with_everything();
    let all = [
        Mechanism::ScramSha256,
        Mechanism::ScramSha1,
        Mechanism::CramMd5,
        Mechanism::Plain,
        Mechanism::Login,
    ];
    for mechanism in all {
        let mut client = server.connect();
        assert!(
            authenticate(&mut client, mechanism, USER, "wrong").starts_with("-ERR [AUTH]"),
            "{mechanism}"
        );
        assert!(
            authenticate(&mut client, mechanism, "nobody", "x").starts_with("-ERR [AUTH]"),
            "{mechanism}"
        );
        let answer = authenticate(&mut client, mechanism, USER, PASSWORD);
        assert!(answer.starts_with("+OK"), "{mechanism}: {answer}");
        client.quit();
    }
    let mut client = server.connect();
    client.err(&format!("AUTH CRAM-MD5 {}", STANDARD.encode("x")));
    // In clear there are those that do not show the password.
    let mut clear = server.connect_clear();
    let greeting = clear.line();
    let sasl = clear.lines("CAPA").into_iter().find(|line| line.starts_with("SASL ")).unwrap();
    assert_eq!(sasl, "SASL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5");
    assert!(authenticate(&mut clear, Mechanism::ScramSha256, USER, PASSWORD).starts_with("+OK"));
    assert!(clear.lines("CAPA").contains(&sasl));
    clear.quit();

    let timestamp = &greeting[greeting.find('<').unwrap()..];
    let mut clear = server.connect_clear();
    let fresh = clear.line();
    let fresh = &fresh[fresh.find('<').unwrap()..];
    assert_ne!(fresh, timestamp);
    // With the timestamp of another connection it is no proof. A-41.
    let digest = |timestamp: &str| apop::to_hex(&apop::digest(timestamp, PASSWORD.as_bytes()));
    assert!(clear.err(&format!("APOP {USER} {}", digest(timestamp))).starts_with("-ERR [AUTH]"));
    assert!(clear.err(&format!("APOP nobody {}", digest(fresh))).starts_with("-ERR [AUTH]"));
    clear.ok(&format!("APOP {USER} {}", digest(fresh)));
    clear.quit();
}

#[test]
fn scram_lets_in_whose_password_is_kept_readably() {
    let root = root();
    let server = TestServer::start_with(root.path(), |config| {
        config.mechanisms = vec![Mechanism::ScramSha256, Mechanism::ScramSha1];
    });
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha1] {
        for (user, password) in [(USER, PASSWORD), ("bob", "spaces in it ")] {
            let mut client = server.connect();
            let answer = authenticate(&mut client, mechanism, user, "wrong");
            assert!(answer.starts_with("-ERR [AUTH] "), "{answer}");
            let answer = authenticate(&mut client, mechanism, user, password);
            assert!(answer.starts_with("+OK"), "{mechanism}: {answer}");
            client.quit();
        }
    }
}

// Conformance: A-36, S-ROB-02, S-ROB-01
#[test]
fn a_failure_waits_and_nobody_else_does() {
    let store = MemoryStore::new();
    store.add_user(USER);
    let delay = Duration::from_secs(3);
    let server = TestServer::serve(store, users(), |config| {
        config.limits.failure_delay = delay;
        config.limits.password_checks = 1;
    });
    let mut guesser = server.connect();
    guesser.ok(&format!("USER {USER}"));
    let began = Instant::now();
    guesser.send(b"PASS wrong\r\n");
    server.log_in().quit();
    assert!(began.elapsed() < delay, "the wait of one is not the wait of all");
    assert!(guesser.line().starts_with("-ERR [AUTH]"));
    assert!(began.elapsed() >= delay);
    wait_until("the sessions are over", || server.tasks() == 4);
}

// Conformance: S-ROB-01, S-1939-25
#[test]
fn the_third_failure_ends_the_session() {
    let server = server_with_everything();
    let mut client = server.connect();
    for _ in 0..3 {
        client.ok(&format!("USER {USER}"));
        client.err("PASS wrong");
    }
    assert_eq!(client.rest(), b"");
}

// Conformance: S-2595-12
#[test]
fn a_mechanism_that_is_not_configured_is_neither_named_nor_accepted() {
    let store = MemoryStore::new();
    store.add_user(USER);
    let server = TestServer::serve(store, users(), |config| {
        config.mechanisms = vec![Mechanism::ScramSha256];
        config.policy.user_pass = false;
    });
    let mut client = server.connect();
    let capabilities = client.lines("CAPA");
    assert!(capabilities.iter().any(|line| line == "SASL SCRAM-SHA-256"), "{capabilities:?}");
    assert!(!capabilities.iter().any(|line| line == "USER"));
    client.err(&format!("AUTH PLAIN {}", plain("", USER, PASSWORD)));
    client.err("AUTH CRAM-MD5");
    client.err("AUTH LOGIN");
    client.err(&format!("USER {USER}"));
}
