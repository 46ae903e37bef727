//! What a maildrop does, said as simply as possible.

use std::collections::BTreeSet;

use proptest::prelude::*;

/// A command of the TRANSACTION state.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Stat,
    List(Option<u32>),
    Uidl(Option<u32>),
    Retr(u32),
    Top(u32, u32),
    Dele(u32),
    Rset,
    Noop,
}

/// Messages as a store holds them, line ends of both kinds among them.
pub(crate) const STORED: [(&str, &[u8]); 4] = [
    ("u1", b"Subject: one\n\n.first\n..second\n.\n"),
    ("u2", b"Subject: two\r\nFrom: a\r\n\r\nonly\r\nthree\r\nlines"),
    ("u3", b""),
    ("u4", b".\r\n\r\n\0\xff\r.\r\r\nx"),
];

pub(crate) fn any_op() -> impl Strategy<Value = Op> {
    let number = prop_oneof![8 => 1..=5u32, 1 => Just(u32::MAX)];
    let maybe = prop::option::of(number.clone());
    prop_oneof![
        Just(Op::Stat),
        maybe.clone().prop_map(Op::List),
        maybe.prop_map(Op::Uidl),
        number.clone().prop_map(Op::Retr),
        (number.clone(), prop_oneof![0..4u32, Just(u32::MAX)])
            .prop_map(|(number, lines)| Op::Top(number, lines)),
        number.prop_map(Op::Dele),
        Just(Op::Rset),
        Just(Op::Noop),
    ]
}

/// Which messages are marked as deleted.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) marked: BTreeSet<u32>,
}

impl Model {
    /// What the client has to see.
    pub(crate) fn answer(&mut self, op: Op) -> String {
        let visible =
            |number: &u32| (1..=STORED.len() as u32).contains(number) && !self.marked.contains(number);
        let numbers: Vec<u32> = (1..=STORED.len() as u32).filter(|number| visible(number)).collect();
        let asked = match op {
            Op::List(Some(number)) | Op::Uidl(Some(number)) => Some(number),
            Op::Retr(number) | Op::Top(number, _) | Op::Dele(number) => Some(number),
            _ => None,
        };
        if asked.is_some_and(|number| !visible(&number)) {
            return "err".to_owned();
        }
        match op {
            Op::Stat => format!("{} {}", numbers.len(), numbers.iter().map(|n| size(*n)).sum::<usize>()),
            Op::List(None) => listing(&numbers, |number| size(number).to_string()),
            Op::Uidl(None) => listing(&numbers, |number| unique_id(number).to_owned()),
            Op::List(Some(number)) => format!("{number} {}", size(number)),
            Op::Uidl(Some(number)) => format!("{number} {}", unique_id(number)),
            Op::Retr(number) => format!("{:?}", wire(number)),
            Op::Top(number, lines) => format!("{:?}", top(&wire(number), lines)),
            Op::Dele(number) => {
                self.marked.insert(number);
                "ok".to_owned()
            }
            Op::Rset => {
                self.marked.clear();
                "ok".to_owned()
            }
            Op::Noop => "ok".to_owned(),
        }
    }
}

fn listing(numbers: &[u32], what: impl Fn(u32) -> String) -> String {
    numbers.iter().map(|&number| format!("{number} {};", what(number))).collect()
}

fn unique_id(number: u32) -> &'static str {
    STORED[number as usize - 1].0
}

/// The message with CRLF line ends.
pub(crate) fn wire(number: u32) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for &octet in STORED[number as usize - 1].1 {
        if octet == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(octet);
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

pub(crate) fn size(number: u32) -> usize {
    wire(number).len()
}

fn top(message: &[u8], lines: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut left = None;
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        match &mut left {
            Some(0) => break,
            Some(left) => *left -= 1,
            None if line == b"\r\n" => left = Some(lines),
            None => {}
        }
        out.extend_from_slice(line);
    }
    out
}
