use alloc::{sync::Arc, vec, vec::Vec};

use crate::types::{DropListing, MessageNumber, Octets, UniqueId};

/// One message as it was when the lock was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageInfo {
    /// The octets that RETR will send, without byte-stuffing. RFC 1939 section 11.
    pub size: Octets,
    /// Persists across sessions. RFC 1939 section 7.
    pub unique_id: UniqueId<'static>,
}

/// The maildrop as it was when the lock was taken: sizes and unique-ids, in message-number order.
///
/// A clone shares the snapshot.
#[derive(Debug, Clone)]
pub struct Maildrop {
    messages: Arc<[MessageInfo]>,
}

impl Maildrop {
    /// A snapshot of these messages; the first is message-number 1.
    ///
    /// Messages beyond the 4,294,967,295 that message-numbers can count are left out.
    pub fn new(messages: impl Into<Arc<[MessageInfo]>>) -> Self {
        Self { messages: messages.into() }
    }

    /// All messages, in message-number order.
    #[must_use]
    pub fn messages(&self) -> &[MessageInfo] {
        &self.messages
    }
}

impl FromIterator<MessageInfo> for Maildrop {
    fn from_iter<I: IntoIterator<Item = MessageInfo>>(messages: I) -> Self {
        Self { messages: messages.into_iter().collect() }
    }
}

/// Message-numbers marked as deleted, ascending. Only the UPDATE state hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletions(Vec<MessageNumber>);

impl Deletions {
    /// The numbers, ascending.
    #[must_use]
    pub fn numbers(&self) -> &[MessageNumber] {
        &self.0
    }

    /// Whether nothing was marked.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Message-numbers whose whole text was sent with RETR, ascending; TOP does not count.
/// Only the UPDATE state hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieved(Vec<MessageNumber>);

impl Retrieved {
    /// The numbers, ascending.
    #[must_use]
    pub fn numbers(&self) -> &[MessageNumber] {
        &self.0
    }
}

/// A snapshot with this session's marks on it.
#[derive(Debug)]
pub(super) struct MarkedMaildrop {
    maildrop: Maildrop,
    marked: Marks,
    retrieved: Marks,
    /// What STAT says: kept, not counted again each time.
    listing: DropListing,
    /// What STAT says when nothing is marked.
    whole: DropListing,
}

impl MarkedMaildrop {
    pub(super) fn new(maildrop: Maildrop) -> Self {
        let nothing = DropListing { count: 0, size: Octets(0) };
        let whole = maildrop.messages.iter().fold(nothing, |all, info| DropListing {
            count: all.count.saturating_add(1),
            size: all.size.saturating_add(info.size),
        });
        let marks = || Marks::new(maildrop.messages.len());
        Self { marked: marks(), retrieved: marks(), listing: whole, whole, maildrop }
    }

    /// The message with this number, unless there is none or it is marked as deleted.
    ///
    /// Every command looks messages up here and nowhere else.
    pub(super) fn visible(&self, number: MessageNumber) -> Option<&MessageInfo> {
        let info = self.maildrop.messages.get(number.index())?;
        (!self.marked.contains(number)).then_some(info)
    }

    /// The first message that is not marked, at `from` or behind it.
    pub(super) fn next_visible(&self, from: MessageNumber) -> Option<(MessageNumber, &MessageInfo)> {
        let mut index = from.index();
        loop {
            let number = MessageNumber::from_index(index).ok()?;
            let info = self.maildrop.messages.get(index)?;
            if !self.marked.contains(number) {
                return Some((number, info));
            }
            index = index.checked_add(1)?;
        }
    }

    /// Marks a message; false when there is nothing to mark.
    pub(super) fn mark(&mut self, number: MessageNumber) -> bool {
        let Some(size) = self.visible(number).map(|info| info.size) else { return false };
        self.marked.insert(number);
        self.listing.count = self.listing.count.saturating_sub(1);
        self.listing.size = self.listing.size.saturating_sub(size);
        true
    }

    /// Takes every mark away.
    pub(super) fn reset(&mut self) {
        self.marked.clear();
        self.listing = self.whole;
    }

    pub(super) fn note_retrieved(&mut self, number: MessageNumber) {
        self.retrieved.insert(number);
    }

    pub(super) const fn drop_listing(&self) -> DropListing {
        self.listing
    }

    /// What UPDATE has to make real.
    pub(super) fn into_changes(self) -> (Deletions, Retrieved) {
        (Deletions(self.marked.numbers()), Retrieved(self.retrieved.numbers()))
    }
}

/// A set of message-numbers, one bit each.
#[derive(Debug)]
struct Marks(Vec<u64>);

impl Marks {
    fn new(messages: usize) -> Self {
        Self(vec![0; messages.div_ceil(64)])
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }

    const fn place(number: MessageNumber) -> (usize, u64) {
        let index = number.index();
        (index / 64, 1 << (index % 64))
    }

    fn contains(&self, number: MessageNumber) -> bool {
        let (word, bit) = Self::place(number);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn insert(&mut self, number: MessageNumber) {
        let (word, bit) = Self::place(number);
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= bit;
        }
    }

    fn numbers(&self) -> Vec<MessageNumber> {
        let indices = self.0.iter().enumerate().flat_map(|(word, bits)| {
            (0..64usize)
                .filter(move |bit| bits & (1 << bit) != 0)
                .map(move |bit| word.saturating_mul(64).saturating_add(bit))
        });
        indices.filter_map(|index| MessageNumber::from_index(index).ok()).collect()
    }
}
