use core::{fmt, num::NonZeroU32};

use super::InvalidValue;

/// The number of a message in this session: 1 for the first. RFC 1939 section 4.
///
/// There is no message 0, and numbers never shift while the session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(NonZeroU32);

impl MessageNumber {
    /// The first message of a maildrop.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Makes a message-number.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::Zero`] when `number` is 0.
    pub const fn new(number: u32) -> Result<Self, InvalidValue> {
        match NonZeroU32::new(number) {
            Some(number) => Ok(Self(number)),
            None => Err(InvalidValue::Zero),
        }
    }

    /// The number of the message that stands at `index`, counted from 0, in message-number order.
    ///
    /// # Errors
    ///
    /// [`InvalidValue::TooLarge`] when the number would not fit 32 bits.
    pub fn from_index(index: usize) -> Result<Self, InvalidValue> {
        let number = index.checked_add(1).and_then(|number| u32::try_from(number).ok());
        number.map_or(Err(InvalidValue::TooLarge), Self::new)
    }

    /// The number as it goes on the wire.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0.get()
    }

    /// Where the message stands in a slice in message-number order, counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        // A NonZeroU32 is at least 1, and usize has at least 32 bits wherever this core is used.
        (self.0.get() as usize).saturating_sub(1)
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A size in octets as the wire counts it: a line end is two octets, byte-stuffing does not count.
/// RFC 1939 section 11.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(pub u64);

impl Octets {
    /// The sum, or the largest value where the sum does not fit 64 bits.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or 0 where `other` is the larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: P-1939-14
    #[test]
    fn there_is_no_message_zero() {
        assert_eq!(MessageNumber::new(0), Err(InvalidValue::Zero));
        assert_eq!(MessageNumber::new(1), Ok(MessageNumber::FIRST));
        assert_eq!(MessageNumber::FIRST.index(), 0);
        assert_eq!(MessageNumber::from_index(41).map(MessageNumber::value), Ok(42));
    }
}
