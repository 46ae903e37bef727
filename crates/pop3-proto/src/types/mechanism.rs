use alloc::borrow::Cow;
use core::{fmt, hash};

use super::{InvalidValue, check_length, check_octets};

/// The name of a SASL mechanism: 1 to 20 octets of `A-Z 0-9 - _`. RFC 4422 section 3.1.
///
/// Lower case is accepted and kept; two names are equal when they differ in case alone.
#[derive(Debug, Clone)]
pub struct Mechanism<'a>(Cow<'a, str>);

impl<'a> Mechanism<'a> {
    /// Makes a mechanism name.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the length is not 1 to 20 octets or an octet is not of the set.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Result<Self, InvalidValue> {
        let name = name.into();
        check_length(name.len(), 1, 20)?;
        check_octets(name.as_bytes(), |octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))?;
        Ok(Self(name))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same name, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Mechanism<'static> {
        Mechanism(Cow::Owned(self.0.into_owned()))
    }
}

impl PartialEq for Mechanism<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Mechanism<'_> {}

impl hash::Hash for Mechanism<'_> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        for octet in self.0.bytes() {
            octet.to_ascii_uppercase().hash(state);
        }
    }
}

impl fmt::Display for Mechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
