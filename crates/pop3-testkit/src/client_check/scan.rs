//! Finding the test messages again: in one file each, or all in one, quoted, with other line ends.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::mail::{self, SIGN, Start};

/// How often a message was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copies {
    /// Whole, every line as it was sent.
    pub complete: u32,
    /// The beginning or some part of it.
    pub partial: u32,
    /// From begin to end, but with lines that are wrong, or that belong to another message.
    pub damaged: u32,
    /// From begin to end and right but for dots at the beginning of lines: too many, or too few.
    pub wrong_dots: u32,
}

/// What was found of every message, by its mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    by_mark: BTreeMap<u32, Copies>,
}

impl Found {
    pub(super) fn copies(&self, mark: u32) -> Copies {
        self.by_mark.get(&mark).copied().unwrap_or_default()
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = u32> {
        self.by_mark.keys().copied()
    }

    /// Every file below a directory, except what lies in a directory called `tmp`: in a Maildir that is
    /// not delivered, and no reader looks there.
    pub(super) fn read_directory(directory: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        found.add_directory(directory)?;
        Ok(found)
    }

    fn add_directory(&mut self, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() != "tmp" {
                self.add_directory(&entry.path())?;
            } else if kind.is_file() {
                self.add(&fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// One file, whatever it is.
    pub(super) fn add(&mut self, octets: &[u8]) {
        let mut open: Option<Copy> = None;
        for line in octets.split(|octet| *octet == b'\n') {
            match read(line) {
                Read::Begin { mark, lines } => {
                    self.close(open.take());
                    open = Some(Copy::new(mark, lines));
                }
                Read::End { mark } => match open.take() {
                    Some(copy) if copy.mark == mark => self.end(copy),
                    copy => {
                        self.close(copy);
                        self.by_mark.entry(mark).or_default().partial += 1;
                    }
                },
                Read::Line { mark, number, has_right_dots } => match &mut open {
                    Some(copy) if copy.mark == mark => copy.line(number, has_right_dots),
                    // The rest of another message, in the middle of this one.
                    Some(copy) => copy.is_damaged = true,
                    None => {
                        // A piece without its beginning.
                        self.by_mark.entry(mark).or_default().partial += 1;
                        open = Some(Copy::headless(mark, number));
                    }
                },
                Read::Dots(count) => {
                    if let Some(copy) = &mut open {
                        copy.lone_dots(count);
                    }
                }
                Read::Damaged => {
                    if let Some(copy) = &mut open {
                        copy.is_damaged = true;
                    }
                }
                Read::Other => {}
            }
        }
        self.close(open);
    }

    /// A copy that has its end line.
    fn end(&mut self, copy: Copy) {
        let copies = self.by_mark.entry(copy.mark).or_default();
        if copy.is_counted {
            return;
        }
        let is_all_there = copy.next == copy.lines + 1 && !copy.is_damaged;
        let has_lone_dot = (1..=copy.lines).any(|line| mail::has_lone_dot_after(copy.mark, line));
        match (is_all_there, copy.has_wrong_dots || copy.lone_dots != u32::from(has_lone_dot)) {
            (false, _) => copies.damaged += 1,
            (true, true) => copies.wrong_dots += 1,
            (true, false) => copies.complete += 1,
        }
    }

    /// A copy that just stops.
    fn close(&mut self, copy: Option<Copy>) {
        if let Some(copy) = copy
            && !copy.is_counted
        {
            self.by_mark.entry(copy.mark).or_default().partial += 1;
        }
    }
}

/// A copy that is being read.
#[derive(Debug)]
struct Copy {
    mark: u32,
    lines: u32,
    /// The number that the next line should have.
    next: u32,
    is_damaged: bool,
    has_wrong_dots: bool,
    lone_dots: u32,
    /// It stands in the result already.
    is_counted: bool,
}

impl Copy {
    const fn new(mark: u32, lines: u32) -> Self {
        Self {
            mark,
            lines,
            next: 1,
            is_damaged: false,
            has_wrong_dots: false,
            lone_dots: 0,
            is_counted: false,
        }
    }

    const fn headless(mark: u32, line: u32) -> Self {
        let mut copy = Self::new(mark, 0);
        copy.next = line + 1;
        copy.is_counted = true;
        copy
    }

    fn line(&mut self, number: u32, has_right_dots: bool) {
        self.is_damaged |= number != self.next;
        self.has_wrong_dots |= !has_right_dots;
        self.next = number.saturating_add(1);
    }

    /// A line of nothing but dots: one is right.
    fn lone_dots(&mut self, count: usize) {
        self.lone_dots += 1;
        self.has_wrong_dots |= count != 1;
    }
}

/// What a line of a file is.
enum Read {
    Begin {
        mark: u32,
        lines: u32,
    },
    Line {
        mark: u32,
        number: u32,
        has_right_dots: bool,
    },
    End {
        mark: u32,
    },
    Dots(usize),
    /// It bears the sign and is not what was sent.
    Damaged,
    Other,
}

fn read(line: &[u8]) -> Read {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.is_empty() && line.iter().all(|octet| *octet == b'.') {
        return Read::Dots(line.len());
    }
    let Some(at) = line.windows(SIGN.len()).position(|window| window == SIGN.as_bytes()) else {
        return Read::Other;
    };
    let (before, rest) = line.split_at(at);
    let rest = rest.get(SIGN.len()..).and_then(|rest| std::str::from_utf8(rest).ok());
    rest.and_then(|rest| read_signed(before, rest)).unwrap_or(Read::Damaged)
}

fn read_signed(before: &[u8], rest: &str) -> Option<Read> {
    let (sum, content) = rest.split_once(' ')?;
    if u32::from_str_radix(sum, 16).ok()? != mail::checksum(content.as_bytes()) {
        return None;
    }
    let mut words = content.split(' ');
    let word = words.next()?;
    let mark = words.next()?.parse().ok()?;
    match word {
        "begin" => Some(Read::Begin { mark, lines: words.next()?.parse().ok()? }),
        "end" => Some(Read::End { mark }),
        "line" => {
            let number = words.next()?.parse().ok()?;
            let has_right_dots = has_right_dots(before, mail::start(number))?;
            Some(Read::Line { mark, number, has_right_dots })
        }
        _ => None,
    }
}

/// Whether the dots before a line are those that were sent; nothing where something else is wrong there.
/// That `From ` is quoted is how mbox files are, and right.
fn has_right_dots(before: &[u8], start: Start) -> Option<bool> {
    let dots = before.iter().take_while(|octet| **octet == b'.').count();
    let rest = before.get(dots..)?;
    match start {
        Start::Nothing => rest.is_empty().then_some(dots == 0),
        Start::Dot => rest.is_empty().then_some(dots == 1),
        Start::From => {
            let unquoted = rest.iter().position(|octet| *octet != b'>').map(|at| rest.split_at(at).1);
            (unquoted == Some(b"From ".as_slice())).then_some(dots == 0)
        }
    }
}

#[cfg(test)]
mod tests;
