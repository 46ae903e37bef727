//! Byte-stuffing as a stream transform, both directions without a copy and without holding a message.
//! RFC 1939 section 3.
//!
//! [`BodyDecoder`] turns what comes after the `+OK` of a multi-line response into the content;
//! [`BodyEncoder`] turns a stored message into what goes on the wire, with CRLF line ends;
//! [`OctetCounter`] says how long that will be, as LIST counts it.

mod count;
mod decode;
mod encode;

pub use count::OctetCounter;
pub use decode::{BodyDecoder, BodyPiece, LineEnds};
pub use encode::{BodyEncoder, Encode};

/// The octet that ends a multi-line response when it stands alone on a line. RFC 1939 section 3.
pub const TERMINATION_OCTET: u8 = b'.';

#[cfg(test)]
mod tests;
