//! What became of each message, and of a scenario.

use super::{Mode, scan::Copies};

/// What became of a message or of a scenario; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Every message is where it should be, once and whole.
    Ok,
    /// It was to be deleted, is stored whole, and is still on the server after the last run.
    Left,
    /// It is not fetched though the server was ready to give it in the last run; it is still there.
    Blocked,
    /// It was to be kept on the server, and is removed there.
    Removed,
    /// A run did not end in time, and was killed.
    Stuck,
    /// It is stored more than once.
    Duplicated,
    /// What is stored is not what was sent, and nothing better is stored.
    Damaged,
    /// A part of it is stored as if it were the whole, and after the last run that is still all.
    Truncated,
    /// It is neither stored nor on the server.
    Lost,
}

impl Verdict {
    /// As it stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Left => "left",
            Self::Blocked => "blocked",
            Self::Removed => "removed",
            Self::Stuck => "stuck",
            Self::Duplicated => "duplicated",
            Self::Damaged => "damaged",
            Self::Truncated => "truncated",
            Self::Lost => "lost",
        }
    }

    /// Whether a user would complain of the mail: lost, truncated, damaged, duplicated, removed, or a
    /// program that hangs. That mail is left where it was is told, and no failure.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Ok | Self::Left | Self::Blocked)
    }
}

/// What is fair to expect of one message in one scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Expectation {
    /// The server does not give it even in the last run.
    pub(super) is_unfetchable: bool,
    /// It may stay on the server, since a careful program does not trust what it got.
    pub(super) may_be_left: bool,
    /// The server never gives more than a part of it, properly ended.
    pub(super) is_cut: bool,
    /// The server removes it by itself.
    pub(super) may_be_removed: bool,
    /// The server does not stuff, so dots at the beginning of lines are wrong on the wire.
    pub(super) may_have_wrong_dots: bool,
}

