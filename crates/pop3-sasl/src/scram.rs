//! SCRAM (RFC 5802, RFC 7677): what its two sides share. The sides are in `client` and `server`.

mod credentials;
mod decoy;
mod message;
mod nonce;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use credentials::{CredentialsError, ScramCredentials};
pub use decoy::Decoy;
pub use nonce::{InvalidNonce, Nonce};

pub(crate) use message::{ClientFinal, ClientFirst, ServerFinal, ServerFirst};

use crate::Mechanism;
use crate::crypto::{hmac, xor};

/// The least iteration count RFC 5802 section 5.1 and RFC 7677 section 4 allow.
pub const ITERATIONS_MIN: u32 = 4096;

/// Octets in `wire` form, base64 with padding and nothing else.
pub(crate) fn encode_base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// The inverse; anything but canonical base64 is refused.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// The hash function a SCRAM mechanism is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScramHash {
    /// RFC 5802.
    Sha1,
    /// RFC 7677.
    Sha256,
}

impl ScramHash {
    /// The hash of a mechanism, if it is a SCRAM mechanism.
    #[must_use]
    pub const fn of(mechanism: Mechanism) -> Option<Self> {
        match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Some(Self::Sha1),
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The mechanism without channel binding that uses this hash.
    #[must_use]
    pub const fn mechanism(self) -> Mechanism {
        match self {
            Self::Sha1 => Mechanism::ScramSha1,
            Self::Sha256 => Mechanism::ScramSha256,
        }
    }

    /// How long a digest is, in octets.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    pub(crate) fn hash(self, octets: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => Sha1::digest(octets).to_vec(),
            Self::Sha256 => Sha256::digest(octets).to_vec(),
        })
    }

    pub(crate) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha1 => hmac::<Sha1>(key, parts),
            Self::Sha256 => hmac::<Sha256>(key, parts),
        }
    }

    /// `Hi` of RFC 5802 section 2.2, which is PBKDF2 with one block.
    fn salt_password(self, password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        let mut salted = Zeroizing::new(vec![0; self.length()]);
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut salted),
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted),
        }
        salted
    }
}

/// The keys made from a password (RFC 5802 section 3).
pub(crate) struct Keys {
    client: Zeroizing<Vec<u8>>,
    pub(crate) stored: Zeroizing<Vec<u8>>,
    pub(crate) server: Zeroizing<Vec<u8>>,
}

impl Keys {
    /// The expensive step; `password` is prepared already.
    pub(crate) fn derive(hash: ScramHash, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = hash.salt_password(password, salt, iterations);
        let client = hash.hmac(&salted, &[b"Client Key"]);
        let server = hash.hmac(&salted, &[b"Server Key"]);
        let stored = hash.hash(&client);
        Self { client, stored, server }
    }

    /// `ClientProof := ClientKey XOR ClientSignature`.
    pub(crate) fn proof(&self, hash: ScramHash, auth_message: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        xor(&self.client, &hash.hmac(&self.stored, auth_message))
    }
}
