use alloc::{borrow::Cow, vec::Vec};

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, tag_no_case, take_while1},
    combinator::{map_opt, value},
    sequence::delimited,
};

use super::primitives::{base64, trim_end};
use crate::types::{Response, ResponseCode, Secret, Status};

/// `response = ("+OK" / "-ERR") [SP resp-code] [SP text]`, RFC 1939 section 3 and RFC 2449 section 3.
///
/// From a peer, lower case and a missing space are accepted. `None` when no status indicator stands
/// there; `+OKAY` and `+ERR` are none.
#[must_use]
pub fn response(line: &[u8]) -> Option<Response<'_>> {
    let (rest, status) = status(line).ok()?;
    if rest.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    let (code, text) = match code(text) {
        Ok((text, code)) => (Some(code), text.strip_prefix(b" ").unwrap_or(text)),
        Err(_) => (None, text),
    };
    Some(Response { status, code, text: Cow::Borrowed(text) })
}

/// `"+OK" / "-ERR"`
fn status(input: &[u8]) -> IResult<&[u8], Status> {
    alt((value(Status::Ok, tag_no_case("+OK")), value(Status::Err, tag_no_case("-ERR")))).parse(input)
}

/// `resp-code = "[" resp-level *("/" resp-level) "]"`, RFC 2449 section 3.
fn code(input: &[u8]) -> IResult<&[u8], ResponseCode<'_>> {
    let inside = take_while1(|octet: u8| octet.is_ascii_graphic() && octet != b']');
    let code = map_opt(inside, |code| ResponseCode::new(core::str::from_utf8(code).ok()?).ok());
    delimited(tag("["), code, tag("]")).parse(input)
}

/// The timestamp in a greeting's text: `<` printable ASCII with one `@` `>`, RFC 1939 section 7.
///
/// Anything else in brackets is none: a client that signs whatever a peer puts there helps to recover
/// the secret.
#[must_use]
pub fn greeting_timestamp(text: &[u8]) -> Option<&str> {
    let start = memchr::memchr(b'<', text)?;
    let rest = text.get(start..)?;
    let end = memchr::memchr(b'>', rest)?;
    let timestamp = rest.get(..end.checked_add(1)?)?;
    let inside = timestamp.get(1..end)?;
    let (left, right) = inside.split_at_checked(memchr::memchr(b'@', inside)?)?;
    let right = right.get(1..)?;
    let is_part =
        |part: &[u8]| !part.is_empty() && part.iter().all(|o| o.is_ascii_graphic() && !b"<>@".contains(o));
    (is_part(left) && is_part(right)).then(|| core::str::from_utf8(timestamp).ok()).flatten()
}

/// `challenge = "+" SP [base64]`, RFC 5034 section 4; the space is not missed where nothing follows.
///
/// `None` when the line is no challenge; `Some(None)` when what it carries is no base64.
#[must_use]
pub fn challenge(line: &[u8]) -> Option<Option<Vec<u8>>> {
    match line {
        b"+" => Some(Some(Vec::new())),
        [b'+', b' ', text @ ..] => Some(base64(trim_end(text))),
        _ => None,
    }
}

/// What a client answers to a challenge: base64 alone; an empty line is an empty response.
/// RFC 5034 section 4.
#[must_use]
pub fn sasl_response(line: &[u8]) -> Option<Secret<Cow<'static, [u8]>>> {
    base64(line).map(|octets| Secret::new(Cow::Owned(octets)))
}
