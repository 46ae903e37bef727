//! Small messages that are read before they are asked for.
//!
//! A client that fetches its mail asks for one message after the other. Each trip to the blocking pool costs
//! more than a small message takes to read, so a trip brings the next few along.

use std::collections::VecDeque;

use pop3_io::tokio::Body;
use pop3_proto::types::MessageNumber;
use pop3_store::OpenMaildrop;

/// Octets that are read ahead at most; a session that stops asking holds so much.
const OCTETS: u64 = 32 * 1024;

/// What was read ahead in one session.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The message that was asked for last.
    last: Option<MessageNumber>,
    messages: Messages,
}

/// Whole messages as they are stored, by ascending number.
type Messages = VecDeque<(MessageNumber, Vec<u8>)>;

impl Ahead {
    /// The message, if it was read ahead. What stands before it is forgotten.
    pub(super) fn take(&mut self, number: MessageNumber) -> Option<Vec<u8>> {
        while self.messages.front().is_some_and(|(ahead, _)| *ahead < number) {
            self.messages.pop_front();
        }
        let (_, octets) = self.messages.pop_front_if(|(ahead, _)| *ahead == number)?;
        self.last = Some(number);
        Some(octets)
    }

    /// Notes that this message is being asked for; true when it comes right after the one before.
    pub(super) fn is_next(&mut self, number: MessageNumber) -> bool {
        let before = self.last.replace(number);
        before.is_some_and(|before| before.value().checked_add(1) == Some(number.value()))
    }

    pub(super) fn keep(&mut self, messages: Messages) {
        self.messages = messages;
    }
}

/// Blocks: opens a message and reads all of it, if it is small; and, when asked to, the small ones behind it.
pub(super) fn read<M: OpenMaildrop>(
    maildrop: &M,
    number: MessageNumber,
    reads_ahead: bool,
) -> Result<(Body<M::Body>, Messages), String> {
    let snapshot = maildrop.maildrop();
    let size = |number: MessageNumber| snapshot.messages().get(number.index()).map(|info| info.size.0);
    let open = |number, size| -> Result<Body<M::Body>, String> {
        let body = maildrop.read(number).map_err(|error| error.to_string())?;
        Body::open(body, size).map_err(|error| error.to_string())
    };
    let body = open(number, size(number).unwrap_or(0))?;
    let mut ahead = VecDeque::new();
    let (mut at, mut room) = (number, if reads_ahead { OCTETS } else { 0 });
    while let Some(next) = at.value().checked_add(1).and_then(|next| MessageNumber::new(next).ok()) {
        let Some(octets) = size(next).filter(|octets| *octets <= room) else { break };
        // What cannot be read now is looked at again when it is asked for.
        let Some(message) = open(next, octets).ok().and_then(Body::into_whole) else { break };
        ahead.push_back((next, message));
        // A message costs something even where it has no octets.
        room = room.saturating_sub(octets.max(256));
        at = next;
    }
    Ok((body, ahead))
}
