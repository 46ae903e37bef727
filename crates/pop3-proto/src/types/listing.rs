use super::{ListedUniqueId, MessageNumber, Octets};

/// STAT's `nn mm`: how many messages are not marked as deleted, and their octets. RFC 1939 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropListing {
    /// Messages not marked as deleted.
    pub count: u32,
    /// Their sizes added up.
    pub size: Octets,
}

/// One line of LIST: a message's number and size. RFC 1939 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanListing {
    /// The message.
    pub number: MessageNumber,
    /// Its size. From a peer this is a hint, never a promise.
    pub size: Octets,
}

/// One line of UIDL: a message's number and unique-id. RFC 1939 section 7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueIdListing<'a> {
    /// The message.
    pub number: MessageNumber,
    /// Its unique-id, as the peer wrote it.
    pub unique_id: ListedUniqueId<'a>,
}

impl UniqueIdListing<'_> {
    /// The same listing, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> UniqueIdListing<'static> {
        UniqueIdListing { number: self.number, unique_id: self.unique_id.into_owned() }
    }
}