/// The verdict on one message: what is stored of it, and whether it is still on the server.
pub(super) fn judge(copies: Copies, is_on_server: bool, mode: Mode, expected: Expectation) -> Verdict {
    let forgiven = if expected.may_have_wrong_dots { copies.wrong_dots } else { 0 };
    let whole = copies.complete + forgiven;
    let is_anything_stored = copies != Copies::default();
    match whole {
        0 if !is_anything_stored && !is_on_server => Verdict::Lost,
        0 if !is_anything_stored && expected.is_unfetchable => Verdict::Ok,
        0 if !is_anything_stored => Verdict::Blocked,
        0 if copies.damaged + copies.wrong_dots > 0 => Verdict::Damaged,
        0 if expected.is_cut => match mode {
            _ if copies.partial > 1 => Verdict::Duplicated,
            Mode::Keep if !is_on_server => Verdict::Removed,
            Mode::Delete | Mode::Keep => Verdict::Ok,
        },
        0 => Verdict::Truncated,
        1 => match mode {
            Mode::Delete if is_on_server && !expected.may_be_left => Verdict::Left,
            Mode::Keep if !is_on_server && !expected.may_be_removed => Verdict::Removed,
            Mode::Delete | Mode::Keep => Verdict::Ok,
        },
        _ => Verdict::Duplicated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Copies = Copies { complete: 0, partial: 0, damaged: 0, wrong_dots: 0 };
    const WHOLE: Copies = Copies { complete: 1, ..NOTHING };
    const PARTIAL: Copies = Copies { partial: 1, ..NOTHING };
    const DOTS: Copies = Copies { wrong_dots: 1, ..NOTHING };

    fn plain(copies: Copies, is_on_server: bool, mode: Mode) -> Verdict {
        judge(copies, is_on_server, mode, Expectation::default())
    }

    #[test]
    fn what_is_nowhere_is_lost() {
        for mode in [Mode::Delete, Mode::Keep] {
            assert_eq!(plain(NOTHING, false, mode), Verdict::Lost);
            assert_eq!(plain(NOTHING, true, mode), Verdict::Blocked);
        }
    }

    #[test]
    fn one_whole_copy_is_right_where_the_server_agrees() {
        assert_eq!(plain(WHOLE, false, Mode::Delete), Verdict::Ok);
        assert_eq!(plain(WHOLE, true, Mode::Delete), Verdict::Left);
        assert_eq!(plain(WHOLE, true, Mode::Keep), Verdict::Ok);
        assert_eq!(plain(WHOLE, false, Mode::Keep), Verdict::Removed);
    }

    #[test]
    fn a_part_is_truncation_unless_the_whole_is_stored_too() {
        for is_on_server in [false, true] {
            assert_eq!(plain(PARTIAL, is_on_server, Mode::Delete), Verdict::Truncated);
        }
        let both = Copies { complete: 1, partial: 1, ..NOTHING };
        assert_eq!(plain(both, false, Mode::Delete), Verdict::Ok);
    }

    #[test]
    fn two_whole_copies_are_one_too_many_wherever_the_message_is() {
        let two = Copies { complete: 2, ..NOTHING };
        for (is_on_server, mode) in [(false, Mode::Delete), (true, Mode::Delete), (true, Mode::Keep)] {
            assert_eq!(plain(two, is_on_server, mode), Verdict::Duplicated);
        }
    }

    #[test]
    fn other_octets_than_were_sent_are_damage() {
        let damaged = Copies { damaged: 1, ..NOTHING };
        assert_eq!(plain(damaged, false, Mode::Delete), Verdict::Damaged);
        assert_eq!(plain(DOTS, false, Mode::Delete), Verdict::Damaged);
    }

    #[test]
    fn what_is_the_servers_doing_is_forgiven() {
        let unfetchable = Expectation { is_unfetchable: true, ..Expectation::default() };
        assert_eq!(judge(NOTHING, true, Mode::Delete, unfetchable), Verdict::Ok);
        assert_eq!(judge(NOTHING, false, Mode::Delete, unfetchable), Verdict::Lost);
        let left = Expectation { may_be_left: true, ..Expectation::default() };
        assert_eq!(judge(WHOLE, true, Mode::Delete, left), Verdict::Ok);
        let removed = Expectation { may_be_removed: true, ..Expectation::default() };
        assert_eq!(judge(WHOLE, false, Mode::Keep, removed), Verdict::Ok);
        let dots = Expectation { may_have_wrong_dots: true, ..Expectation::default() };
        assert_eq!(judge(DOTS, false, Mode::Delete, dots), Verdict::Ok);
        let twice = Copies { complete: 1, wrong_dots: 1, ..NOTHING };
        assert_eq!(judge(twice, false, Mode::Delete, dots), Verdict::Duplicated);
    }

    #[test]
    fn of_what_is_always_cut_one_part_is_all_there_is() {
        let cut = Expectation { is_cut: true, ..Expectation::default() };
        for is_on_server in [false, true] {
            assert_eq!(judge(PARTIAL, is_on_server, Mode::Delete, cut), Verdict::Ok);
        }
        assert_eq!(judge(PARTIAL, true, Mode::Keep, cut), Verdict::Ok);
        assert_eq!(judge(PARTIAL, false, Mode::Keep, cut), Verdict::Removed);
        assert_eq!(judge(Copies { partial: 2, ..NOTHING }, true, Mode::Keep, cut), Verdict::Duplicated);
        assert_eq!(judge(NOTHING, false, Mode::Delete, cut), Verdict::Lost);
    }

    #[test]
    fn only_what_happened_to_the_mail_is_a_failure() {
        let fine = [Verdict::Ok, Verdict::Left, Verdict::Blocked];
        assert!(fine.iter().all(|verdict| !verdict.is_failure()));
        assert!(
            Verdict::Lost.is_failure() && Verdict::Stuck.is_failure() && Verdict::Duplicated.is_failure()
        );
        assert!(Verdict::Lost > Verdict::Truncated && Verdict::Truncated > Verdict::Ok);
    }
}
