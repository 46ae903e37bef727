//! The text form of rules.

use std::{str::FromStr, time::Duration};

use super::{
    Endless, Fault, Point, Range, Rule, Sizes, UniqueIds, octets,
    words::{InvalidRule, NUMBER, TEXT, Words},
};

const POINT: &str = "greeting, tls, sasl, * or a command in upper case, as in RETR or RETR 2";
const COLON: &str = "a colon and a fault, as in `RETR: close`";
const COUNT: &str = "a number of octets from 1 on";
const TIME: &str = "a TIME, as in 500ms, 2s or 1m";
const PLACES: &str = "numbers of octets with commas between them, as in 1,7,100";
const AFTER: &str = "`after N`, or the end of the rule";
const SPLIT: &str = "`at N,N,... [pause TIME]` or `every N [pause TIME]`";
const ENDLESS: &str = "line, listing or message";
const SIZES: &str = "+N, -N, *N or =TEXT";
const UNIQUE_IDS: &str = "duplicate, changed, missing, long N or suffix TEXT";

impl FromStr for Rule {
    type Err = InvalidRule;

    /// Reads `[session RANGE] POINT [#RANGE]: FAULT`.
    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let mut words = Words { rule: text, end: text.trim_end().len(), at: 0 };
        let mut sessions = Range::ALL;
        if words.is_next("session") {
            words.word();
            sessions = words.range()?;
        }
        let (point, occurrences) = words.point()?;
        let at = words.skip();
        let fault = words.fault()?;
        words.end_of_rule()?;
        let word = text.get(at..).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
        check(&point, &fault).map_err(|wanted| words.wrong(at, word, &wanted))?;
        Ok(Self { sessions, point, occurrences, fault })
    }
}

/// What has to stand at this point instead of a fault that can make no difference there.
fn check(point: &Point, fault: &Fault) -> Result<(), String> {
    let keywords = fault.keywords();
    let is_possible = match point {
        Point::Any => true,
        Point::Greeting | Point::Tls | Point::Sasl => keywords.is_empty(),
        Point::Command { keyword, .. } => keywords.is_empty() || keywords.contains(&&**keyword),
    };
    if is_possible {
        return Ok(());
    }
    Err(format!("a fault of {point}, while this is one of {}", keywords.join(", ")))
}

/// `500ms`, `2s` or `1m`.
fn time(word: &str) -> Option<Duration> {
    let unit = word.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = word.split_at_checked(unit)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// The point, and how often.
impl Words<'_> {
    fn point(&mut self) -> Result<(Point, Range), InvalidRule> {
        let start = self.skip();
        let Some(colon) = self.left().find(':') else {
            return Err(self.wrong(self.end, "", COLON));
        };
        let (end, colon) = (self.end, start + colon);
        // Within the point the colon is the end.
        self.end = colon;
        let read = self.point_here();
        (self.at, self.end) = (colon + 1, end);
        read
    }

    fn point_here(&mut self) -> Result<(Point, Range), InvalidRule> {
        let (end, hash) = (self.end, self.left().find('#').map(|hash| self.at + hash));
        self.end = hash.unwrap_or(end);
        let at = self.skip();
        let word = self.left().split_whitespace().next().unwrap_or_default();
        self.at += word.len();
        let mut point = point(word).ok_or_else(|| self.wrong(at, word, POINT))?;
        self.skip();
        if let Point::Command { argument, .. } = &mut point {
            *argument = self.argument()?;
        }
        let left = self.left().trim_end();
        if !left.is_empty() {
            return Err(self.wrong(self.at, left, "a colon, or # and a number"));
        }
        let Some(hash) = hash else { return Ok((point, Range::ALL)) };
        (self.at, self.end) = (hash + 1, end);
        let occurrences = self.range()?;
        self.end_of_rule()?;
        Ok((point, occurrences))
    }

    fn argument(&mut self) -> Result<Option<Box<str>>, InvalidRule> {
        let at = self.at;
        let text = self.left().trim_end();
        self.at = self.end;
        let octets = octets::unescape(text).map_err(|place| self.wrong(at + place, text, TEXT))?;
        match String::from_utf8(octets.into_vec()) {
            Ok(argument) if argument.is_empty() => Ok(None),
            Ok(argument) => Ok(Some(argument.into())),
            Err(_) => Err(self.wrong(at, text, "an argument in UTF-8")),
        }
    }
}

fn point(word: &str) -> Option<Point> {
    let is_keyword = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == b'-';
    match word {
        "*" => Some(Point::Any),
        "greeting" => Some(Point::Greeting),
        "tls" => Some(Point::Tls),
        "sasl" => Some(Point::Sasl),
        "TLS" | "SASL" | "GREETING" => None,
        _ if word.len() >= 3 && word.bytes().all(is_keyword) => Some(Point::command(word)),
        _ => None,
    }
}

