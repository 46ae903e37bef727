//! Everything that is wrong with a configuration and what it names, at once.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use pop3_server::{
    Authenticator as _, Config, Mechanism, Proof, Share, StartError, tls,
    users::{Users, UsersFile},
};
use pop3_store::maildir::MaildirStore;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{Configuration, report, values::Kind};

/// A certificate that expires sooner is warned of: two weeks.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// What PASS takes at most: a line of 255 octets, without keyword, space and CRLF. RFC 2449 section 4.
const LONGEST: usize = 255 - "PASS ".len() - "\r\n".len();

/// What a server is made of, and what is wrong with it.
#[derive(Debug)]
pub(in crate::program) struct Review {
    pub(in crate::program) config: Config,
    pub(in crate::program) store: Option<MaildirStore>,
    pub(in crate::program) users: Option<UsersFile>,
    /// For these a server does not start.
    pub(in crate::program) refused: Vec<String>,
    /// With these a server starts, and something does not work.
    pub(in crate::program) broken: Vec<String>,
    /// What may be meant so, but hardly ever is.
    pub(in crate::program) warnings: Vec<String>,
}

impl Configuration {
    /// Looks at everything that a start would look at, short of listening.
    pub(in crate::program) fn review(&self) -> Review {
        let mut review = Review {
            config: self.server(),
            store: None,
            users: None,
            refused: Vec::new(),
            broken: Vec::new(),
            warnings: Vec::new(),
        };
        review.certificate(self);
        review.maildrops(self);
        review.users(self);
        review
    }
}

impl Review {
    fn certificate(&mut self, configuration: &Configuration) {
        if let Some(files) = &configuration.tls {
            // A group may have it, as that of ssl-cert in Debian.
            let why = "with it others can pass for this server";
            self.warn_of_readers("the private key", &files.key, 0o040, why);
            match tls::from_files(&files.certificate, &files.key) {
                Ok(tls) => self.config.tls = Some(tls),
                Err(error) => self.refused.push(error.to_string()),
            }
        }
        let problems = self.config.problems().into_iter().filter(|problem| {
            // What is wrong with the certificate was said.
            configuration.tls.is_none() || !matches!(problem, StartError::NoCertificate { .. })
        });
        self.refused.extend(problems.map(|problem| problem.to_string()));
        if let (Some(files), Some(_)) = (&configuration.tls, &self.config.tls) {
            let now = SystemTime::now();
            if let Err(error) = tls::check_dates(&files.certificate, now) {
                self.broken.push(error.to_string());
            } else if tls::check_dates(&files.certificate, now + SOON).is_err() {
                let file = files.certificate.display();
                self.warnings.push(format!("a certificate in {file} expires within two weeks; renew it"));
            }
        }
        if configuration.login.plaintext_without_tls
            && configuration.listen.iter().any(|listen| listen.kind != Kind::Tls)
        {
            self.warnings.push(
                "plaintext_without_tls is true: passwords and mail may travel readably; set it to false, unless \
                 nobody else listens on this network"
                    .into(),
            );
        }
    }

    fn maildrops(&mut self, configuration: &Configuration) {
        match configuration.store() {
            Ok(store) => self.store = Some(store),
            Err(error) => {
                self.refused.push(report::sentence(&error));
                return;
            }
        }
        let (root, creates) = (&configuration.maildir.root, configuration.maildir.create_missing);
        let mut access = Access::EXEC_OK;
        access.set(Access::WRITE_OK, creates);
        if let Err(error) = accessat(CWD, root, access, AtFlags::EACCESS) {
            let (shown, error) = (root.display(), std::io::Error::from(error));
            let lacking = if creates { "make Maildirs in" } else { "enter" };
            self.broken.push(format!(
                "cannot {lacking} the directory {shown}: {error}; give it to the user that the server runs as"
            ));
        }
    }

    /// What is in a file is for its owner alone, and for the group where `group` says so.
    fn warn_of_readers(&mut self, what: &str, file: &Path, group: u32, why: &str) {
        let mode = fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 & !group != 0 {
            let shown = file.display();
            self.warnings.push(format!(
                "{what} {shown} is open to others than its owner (mode {:03o}); {why}, take it away from them with \
                 `chmod 600 {shown}`",
                mode & 0o777
            ));
        }
    }

