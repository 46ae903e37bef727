use alloc::borrow::Cow;

use nom::{
    IResult, Parser,
    combinator::{map_opt, rest},
    sequence::{delimited, preceded, separated_pair},
};

use super::primitives::{number, spaces0, spaces1, trim_end};
use crate::types::{DropListing, ListedUniqueId, MessageNumber, Octets, ScanListing, UniqueIdListing};

/// `drop-listing = 1*DIGIT SP 1*DIGIT`, the text of STAT's response; what follows is ignored.
/// RFC 1939 section 5.
#[must_use]
pub fn drop_listing(text: &[u8]) -> Option<DropListing> {
    let (_, (count, size)) = preceded(spaces0, separated_pair(number, spaces1, number)).parse(text).ok()?;
    Some(DropListing { count: u32::try_from(count).ok()?, size: Octets(size) })
}

/// `scan-listing = message-number SP 1*DIGIT`, a line of LIST; what follows is ignored.
/// RFC 1939 section 5.
#[must_use]
pub fn scan_listing(line: &[u8]) -> Option<ScanListing> {
    let (_, (number, size)) =
        preceded(spaces0, separated_pair(message_number, spaces1, number)).parse(line).ok()?;
    Some(ScanListing { number, size: Octets(size) })
}

/// `unique-id-listing = message-number SP unique-id`, a line of UIDL. RFC 1939 section 7.
///
/// From a peer, runs of spaces, spaces at the end and a `+OK` in front of the line are taken off.
#[must_use]
pub fn unique_id_listing(line: &[u8]) -> Option<UniqueIdListing<'_>> {
    let line = line.strip_prefix(b"+OK ").unwrap_or(line);
    let (id, number) = delimited(spaces0, message_number, spaces1).parse(line).ok()?;
    let (_, id) = rest::<_, nom::error::Error<_>>(id).ok()?;
    let unique_id = ListedUniqueId::new(Cow::Borrowed(trim_end(id))).ok()?;
    Some(UniqueIdListing { number, unique_id })
}

/// The number that a line begins with, where a whole word of digits stands there.
pub(crate) fn listed_number(line: &[u8]) -> Option<u64> {
    let (rest, value) = preceded(spaces0, number).parse(line).ok()?;
    (rest.is_empty() || rest.starts_with(b" ")).then_some(value)
}

fn message_number(input: &[u8]) -> IResult<&[u8], MessageNumber> {
    map_opt(number, |value| MessageNumber::new(u32::try_from(value).ok()?).ok()).parse(input)
}
