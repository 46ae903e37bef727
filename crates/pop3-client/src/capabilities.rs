//! What a server announced.

use pop3_proto::types::{Capability, Mechanism};

/// The answer to CAPA in one security context: before TLS, after it, and after login it may differ.
/// RFC 2449 section 5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    list: Vec<Capability<'static>>,
    is_known: bool,
}

impl Capabilities {
    pub(crate) const fn new(list: Vec<Capability<'static>>) -> Self {
        Self { list, is_known: true }
    }

    /// The server does not know CAPA: what it can do shows when it is used. RFC 2449 section 5.
    pub(crate) const fn unknown() -> Self {
        Self { list: Vec::new(), is_known: false }
    }

    /// Whether the server answered CAPA at all.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.is_known
    }

    /// What was announced, in the server's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Capability<'static>> {
        self.list.iter()
    }

    /// Whether exactly this was announced.
    #[must_use]
    pub fn contains(&self, capability: &Capability<'_>) -> bool {
        self.list.iter().any(|listed| listed == capability)
    }

    /// The SASL mechanisms that were announced.
    pub fn mechanisms(&self) -> impl Iterator<Item = &Mechanism<'static>> {
        self.list.iter().flat_map(|capability| match capability {
            Capability::Sasl(mechanisms) => mechanisms.as_slice(),
            _ => &[],
        })
    }
}

impl<'a> IntoIterator for &'a Capabilities {
    type Item = &'a Capability<'static>;
    type IntoIter = std::slice::Iter<'a, Capability<'static>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
