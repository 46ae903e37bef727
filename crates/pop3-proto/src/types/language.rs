use alloc::borrow::Cow;
use core::fmt;

use super::{InvalidValue, check_length, check_octets};

/// A language tag as LANG carries it, or `*` for the server's choice. RFC 6856 section 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageTag<'a>(Cow<'a, str>);

impl<'a> LanguageTag<'a> {
    /// Makes a language tag: `*`, or letters, digits and `-`, at most 35 octets (RFC 5646 section 4.4).
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the length is not 1 to 35 octets or an octet is not of the set.
    pub fn new(tag: impl Into<Cow<'a, str>>) -> Result<Self, InvalidValue> {
        let tag = tag.into();
        if tag != "*" {
            check_length(tag.len(), 1, 35)?;
            check_octets(tag.as_bytes(), |octet| octet.is_ascii_alphanumeric() || octet == b'-')?;
        }
        Ok(Self(tag))
    }

    /// The tag as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same tag, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> LanguageTag<'static> {
        LanguageTag(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for LanguageTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of the LANG listing: a tag, and its description in that language. RFC 6856 section 3.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language<'a> {
    /// The tag to send back with LANG.
    pub tag: LanguageTag<'a>,
    /// For humans; may be empty.
    pub description: Cow<'a, str>,
}

impl Language<'_> {
    /// The same line, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Language<'static> {
        Language { tag: self.tag.into_owned(), description: Cow::Owned(self.description.into_owned()) }
    }
}
