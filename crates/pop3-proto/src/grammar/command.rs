use alloc::borrow::Cow;

use nom::{
    IResult, Parser,
    bytes::complete::take_while1,
    character::complete::digit1,
    combinator::{all_consuming, opt, rest},
    sequence::preceded,
};

use super::primitives::{base64, decimal, spaces0, spaces1, visible1};
use crate::types::{Command, Keyword, LanguageTag, Mechanism, MessageNumber, Secret};

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The first word is no keyword of POP3.
    #[error("unknown command")]
    UnknownKeyword,
    /// The keyword is known; what follows is not what it takes.
    #[error("{} takes other arguments", keyword.as_str())]
    Arguments {
        /// The keyword.
        keyword: Keyword,
    },
    /// A message-number that no message can have: 0, or beyond 32 bits.
    #[error("no message can have that number")]
    NoSuchMessage,
    /// An initial response that is no base64.
    #[error("the initial response is not base64")]
    BadBase64,
}

/// `command = keyword *(SP param)`, RFC 2449 section 3.
///
/// Runs of spaces between arguments and spaces at the end are accepted, other white space and other
/// controls are not. After USER and PASS exactly one space is taken off; the rest of the line is the
/// argument. RFC 1939 section 7.
///
/// # Errors
///
/// [`CommandError`] when the line is no command.
pub fn command(line: &[u8]) -> Result<Command<'_>, CommandError> {
    let (rest, word) = word(line).map_err(|_| CommandError::UnknownKeyword)?;
    let keyword = Keyword::from_octets(word).ok_or(CommandError::UnknownKeyword)?;
    let wrong = CommandError::Arguments { keyword };
    let nothing = |command| end(rest).map(|_| command).map_err(|_| wrong);
    match keyword {
        Keyword::Capa => nothing(Command::Capa),
        Keyword::Noop => nothing(Command::Noop),
        Keyword::Quit => nothing(Command::Quit),
        Keyword::Rset => nothing(Command::Rset),
        Keyword::Stat => nothing(Command::Stat),
        Keyword::Stls => nothing(Command::Stls),
        Keyword::Utf8 => nothing(Command::Utf8),
        Keyword::Dele => one_number(rest, wrong).map(Command::Dele),
        Keyword::Retr => one_number(rest, wrong).map(Command::Retr),
        Keyword::List => optional_number(rest, wrong).map(Command::List),
        Keyword::Uidl => optional_number(rest, wrong).map(Command::Uidl),
        Keyword::Top => top(rest, wrong),
        Keyword::User => text(rest).map(|name| Command::User(Cow::Borrowed(name))).ok_or(wrong),
        Keyword::Pass => {
            text(rest).map(|password| Command::Pass(Secret::new(Cow::Borrowed(password)))).ok_or(wrong)
        }
        Keyword::Apop => apop(rest).ok_or(wrong),
        Keyword::Auth => auth(rest, wrong),
        Keyword::Lang => lang(rest).ok_or(wrong),
    }
}

/// The octets before the first space.
fn word(line: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|octet| octet != b' ').parse(line)
}

/// `*SP` and nothing more.
fn end(input: &[u8]) -> IResult<&[u8], &[u8]> {
    all_consuming(spaces0).parse(input)
}

/// `1*SP 1*DIGIT`
fn digits(input: &[u8]) -> IResult<&[u8], &[u8]> {
    preceded(spaces1, digit1).parse(input)
}

/// `1*SP message-number`; no leading zeros, which nothing generates and which hide mistakes.
fn one_number(input: &[u8], wrong: CommandError) -> Result<MessageNumber, CommandError> {
    let (rest, digits) = digits(input).map_err(|_| wrong)?;
    end(rest).map_err(|_| wrong)?;
    message_number(digits, wrong)
}

