//! SASLprep (RFC 4013), for what is stored and for what is compared with it.

use std::borrow::Cow;

use stringprep::{saslprep, tables};

/// Why a name or a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Nothing is left, or nothing was there.
    #[error("it is empty, or made only of characters that do not count")]
    Empty,
    /// A control character, a mix of writing directions, or another character SASLprep forbids.
    #[error("it holds a character, or a mix of writing directions, that SASLprep (RFC 4013) forbids")]
    Prohibited,
    /// A stored string must not hold characters that Unicode 3.2 did not know (RFC 3454 section 7).
    #[error(
        "it holds a character newer than Unicode 3.2, which SASLprep (RFC 4013) forbids in what is stored"
    )]
    Unassigned,
}

/// Prepares a name or password that is about to be stored (RFC 4013, "stored string").
///
/// # Errors
///
/// [`PrepareError`] if SASLprep refuses the text, or if nothing is left of it.
///
/// ```
/// use pop3_sasl::{PrepareError, prepare_stored};
/// assert_eq!(prepare_stored("I\u{AD}X").unwrap(), "IX");
/// assert_eq!(prepare_stored("\u{AD}"), Err(PrepareError::Empty));
/// ```
pub fn prepare_stored(text: &str) -> Result<Cow<'_, str>, PrepareError> {
    if text.contains(tables::unassigned_code_point) {
        return Err(PrepareError::Unassigned);
    }
    is_not_empty(saslprep(text).map_err(|_| PrepareError::Prohibited)?)
}

/// Prepares a name or password that somebody typed or sent (RFC 4013, "query string").
///
/// Unlike in a stored string, characters that Unicode 3.2 did not know are let through unchanged.
///
/// # Errors
///
/// [`PrepareError`] if SASLprep refuses the text, or if nothing is left of it.
pub fn prepare_query(text: &str) -> Result<Cow<'_, str>, PrepareError> {
    if !text.contains(tables::unassigned_code_point) {
        return is_not_empty(saslprep(text).map_err(|_| PrepareError::Prohibited)?);
    }
    // To Unicode 3.2 an unassigned code point neither combines nor decomposes, so the runs between such
    // code points can be prepared one by one; only the rule on writing directions looks at the whole.
    let mut prepared = String::with_capacity(text.len());
    for piece in text.split_inclusive(tables::unassigned_code_point) {
        let known = piece.trim_end_matches(tables::unassigned_code_point);
        prepared.push_str(&saslprep(known).map_err(|_| PrepareError::Prohibited)?);
        prepared.push_str(piece.strip_prefix(known).unwrap_or_default());
    }
    if !is_direction_valid(&prepared) {
        return Err(PrepareError::Prohibited);
    }
    is_not_empty(Cow::Owned(prepared))
}

/// RFC 3454 section 6: right-to-left text begins and ends so, and holds nothing left-to-right.
fn is_direction_valid(text: &str) -> bool {
    if !text.contains(tables::bidi_r_or_al) {
        return true;
    }
    let at_both_ends = text.starts_with(tables::bidi_r_or_al) && text.ends_with(tables::bidi_r_or_al);
    at_both_ends && !text.contains(tables::bidi_l)
}

fn is_not_empty(text: Cow<'_, str>) -> Result<Cow<'_, str>, PrepareError> {
    if text.is_empty() { Err(PrepareError::Empty) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The examples of RFC 4013 section 3.
    // Conformance: S-4616-04, C-5802-05, S-5034-15
    #[test]
    fn examples_of_the_rfc() {
        for (input, want) in [
            ("I\u{AD}X", Ok("IX")),
            ("user", Ok("user")),
            ("USER", Ok("USER")),
            ("\u{AA}", Ok("a")),
            ("\u{2168}", Ok("IX")),
            ("\u{07}", Err(PrepareError::Prohibited)),
            ("\u{627}\u{31}", Err(PrepareError::Prohibited)),
            ("\u{AD}", Err(PrepareError::Empty)),
            ("", Err(PrepareError::Empty)),
            ("\0", Err(PrepareError::Prohibited)),
            ("a\u{A0}b", Ok("a b")),
            // The vulgar fraction one half: 1, fraction slash, 2.
            ("\u{BD}", Ok("1\u{2044}2")),
        ] {
            assert_eq!(prepare_query(input).as_deref(), want.as_ref().map(|s| &**s), "{input:?}");
            assert_eq!(prepare_stored(input).as_deref(), want.as_ref().map(|s| &**s), "{input:?}");
        }
    }

    // Conformance: C-5802-05
    #[test]
    fn newer_characters_pass_in_a_query_only() {
        let emoji = "\u{AA}\u{1F600}\u{1F600}\u{AD}b\u{BD}";
        assert_eq!(prepare_query(emoji).unwrap(), "a\u{1F600}\u{1F600}b1\u{2044}2");
        assert_eq!(prepare_query("\u{1F600}").unwrap(), "\u{1F600}");
        assert_eq!(prepare_stored(emoji), Err(PrepareError::Unassigned));
        assert_eq!(prepare_query("\u{1F600}\u{07}"), Err(PrepareError::Prohibited));
        // Right-to-left text that is cut by a newer character still counts as a whole.
        assert_eq!(prepare_query("\u{5D0}\u{1F600}a"), Err(PrepareError::Prohibited));
        assert_eq!(prepare_query("\u{5D0}\u{1F600}\u{5D0}").unwrap(), "\u{5D0}\u{1F600}\u{5D0}");
    }

    #[test]
    fn control_characters_and_private_use_are_refused() {
        for text in ["a\nb", "a\u{7F}", "\u{E000}", "\u{FFFE}", "\u{200E}", "\u{E0001}"] {
            assert_eq!(prepare_query(text), Err(PrepareError::Prohibited), "{text:?}");
        }
    }
}
