//! The known dialects: capabilities, words and faults of servers in the field, as data.
//!
//! ```
//! use pop3_testkit::profile::Profile;
//!
//! let gmail = Profile::named("gmail")?;
//! assert_eq!(gmail.capabilities().map(|lists| lists.plain[0].as_str()), Some("USER"));
//! for quirk in gmail.quirks() {
//!     println!("{} ({})", quirk.what(), quirk.source());
//! }
//! # Ok::<(), pop3_testkit::profile::ProfileError>(())
//! ```
//!
//! Each is a TOML file in `profiles/`, and so is one of your own:
//!
//! ```toml
//! name = "example"                      # lower case, digits, - and .
//! description = "What this is"
//! greeting = "+OK ready"                # the whole line; where it is missing, the server's own
//!
//! [capa]                                # where it is missing, the server's own
//! plain = ["TOP", "UIDL", "STLS"]       # the lines of CAPA before TLS
//! tls = ["TOP", "UIDL", "SASL PLAIN"]   # under TLS; where it is missing, `plain` without STLS
//! login = ["TOP", "UIDL"]               # after login; where it is missing, as under TLS
//! # refused = "-ERR what"               # instead of all three: the answer to CAPA
//!
//! [login]
//! mechanisms = ["PLAIN", "XOAUTH2"]     # that work; where it is missing, the server's own
//! bearer = "two-line"                   # a token comes on a line of its own; `one-line`: with AUTH
//!
//! [[quirk]]                             # with one or several of the following four
//! what = "three spaces in UIDL"
//! source = "where this is known from, or: not verified"
//! rules = ["UIDL: separator \\x20\\x20\\x20"]
//!
//! [[quirk]]
//! what = "words of its own"
//! source = "..."
//! words = [["PASS", "-ERR", "-ERR no"]] # keyword, how the status line begins, what stands in its place
//!
//! [[quirk]]
//! what = "no SASL"
//! source = "..."
//! seen = "capa"                         # or `greeting`, `mechanisms`, `bearer`: above
//!
//! [[quirk]]
//! what = "closes after a minute"
//! source = "..."
//! not-reproduced = "why not"
//! ```
//!
//! The rules are those of [`fault`](crate::fault). A profile says what a server was seen to do, and not how
//! it is recognised; whoever makes a client should not ask for names either.

mod apply;
mod embedded;
mod read;

use std::path::Path;

use pop3_sasl::Mechanism;

use crate::{
    fault::{Plan, Rule},
    server::BearerForm,
};

pub use read::ProfileError;

/// How a server of the field talks, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: Box<str>,
    description: Box<str>,
    greeting: Option<Box<str>>,
    capa: Capa,
    mechanisms: Option<Vec<Mechanism>>,
    bearer: Option<BearerForm>,
    quirks: Vec<Quirk>,
}

/// What CAPA says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Capa {
    /// What the server says by itself.
    #[default]
    Own,
    /// By this line.
    Refused(Box<str>),
    Listed(Capabilities),
}

/// The lines of CAPA. RFC 2449 section 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Before login, and before TLS.
    pub plain: Vec<String>,
    /// Before login, under TLS.
    pub tls: Vec<String>,
    /// After login.
    pub login: Vec<String>,
}

/// One thing in which a server differs, and where that is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quirk {
    what: Box<str>,
    source: Box<str>,
    rules: Vec<Rule>,
    words: Vec<Words>,
    seen: Option<Seen>,
    not_reproduced: Option<Box<str>>,
}

/// A status line that stands in the place of the server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// To what command, as in `PASS`.
    pub keyword: Box<str>,
    /// How the line begins that is replaced, as in `-ERR`.
    pub begins: Box<str>,
    /// What is said, without CRLF.
    pub line: Box<str>,
}

/// Where a quirk shows that needs no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Seen {
    /// In the greeting.
    Greeting,
    /// In what CAPA says.
    Capa,
    /// In the mechanisms, or in how they go.
    Mechanisms,
    /// In the form in which tokens have to come.
    Bearer,
}

impl Profile {
    /// One of the profiles that come with this crate.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Unknown`], which names those that are there.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        let known = embedded::FILES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, text) = known.ok_or_else(|| ProfileError::Unknown { name: name.into() })?;
        Self::from_toml(text)
    }

    /// All profiles that come with this crate, in the order of their names.
    #[must_use]
    pub fn all() -> Vec<Self> {
        // That every one of them can be read is what the tests are for.
        embedded::FILES.iter().filter_map(|(_, text)| Self::from_toml(text).ok()).collect()
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Toml`], which names the line.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        read::read(text)
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Unreadable`], and what [`from_toml`](Self::from_toml) gives, with the path.
    pub fn from_file(path: &Path) -> Result<Self, ProfileError> {
        read::from_file(path)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it stands for, in a few words.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The greeting, with its status indicator, without CRLF; `None` where it is not known.
    #[must_use]
    pub fn greeting(&self) -> Option<&str> {
        self.greeting.as_deref()
    }

    /// What CAPA says; `None` where that is not known, or where CAPA is [refused](Self::refuses_capa).
    #[must_use]
    pub const fn capabilities(&self) -> Option<&Capabilities> {
        match &self.capa {
            Capa::Listed(capabilities) => Some(capabilities),
            Capa::Own | Capa::Refused(_) => None,
        }
    }

    /// Whether CAPA is answered by `-ERR`.
    #[must_use]
    pub const fn refuses_capa(&self) -> bool {
        self.capa_refusal().is_some()
    }

    /// The answer to CAPA where the server does not know it, without CRLF.
    #[must_use]
    pub const fn capa_refusal(&self) -> Option<&str> {
        match &self.capa {
            Capa::Refused(line) => Some(line),
            Capa::Own | Capa::Listed(_) => None,
        }
    }

    /// The SASL mechanisms that work; `None` where that is not known.
    #[must_use]
    pub fn mechanisms(&self) -> Option<&[Mechanism]> {
        self.mechanisms.as_deref()
    }

    /// In which form a token has to come, where it matters.
    #[must_use]
    pub const fn bearer(&self) -> Option<BearerForm> {
        self.bearer
    }

    /// In what it differs.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// All that goes wrong: the rules of its quirks, in their order.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.quirks.iter().flat_map(Quirk::rules).cloned().collect()
    }
}

impl Quirk {
    /// What the server does.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Where this is known from; `not verified` where nobody has looked.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The faults that make the test server do the same.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The words that it has for something.
    #[must_use]
    pub fn words(&self) -> &[Words] {
        &self.words
    }

    /// Where it shows without a fault.
    #[must_use]
    pub const fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// Why the test server does not do it.
    #[must_use]
    pub fn not_reproduced(&self) -> Option<&str> {
        self.not_reproduced.as_deref()
    }
}

#[cfg(test)]
mod tests;
