//! Where, when, and how often.

use std::ops;

use super::Fault;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// In which sessions, counted from 1 in the order in which the server accepted them.
    pub sessions: Range,
    /// Where in a session.
    pub point: Point,
    /// At which times that this point is met in a session, counted from 1.
    pub occurrences: Range,
    /// What happens. Where it makes no sense, as `unstuffed` at STAT, nothing does.
    pub fault: Fault,
}

impl Rule {
    /// Begins a rule for this point: in every session, every time.
    #[must_use]
    pub const fn at(point: Point) -> At {
        At(point)
    }

    /// In these sessions only, as in `1` or `2..`.
    #[must_use]
    pub fn in_session(mut self, sessions: impl Into<Range>) -> Self {
        self.sessions = sessions.into();
        self
    }

    /// At these times only that the point is met in a session, as in `1` or `2..`.
    #[must_use]
    pub fn times(mut self, occurrences: impl Into<Range>) -> Self {
        self.occurrences = occurrences.into();
        self
    }
}

/// A rule that lacks its fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At(Point);

impl At {
    /// What happens there.
    #[must_use]
    pub fn fault(self, fault: Fault) -> Rule {
        Rule { sessions: Range::ALL, point: self.0, occurrences: Range::ALL, fault }
    }
}

/// Numbers from `first` to `last`, both included; without `last`, all from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first, at least 1.
    pub first: u32,
    /// The last, if there is one.
    pub last: Option<u32>,
}

impl Range {
    /// From 1 on.
    pub const ALL: Self = Self { first: 1, last: None };

    /// Whether the number is one of them.
    #[must_use]
    pub fn contains(self, number: u32) -> bool {
        self.first <= number && self.last.is_none_or(|last| number <= last)
    }
}

impl From<u32> for Range {
    fn from(number: u32) -> Self {
        Self { first: number, last: Some(number) }
    }
}

impl From<ops::RangeFrom<u32>> for Range {
    fn from(range: ops::RangeFrom<u32>) -> Self {
        Self { first: range.start, last: None }
    }
}

impl From<ops::RangeInclusive<u32>> for Range {
    fn from(range: ops::RangeInclusive<u32>) -> Self {
        Self { first: *range.start(), last: Some(*range.end()) }
    }
}

impl From<ops::RangeFull> for Range {
    fn from(_: ops::RangeFull) -> Self {
        Self::ALL
    }
}

/// Where in a session something goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Point {
    /// `*`: the greeting, every command, and every response in a SASL exchange.
    Any,
    /// Instead of the greeting, or in it.
    Greeting,
    /// The TLS handshake, whether it comes first or after STLS.
    Tls,
    /// A client's response in a SASL exchange: the answer to it.
    Sasl,
    /// A command, by its keyword in upper case; with an argument, only where the arguments begin with it.
    Command {
        /// As in `RETR`.
        keyword: Box<str>,
        /// As in `2`: whole words, in any case.
        argument: Option<Box<str>>,
    },
}

impl Point {
    /// A command, whatever its arguments.
    #[must_use]
    pub fn command(keyword: &str) -> Self {
        Self::Command { keyword: keyword.to_ascii_uppercase().into(), argument: None }
    }

    /// A command whose arguments begin with these words, as `AUTH` with `PLAIN`.
    #[must_use]
    pub fn command_with(keyword: &str, argument: impl Into<Box<str>>) -> Self {
        let argument = Some(argument.into()).filter(|argument| !argument.is_empty());
        Self::Command { keyword: keyword.to_ascii_uppercase().into(), argument }
    }

    /// A command about one message, as RETR of message 2.
    #[must_use]
    pub fn message(keyword: &str, number: u32) -> Self {
        Self::command_with(keyword, number.to_string())
    }
}
