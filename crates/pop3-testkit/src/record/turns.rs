//! Which octets of the server answer which line of the client.

use std::collections::VecDeque;

use crate::transcript::{Entry, Side, Transcript};

/// A line of the client, or the beginning of the session, and all that came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// With its line end; `None` for the first turn, which is the greeting.
    pub(super) line: Option<Box<[u8]>>,
    pub(super) answer: Vec<Entry>,
}

/// What an answer looks like. RFC 1939 section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    SingleLine,
    /// Lines to the termination octet follow `+OK`.
    Listing,
    /// The same, and the lines are a message.
    Message,
}

/// Where a line of the server stands in its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first line: status, or challenge.
    Status,
    /// A line of a listing, or the termination octet.
    Listing,
    /// A line of a message.
    Message,
    /// Nobody asked for it.
    Unasked,
}

/// Follows a session, line by line.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// Of the answers that are still to come, the first one first.
    outstanding: VecDeque<Shape>,
    /// The status line of the first of them has come.
    is_inside: bool,
    is_mid_line: bool,
    last: Option<Place>,
}

impl Follower {
    /// Of a session that begins: the greeting is to come.
    pub(super) fn new() -> Self {
        Self { outstanding: VecDeque::from([Shape::SingleLine]), ..Self::default() }
    }

    /// The client says this.
    pub(super) fn hear_client(&mut self, line: &[u8]) {
        self.outstanding.push_back(shape_of(line));
    }

    /// Where this piece of what the server says belongs; at most one line.
    pub(super) fn hear_server(&mut self, piece: &[u8]) -> Place {
        let place = match (self.is_mid_line, self.last) {
            (true, Some(place)) => place,
            _ => self.place(piece),
        };
        self.is_mid_line = !piece.ends_with(b"\n");
        self.last = Some(place);
        if !self.is_mid_line && self.outstanding.front().is_some_and(|_| !self.is_inside) {
            self.outstanding.pop_front();
        }
        place
    }

    /// How many answers are still to come, or have not ended.
    fn owed(&self) -> usize {
        self.outstanding.len()
    }

    fn place(&mut self, line: &[u8]) -> Place {
        let Some(shape) = self.outstanding.front() else { return Place::Unasked };
        if !self.is_inside {
            let is_ok = line.get(..3).is_some_and(|status| status.eq_ignore_ascii_case(b"+OK"));
            self.is_inside = is_ok && *shape != Shape::SingleLine;
            return Place::Status;
        }
        let place = if *shape == Shape::Message { Place::Message } else { Place::Listing };
        if matches!(line, b".\r\n" | b".\n") {
            self.is_inside = false;
            return Place::Listing;
        }
        place
    }
}

/// The turns of a session. Where the client did not wait for the answers, each is put behind its command;
/// where the answers cannot be told apart, they stay in the order in which they came.
pub(super) fn turns(transcript: &Transcript) -> Vec<Turn> {
    divide(transcript, true).or_else(|| divide(transcript, false)).unwrap_or_default()
}

fn divide(transcript: &Transcript, by_shape: bool) -> Option<Vec<Turn>> {
    let mut turns = vec![Turn { line: None, answer: Vec::new() }];
    let mut follower = Follower::new();
    // A line of a client may stand in the transcript in several parts.
    let mut line: Vec<u8> = Vec::new();
    for entry in transcript.entries() {
        match entry {
            Entry::Said { by: Side::Client, octets } => {
                line.extend_from_slice(octets);
                if line.ends_with(b"\n") {
                    follower.hear_client(&line);
                    turns.push(Turn::new(std::mem::take(&mut line)));
                }
            }
            Entry::Said { by: Side::Server, octets } => {
                let owed = if by_shape { follower.owed().max(1) } else { 1 };
                follower.hear_server(octets);
                let index = turns.len().checked_sub(owed)?;
                turns.get_mut(index)?.answer.push(entry.clone());
            }
            other => {
                if !line.is_empty() {
                    turns.push(Turn::new(std::mem::take(&mut line)));
                }
                turns.last_mut()?.answer.push(other.clone());
            }
        }
    }
    if !line.is_empty() {
        turns.push(Turn::new(line));
    }
    // An answer that never came is fine where it was the last one.
    (!by_shape || follower.owed() <= 1).then_some(turns)
}

impl Turn {
    fn new(line: Vec<u8>) -> Self {
        Self { line: Some(line.into()), answer: Vec::new() }
    }
}

fn shape_of(line: &[u8]) -> Shape {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
    match (keyword.as_slice(), words.next()) {
        (b"RETR" | b"TOP", _) => Shape::Message,
        (b"LIST" | b"UIDL" | b"AUTH" | b"LANG", None) | (b"CAPA", _) => Shape::Listing,
        _ => Shape::SingleLine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let show = |turn: &Turn| {
            let line = turn.line.as_deref().unwrap_or_default();
            let answer: Vec<String> = turn.answer.iter().map(ToString::to_string).collect();
            format!("{}: {}", String::from_utf8_lossy(line).trim_end(), answer.join(" | "))
        };
        turns(&text.parse().unwrap()).iter().map(show).collect()
    }

    #[test]
    fn each_answer_stands_behind_its_command() {
        let text = "S: +OK\nC: CAPA\nS: +OK\nS: TOP\nS: .\nC: QUIT\nS: +OK bye\n@server-eof\n";
        let expected = [": S: +OK", "CAPA: S: +OK | S: TOP | S: .", "QUIT: S: +OK bye | @server-eof"];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn what_was_pipelined_is_put_in_order() {
        let text = "S: +OK\nC: RETR 1\nC: RETR 2\nS: +OK\nS: one\nS: .\nC: NOOP\nS: -ERR no\nS: +OK done\n";
        let expected =
            [": S: +OK", "RETR 1: S: +OK | S: one | S: .", "RETR 2: S: -ERR no", "NOOP: S: +OK done"];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn an_exchange_takes_turns() {
        let text = "S: +OK\nC: AUTH PLAIN\nS: + \nC: ***\nS: +OK\n";
        assert_eq!(shown(text), [": S: +OK", "AUTH PLAIN: S: + ", "***: S: +OK"]);
    }

    #[test]
    fn what_cannot_be_told_apart_keeps_its_order() {
        let text = "S: +OK\nC: RETR 1\nS: +OK\nS: endless\nC: NOOP\nC: QUIT\nS: +OK bye\n";
        let expected = [": S: +OK", "RETR 1: S: +OK | S: endless", "NOOP: ", "QUIT: S: +OK bye"];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn a_line_too_many_stays_with_the_turn_it_came_in() {
        let text = "S: +OK\nC: PASS *\nS: +OK\nS: -ERR [SYS/TEMP] later\nC: QUIT\nS: +OK\n";
        let expected = [": S: +OK", "PASS *: S: +OK | S: -ERR [SYS/TEMP] later", "QUIT: S: +OK"];
        assert_eq!(shown(text), expected);
    }
}