fn message_number(digits: &[u8], wrong: CommandError) -> Result<MessageNumber, CommandError> {
    if matches!(digits, [b'0', _, ..]) {
        return Err(wrong);
    }
    let value = decimal(digits).and_then(|value| u32::try_from(value).ok());
    value.and_then(|value| MessageNumber::new(value).ok()).ok_or(CommandError::NoSuchMessage)
}

fn optional_number(input: &[u8], wrong: CommandError) -> Result<Option<MessageNumber>, CommandError> {
    if end(input).is_ok() { Ok(None) } else { one_number(input, wrong).map(Some) }
}

/// `1*SP message-number 1*SP 1*DIGIT`; more lines than fit 32 bits are all lines.
fn top(input: &[u8], wrong: CommandError) -> Result<Command<'_>, CommandError> {
    let (rest, number) = digits(input).map_err(|_| wrong)?;
    let (rest, lines) = digits(rest).map_err(|_| wrong)?;
    end(rest).map_err(|_| wrong)?;
    let lines = decimal(lines).and_then(|lines| u32::try_from(lines).ok()).unwrap_or(u32::MAX);
    Ok(Command::Top { number: message_number(number, wrong)?, lines })
}

/// `SP 1*text`: everything behind one space, spaces included; UTF-8, no controls.
fn text(input: &[u8]) -> Option<&str> {
    let text = input.strip_prefix(b" ")?;
    let text = core::str::from_utf8(text).ok().filter(|text| !text.is_empty())?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// `1*SP name SP digest`; the digest is the last word.
fn apop(input: &[u8]) -> Option<Command<'_>> {
    let (_, arguments) = preceded(spaces1, rest::<_, nom::error::Error<_>>).parse(input).ok()?;
    let arguments = super::primitives::trim_end(arguments);
    let at = memchr::memrchr(b' ', arguments)?;
    let (name, digest) = (arguments.get(..at)?, arguments.get(at.checked_add(1)?..)?);
    let name = core::str::from_utf8(super::primitives::trim_end(name)).ok()?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return None;
    }
    Some(Command::Apop { name: Cow::Borrowed(name), digest: digest_from_hex(digest)? })
}

/// 32 hexadecimal digits, in either case.
fn digest_from_hex(hex: &[u8]) -> Option<[u8; 16]> {
    let mut digest = [0; 16];
    if hex.len() != 32 {
        return None;
    }
    for (octet, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *octet = pair.iter().try_fold(0u8, |value, &digit| {
            let digit = char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
            value.checked_mul(16)?.checked_add(digit)
        })?;
    }
    Some(digest)
}

/// `[1*SP mechanism [1*SP initial-response]]`, RFC 5034 section 5; alone it asks for the mechanisms.
fn auth(input: &[u8], wrong: CommandError) -> Result<Command<'_>, CommandError> {
    if end(input).is_ok() {
        return Ok(Command::AuthList);
    }
    let (rest, mechanism) = preceded(spaces1, visible1).parse(input).map_err(|_| wrong)?;
    let mechanism = Mechanism::new(mechanism).map_err(|_| wrong)?;
    let (rest, response) = opt(preceded(spaces1, visible1)).parse(rest).map_err(|_| wrong)?;
    end(rest).map_err(|_| wrong)?;
    let initial_response = match response {
        None => None,
        Some("=") => Some(Secret::new(Cow::Borrowed(&[][..]))),
        Some(text) => {
            let decoded = base64(text.as_bytes()).ok_or(CommandError::BadBase64)?;
            Some(Secret::new(Cow::Owned(decoded)))
        }
    };
    Ok(Command::Auth { mechanism, initial_response })
}

/// `[1*SP lang-tag]`, RFC 6856 section 3.
fn lang(input: &[u8]) -> Option<Command<'_>> {
    if end(input).is_ok() {
        return Some(Command::Lang(None));
    }
    let (rest, tag) = preceded(spaces1, visible1).parse(input).ok()?;
    end(rest).ok()?;
    LanguageTag::new(tag).ok().map(|tag| Command::Lang(Some(tag)))
}
