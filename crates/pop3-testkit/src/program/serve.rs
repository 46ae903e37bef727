//! `pop3-testkit serve`.

mod mail;
mod sessions;

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{
    arguments::{ANY_PORT, HELP, Running, address, session_count},
    profiles::profile,
    said,
    stop::Stop,
};
use crate::{
    TestServer,
    fault::{Fault, Plan, Rule},
    profile::Profile,
    server::Kind,
};
use sessions::{Output, Reporter};

/// The password of users for whom none was given.
const PASSWORD: &str = "wonderland";

/// The form of rules, and the exit codes.
fn help() -> String {
    let faults = Fault::FORMS.join(", ");
    format!(
        "\
A RULE is `[session RANGE] POINT [#RANGE]: FAULT`, as in \"session 1 PASS: answer -ERR [IN-USE] busy\":
  RANGE  3, 2..4 or 2..; of the sessions, and of the times that the point is met in each
  POINT  greeting, tls, sasl, a command as RETR or RETR 2, or * for everything
  FAULT  {faults}
docs/guide-testkit.md says what each fault does. At the end, a warning names each RULE that never came.

{HELP}"
    )
}

/// What to serve, and how badly.
#[derive(Debug, Args)]
#[command(after_help = HELP, after_long_help = help())]
pub(super) struct Serve {
    /// Talk like this server: a name from `pop3-testkit profiles`, or the path of a TOML file.
    #[arg(long, value_name = "NAME|FILE")]
    profile: Option<String>,
    /// Let this go wrong, as in "RETR 2: reset after 100"; may be given several times.
    #[arg(long, value_name = "RULE")]
    fault: Vec<String>,
    /// Let the rules of this file go wrong too, one on each line; lines that begin with # are comments.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// A user who may log in; may be given several times [default: alice:wonderland].
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = pair)]
    user: Vec<(String, String)>,
    /// A token with which a user may log in by OAUTHBEARER or XOAUTH2.
    #[arg(long, value_name = "NAME:TOKEN", value_parser = pair)]
    token: Vec<(String, String)>,
    /// A message, or a directory of .eml files, for each user [default: three messages].
    #[arg(long, value_name = "FILE|DIR")]
    mail: Vec<PathBuf>,
    /// Begin with empty maildrops.
    #[arg(long, conflicts_with = "mail")]
    no_mail: bool,
    /// Where sessions begin in clear, with STLS.
    #[arg(long, value_name = "ADDRESS", default_value = ANY_PORT, value_parser = address)]
    listen: SocketAddr,
    /// Where sessions begin with TLS.
    #[arg(long, value_name = "ADDRESS", default_value = ANY_PORT, value_parser = address)]
    tls_listen: SocketAddr,
    /// Write the certificate to trust into this file [default: a temporary one, removed at the end].
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Write what was said in each session, secrets masked, to session-N.txt in this directory, which is made
    /// where it is missing; `-` for the standard output.
    #[arg(long, value_name = "DIR|-")]
    transcripts: Option<PathBuf>,
    /// End when so many sessions have ended.
    #[arg(long, value_name = "NUMBER", value_parser = session_count)]
    exit_after_sessions: Option<usize>,
    #[command(flatten)]
    running: Running,
}

fn warn(text: impl std::fmt::Display) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "pop3-testkit: warning: {text}");
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once(':') {
        Some((name, secret)) if !name.is_empty() => Ok((name.into(), secret.into())),
        _ => Err("write it as a name, a colon, and the secret, as in alice:wonderland"),
    }
}

impl Serve {
    /// Serves until it is told to end.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let stop = Stop::new(self.running.until_stdin_closes)?;
        let profile = self.profile.as_deref().map(profile).transpose().context("--profile")?;
        let users = self.users()?;
        let messages = mail::read(&self.mail, self.no_mail)?;
        let output = Output::new(self.transcripts.as_deref(), self.running.json)?;
        let mut builder = TestServer::builder();
        if let Some(profile) = &profile {
            builder = builder.profile(profile);
        }
        let rules = self.rules()?;
        rules.iter().filter(|rule| !rule.point.is_of_pop3()).for_each(|rule| {
            warn(format_args!("no RFC about POP3 has the command of the fault `{rule}`; check the spelling"));
        });
        builder = rules.iter().cloned().fold(builder, crate::server::Builder::fault);
        for (name, password) in &users {
            builder = builder.user(name.as_str(), password.as_str());
            builder =
                messages.iter().fold(builder, |builder, mail| builder.message(name.as_str(), mail.clone()));
        }
        for (name, token) in &self.token {
            builder = builder.token(name.as_str(), token.as_str());
        }
        let builder = builder.listen_at(Kind::Stls, self.listen).listen_at(Kind::Tls, self.tls_listen);
        let server = Arc::new(builder.start()?);
        let ca = CaFile::write(self.ca_out.as_deref(), &server.ca_pem()?)?;
        let reporter = Reporter::start(Arc::clone(&server), output, self.exit_after_sessions, stop.sender());
        let site = Site { server: &server, users: &users, messages: messages.len(), profile, ca: ca.path() };
        if self.running.json {
            said::line(site.json(self))?;
        } else {
            said::line(site.text(self))?;
        }
        stop.wait();
        reporter.finish()?;
        // What a profile does is nothing that somebody waits for.
        server.unmet_faults().iter().filter(|rule| rules.contains(rule)).for_each(|rule| {
            warn(format_args!("the fault `{rule}` never came: no session has met its point"));
        });
        Ok(ExitCode::SUCCESS)
    }

    /// Who has a token has a maildrop and a password too.
    fn users(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut users: Vec<(String, String)> = Vec::new();
        for (name, password) in &self.user {
            let is_known = users.iter().any(|(known, _)| known == name);
            anyhow::ensure!(!is_known, "--user: {name} is there twice; say it once, with one password");
            users.push((name.clone(), password.clone()));
        }
        for (name, _) in &self.token {
            if !users.iter().any(|(known, _)| known == name) {
                users.push((name.clone(), PASSWORD.into()));
            }
        }
        if users.is_empty() {
            users.push(("alice".into(), PASSWORD.into()));
        }
        Ok(users)
    }

    fn rules(&self) -> anyhow::Result<Vec<Rule>> {
        let mut rules = Vec::new();
        if let Some(path) = &self.faults {
            rules.extend(rules_of(path)?);
        }
        for rule in &self.fault {
            rules.push(rule.parse().context("--fault")?);
        }
        Ok(rules)
    }
}

