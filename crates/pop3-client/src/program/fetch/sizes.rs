//! Whether a server's sizes tell that a message was cut.
//!
//! RFC 1939 section 11 wants the octets that come, unstuffed and with CRLF. Where a server keeps to that, a
//! message that comes shorter was cut on its way, though it ended properly. Servers that count each line end
//! as one octet list less than comes, which looks like no cut. Others list numbers that have nothing to do
//! with what comes; there, only a message of less than half its size is conspicuous.

use std::{cmp::Ordering, fmt, str::FromStr};

/// What came of a message, compared with its size as listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// As much as was listed, or more.
    Full,
    /// Less.
    Shorter,
    /// Less than half, of a message that is not small: a part on any server.
    MuchShorter,
}

impl Extent {
    /// Both in octets.
    pub(super) const fn of(listed: u64, came: u64) -> Self {
        const SMALL: u64 = 4096;
        if came >= listed {
            Self::Full
        } else if listed > SMALL && came < listed / 2 {
            Self::MuchShorter
        } else {
            Self::Shorter
        }
    }
}

/// How the sizes of one maildrop's last messages were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Messages that came exactly as they were listed.
    exact: u32,
    /// Messages that came shorter.
    shorter: u32,
}

impl Sizes {
    /// Messages that count. A server may become another; then what it was is forgotten after so many.
    const REMEMBERED: u32 = 64;
    /// So many messages that come shorter are no accident any more.
    const SEVERAL: u32 = 3;

    /// Takes note of a message that came for the first time; sizes in octets. One that is longer than it was
    /// listed, or was not listed at all, does not say how one that was cut would look.
    pub(super) fn note(&mut self, listed: u64, came: u64) {
        let (mine, other) = match came.cmp(&listed) {
            _ if listed == 0 => return,
            Ordering::Greater => return,
            Ordering::Equal => (&mut self.exact, &mut self.shorter),
            Ordering::Less => (&mut self.shorter, &mut self.exact),
        };
        if *mine + *other >= Self::REMEMBERED {
            *other = other.saturating_sub(1);
        }
        *mine = (*mine + 1).min(Self::REMEMBERED - *other);
    }

    /// Whether messages come shorter than they are listed without having been cut.
    pub(super) const fn are_loose(&self) -> bool {
        self.shorter >= Self::SEVERAL && self.shorter > self.exact
    }
}

/// One line: how many were exact, and how many shorter.
impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.exact, self.shorter)
    }
}

/// A text that says nothing of sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotSizes;

impl FromStr for Sizes {
    type Err = NotSizes;

    fn from_str(text: &str) -> Result<Self, NotSizes> {
        // The line end shows that it was written to the end.
        let line = text.strip_suffix('\n').ok_or(NotSizes)?;
        let (exact, shorter) = line.split_once(' ').ok_or(NotSizes)?;
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number <= Self::REMEMBERED);
        match (number(exact), number(shorter)) {
            (Some(exact), Some(shorter)) if exact + shorter <= Self::REMEMBERED => {
                Ok(Self { exact, shorter })
            }
            _ => Err(NotSizes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(exact: u32, shorter: u32) -> Sizes {
        Sizes { exact, shorter }
    }

    // Conformance: C-ROB-02
    #[test]
    fn half_of_a_message_is_little_unless_the_message_is_small() {
        let cases = [
            (0, 0, Extent::Full),
            (0, 9, Extent::Full),
            (9, 9, Extent::Full),
            (9, 10, Extent::Full),
            (9, 0, Extent::Shorter),
            (4096, 1, Extent::Shorter),
            (10_000, 9_999, Extent::Shorter),
            (10_000, 5_000, Extent::Shorter),
            (10_000, 4_999, Extent::MuchShorter),
        ];
        for (listed, came, extent) in cases {
            assert_eq!(Extent::of(listed, came), extent, "{came} of {listed}");
        }
    }

    #[test]
    fn sizes_are_loose_when_several_are_and_more_than_are_not() {
        for (exact, shorter, are_loose) in
            [(0, 0, false), (0, 2, false), (0, 3, true), (3, 3, false), (3, 4, true), (60, 4, false)]
        {
            assert_eq!(sizes(exact, shorter).are_loose(), are_loose, "{exact} {shorter}");
        }
    }

    #[test]
    fn what_is_longer_or_not_listed_says_nothing() {
        let mut noted = Sizes::default();
        for (listed, came) in [(10, 11), (0, 0), (0, 5)] {
            noted.note(listed, came);
        }
        assert_eq!(noted, Sizes::default());
        noted.note(10, 10);
        noted.note(10, 9);
        assert_eq!(noted, sizes(1, 1));
    }

    #[test]
    fn a_server_that_becomes_another_is_known_as_such_after_a_while() {
        let mut noted = Sizes::default();
        (0..1000).for_each(|_| noted.note(10, 10));
        assert_eq!(noted, sizes(64, 0));
        let turn = (1..).find(|_| {
            noted.note(10, 9);
            noted.are_loose()
        });
        assert_eq!((turn, noted), (Some(33), sizes(31, 33)));
        (0..1000).for_each(|_| noted.note(10, 9));
        assert_eq!(noted, sizes(0, 64));
        (0..33).for_each(|_| noted.note(10, 10));
        assert!(!noted.are_loose());
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for noted in [sizes(0, 0), sizes(12, 30), sizes(64, 0)] {
            assert_eq!(noted.to_string().parse(), Ok(noted));
        }
        for wrong in ["", "\n", "12 30", "12\n", "12 3 0\n", "-1 0\n", "64 1\n", "4294967295 1\n"] {
            assert_eq!(wrong.parse::<Sizes>(), Err(NotSizes), "{wrong:?}");
        }
    }
}
