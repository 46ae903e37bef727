//! What the program runs with: the configuration file, or what holds without one.

mod changes;
mod problem;
mod review;
mod schema;
mod values;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use pop3_proto::server::Utf8Support;
use pop3_server::{
    Config, Kind, Listener,
    users::{UsersFile, UsersFileError},
};
use pop3_store::{
    OpenError,
    maildir::{Layout, MaildirStore},
};

use super::{arguments::Site, files, report};

pub(super) use review::Review;
pub(super) use schema::{Configuration, MaildirRoot};
pub(super) use values::parse_address;

use schema::{Listen, Tls, Users};

/// What the directory is called that a start without configuration makes.
const DATA: &str = "pop3-data";
const STLS: ([u8; 4], u16) = ([127, 0, 0, 1], 1110);
const TLS: ([u8; 4], u16) = ([127, 0, 0, 1], 1995);

impl Configuration {
    pub(super) fn data_directory(site: &Site) -> PathBuf {
        site.data.clone().unwrap_or_else(|| DATA.into())
    }

    /// Reads the configuration file; without one, everything is in the data directory.
    pub(super) fn load(site: &Site) -> anyhow::Result<Self> {
        match &site.config {
            Some(path) => Self::read(path),
            None => Ok(Self::of_data(site)),
        }
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read the configuration file {}, check the path and its permissions",
                path.display()
            )
        })?;
        let mut this: Self =
            toml::from_str(&text).map_err(|error| problem::Problem::new(path, &text, &error))?;
        // A path in a file is meant from where the file is, wherever the program is called from.
        this.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(this)
    }

    fn of_data(site: &Site) -> Self {
        let data = Self::data_directory(site);
        let stls = Listen { address: site.listen_stls.unwrap_or(STLS.into()), kind: values::Kind::Stls };
        let tls = Listen { address: site.listen_tls.unwrap_or(TLS.into()), kind: values::Kind::Tls };
        Self {
            listen: vec![stls, tls],
            tls: Some(Tls { certificate: data.join("certificate.pem"), key: data.join("key.pem") }),
            users: Users { file: data.join("users") },
            maildir: MaildirRoot { root: data.join("mail"), below: None, create_missing: true },
            login: Default::default(),
            protocol: Default::default(),
            timeouts: Default::default(),
            limits: Default::default(),
        }
    }

    fn resolve(&mut self, folder: &Path) {
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        for path in tls.chain([&mut self.users.file, &mut self.maildir.root]) {
            *path = folder.join(&*path);
        }
    }

    /// What is spoken on each listener, in order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.listen.iter().map(|listen| listen.kind.into())
    }

    /// The configuration of the library, but for the certificate.
    fn server(&self) -> Config {
        let mut config = Config::default();
        config.listeners =
            self.listen.iter().map(|l| Listener { address: l.address, kind: l.kind.into() }).collect();
        if let Some(mechanisms) = &self.login.mechanisms {
            config.mechanisms = mechanisms.iter().map(|name| name.0).collect();
            config.offers_what_some_can = true;
        }
        config.apop_host = self.login.apop_host.as_deref().map(Into::into);
        self.apply_policy(&mut config);
        self.apply_limits(&mut config);
        config
    }

    fn apply_policy(&self, config: &mut Config) {
        let (policy, login, protocol) = (&mut config.policy, &self.login, &self.protocol);
        policy.user_pass = login.user_pass;
        policy.allow_plaintext_without_tls = login.plaintext_without_tls;
        policy.max_failed_logins = login.failed_logins;
        policy.greeting = protocol.greeting.as_str().into();
        policy.accept_lf = protocol.accept_lf;
        policy.implementation = protocol.implementation.as_ref().map(|token| token.as_str().into());
        policy.languages = protocol.languages.iter().map(|language| language.catalogue()).collect();
        policy.utf8 = protocol.utf8.then_some(Utf8Support { user: true });
        policy.max_errors_before_login = protocol.errors_before_login;
        policy.max_errors_after_login = protocol.errors_after_login;
        policy.autologout = Duration::from_secs(self.timeouts.autologout);
        policy.authorization_idle = Duration::from_secs(self.timeouts.authorization_idle);
        policy.authorization_total = Duration::from_secs(self.timeouts.authorization_total);
    }

    fn apply_limits(&self, config: &mut Config) {
        let (limits, from, timeouts) = (&mut config.limits, &self.limits, &self.timeouts);
        limits.connections = from.connections;
        limits.connections_per_address = from.connections_per_address;
        limits.sessions_per_user = from.sessions_per_user;
        if let Some(checks) = from.password_checks {
            limits.password_checks = checks;
        }
        if let Some(handshakes) = from.tls_handshakes {
            limits.tls_handshakes = handshakes;
        }
        limits.failure_delay = Duration::from_secs(self.login.failure_delay);
        limits.failure_delay_max = Duration::from_secs(self.login.failure_delay_max);
        limits.tls_handshake = Duration::from_secs(timeouts.tls_handshake);
        limits.write_stall = Duration::from_secs(timeouts.write_stall);
        limits.shutdown_grace = Duration::from_secs(timeouts.shutdown_grace);
    }

    /// The maildrops.
    pub(super) fn store(&self) -> anyhow::Result<MaildirStore> {
        let MaildirRoot { root, below, create_missing } = &self.maildir;
        let store = MaildirStore::open_root(root).map_err(|error| match error {
            // What the store says is about a user's maildrop. The directory above them is not made here:
            // a path that was mistyped, or a disk that is not mounted, would pass for one without mail.
            OpenError::Missing { .. } => anyhow!(
                "cannot serve the Maildirs under {0}: there is no such directory; create it with `mkdir -p {0}`, \
                 writable for the user that the server runs as",
                root.display()
            ),
            error => anyhow::Error::from(error)
                .context(format!("cannot serve the Maildirs under {}", root.display())),
        })?;
        let layout = below.as_ref().map_or(Layout::User, |name| Layout::Below(name.as_str().into()));
        Ok(store.layout(layout).create_missing(*create_missing))
    }

    /// The users, and what unknown ones are told.
    pub(super) fn users(&self) -> anyhow::Result<UsersFile> {
        let secret = files::lasting_secret(&files::beside(&self.users.file, ".decoy")).or_else(|error| {
            tracing::warn!(
                error = report::sentence(&error),
                "decoys for unknown users will differ after a restart"
            );
            files::password().map(String::into_bytes)
        })?;
        UsersFile::open(&self.users.file, &secret).map_err(|error| match error {
            UsersFileError::Io { ref source, .. } if source.kind() == io::ErrorKind::NotFound => {
                anyhow!(
                    "cannot read the users file {}: it does not exist; create it with `pop3-server user add`",
                    self.users.file.display()
                )
            }
            error => error.into(),
        })
    }

    /// The users alone, to look them up.
    pub(super) fn known_users(&self) -> Result<UsersFile, UsersFileError> {
        UsersFile::open(&self.users.file, &[])
    }

    /// The effective settings, defaults included, in the form of a configuration file.
    pub(super) fn effective(&self) -> anyhow::Result<String> {
        let mut effective = self.clone();
        let defaults = Config::default();
        effective.limits.password_checks.get_or_insert(defaults.limits.password_checks);
        effective.limits.tls_handshakes.get_or_insert(defaults.limits.tls_handshakes);
        let mechanisms = defaults.mechanisms.iter().copied().map(values::Mechanism);
        effective.login.mechanisms.get_or_insert_with(|| mechanisms.collect());
        toml::to_string(&effective).context("the configuration cannot be printed")
    }
}
