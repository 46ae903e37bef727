//! Rules as text, as [`parse`](super::parse) reads them.

use std::{fmt, time::Duration};

use super::{Endless, Fault, Point, Range, Rule, Sizes, UniqueIds, octets::Escaped};

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sessions != Range::ALL {
            write!(f, "session {} ", self.sessions)?;
        }
        write!(f, "{}", self.point)?;
        if self.occurrences != Range::ALL {
            write!(f, " #{}", self.occurrences)?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            None => write!(f, "{}..", self.first),
            Some(last) if last == self.first => write!(f, "{last}"),
            Some(last) => write!(f, "{}..{last}", self.first),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Greeting => f.write_str("greeting"),
            Self::Tls => f.write_str("tls"),
            Self::Sasl => f.write_str("sasl"),
            Self::Command { keyword, argument: None } => f.write_str(keyword),
            Self::Command { keyword, argument: Some(argument) } => {
                // What would end the point is written as an escape.
                let argument = Escaped(argument.as_bytes()).to_string();
                write!(f, "{keyword} {}", argument.replace('#', "\\x23").replace(':', "\\x3a"))
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(text) => word_and_text(f, "answer", text),
            Self::Hang => f.write_str("hang"),
            Self::Close => f.write_str("close"),
            Self::Reset => f.write_str("reset"),
            Self::CloseAfter(count) => write!(f, "close after {count}"),
            Self::ResetAfter(count) => write!(f, "reset after {count}"),
            Self::HalfCloseAfter(count) => write!(f, "half-close after {count}"),
            Self::StallAfter(count, None) => write!(f, "stall after {count}"),
            Self::StallAfter(count, Some(time)) => write!(f, "stall after {count} for {}", Time(*time)),
            Self::SplitAt(places, time) => {
                let places: Vec<String> = places.iter().map(u64::to_string).collect();
                write!(f, "split at {}{}", places.join(","), Pause(*time))
            }
            Self::SplitEvery(count, time) => write!(f, "split every {count}{}", Pause(*time)),
            Self::Say(text) => word_and_text(f, "say", text),
            Self::Prepend(text) => word_and_text(f, "prepend", text),
            Self::Append(text) => word_and_text(f, "append", text),
            Self::Twice => f.write_str("twice"),
            Self::BareLf => f.write_str("bare-lf"),
            Self::Unstuffed => f.write_str("unstuffed"),
            Self::NoTerminator => f.write_str("no-terminator"),
            Self::Terminator(text) => word_and_text(f, "terminator", text),
            Self::NoLastCrlf => f.write_str("no-last-crlf"),
            Self::CutTo(count) => write!(f, "cut to {count}"),
            Self::Endless(Endless::Line) => f.write_str("endless line"),
            Self::Endless(Endless::Listing) => f.write_str("endless listing"),
            Self::Endless(Endless::Message) => f.write_str("endless message"),
            Self::Sizes(sizes) => write!(f, "sizes {sizes}"),
            Self::UniqueIds(unique_ids) => write!(f, "unique-ids {unique_ids}"),
            Self::Separator(text) => word_and_text(f, "separator", text),
            Self::Trailing(text) => word_and_text(f, "trailing", text),
            Self::NoNumber => f.write_str("no-number"),
            Self::OkBeforeLines => f.write_str("ok-before-lines"),
            Self::Shuffled => f.write_str("shuffled"),
            Self::Without(text) => word_and_text(f, "without", text),
            Self::With(text) => word_and_text(f, "with", text),
            Self::Whole => f.write_str("whole"),
            Self::Delete => f.write_str("delete"),
            Self::RemoveNothing => f.write_str("remove-nothing"),
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::More(octets) => write!(f, "+{octets}"),
            Self::Less(octets) => write!(f, "-{octets}"),
            Self::Times(factor) => write!(f, "*{factor}"),
            Self::Text(text) => write!(f, "={}", Escaped(text)),
        }
    }
}

impl fmt::Display for UniqueIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate => f.write_str("duplicate"),
            Self::Changed => f.write_str("changed"),
            Self::Missing => f.write_str("missing"),
            Self::Long(octets) => write!(f, "long {octets}"),
            Self::Suffix(text) => word_and_text(f, "suffix", text),
        }
    }
}

/// A word, and behind it octets, if there are any.
fn word_and_text(f: &mut fmt::Formatter<'_>, word: &str, text: &[u8]) -> fmt::Result {
    let space = if text.is_empty() { "" } else { " " };
    write!(f, "{word}{space}{}", Escaped(text))
}

struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        match milliseconds {
            0 => f.write_str("0ms"),
            _ if milliseconds.is_multiple_of(60_000) => write!(f, "{}m", milliseconds / 60_000),
            _ if milliseconds.is_multiple_of(1000) => write!(f, "{}s", milliseconds / 1000),
            _ => write!(f, "{milliseconds}ms"),
        }
    }
}

/// The end of `split`, where it is not as if nothing was said.
struct Pause(Duration);

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Fault::PAUSE {
            return Ok(());
        }
        write!(f, " pause {}", Time(self.0))
    }
}