    fn users(&mut self, configuration: &Configuration) {
        let file = &configuration.users.file;
        self.warn_of_readers("the users file", file, 0, "what is in it helps to find out passwords");
        match configuration.users() {
            Ok(users) => {
                if let Ok(now) = users.users() {
                    self.logins(configuration, &now, file);
                }
                self.users = Some(users);
            }
            Err(error) => self.refused.push(report::sentence(&error)),
        }
    }

    /// Who cannot log in, or not in every way that is asked for.
    fn logins(&mut self, configuration: &Configuration, users: &Users, file: &Path) {
        let file = file.display();
        if users.names().next().is_none() {
            self.broken.push(format!(
                "nobody can log in: there is no user in {file}; add one with `pop3-server user add`"
            ));
        }
        if users.names().next().is_some() {
            for listener in self.config.useless_listeners(users) {
                self.broken.push(format!(
                    "nobody can log in on {}: no user in {file} has a secret for a way to log in that is offered there; give \
                     users new passwords with `pop3-server user add`, or allow PASS or PLAIN there",
                    listener.address
                ));
            }
        }
        let is_explicit = configuration.login.mechanisms.is_some();
        for mechanism in &self.config.mechanisms {
            let Some(proof) = Proof::of(*mechanism) else { continue };
            self.warnings.extend(warning(*mechanism, is_explicit, users, proof));
        }
        if self.config.apop_host.is_some() {
            let proof = Proof::SharedSecret;
            self.warnings.extend(match users.usable_by(proof) {
                Share::All => None,
                Share::Some => {
                    Some(format!("APOP fails for {}: it needs a {{PLAIN}} secret", examples(users, proof)))
                }
                Share::None => {
                    Some("APOP is not offered: no user has a {PLAIN} secret, which it needs".to_owned())
                }
            });
        }
        if !configuration.protocol.utf8 {
            let names: Vec<&str> = users.names().filter(|name| !name.is_ascii()).collect();
            if let [first, ..] = names.as_slice() {
                self.warnings.push(format!(
                    "USER does not take the names of {} users, {first} for one: they are not ASCII; set utf8 = true in \
                     [protocol], or let them log in with AUTH",
                    names.len()
                ));
            }
        }
    }
}

/// A mechanism that is not for everybody.
fn warning(mechanism: Mechanism, is_explicit: bool, users: &Users, proof: Proof) -> Option<String> {
    let name = mechanism.name();
    let advice = match proof {
        Proof::SharedSecret => "it needs a {PLAIN} secret",
        Proof::Scram(_) => "they have no secret for it, and get one with their next password by `user add`",
    };
    match users.usable_by(proof) {
        Share::All => None,
        Share::None => Some(format!("{name} is not offered: no user can use it; {advice}")),
        Share::Some if is_explicit => Some(format!(
            "{name} is offered, as `mechanisms` says, and fails for {} with the right password; {advice}",
            examples(users, proof)
        )),
        Share::Some => {
            Some(format!("{name} is not offered: {} cannot use it; {advice}", examples(users, proof)))
        }
    }
}

/// How many users cannot use this, and one of them.
fn examples(users: &Users, proof: Proof) -> String {
    let mut without = users.without(proof);
    let first = without.next().unwrap_or_default();
    match without.count() {
        0 => first.to_owned(),
        more => format!("{first} and {more} more"),
    }
}

impl Configuration {
    /// Why a name with this password cannot log in with USER and PASS; for the person who sets it.
    pub(in crate::program) fn unfit_for_pass(&self, name: &str, password: &str) -> Option<String> {
        if !self.login.user_pass {
            return None;
        }
        let utf8 = "set utf8 = true in [protocol], or let the mail program log in with AUTH";
        for (what, text) in
            [("USER does not take this name", name), ("PASS does not take this password", password)]
        {
            if !text.is_ascii() && !self.protocol.utf8 {
                return Some(format!("{what}: it is not ASCII (RFC 6856); {utf8}"));
            }
            if text.len() > LONGEST {
                return Some(format!(
                    "{what}: it has more than the {LONGEST} octets of a line; choose a shorter one, or let the mail \
                     program log in with AUTH"
                ));
            }
        }
        None
    }
}
