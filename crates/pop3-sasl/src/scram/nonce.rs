//! Nonces: the caller's randomness, in the only form SCRAM lets through.

use super::encode_base64;

/// A nonce: printable ASCII without a comma (RFC 5802 section 5.1), fresh for every exchange.
///
/// ```
/// use pop3_sasl::Nonce;
/// let random = [7; 18]; // From the system's random number generator, in earnest.
/// assert_eq!(Nonce::from_random(random).as_str(), "BwcHBwcHBwcHBwcHBwcHBwcH");
/// assert!(Nonce::new("a,b").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Box<str>);

/// The text cannot be a nonce: it is empty, or holds a comma or something that is not printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is one or more printable ASCII characters without a comma")]
pub struct InvalidNonce;

impl Nonce {
    /// Makes a nonce from 18 octets of a cryptographic random number generator.
    #[must_use]
    pub fn from_random(octets: [u8; 18]) -> Self {
        Self(encode_base64(&octets).into_boxed_str())
    }

    /// Takes a nonce as it is, for a caller with its own alphabet and for known answers.
    ///
    /// # Errors
    ///
    /// [`InvalidNonce`].
    pub fn new(text: &str) -> Result<Self, InvalidNonce> {
        if is_nonce(text) { Ok(Self(text.into())) } else { Err(InvalidNonce) }
    }

    /// The nonce as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}
