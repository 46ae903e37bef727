//! What a run is told.

use std::{fmt, time::Duration};

use pop3_io::trust::Roots;

use super::{case::Mode, template::Account};

/// Delivers a message to a user: the name, and the octets.
pub type Deliver = Box<dyn Fn(&str, &[u8]) -> Result<(), String> + Send + Sync>;

/// What a run is told.
pub struct Options {
    /// Host name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connections are made.
    pub mode: Mode,
    /// Who logs in.
    pub account: Account,
    /// Somebody else with a maildrop on the same server.
    pub second: Option<Account>,
    /// Which certificates are believed.
    pub trust: Roots,
    /// Whether messages of ours may be delivered and removed. Without it no DELE is ever sent.
    pub writable: bool,
    /// How known mail gets into the maildrop.
    pub deliver: Option<Deliver>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long the run waits before each connection.
    pub pause: Duration,
    /// No case begins after this time.
    pub total_time: Duration,
    /// The run ends when the server has refused this number of logins, since servers punish them; every refusal counts,
    /// whatever was tried. With 0 it ends at the first.
    pub failed_logins: u32,
    /// How this run is called again, without the choice of cases, for what is reported.
    pub command: String,
}

impl Options {
    /// A run against this server for this user, in clear, that changes nothing.
    #[must_use]
    pub fn new(host: &str, port: u16, user: &str, password: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            mode: Mode::Plain,
            account: Account { user: user.to_owned(), password: password.to_owned() },
            second: None,
            trust: Roots::System,
            writable: false,
            deliver: None,
            timeout: Duration::from_secs(30),
            pause: Duration::ZERO,
            total_time: Duration::from_secs(600),
            failed_logins: 48,
            command: format!("pop3-conform {host}:{port} --user {user}"),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The account holds a password.
        f.debug_struct("Options")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("mode", &self.mode)
            .field("user", &self.account.user)
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}
