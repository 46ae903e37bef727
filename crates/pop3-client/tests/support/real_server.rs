//! The real server, in this process, over a maildrop in memory.

use std::sync::Arc;

use pop3_client::{Options, Roots, Security};
use pop3_server::{
    Config, Listener, Mechanism, Running, Server,
    users::{NewSecrets, Users},
};
use pop3_store::memory::MemoryStore;
use tokio::runtime::Runtime;

use super::{certificates::Ca, options};

pub const USER: &str = "alice";
pub const PASSWORD: &str = "wonderland";

/// A running server, its store, and the CA of its certificate.
pub struct RealServer {
    pub store: MemoryStore,
    pub ca: Ca,
    pub plain: u16,
    pub stls: u16,
    pub tls: u16,
    _running: Running,
    _runtime: Runtime,
}

impl RealServer {
    /// With PASS and PLAIN, which take no time to check.
    pub fn start(messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::start_with(messages, vec![Mechanism::Plain], Users::new().with_password(USER, PASSWORD))
    }

    /// With SCRAM besides, and secrets as `pop3-server user add` makes them.
    pub fn with_scram(messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let secrets = NewSecrets::derive(PASSWORD).unwrap();
        let users = Users::new().with_secrets(USER, secrets.as_str()).unwrap();
        Self::start_with(messages, vec![Mechanism::ScramSha256, Mechanism::Plain], users)
    }

    fn start_with(
        messages: impl IntoIterator<Item = Vec<u8>>,
        mechanisms: Vec<Mechanism>,
        users: Users,
    ) -> Self {
        let store = MemoryStore::new();
        store.add_user(USER);
        for message in messages {
            store.deliver(USER, message).unwrap();
        }
        let ca = Ca::new();
        let mut config = Config::default();
        let any = ([127, 0, 0, 1], 0);
        config.listeners = vec![Listener::plain(any), Listener::stls(any), Listener::tls(any)];
        config.tls = Some(ca.server(&["127.0.0.1", "localhost"]));
        config.policy.allow_plaintext_without_tls = true;
        config.mechanisms = mechanisms;
        config.limits.failure_delay = std::time::Duration::ZERO;
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(Server::bind(config, store.clone(), users)).unwrap();
        let ports: Vec<u16> = running.addresses().iter().map(std::net::SocketAddr::port).collect();
        let [plain, stls, tls] = ports[..] else { panic!("three listeners") };
        Self { store, ca, plain, stls, tls, _running: running, _runtime: runtime }
    }

    /// The three ways to it.
    pub fn ways(&self) -> [Options; 3] {
        let roots = Roots::File(self.ca.file());
        [
            options("127.0.0.1", self.plain, Security::InsecurePlain),
            options("127.0.0.1", self.stls, Security::StlsRequired).with_roots(roots.clone()),
            options("127.0.0.1", self.tls, Security::ImplicitTls).with_roots(roots),
        ]
    }

    /// What is stored for the user, in order.
    pub fn stored(&self) -> Vec<Arc<[u8]>> {
        self.store.messages(USER).into_iter().map(|message| message.octets).collect()
    }
}
