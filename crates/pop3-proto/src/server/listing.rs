use super::{MarkedMaildrop, Server};
use crate::{
    encode,
    types::{MessageNumber, ScanListing, UniqueIdListing},
};
use alloc::vec::Vec;

/// A listing that is made as it is drained: however many messages, it holds this much.
const CHUNK: usize = 8 * 1024;

/// LIST or UIDL without an argument, on its way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    pub(super) kind: ListingKind,
    /// The first message not yet listed; `None` once the termination line is queued.
    pub(super) next: Option<MessageNumber>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListingKind {
    Scan,
    UniqueIds,
}

impl ListingKind {
    /// Appends the line of one visible message; false when there is none with this number.
    pub(super) fn line(self, maildrop: &MarkedMaildrop, number: MessageNumber, out: &mut Vec<u8>) -> bool {
        let Some(info) = maildrop.visible(number) else { return false };
        match self {
            Self::Scan => encode::scan_listing(ScanListing { number, size: info.size }, out),
            Self::UniqueIds => {
                let unique_id = info.unique_id.as_listed();
                encode::unique_id_listing(&UniqueIdListing { number, unique_id }, out);
            }
        }
        true
    }
}

impl Server {
    pub(super) fn refill_listing(&mut self) {
        let (Some(listing), Some(maildrop)) = (&mut self.listing, &self.maildrop) else { return };
        let out = self.out.queue();
        if out.capacity() < CHUNK {
            // One size, so that the buffer is not doubled past the bound.
            out.reserve_exact(CHUNK.saturating_add(128));
        }
        while out.len() < CHUNK {
            let Some((number, _)) = listing.next.and_then(|from| maildrop.next_visible(from)) else {
                out.extend_from_slice(b".\r\n");
                self.listing = None;
                return;
            };
            listing.kind.line(maildrop, number, out);
            listing.next = number.value().checked_add(1).and_then(|next| MessageNumber::new(next).ok());
        }
    }
}
