//! The words of a rule, one after the other, and what is wrong with one.

use std::fmt;

use super::{Range, octets};

/// Why a text is no rule.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rule {rule:?} is wrong at column {column}: {found} where there has to be {wanted}", found = found(.word))]
pub struct InvalidRule {
    rule: Box<str>,
    word: Box<str>,
    column: usize,
    wanted: Box<str>,
}

/// The sentence, since a test that returns it prints this.
impl fmt::Debug for InvalidRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl InvalidRule {
    /// The word that is wrong; empty where something is missing.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Where the word stands, in characters, counted from 1.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.column
    }
}

fn found(word: &str) -> String {
    if word.is_empty() { "nothing stands there".to_owned() } else { format!("{word:?} stands there") }
}

const RANGE: &str = "a number from 1 on, or a range as 2.. or 2..4";
pub(super) const TEXT: &str = "a TEXT whose escapes are \\r, \\n, \\t, \\0, \\\\, \\xNN and \\{N}";
pub(super) const NUMBER: &str = "a number of octets";
const NOTHING: &str = "the end of the rule";

/// The words of a rule, from left to right.
pub(super) struct Words<'t> {
    pub(super) rule: &'t str,
    /// Where the rule ends, without spaces.
    pub(super) end: usize,
    pub(super) at: usize,
}

impl<'t> Words<'t> {
    pub(super) fn left(&self) -> &'t str {
        self.rule.get(self.at..self.end).unwrap_or_default()
    }

    /// Steps over spaces, and gives the place then.
    pub(super) fn skip(&mut self) -> usize {
        self.at += self.left().len() - self.left().trim_start().len();
        self.at
    }

    pub(super) fn is_next(&mut self, word: &str) -> bool {
        self.skip();
        self.left().split_whitespace().next() == Some(word)
    }

    /// The next word; empty at the end.
    pub(super) fn word(&mut self) -> &'t str {
        self.skip();
        let word = self.left().split_whitespace().next().unwrap_or_default();
        self.at += word.len();
        word
    }

    /// Everything that is left, after one space.
    pub(super) fn text(&mut self) -> Result<Box<[u8]>, InvalidRule> {
        if self.left().starts_with(' ') {
            self.at += 1;
        }
        self.text_here()
    }

    pub(super) fn text_here(&mut self) -> Result<Box<[u8]>, InvalidRule> {
        let (start, text) = (self.at, self.left());
        self.at = self.end;
        octets::unescape(text).map_err(|at| {
            let word = text.get(at..).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
            self.wrong(start + at, word, TEXT)
        })
    }

    /// The next word, as something that may be wrong.
    pub(super) fn read<T>(
        &mut self,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, InvalidRule> {
        let at = self.skip();
        let word = self.word();
        read(word).ok_or_else(|| self.wrong(at, word, wanted))
    }

    pub(super) fn number(&mut self) -> Result<u64, InvalidRule> {
        self.read(NUMBER, |word| word.parse().ok())
    }

    pub(super) fn exactly(&mut self, expected: &str) -> Result<(), InvalidRule> {
        self.read(&format!("`{expected}`"), |word| (word == expected).then_some(()))
    }

    pub(super) fn end_of_rule(&mut self) -> Result<(), InvalidRule> {
        self.read(NOTHING, |word| word.is_empty().then_some(()))
    }

    pub(super) fn wrong(&self, at: usize, word: &str, wanted: &str) -> InvalidRule {
        let column = self.rule.get(..at).unwrap_or_default().chars().count() + 1;
        InvalidRule { rule: self.rule.into(), word: word.into(), column, wanted: wanted.into() }
    }

    pub(super) fn range(&mut self) -> Result<Range, InvalidRule> {
        self.read(RANGE, range)
    }
}

/// `3`, `2..` or `2..4`.
fn range(word: &str) -> Option<Range> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let range = match word.split_once("..") {
        None => Range::from(number(word)?),
        Some((first, "")) => Range::from(number(first)?..),
        Some((first, last)) => Range::from(number(first)?..=number(last)?),
    };
    range.last.is_none_or(|last| range.first <= last).then_some(range)
}
