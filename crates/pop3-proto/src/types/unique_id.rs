use alloc::borrow::Cow;
use core::fmt;

use super::{InvalidValue, check_length, check_octets};

/// A message's unique-id: 1 to 70 octets, each in 0x21..=0x7E. RFC 1939 section 7.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId<'a>(Cow<'a, str>);

impl<'a> UniqueId<'a> {
    /// The most octets a unique-id may have.
    pub const MAX: usize = 70;

    /// Makes a unique-id that a server may send.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the length is not 1 to 70 octets or an octet is outside 0x21..=0x7E.
    pub fn new(id: impl Into<Cow<'a, str>>) -> Result<Self, InvalidValue> {
        let id = id.into();
        check_length(id.len(), 1, Self::MAX)?;
        check_octets(id.as_bytes(), |octet| octet.is_ascii_graphic())?;
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same id as a peer would see it listed.
    #[must_use]
    pub fn as_listed(&self) -> ListedUniqueId<'_> {
        ListedUniqueId(Cow::Borrowed(self.0.as_bytes()))
    }

    /// The same id, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> UniqueId<'static> {
        UniqueId(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for UniqueId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A unique-id as a peer listed it: opaque octets, 1 to 512 of them, without controls.
///
/// Servers in the field list ids that are longer than 70 octets, hold 8-bit octets or spaces. A client
/// keeps them as they came, compares them octet by octet, and never makes a path of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListedUniqueId<'a>(Cow<'a, [u8]>);

impl<'a> ListedUniqueId<'a> {
    /// The most octets accepted from a peer.
    pub const MAX: usize = 512;

    /// Takes an id as a peer listed it.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when the length is not 1 to 512 octets or a control octet is in it.
    pub fn new(id: impl Into<Cow<'a, [u8]>>) -> Result<Self, InvalidValue> {
        let id = id.into();
        check_length(id.len(), 1, Self::MAX)?;
        check_octets(&id, |octet| !octet.is_ascii_control())?;
        Ok(Self(id))
    }

    /// The octets of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id as RFC 1939 wants it, where the peer kept to that.
    #[must_use]
    pub fn conformant(&self) -> Option<UniqueId<'_>> {
        core::str::from_utf8(&self.0).ok().and_then(|id| UniqueId::new(id).ok())
    }

    /// The same id, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> ListedUniqueId<'static> {
        ListedUniqueId(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> From<UniqueId<'a>> for ListedUniqueId<'a> {
    fn from(id: UniqueId<'a>) -> Self {
        Self(match id.0 {
            Cow::Borrowed(id) => Cow::Borrowed(id.as_bytes()),
            Cow::Owned(id) => Cow::Owned(id.into_bytes()),
        })
    }
}

impl fmt::Debug for ListedUniqueId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListedUniqueId(\"{}\")", self.0.escape_ascii())
    }
}

/// Octets outside printable ASCII are shown escaped.
impl fmt::Display for ListedUniqueId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    // Conformance: S-1939-48
    #[test]
    fn unique_ids_are_one_to_seventy_visible_octets() {
        assert!(UniqueId::new("").is_err());
        assert!(UniqueId::new("a b").is_err());
        assert!(UniqueId::new("\u{e9}").is_err());
        assert!(UniqueId::new("x".repeat(71)).is_err());
        let widest: String = (0x21..=0x66u8).map(char::from).collect();
        assert_eq!(widest.len(), UniqueId::MAX);
        assert!(UniqueId::new(widest).is_ok());
    }

    // Conformance: C-PROV-07, A-81
    #[test]
    fn listed_unique_ids_are_opaque_within_bounds() {
        let odd = ListedUniqueId::new(&b"../\xff a"[..]).unwrap();
        assert_eq!(odd.conformant(), None);
        assert!(ListedUniqueId::new(&b"a\0"[..]).is_err());
        assert!(ListedUniqueId::new(alloc::vec![b'x'; 513]).is_err());
    }
}
