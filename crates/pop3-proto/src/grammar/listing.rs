use alloc::borrow::Cow;

use nom::{
    IResult, Parser,
    bytes::complete::{take_while, take_while1},
    combinator::{map_opt, rest},
    sequence::{delimited, preceded, separated_pair},
};

use super::primitives::{number, trim_end};
use crate::types::{DropListing, ListedUniqueId, MessageNumber, Octets, ScanListing, UniqueIdListing};

/// `drop-listing = 1*DIGIT SP 1*DIGIT`, the text of STAT's response; what follows is ignored.
/// RFC 1939 section 5.
#[must_use]
pub fn drop_listing(text: &[u8]) -> Option<DropListing> {
    let (_, (count, size)) = preceded(blank0, separated_pair(number, blank1, number)).parse(text).ok()?;
    Some(DropListing { count: u32::try_from(count).ok()?, size: Octets(size) })
}

/// `scan-listing = message-number SP 1*DIGIT`, a line of LIST; what follows is ignored.
/// RFC 1939 section 5.
#[must_use]
pub fn scan_listing(line: &[u8]) -> Option<ScanListing> {
    let (_, (number, size)) =
        preceded(blank0, separated_pair(message_number, blank1, number)).parse(without_status(line)).ok()?;
    Some(ScanListing { number, size: Octets(size) })
}

/// `unique-id-listing = message-number SP unique-id`, a line of UIDL. RFC 1939 section 7.
///
/// From a peer, runs of spaces and tabs, spaces at the end and a `+OK` in front of the line are taken off.
#[must_use]
pub fn unique_id_listing(line: &[u8]) -> Option<UniqueIdListing<'_>> {
    let (id, number) = delimited(blank0, message_number, blank1).parse(without_status(line)).ok()?;
    let (_, id) = rest::<_, nom::error::Error<_>>(id).ok()?;
    let unique_id = ListedUniqueId::new(Cow::Borrowed(trim_end(id))).ok()?;
    Some(UniqueIdListing { number, unique_id })
}

/// The number that a line begins with, where a whole word of digits stands there.
pub(crate) fn listed_number(line: &[u8]) -> Option<u64> {
    let (rest, value) = preceded(blank0, number).parse(without_status(line)).ok()?;
    (rest.is_empty() || rest.starts_with(b" ") || rest.starts_with(b"\t")).then_some(value)
}

/// Some servers begin each line of a listing as if it were a response.
fn without_status(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"+OK ").unwrap_or(line)
}

/// Spaces, and the tabs that some servers put in their place.
fn blank0(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(is_blank).parse(input)
}

fn blank1(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(is_blank).parse(input)
}

const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

fn message_number(input: &[u8]) -> IResult<&[u8], MessageNumber> {
    map_opt(number, |value| MessageNumber::new(u32::try_from(value).ok()?).ok()).parse(input)
}
