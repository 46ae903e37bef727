//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use pop3_client::{Method, Url};

use super::exit::HELP;

/// Fetches mail over POP3.
///
/// A URL is pops://USER@HOST[:PORT] for TLS, or pop://USER@HOST[:PORT] for STLS, which is required then.
/// Special characters in the name are written as %XX, "@" as %40. The password is read from a file, from
/// the environment variable POP3_PASSWORD, or asked for on a terminal; it is never an argument.
#[derive(Debug, Parser)]
#[command(name = "pop3-client", version, after_help = HELP)]
pub(crate) struct Arguments {
    /// Say more about what happens; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch messages into a Maildir; only those that were not fetched before.
    ///
    /// Each message is on the disk, and noted in DIR/pop3-client/ACCOUNT/journal, before the server is told
    /// to remove it. However the program ends, at the next start it goes on where it was: nothing is lost,
    /// and nothing is fetched twice.
    ///
    /// ACCOUNT is the user, the host and the port. By another port, as by pops:// after pop://, the account goes on
    /// where the server's unique-ids show that it is the same. By another host name it is another account, and
    /// all of it is fetched again.
    Fetch(Fetch),
    /// List the messages: number, octets, unique-id, date, sender, subject.
    List(List),
    /// Show the beginning of a message.
    Top(Top),
    /// Show what the server announces before anybody logs in.
    Capa(Capa),
}

/// How to reach the server.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// pops://USER@HOST[:PORT] (TLS) or pop://USER@HOST[:PORT] (STLS).
    pub(crate) url: Url,
    /// Connect to this address and port instead of looking the host up; its certificate is checked all the same.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) connect: Option<SocketAddr>,
    /// Trust the certificates in this PEM file, and no others: CAs, or the server's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Give up when the server says nothing for so many seconds [default: 30 to connect, 180 for an
    /// answer, 60 to send].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Give up after this time for everything together. The next run of fetch continues.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "43200")]
    pub(crate) deadline: Duration,
    /// Do not send CAPA; some old servers close the connection on it. Without this, such a server is tried
    /// once more without CAPA.
    #[arg(long)]
    pub(crate) no_capa: bool,
    /// Take LF alone for the end of a line, for servers that send no CR.
    #[arg(long)]
    pub(crate) lenient_line_ends: bool,
    /// Do not encrypt: everybody on the way reads the password and the mail.
    #[arg(long, conflicts_with = "insecure_opportunistic")]
    pub(crate) insecure_plain: bool,
    /// Encrypt only if the server offers it: whoever stands in between can say that it does not.
    #[arg(long)]
    pub(crate) insecure_opportunistic: bool,
    /// Encrypt, but for whoever answers: accept any certificate.
    #[arg(long, conflicts_with = "ca_file")]
    pub(crate) insecure_any_certificate: bool,
}

/// How to log in.
#[derive(Debug, Args)]
pub(crate) struct Account {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The user, as it is; only where the URL does not name one.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// How to log in: `+USER` (USER and PASS), `+APOP`, or the name of a SASL mechanism such as PLAIN; as
    /// ;AUTH= in the URL. Without it the best way that the server offers is taken.
    #[arg(long, value_name = "WAY")]
    pub(crate) auth: Option<Method>,
    /// Read the password from the first line of this file; `-` is stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Log in with the OAuth 2 access token in the first line of this file; `-` is stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What to fetch, and where to.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Fetch {
    #[command(flatten)]
    pub(crate) account: Account,
    /// The Maildir; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) maildir: PathBuf,
    /// Remove from the server what is safely stored, also what an earlier run has stored.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Fetch everything that is there, also what was fetched before.
    #[arg(long)]
    pub(crate) all: bool,
    /// Keep the CRLF line ends of the wire, octet for octet. Otherwise each CRLF is stored as LF, as
    /// Maildirs have it, and a bare LF of the message cannot be told from it any more.
    #[arg(long)]
    pub(crate) crlf: bool,
    /// Say nothing when all went well, as for cron. Warnings and errors are said.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Give up a message of more octets than this, and with it the run: it may never end. The next run
    /// takes the other messages first.
    #[arg(long, value_name = "OCTETS", default_value_t = 1 << 30)]
    pub(crate) max_octets: u64,
}

/// What to list.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Write a JSON array of objects.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Which message, as numbered by `list`; where there is none of this number, the exit code is 2.
    pub(crate) number: u32,
    /// How many lines of its body.
    #[arg(default_value_t = 10)]
    pub(crate) lines: u32,
}

/// Whose capabilities to show.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Capa {
    #[command(flatten)]
    pub(crate) connection: Connection,
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds, 1 or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use pop3_client::Timeouts;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_names_the_time_limits_that_hold() {
        let Timeouts { connect, read, write, .. } = Timeouts::default();
        let [connect, read, write] = [connect, read, write].map(|limit| limit.as_secs());
        let limits = format!("[default: {connect} to connect, {read} for an answer, {write} to send]");
        let mut command = Arguments::command();
        let help = command.find_subcommand_mut("fetch").unwrap().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&limits), "{help}");
    }
}
