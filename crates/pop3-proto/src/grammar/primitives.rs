//! Rules that the other parsers share.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nom::{
    IResult, Parser,
    bytes::complete::{take_while, take_while1},
    character::complete::digit1,
    combinator::map_opt,
};

/// `1*SP`
pub(super) fn spaces1(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|octet| octet == b' ').parse(input)
}

/// `*SP`
pub(super) fn spaces0(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(|octet| octet == b' ').parse(input)
}

/// `1*VCHAR`: visible octets, no space.
pub(super) fn visible1(input: &[u8]) -> IResult<&[u8], &str> {
    map_opt(take_while1(|octet: u8| octet.is_ascii_graphic()), |word| core::str::from_utf8(word).ok())
        .parse(input)
}

/// `1*DIGIT`, or nothing where the value does not fit 64 bits.
pub(super) fn number(input: &[u8]) -> IResult<&[u8], u64> {
    map_opt(digit1, decimal).parse(input)
}

/// The value of decimal digits, unless it does not fit.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = char::from(digit).to_digit(10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Strict base64: standard alphabet, padding where it belongs, no other octet. RFC 5034 section 4.
pub(super) fn base64(text: &[u8]) -> Option<alloc::vec::Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// `[line]` without the spaces at its end, which peers leave there.
pub(super) const fn trim_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' '] = line {
        line = rest;
    }
    line
}
