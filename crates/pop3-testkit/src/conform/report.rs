//! What a run says of a server.

mod human;
mod json;
mod junit;

use std::time::Duration;

use super::{
    case::{Level, Mode},
    library::Section,
    play::Difference,
};

/// What came of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The server does what is asked.
    Pass,
    /// A MUST is not kept.
    Fails,
    /// A SHOULD is not kept.
    Departs,
    /// No standard asks for it, and the server does it otherwise.
    Differs,
    /// It is about something that the server does not offer, or this run is not about.
    NotApplicable,
    /// It was not played, for want of leave or of mail.
    Skipped,
    /// It was begun and never came to what it is about.
    Undecided,
}

/// What is said of one case.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// Folder and file.
    pub name: String,
    /// One sentence.
    pub title: String,
    /// The IDs that it cites.
    pub rows: Vec<String>,
    /// How binding they are.
    pub level: Level,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it was not played to its end, where it was not.
    pub reason: Option<String>,
    /// What was expected and what came, where it differs.
    pub difference: Option<Difference>,
    /// What was said, without secrets.
    pub said: Vec<String>,
    /// The command that plays this case alone; it asks for the password again.
    pub reproduce: String,
    /// Logins that the server refused in it, or left without an answer; `@failed-logins` should say so before.
    pub refused_logins: u32,
    /// How long it took.
    pub duration: Duration,
}

/// What is said of a server.
#[derive(Debug, Clone)]
pub struct Report {
    /// Host and port.
    pub server: String,
    /// How the connections were made.
    pub mode: Mode,
    /// The first greeting.
    pub greeting: String,
    /// What CAPA said before login, under TLS where there is TLS; `None` without CAPA.
    pub capabilities: Option<Vec<String>>,
    /// The same after login.
    pub capabilities_after_login: Option<Vec<String>>,
    /// How long the run took.
    pub duration: Duration,
    /// In the order of the sections.
    pub cases: Vec<CaseReport>,
    /// Logins that the server refused, or left without an answer.
    pub refused_logins: u32,
    /// Why the run ended before every case was played, where it did, and what to do.
    pub ended: Option<String>,
    /// What to give so that fewer cases are skipped.
    pub advice: Vec<String>,
    /// A sentence about mail that could not be removed again.
    pub left: Option<String>,
}

/// In which form a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: what is wrong, and counts.
    Human,
    /// The same, and every case in a line.
    Full,
    /// One object.
    Json,
    /// What continuous integration reads.
    Junit,
}

impl Verdict {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::Fails,
        Self::Departs,
        Self::Differs,
        Self::NotApplicable,
        Self::Skipped,
        Self::Undecided,
    ];

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fails => "fails (MUST)",
            Self::Departs => "departs (SHOULD)",
            Self::Differs => "differs",
            Self::NotApplicable => "not applicable",
            Self::Skipped => "skipped",
            Self::Undecided => "undecided",
        }
    }

    /// For programs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fails => "fails",
            Self::Departs => "departs",
            Self::Differs => "differs",
            Self::NotApplicable => "not-applicable",
            Self::Skipped => "skipped",
            Self::Undecided => "undecided",
        }
    }
}

impl Report {
    /// How many cases came to this.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// Whether the server fails: a MUST is not kept; strictly, also whatever it does otherwise.
    #[must_use]
    pub fn has_failures(&self, is_strict: bool) -> bool {
        self.cases.iter().any(|case| match case.verdict {
            Verdict::Fails => true,
            Verdict::Departs | Verdict::Differs => is_strict,
            _ => false,
        })
    }

    /// The whole report as text.
    #[must_use]
    pub fn written(&self, format: Format, sections: &[Section]) -> String {
        match format {
            Format::Human => human::written(self, sections, false),
            Format::Full => human::written(self, sections, true),
            Format::Json => json::written(self, sections),
            Format::Junit => junit::written(self, sections),
        }
    }
}