/// The fault.
impl Words<'_> {
    fn fault(&mut self) -> Result<Fault, InvalidRule> {
        let at = self.skip();
        let word = self.word();
        Ok(match word {
            "answer" => Fault::Answer(self.text()?),
            "hang" => Fault::Hang,
            "close" | "reset" if !self.left().is_empty() => {
                self.read(AFTER, |next| (next == "after").then_some(()))?;
                let count = self.number()?;
                if word == "close" { Fault::CloseAfter(count) } else { Fault::ResetAfter(count) }
            }
            "close" => Fault::Close,
            "reset" => Fault::Reset,
            "half-close" => {
                self.exactly("after")?;
                Fault::HalfCloseAfter(self.number()?)
            }
            "stall" => self.stall()?,
            "split" => self.split()?,
            "say" => Fault::Say(self.text()?),
            "prepend" => Fault::Prepend(self.text()?),
            "append" => Fault::Append(self.text()?),
            "twice" => Fault::Twice,
            "bare-lf" => Fault::BareLf,
            "unstuffed" => Fault::Unstuffed,
            "no-terminator" => Fault::NoTerminator,
            "terminator" => Fault::Terminator(self.text()?),
            "no-last-crlf" => Fault::NoLastCrlf,
            "cut" => {
                self.exactly("to")?;
                Fault::CutTo(self.number()?)
            }
            "endless" => Fault::Endless(self.read(ENDLESS, endless)?),
            "sizes" => Fault::Sizes(self.sizes()?),
            "unique-ids" => Fault::UniqueIds(self.unique_ids()?),
            "separator" => Fault::Separator(self.text()?),
            "trailing" => Fault::Trailing(self.text()?),
            "no-number" => Fault::NoNumber,
            "ok-before-lines" => Fault::OkBeforeLines,
            "shuffled" => Fault::Shuffled,
            "without" => Fault::Without(self.text()?),
            "with" => Fault::With(self.text()?),
            "whole" => Fault::Whole,
            "delete" => Fault::Delete,
            "remove-nothing" => Fault::RemoveNothing,
            _ => return Err(self.wrong(at, word, &format!("a fault: {}", Fault::FORMS.join(", ")))),
        })
    }

    fn stall(&mut self) -> Result<Fault, InvalidRule> {
        self.exactly("after")?;
        let count = self.number()?;
        if self.left().is_empty() {
            return Ok(Fault::StallAfter(count, None));
        }
        self.exactly("for")?;
        Ok(Fault::StallAfter(count, Some(self.read(TIME, time)?)))
    }

    fn split(&mut self) -> Result<Fault, InvalidRule> {
        let is_every = self.read(SPLIT, |word| match word {
            "at" => Some(false),
            "every" => Some(true),
            _ => None,
        })?;
        if is_every {
            let count = self.read(COUNT, |word| word.parse().ok().filter(|count| *count > 0))?;
            return Ok(Fault::SplitEvery(count, self.pause()?));
        }
        let places =
            self.read(PLACES, |word| word.split(',').map(|place| place.parse().ok()).collect::<Option<_>>())?;
        Ok(Fault::SplitAt(places, self.pause()?))
    }

    fn pause(&mut self) -> Result<Duration, InvalidRule> {
        if self.left().is_empty() {
            return Ok(Fault::PAUSE);
        }
        self.exactly("pause")?;
        self.read(TIME, time)
    }

    fn sizes(&mut self) -> Result<Sizes, InvalidRule> {
        self.skip();
        if self.left().starts_with('=') {
            self.at += 1;
            return Ok(Sizes::Text(self.text_here()?));
        }
        self.read(SIZES, |word| {
            let (sign, number) = word.split_at_checked(1)?;
            let number = number.parse().ok()?;
            match sign {
                "+" => Some(Sizes::More(number)),
                "-" => Some(Sizes::Less(number)),
                "*" => Some(Sizes::Times(number)),
                _ => None,
            }
        })
    }

    fn unique_ids(&mut self) -> Result<UniqueIds, InvalidRule> {
        let at = self.skip();
        let word = self.word();
        Ok(match word {
            "duplicate" => UniqueIds::Duplicate,
            "changed" => UniqueIds::Changed,
            "missing" => UniqueIds::Missing,
            "long" => UniqueIds::Long(self.read(NUMBER, |word| word.parse().ok())?),
            "suffix" => UniqueIds::Suffix(self.text()?),
            _ => return Err(self.wrong(at, word, UNIQUE_IDS)),
        })
    }
}

fn endless(word: &str) -> Option<Endless> {
    match word {
        "line" => Some(Endless::Line),
        "listing" => Some(Endless::Listing),
        "message" => Some(Endless::Message),
        _ => None,
    }
}
