//! Values of the protocol that cannot be wrong once they exist.
//!
//! Each type has a checking constructor and lends its content out; none has a setter.

mod capability;
mod command;
mod language;
mod listing;
mod mechanism;
mod number;
mod response;
mod secret;
mod unique_id;

pub use capability::{Capability, Expire};
pub use command::{Command, Keyword};
pub use language::{Language, LanguageTag};
pub use listing::{DropListing, ScanListing, UniqueIdListing};
pub use mechanism::Mechanism;
pub use number::{MessageNumber, Octets};
pub use response::{Response, ResponseCode, Status};
pub use secret::{Secret, Wipe};
pub use unique_id::{ListedUniqueId, UniqueId};

/// Why a value was refused by its constructor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidValue {
    /// The value is too short or too long.
    #[error("has {got} octets where {min} to {max} are allowed")]
    Length {
        /// Fewest octets allowed.
        min: usize,
        /// Most octets allowed.
        max: usize,
        /// Octets that were given.
        got: usize,
    },
    /// The value holds an octet that the protocol does not allow there.
    #[error("holds the octet 0x{octet:02x} at offset {at}, which is not allowed there")]
    Octet {
        /// The offending octet.
        octet: u8,
        /// Its offset, in octets from the start.
        at: usize,
    },
    /// The number is 0 where numbers start at 1.
    #[error("is 0 where numbers start at 1")]
    Zero,
    /// The number does not fit.
    #[error("is larger than the protocol can carry")]
    TooLarge,
}

/// Refuses the first octet for which `is_allowed` is false.
pub(crate) fn check_octets(octets: &[u8], is_allowed: impl Fn(u8) -> bool) -> Result<(), InvalidValue> {
    match octets.iter().enumerate().find(|(_, octet)| !is_allowed(**octet)) {
        Some((at, &octet)) => Err(InvalidValue::Octet { octet, at }),
        None => Ok(()),
    }
}

/// Refuses a length outside `min..=max`.
pub(crate) const fn check_length(got: usize, min: usize, max: usize) -> Result<(), InvalidValue> {
    if got < min || got > max { Err(InvalidValue::Length { min, max, got }) } else { Ok(()) }
}
