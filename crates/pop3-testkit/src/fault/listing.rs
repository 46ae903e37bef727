//! What faults do to numbers, sizes and unique-ids.

use super::{Fault, Said, Sizes, UniqueIds, answer::Answer, watch::begins_with};

/// `number SP value`, as STAT, LIST and UIDL have it, and what follows it.
#[derive(Debug)]
struct Entry {
    number: Vec<u8>,
    separator: Vec<u8>,
    value: Vec<u8>,
    trailing: Vec<u8>,
}

/// The unique-id that all messages have.
const DUPLICATE: &[u8] = b"the-same-for-all";

/// Whether the answer may be a listing of many lines.
pub(super) fn is_listing(said: Said<'_>) -> bool {
    matches!(said, Said::Command { keyword: "LIST" | "UIDL" | "CAPA" | "LANG" | "AUTH", .. })
}

pub(super) fn suffer(answer: &mut Answer, fault: &Fault, said: Said<'_>, session: u32) {
    let Said::Command { keyword, .. } = said else { return };
    match fault {
        Fault::Sizes(sizes) => match keyword {
            "STAT" | "LIST" => entries(answer, |entry| sizes.change(&mut entry.value)),
            "RETR" | "TOP" => size_in_text(&mut answer.status, sizes),
            _ => {}
        },
        Fault::UniqueIds(unique_ids) if keyword == "UIDL" => {
            entries(answer, |entry| unique_ids.change(entry, session));
        }
        Fault::Separator(text) => of_maildrop(answer, keyword, |entry| entry.separator = text.to_vec()),
        Fault::Trailing(text) => {
            of_maildrop(answer, keyword, |entry| entry.trailing.extend_from_slice(text));
        }
        Fault::NoNumber if matches!(keyword, "LIST" | "UIDL") && answer.content.is_none() => {
            entries(answer, |entry| {
                entry.number.clear();
                entry.separator.clear();
            });
        }
        Fault::Shuffled if is_listing(said) => lines(answer, shuffle),
        Fault::Without(words) if is_listing(said) => {
            lines(answer, |lines| lines.retain(|line| !begins_with(line, words)));
        }
        Fault::With(line) if is_listing(said) => lines(answer, |lines| lines.push(line.to_vec())),
        _ => {}
    }
}

fn of_maildrop(answer: &mut Answer, keyword: &str, change: impl FnMut(&mut Entry)) {
    if matches!(keyword, "STAT" | "LIST" | "UIDL") {
        entries(answer, change);
    }
}

/// Changes each line of a listing, or the one line that stands behind `+OK`.
fn entries(answer: &mut Answer, mut change: impl FnMut(&mut Entry)) {
    if answer.content.is_some() {
        lines(answer, |lines| lines.iter_mut().for_each(|line| change_line(line, &mut change)));
    } else if let Some(line) = answer.status.strip_prefix(b"+OK ") {
        let mut line = line.to_vec();
        change_line(&mut line, &mut change);
        answer.status = [b"+OK ".as_slice(), &line].concat();
    }
}

/// What is no entry stays.
fn change_line(line: &mut Vec<u8>, change: &mut impl FnMut(&mut Entry)) {
    let digits = line.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (number, rest) = line.split_at(digits);
    let spaces = rest.iter().take_while(|octet| **octet == b' ').count();
    if number.is_empty() || (spaces == 0 && !rest.is_empty()) {
        return;
    }
    let (separator, rest) = rest.split_at(spaces);
    let length = rest.iter().position(|octet| *octet == b' ').unwrap_or(rest.len());
    let (value, trailing) = rest.split_at(length);
    let mut entry = Entry {
        number: number.to_vec(),
        separator: separator.to_vec(),
        value: value.to_vec(),
        trailing: trailing.to_vec(),
    };
    change(&mut entry);
    *line = [entry.number, entry.separator, entry.value, entry.trailing].concat();
}

/// Changes the lines of a listing, without their ends.
fn lines(answer: &mut Answer, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let Some(content) = &mut answer.content else { return };
    let mut lines = split(content);
    change(&mut lines);
    *content = join(&lines);
}

fn split(content: &[u8]) -> Vec<Vec<u8>> {
    content
        .split_inclusive(|octet| *octet == b'\n')
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
        .collect()
}

fn join(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect()
}

pub(super) fn with_ok(content: &[u8]) -> Vec<u8> {
    let lines = split(content).into_iter().map(|line| [b"+OK ".as_slice(), &line].concat());
    join(&lines.collect::<Vec<_>>())
}

/// The last, the first, the last but one, and so on: another order whenever there is one.
fn shuffle(lines: &mut Vec<Vec<u8>>) {
    let mut left: std::collections::VecDeque<_> = std::mem::take(lines).into();
    while let Some(line) = left.pop_back() {
        lines.push(line);
        lines.extend(left.pop_front());
    }
}

/// `+OK 120 octets`: the number before the word.
fn size_in_text(status: &mut Vec<u8>, sizes: &Sizes) {
    let is_octets = |word: &[u8]| word.trim_ascii().starts_with(b"octets");
    let mut words: Vec<Vec<u8>> = status.split(|octet| *octet == b' ').map(<[u8]>::to_vec).collect();
    let Some(place) = words.windows(2).position(|pair| pair.get(1).is_some_and(|word| is_octets(word)))
    else {
        return;
    };
    if let Some(word) = words.get_mut(place) {
        let digits = word.iter().position(u8::is_ascii_digit).unwrap_or(word.len());
        let mut size = word.split_off(digits);
        if !size.is_empty() {
            sizes.change(&mut size);
        }
        word.extend(size);
    }
    *status = words.join(&b' ');
}

impl Sizes {
    fn change(&self, size: &mut Vec<u8>) {
        let number = std::str::from_utf8(size).ok().and_then(|text| text.parse::<u64>().ok());
        let changed = match self {
            Self::Text(text) => {
                *size = text.to_vec();
                return;
            }
            Self::More(octets) => number.map(|number| number.saturating_add(*octets)),
            Self::Less(octets) => number.map(|number| number.saturating_sub(*octets)),
            Self::Times(factor) => number.map(|number| number.saturating_mul(*factor)),
        };
        if let Some(changed) = changed {
            *size = changed.to_string().into_bytes();
        }
    }
}

impl UniqueIds {
    fn change(&self, entry: &mut Entry, session: u32) {
        match self {
            Self::Duplicate => entry.value = DUPLICATE.to_vec(),
            Self::Changed => {
                entry.value = [format!("changed-{session}-").as_bytes(), &entry.number].concat();
            }
            Self::Missing => {
                entry.separator.clear();
                entry.value.clear();
                entry.trailing.clear();
            }
            Self::Long(octets) => {
                entry.value.resize(usize::try_from(*octets).unwrap_or(usize::MAX), b'x');
            }
            Self::Suffix(text) => entry.value.extend_from_slice(text),
        }
    }
}
