//! A case: what is said, what has to come back, and what it needs.

mod parse;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{check::Check, mail::KnownMail, pattern::Pattern, template::Template};

/// One file of `conform/`.
#[derive(Debug, Clone)]
pub struct Case {
    /// Folder and file, `rfc1939-commands/stat`.
    pub name: String,
    /// One sentence.
    pub title: String,
    /// The requirements and abuse cases that it checks, by ID.
    pub rows: Vec<String>,
    /// How binding they are.
    pub level: Level,
    pub(super) needs: Needs,
    pub(super) start: State,
    pub(super) steps: Vec<Step>,
}

/// How binding a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A choice of this project that no standard asks for.
    Practice,
    /// SHOULD, SHOULD NOT.
    Should,
    /// MUST, MUST NOT, and the plain imperatives of RFC 1939.
    Must,
}

/// How the connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Without TLS.
    Plain,
    /// In clear at first, then STLS.
    Stls,
    /// TLS from the first octet on.
    Tls,
}

/// What a case cannot be played without.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs {
    /// Empty for any.
    pub(super) modes: Vec<Mode>,
    /// Capabilities as the session sees them before login, with parameters: `SASL PLAIN`.
    pub(super) capabilities: Vec<String>,
    pub(super) absent: Vec<String>,
    /// Capabilities before any TLS.
    pub(super) clear: Vec<String>,
    pub(super) clear_absent: Vec<String>,
    pub(super) mail: Vec<&'static KnownMail>,
    /// No mail but ours may be there.
    pub(super) no_other_mail: bool,
    /// At least one message, whosever.
    pub(super) some_mail: bool,
    pub(super) second_user: bool,
    pub(super) writable: bool,
    pub(super) delivery: bool,
    /// How many logins the server refuses in it, when it does what it should.
    pub(super) failed_logins: u32,
}

/// How far a session is when the case gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// TCP, and nothing was read or sent, not even a handshake.
    Tcp,
    /// The greeting is to come; under implicit TLS the handshake is done.
    Connected,
    /// The greeting was read; no TLS yet.
    Clear,
    /// Ready to log in, with STLS done where the mode asks for it.
    Authorization,
    /// Logged in.
    Transaction,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// In its file, from 1.
    pub(super) line: usize,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// In one write; a part with `true` gets CRLF.
    Send(Vec<(Template, bool)>),
    /// One line, that is one of these.
    Expect {
        alternatives: Vec<Expected>,
        is_assumption: bool,
    },
    /// Octets as they arrive.
    ExpectOctets {
        alternatives: Vec<Expected>,
    },
    /// The rest of a multi-line response.
    Body(String),
    /// The same, each line in this shape.
    Listing(String, Pattern),
    Check {
        check: Check,
        is_assumption: bool,
    },
    SameMail {
        body: String,
        mail: &'static KnownMail,
    },
    Connect {
        name: String,
        state: State,
    },
    Session(String),
    LogIn,
    Close,
    ExpectEof {
        after_anything: bool,
        close_notify: bool,
    },
    Silence {
        time: Duration,
        or_eof: bool,
    },
    /// A capture in base64 that has to look like this inside.
    Decode(String, Pattern),
    /// Without reading.
    Wait(Duration),
    Within(Duration),
    Tls {
        alpn: Option<String>,
        may_fail: bool,
    },
    Sasl(SaslSetup),
    SaslDone,
    Pace {
        is_octet_by_octet: bool,
    },
    Deliver(&'static KnownMail),
    Repeat(usize, Vec<Step>),
    Each(String, Vec<Step>),
}

/// What a line may be.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    Line(Pattern),
    /// A line after which there is nothing more to see: the case ends.
    Last(Pattern),
    /// The connection ends; so does the case.
    Eof,
    /// No answer within the time; so ends the case.
    Nothing,
}

/// A SASL exchange as the client begins it.
#[derive(Debug, Clone)]
pub(super) struct SaslSetup {
    pub(super) mechanism: pop3_sasl::Mechanism,
    pub(super) password: Option<Template>,
    pub(super) authzid: Option<Template>,
    /// RFC 5802 section 6: the flag `y`, which says that the server offers no channel binding.
    pub(super) claims_not_offered: bool,
}

impl Case {
    /// Reads one. `name` is its path below `conform/`, without the extension.
    ///
    /// # Errors
    ///
    /// A sentence with the line that is wrong.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        parse::parse(name, text).map_err(|error| format!("{name}.txt {error}"))
    }

    /// How many logins a good server refuses in it.
    #[must_use]
    pub fn failed_logins(&self) -> u32 {
        self.needs.failed_logins
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.name.split_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Level {
    /// `MUST`, `SHOULD` or `practice`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Practice => "practice",
        }
    }
}

impl Mode {
    /// As a person says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stls => "STLS",
            Self::Tls => "TLS",
        }
    }
}

impl Expected {
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Line(pattern) | Self::Last(pattern) => pattern.source(),
            Self::Eof => "the end of the connection",
            Self::Nothing => "no answer",
        }
    }
}
