//! What a single line of an answer means, where it is more than text.

use super::{CommandId, Event, PeerMisbehaved, outstanding::Outstanding};
use crate::{
    grammar,
    types::{
        DropListing, Keyword, ListedUniqueId, Mechanism, MessageNumber, Octets, Response, UniqueIdListing,
    },
};

/// STAT, LIST n and UIDL n carry their answer in the text of the first line.
pub(super) fn single_line_event<'i>(
    response: &Response<'i>,
    payload: &'i [u8],
    command: Outstanding,
) -> Result<Option<Event<'i>>, PeerMisbehaved> {
    let (id, keyword) = (command.id, command.keyword);
    let malformed = PeerMisbehaved::MalformedListing { keyword };
    Ok(match keyword {
        // Without numbers it is a response like others: LIST has them all.
        Keyword::Stat => {
            let listing = grammar::drop_listing(payload).or_else(|| count_alone(payload));
            listing.map(|listing| Event::DropListing { id, listing })
        }
        Keyword::List => {
            let listing = grammar::scan_listing(payload).map(|listing| Event::ScanListing { id, listing });
            Some(listing.or_else(|| malformed_line(payload, id)).ok_or(malformed)?)
        }
        Keyword::Uidl => {
            let listing = grammar::unique_id_listing(payload).or_else(|| unique_id_alone(response, command));
            Some(listing.map(|listing| Event::UniqueIdListing { id, listing }).ok_or(malformed)?)
        }
        _ => None,
    })
}

/// Some servers answer STAT with a count and no size that makes sense.
fn count_alone(payload: &[u8]) -> Option<DropListing> {
    let count = grammar::listed_number(payload)?;
    Some(DropListing { count: u32::try_from(count).ok()?, size: Octets(0) })
}

/// A line of LIST's or UIDL's answer that gives no size or no unique-id. `Ok(None)` is one that names no message,
/// such as an empty line or a heading: it says nothing about the others.
///
/// # Errors
///
/// [`PeerMisbehaved::MalformedListing`] for a number that no message can have, and for the first line of another
/// response: the server and this client no longer agree where a listing ends.
pub(super) fn odd_line(line: &[u8], command: Outstanding) -> Result<Option<Event<'static>>, PeerMisbehaved> {
    if grammar::listed_number(line).is_none() && grammar::response(line).is_none() {
        return Ok(None);
    }
    let malformed = PeerMisbehaved::MalformedListing { keyword: command.keyword };
    malformed_line(line, command.id).map(Some).ok_or(malformed)
}

/// A line that names a message, and says nothing about it that makes sense.
fn malformed_line(line: &[u8], id: CommandId) -> Option<Event<'static>> {
    let number = u32::try_from(grammar::listed_number(line)?).ok()?;
    Some(Event::MalformedListing { id, number: MessageNumber::new(number).ok()? })
}

/// Some servers answer UIDL n with the id alone.
fn unique_id_alone<'i>(response: &Response<'i>, command: Outstanding) -> Option<UniqueIdListing<'i>> {
    if response.text.contains(&b' ') {
        return None;
    }
    let unique_id = ListedUniqueId::new(response.text.clone()).ok()?;
    Some(UniqueIdListing { number: command.number?, unique_id })
}

pub(super) fn mechanism(line: &[u8]) -> Option<Mechanism<'_>> {
    Mechanism::new(core::str::from_utf8(line.trim_ascii()).ok()?).ok()
}
