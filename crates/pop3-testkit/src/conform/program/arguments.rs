//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

use crate::conform::report;

/// An example, and where to read on, for `--help`.
const HELP: &str = "\
Example:
  POP3_CONFORM_PASSWORD=wonderland pop3-conform 127.0.0.1:1110 --user alice --case rfc1939-commands

How to read and to write cases: crates/pop3-testkit/conform/README.md";

/// Says where a POP3 server departs from the standards, section by section.
///
/// It connects in clear, unless --tls or --stls is given. Nothing is removed without --writable, and with it
/// nothing but messages that carry the mark of this run.
/// Exit code: 0 no failures, 1 failures, 2 it could not run.
#[derive(Debug, Parser)]
#[command(name = "pop3-conform", version, after_help = HELP)]
pub(super) struct Arguments {
    /// The server; port 110, or 995 with --tls, where none is given.
    #[arg(value_name = "HOST:PORT")]
    pub(super) server: Option<String>,
    /// Who logs in.
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// The password of this user.
    #[arg(long, value_name = "PASSWORD", env = "POP3_CONFORM_PASSWORD", hide_env_values = true)]
    pub(super) password: Option<String>,
    /// TLS from the first octet on [default: in clear].
    #[arg(long, conflicts_with = "stls")]
    pub(super) tls: bool,
    /// TLS by STLS [default: in clear].
    #[arg(long)]
    pub(super) stls: bool,
    /// Believe any certificate.
    #[arg(long, conflicts_with = "ca")]
    pub(super) insecure: bool,
    /// A PEM file with the certificates to believe.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// Allow the run to deliver mail of its own, and to remove that again.
    #[arg(long)]
    pub(super) writable: bool,
    /// A shell command that gets a message on its input and delivers it; {user} is replaced by the user.
    #[arg(long, value_name = "COMMAND")]
    pub(super) deliver_command: Option<String>,
    /// Somebody else with a maildrop there, for what concerns two users.
    #[arg(long, value_name = "NAME", requires = "second_password")]
    pub(super) second_user: Option<String>,
    /// The password of the other.
    #[arg(long, value_name = "PASSWORD", requires = "second_user")]
    pub(super) second_password: Option<String>,
    /// Play only these: a case as rfc1939-commands/noop, a folder as rfc1939-commands, or the ID of a
    /// requirement as S-1939-27; --list has all of them. May be repeated.
    #[arg(long, value_name = "NAME/ID", num_args = 1..)]
    pub(super) case: Vec<String>,
    /// Play the cases of this folder in place of those built in.
    #[arg(long, value_name = "DIR")]
    pub(super) cases: Option<PathBuf>,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t = FormatName::Human)]
    pub(super) format: FormatName,
    /// Write the report to this file; the human one is printed all the same.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// List the cases and play none.
    #[arg(long)]
    pub(super) list: bool,
    /// Write the known mail into this folder, to be loaded by hand, and play nothing.
    #[arg(long, value_name = "DIR")]
    pub(super) write_mail: Option<PathBuf>,
    /// Count it as a failure when a SHOULD is not kept, or a server merely differs.
    #[arg(long)]
    pub(super) strict: bool,
    /// Say of each case what came of it while the run goes on, and list all of them in the report.
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// Seconds that an answer may take.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// Seconds to wait before each connection, to spare the server.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub(super) pause: Duration,
    /// No case begins after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub(super) total_time: Duration,
    /// The run ends when the server has refused this number of logins, since servers punish them. Every refusal counts,
    /// also of the right password. 0 plays no case that lets a login fail.
    #[arg(long, value_name = "NUMBER", default_value = "48")]
    pub(super) failed_logins: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FormatName {
    Human,
    Json,
    Junit,
}

impl Arguments {
    pub(super) fn format(&self) -> report::Format {
        match self.format {
            FormatName::Human => self.format_for_people(),
            FormatName::Json => report::Format::Json,
            FormatName::Junit => report::Format::Junit,
        }
    }

    pub(super) const fn format_for_people(&self) -> report::Format {
        if self.verbose { report::Format::Full } else { report::Format::Human }
    }

    /// The command that calls this again, without passwords and without the choice of cases.
    pub(super) fn command(&self) -> String {
        let mut words = vec!["pop3-conform".to_owned()];
        words.extend(self.server.clone());
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), quoted(&value)]);
            }
        };
        option("--user", self.user.clone());
        option("--ca", self.ca.as_ref().map(|path| path.display().to_string()));
        option("--deliver-command", self.deliver_command.clone());
        option("--second-user", self.second_user.clone());
        option("--cases", self.cases.as_ref().map(|path| path.display().to_string()));
        let flags = [
            ("--tls", self.tls),
            ("--stls", self.stls),
            ("--insecure", self.insecure),
            ("--writable", self.writable),
        ];
        words.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (*name).to_owned()));
        words.join(" ")
    }
}

/// For a shell.
fn quoted(word: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&octet);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text} is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text} is no number of seconds"))
}
