//! A server to talk to, and somebody who talks to it octet by octet.
#![allow(dead_code, unused_imports, reason = "every test program uses a part of it")]

mod certificate;
mod client;
mod program;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use pop3_server::{Authenticator, Config, Listener, Running, Server, users::Users};
use pop3_store::{Store, maildir::MaildirStore};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

pub(crate) use certificate::{Certificate, client_config};
pub(crate) use client::Client;
pub(crate) use program::{Program, stop, wait_until};

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "tanstaaf";

/// A server in this process, with a plain, an STLS and a TLS listener.
pub(crate) struct TestServer {
    pub(crate) certificate: Certificate,
    running: Option<Running>,
    runtime: Option<Runtime>,
}

impl TestServer {
    /// Alice and Bob, each with a Maildir under `root`.
    pub(crate) fn start(root: &Path) -> Self {
        Self::start_with(root, |_| {})
    }

    pub(crate) fn start_with(root: &Path, adapt: impl FnOnce(&mut Config)) -> Self {
        let store = MaildirStore::open_root(root).unwrap().create_missing(true);
        Self::serve(store, users(), adapt)
    }

    pub(crate) fn serve(
        store: impl Store,
        users: impl Authenticator,
        adapt: impl FnOnce(&mut Config),
    ) -> Self {
        let certificate = Certificate::create();
        let mut config = Config::default();
        let any = ([127, 0, 0, 1], 0);
        config.listeners = vec![Listener::plain(any), Listener::stls(any), Listener::tls(any)];
        config.tls = Some(Arc::clone(&certificate.server));
        config.limits.failure_delay = std::time::Duration::ZERO;
        adapt(&mut config);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let running = runtime.block_on(Server::bind(config, store, users)).unwrap();
        Self { certificate, running: Some(running), runtime: Some(runtime) }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn plain_address(&self) -> SocketAddr {
        self.running().addresses()[0]
    }

    pub(crate) fn stls_address(&self) -> SocketAddr {
        self.running().addresses()[1]
    }

    pub(crate) fn tls_address(&self) -> SocketAddr {
        self.running().addresses()[2]
    }

    /// On the STLS listener, still in clear, the greeting not read.
    pub(crate) fn connect_clear(&self) -> Client {
        Client::connect(self.stls_address())
    }

    /// Under implicit TLS, the greeting read.
    pub(crate) fn connect(&self) -> Client {
        let mut client = Client::connect(self.tls_address()).start_tls(&self.certificate.client);
        assert!(client.line().starts_with("+OK"));
        client
    }

    /// In TRANSACTION.
    pub(crate) fn log_in(&self) -> Client {
        self.log_in_as(USER, PASSWORD)
    }

    pub(crate) fn log_in_as(&self, user: &str, password: &str) -> Client {
        let mut client = self.connect();
        client.log_in(user, password);
        client
    }

    pub(crate) fn tasks(&self) -> usize {
        self.running().tasks()
    }

    /// Tells it to stop and waits until it has.
    pub(crate) fn shut_down(&self) {
        self.runtime.as_ref().unwrap().block_on(self.running().shut_down());
    }

    /// Starts to stop, in the background.
    pub(crate) fn begin_shut_down(&mut self) -> tokio::task::JoinHandle<()> {
        let running = self.running.take().unwrap();
        self.runtime.as_ref().unwrap().spawn(async move { running.shut_down().await })
    }

    pub(crate) fn wait_for(&self, task: tokio::task::JoinHandle<()>) {
        self.runtime.as_ref().unwrap().block_on(task).unwrap();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.running = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn users() -> Users {
    Users::new().with_password(USER, PASSWORD).with_password("bob", "spaces in it ")
}

/// A directory for Maildirs.
pub(crate) fn root() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A configuration file for Alice, without TLS, and what it names: users file and directory of Maildirs.
pub(crate) fn plain_configuration(folder: &Path, more: &str) -> PathBuf {
    std::fs::write(folder.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
    std::fs::create_dir_all(folder.join("mail")).unwrap();
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\nkind = \"plain\"\n\n[login]\nplaintext_without_tls = true\n\n\
         [users]\nfile = \"users\"\n\n[maildir]\nroot = \"mail\"\n{more}"
    );
    let path = folder.join("server.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Delivers messages to Alice.
pub(crate) fn deliver(root: &Path, messages: &[&[u8]]) {
    deliver_to(root, USER, messages);
}

pub(crate) fn deliver_to(root: &Path, user: &str, messages: &[&[u8]]) {
    let store = MaildirStore::open_root(root).unwrap().create_missing(true);
    let maildir = store.maildir(user).unwrap();
    for message in messages {
        maildir.deliver(*message).unwrap();
    }
}

/// The message files of a user, in new and cur.
pub(crate) fn files(root: &Path, user: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["new", "cur"] {
        let Ok(entries) = std::fs::read_dir(root.join(user).join(folder)) else { continue };
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    files.sort_unstable();
    files
}

/// A message as it goes over the wire: every line end CRLF, also at its end.
pub(crate) fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut previous = b'\n';
    for octet in message {
        if *octet == b'\n' && previous != b'\r' {
            wire.push(b'\r');
        }
        wire.push(*octet);
        previous = *octet;
    }
    if !message.is_empty() && previous != b'\n' {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}
