use alloc::collections::VecDeque;

use crate::types::{Command, Keyword, MessageNumber};

/// Names a command from `send` to its last event. Responses come in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub(super) u64);

/// A command that was sent and not yet answered to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outstanding {
    pub(super) id: CommandId,
    pub(super) keyword: Keyword,
    /// Whether more lines follow a `+OK`.
    pub(super) is_multi_line: bool,
    /// The message a UIDL with a number asked for; some servers leave the number out of the answer.
    pub(super) number: Option<MessageNumber>,
}

impl Outstanding {
    /// Whether challenges may come for it: AUTH, unless it only asked for the mechanisms.
    pub(super) const fn is_exchange(&self) -> bool {
        matches!(self.keyword, Keyword::Auth) && !self.is_multi_line
    }
}

/// The commands on the wire, first sent first: "keep track of which commands it has outstanding, and
/// match server responses to commands in order" (RFC 2449 section 6.6).
#[derive(Debug, Default)]
pub(super) struct Fifo {
    commands: VecDeque<Outstanding>,
    next: u64,
}

impl Fifo {
    pub(super) fn push(&mut self, command: &Command<'_>) -> CommandId {
        let id = CommandId(self.next);
        self.next = self.next.wrapping_add(1);
        let number = match command {
            Command::Uidl(number) => *number,
            _ => None,
        };
        let is_multi_line = command.is_multi_line();
        self.commands.push_back(Outstanding { id, keyword: command.keyword(), is_multi_line, number });
        id
    }

    pub(super) fn first(&self) -> Option<Outstanding> {
        self.commands.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.commands.pop_front();
        if self.commands.is_empty() && self.commands.capacity() > 256 {
            self.commands = VecDeque::new();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    pub(super) fn contains(&self, keyword: Keyword) -> bool {
        self.commands.iter().any(|command| command.keyword == keyword)
    }

    /// Whether a command is on the wire after whose answer alone anything can be sent.
    pub(super) fn has_barrier(&self) -> bool {
        use Keyword as K;
        let is_barrier = |keyword| matches!(keyword, K::Apop | K::Auth | K::Pass | K::Stls | K::Quit);
        self.commands.iter().rev().take(1).any(|command| is_barrier(command.keyword))
    }
}
