//! Our own server, with everything on, for the conformance run.
#![allow(dead_code, reason = "every test program uses a part of it")]

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use pki_types::pem::PemObject as _;
use pop3_proto::server::{Catalogue, Utf8Support};
use pop3_server::{Config, Listener, Mechanism, Running, Server, rustls::pki_types, users::Users};
use pop3_store::{Store, maildir::MaildirStore, memory::MemoryStore};
use pop3_testkit::{
    TestServer,
    certificates::Certificate,
    conform::{Account, Deliver, Mode, Options, Roots},
    server::Kind,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub(crate) const USER: &str = "alice";
/// With a space at its end, as RFC 1939 section 7 allows.
pub(crate) const PASSWORD: &str = "sesame opens ";
const OTHER: &str = "bob";

/// Where the mail is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    InMemory,
    InMaildir,
}

/// A server of this project in this process.
pub(crate) struct OwnServer {
    mode: Mode,
    address: SocketAddr,
    folder: TempDir,
    kept: Kept,
    memory: MemoryStore,
    _running: Running,
    _runtime: Runtime,
}

impl OwnServer {
    pub(crate) fn start(mode: Mode, kept: Kept) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let memory = MemoryStore::new();
        memory.add_user(USER);
        memory.add_user(OTHER);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let maildir = MaildirStore::open_root(folder.path()).unwrap().create_missing(true);
        let running = match kept {
            Kept::InMemory => bind(&runtime, mode, memory.clone(), &folder),
            Kept::InMaildir => bind(&runtime, mode, maildir, &folder),
        };
        let address = running.addresses()[0];
        Self { mode, address, folder, kept, memory, _running: running, _runtime: runtime }
    }

    /// What a run is told to test it.
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new("127.0.0.1", self.address.port(), USER, PASSWORD);
        options.mode = self.mode;
        options.trust = Roots::File(self.ca());
        options.second = Some(Account { user: OTHER.to_owned(), password: PASSWORD.to_owned() });
        options.writable = true;
        options.deliver = Some(self.deliver());
        options.timeout = Duration::from_secs(10);
        options.failed_logins = 100;
        options
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn deliver(&self) -> Deliver {
        match self.kept {
            Kept::InMemory => {
                let memory = self.memory.clone();
                Box::new(move |user, message| {
                    memory.deliver(user, message).map(|_| ()).map_err(|error| error.to_string())
                })
            }
            Kept::InMaildir => {
                let root = self.folder.path().to_owned();
                Box::new(move |user, message| {
                    let store = MaildirStore::open_root(&root).unwrap().create_missing(true);
                    let maildir = store.maildir(user).map_err(|error| error.to_string())?;
                    maildir.deliver(message).map(|_| ()).map_err(|error| error.to_string())
                })
            }
        }
    }
}

fn bind(runtime: &Runtime, mode: Mode, store: impl Store, folder: &TempDir) -> Running {
    let certificate = Certificate::for_localhost().unwrap();
    let ca = pop3_testkit::certificates::Authority::of_this_process().unwrap();
    std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
    let chain = pki_types::CertificateDer::pem_slice_iter(certificate.pem().as_bytes());
    let key = pki_types::PrivateKeyDer::from_pem_slice(certificate.key_pem().as_bytes()).unwrap();
    let any = ([127, 0, 0, 1], 0);

    let mut config = Config::default();
    config.listeners = vec![match mode {
        Mode::Plain => Listener::plain(any),
        Mode::Stls => Listener::stls(any),
        Mode::Tls => Listener::tls(any),
    }];
    config.tls = Some(pop3_server::tls::build(chain.map(Result::unwrap).collect(), key).unwrap());
    config.mechanisms = vec![
        Mechanism::ScramSha256,
        Mechanism::ScramSha1,
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::CramMd5,
    ];
    config.apop_host = Some("pop.example.org".into());
    config.policy.allow_plaintext_without_tls = mode == Mode::Plain;
    config.policy.utf8 = Some(Utf8Support { user: true });
    config.policy.languages = vec![Catalogue::ENGLISH, Catalogue::GERMAN];
    config.policy.implementation = Some("pop3".into());
    config.limits.failure_delay = Duration::ZERO;
    let users = Users::new().with_password(USER, PASSWORD).with_password(OTHER, PASSWORD);
    runtime.block_on(Server::bind(config, store, users)).unwrap()
}

/// All three.
pub(crate) const MODES: [Mode; 3] = [Mode::Plain, Mode::Stls, Mode::Tls];

/// A server of the test kit with all mechanisms of passwords, which may pass in clear.
pub(crate) fn test_server() -> pop3_testkit::server::Builder {
    described(&PASSWORDS)
}

/// The same with bearer tokens, which it takes in clear as well.
pub(crate) fn test_server_with_tokens() -> pop3_testkit::server::Builder {
    let all: Vec<Mechanism> =
        PASSWORDS.iter().copied().chain([Mechanism::OauthBearer, Mechanism::Xoauth2]).collect();
    described(&all).token(USER, "a-good-token")
}

const PASSWORDS: [Mechanism; 6] = [
    Mechanism::ScramSha256,
    Mechanism::ScramSha256Plus,
    Mechanism::ScramSha1,
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::CramMd5,
];

fn described(mechanisms: &[Mechanism]) -> pop3_testkit::server::Builder {
    TestServer::builder()
        .user(USER, PASSWORD)
        .user(OTHER, PASSWORD)
        .mechanisms(mechanisms.iter().copied())
        .apop(true)
        .utf8(true)
        .policy(|policy| policy.languages = vec![Catalogue::ENGLISH, Catalogue::GERMAN])
        .listen(Kind::Plain)
        .listen(Kind::Stls)
        .listen(Kind::Tls)
}

/// What a run is told to test a server of the test kit.
pub(crate) fn options_for(server: &Arc<TestServer>, mode: Mode) -> Options {
    let kind = match mode {
        Mode::Plain => Kind::Plain,
        Mode::Stls => Kind::Stls,
        Mode::Tls => Kind::Tls,
    };
    let mut options = Options::new("127.0.0.1", server.address(kind).unwrap().port(), USER, PASSWORD);
    options.mode = mode;
    options.trust = Roots::File(server.ca_file().unwrap());
    options.second = Some(Account { user: OTHER.to_owned(), password: PASSWORD.to_owned() });
    options.writable = true;
    let deliverer = Arc::clone(server);
    options.deliver = Some(Box::new(move |user, message| {
        deliverer.deliver(user, message).map(|_| ()).map_err(|error| error.to_string())
    }));
    options.timeout = Duration::from_secs(10);
    options.failed_logins = 100;
    options
}
