use alloc::{borrow::Cow, string::String};

use super::primitives::{decimal, spaces0, trim_end};
use crate::types::{Capability, Expire, Language, LanguageTag, Mechanism};

/// `capa-line = capa-tag *(SP capa-param)`, RFC 2449 section 3; tags in any case.
///
/// A known tag whose parameters make no sense is kept as [`Capability::Other`], as is an unknown one.
/// `None` for an empty line.
#[must_use]
pub fn capability(line: &[u8]) -> Option<Capability<'_>> {
    let (line, _) = spaces0(trim_end(line)).ok()?;
    let text = String::from_utf8_lossy(line);
    let mut words = words(line);
    let tag = words.next()?;
    let is = |name: &str| tag.eq_ignore_ascii_case(name.as_bytes());
    let known = if is("TOP") {
        Some(Capability::Top)
    } else if is("UIDL") {
        Some(Capability::Uidl)
    } else if is("USER") {
        Some(Capability::User)
    } else if is("STLS") {
        Some(Capability::Stls)
    } else if is("PIPELINING") {
        Some(Capability::Pipelining)
    } else if is("RESP-CODES") {
        Some(Capability::RespCodes)
    } else if is("AUTH-RESP-CODE") {
        Some(Capability::AuthRespCode)
    } else if is("LANG") {
        Some(Capability::Lang)
    } else if is("UTF8") {
        Some(Capability::Utf8 { user: words.any(|word| word.eq_ignore_ascii_case(b"USER")) })
    } else if is("SASL") {
        Some(Capability::Sasl(words.filter_map(mechanism).collect()))
    } else if is("EXPIRE") {
        expire(words)
    } else if is("LOGIN-DELAY") {
        login_delay(words)
    } else if is("IMPLEMENTATION") {
        Some(Capability::Implementation(rest_of(&text, tag.len())))
    } else {
        None
    };
    Some(known.unwrap_or(Capability::Other(text)))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&octet| octet == b' ').filter(|word| !word.is_empty())
}

fn mechanism(word: &[u8]) -> Option<Mechanism<'_>> {
    Mechanism::new(core::str::from_utf8(word).ok()?).ok()
}

/// `EXPIRE` SP (`NEVER` / days [SP `USER`]), RFC 2449 section 6.7.
fn expire<'i>(mut words: impl Iterator<Item = &'i [u8]>) -> Option<Capability<'i>> {
    let first = words.next()?;
    if first.eq_ignore_ascii_case(b"NEVER") {
        return Some(Capability::Expire(Expire::Never));
    }
    let days = u32::try_from(decimal(first)?).ok()?;
    let per_user = words.any(|word| word.eq_ignore_ascii_case(b"USER"));
    Some(Capability::Expire(if per_user { Expire::PerUser(days) } else { Expire::Days(days) }))
}

/// `LOGIN-DELAY` SP seconds [SP `USER`], RFC 2449 section 6.5.
fn login_delay<'i>(mut words: impl Iterator<Item = &'i [u8]>) -> Option<Capability<'i>> {
    let seconds = u32::try_from(decimal(words.next()?)?).ok()?;
    Some(Capability::LoginDelay { seconds, per_user: words.any(|word| word.eq_ignore_ascii_case(b"USER")) })
}

/// What stands behind the tag.
fn rest_of<'i>(text: &Cow<'i, str>, tag: usize) -> Cow<'i, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(tag..).unwrap_or_default().trim_start_matches(' ')),
        Cow::Owned(text) => Cow::Owned(text.get(tag..).unwrap_or_default().trim_start_matches(' ').into()),
    }
}

/// `lang-line = lang-tag [SP description]`, RFC 6856 section 3.2.
#[must_use]
pub fn language(line: &[u8]) -> Option<Language<'_>> {
    let mut words = line.splitn(2, |&octet| octet == b' ');
    let tag = LanguageTag::new(core::str::from_utf8(words.next()?).ok()?).ok()?;
    Some(Language { tag, description: String::from_utf8_lossy(words.next().unwrap_or_default()) })
}