/// One rule on each line.
fn rules_of(path: &Path) -> anyhow::Result<Vec<Rule>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("--faults: cannot read {}; name a file with rules", path.display()))?;
    let mut rules = Vec::new();
    for (line, rule) in (1..).zip(text.lines()) {
        let rule = rule.trim();
        if !rule.is_empty() && !rule.starts_with('#') {
            let place = || format!("--faults: {} line {line}", path.display());
            rules.push(rule.parse().with_context(place)?);
        }
    }
    Ok(rules)
}

/// Where the certificate is.
enum CaFile {
    Kept(PathBuf),
    Temporary(NamedTempFile),
}

impl CaFile {
    fn write(path: Option<&Path>, pem: &str) -> anyhow::Result<Self> {
        if let Some(path) = path {
            fs::write(path, pem).with_context(|| {
                format!("--ca-out: cannot write {}; name a file in a directory that is there", path.display())
            })?;
            // A client may run elsewhere.
            let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            return Ok(Self::Kept(path));
        }
        let cannot = "cannot write the certificate into the temporary directory; name a file with --ca-out";
        let mut file =
            tempfile::Builder::new().prefix("pop3-testkit-ca-").suffix(".pem").tempfile().context(cannot)?;
        file.write_all(pem.as_bytes()).context(cannot)?;
        Ok(Self::Temporary(file))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(file) => file.path(),
        }
    }
}

/// What a client has to know.
struct Site<'s> {
    server: &'s TestServer,
    users: &'s [(String, String)],
    messages: usize,
    profile: Option<Profile>,
    ca: &'s Path,
}

impl Site<'_> {
    fn plan(&self, serve: &Serve) -> Plan {
        let of_profile = self.profile.iter().flat_map(|profile| profile.plan().rules().to_vec());
        // They were parsed before.
        of_profile.chain(serve.rules().unwrap_or_default()).collect()
    }

    fn text(&self, serve: &Serve) -> String {
        let mut lines = Vec::new();
        for (kind, address) in self.server.addresses() {
            let kind = if kind == Kind::Tls { "TLS:   " } else { "STLS:  " };
            lines.push(format!("{kind} {address}"));
        }
        for (name, password) in self.users {
            lines.push(format!("User:   {name}, password {password}, {} messages", self.messages));
        }
        for (name, token) in &serve.token {
            lines.push(format!("Token:  {token} of {name}"));
        }
        lines.push(format!("Trust:  {}", self.ca.display()));
        lines.extend(self.profile.iter().map(|profile| format!("Profile: {}", profile.name())));
        lines.extend(self.plan(serve).rules().iter().map(|rule| format!("Fault:  {rule}")));
        lines.push("Ready; SIGTERM or Ctrl-C ends it.".to_owned());
        lines.join("\n")
    }

    fn json(&self, serve: &Serve) -> Value {
        let address = |kind| self.server.address(kind);
        let port = |kind| address(kind).map(|address| address.port());
        let users: Vec<Value> = self
            .users
            .iter()
            .map(|(name, password)| json!({"name": name, "password": password, "messages": self.messages}))
            .collect();
        let tokens: Vec<Value> =
            serve.token.iter().map(|(name, token)| json!({"name": name, "token": token})).collect();
        let faults: Vec<String> = self.plan(serve).rules().iter().map(ToString::to_string).collect();
        json!({
            "host": address(Kind::Stls).map(|address| address.ip().to_string()),
            "port": port(Kind::Stls),
            "tls_host": address(Kind::Tls).map(|address| address.ip().to_string()),
            "tls_port": port(Kind::Tls),
            "users": users,
            "tokens": tokens,
            "ca_file": self.ca,
            "profile": self.profile.as_ref().map(Profile::name),
            "faults": faults,
            "pid": std::process::id(),
        })
    }
}
