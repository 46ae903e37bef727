//! Credentials for users that do not exist.

use std::fmt;

use sha2::Sha256;

use super::{ScramCredentials, ScramHash};
use crate::Secret;
use crate::crypto::hmac;

/// Makes up credentials for unknown users, always the same for the same name, so that a prober who asks
/// twice sees the same salt and the same iteration count as a real user would show (RFC 5802 section 7 allows
/// an error here, which would tell).
///
/// ```
/// use pop3_sasl::Decoy;
/// let decoy = Decoy::new(b"a random secret that outlives restarts", 16384, 16);
/// # let _ = decoy;
/// ```
#[derive(Clone)]
pub struct Decoy {
    secret: Secret,
    iterations: u32,
    salt_length: usize,
    is_case_ignored: bool,
}

impl Decoy {
    /// `secret` should be random and survive a restart, otherwise the salt changes where a real one would
    /// not. `iterations` and `salt_length` (octets, at most 255) have to be those that users have.
    #[must_use]
    pub fn new(secret: &[u8], iterations: u32, salt_length: usize) -> Self {
        Self {
            secret: Secret::from(secret),
            iterations,
            salt_length: salt_length.clamp(1, 255),
            is_case_ignored: false,
        }
    }

    /// For a server that finds `alice` under `ALICE` too: then the decoy must not differ by case either.
    #[must_use]
    pub fn ignoring_case(mut self) -> Self {
        self.is_case_ignored = true;
        self
    }

    /// A number for a name that is the same as long as the secret is, and that nobody without the secret can guess: to
    /// choose something for a name.
    #[must_use]
    pub fn choice(&self, name: &str) -> u64 {
        let made = hmac::<Sha256>(&self.secret, &[b"choice\0", name.as_bytes()]);
        made.iter().take(8).fold(0, |number, octet| number << 8 | u64::from(*octet))
    }

    /// The same with other parameters.
    #[must_use]
    pub fn with_parameters(&self, iterations: u32, salt_length: usize) -> Self {
        Self { iterations, salt_length: salt_length.clamp(1, 255), ..self.clone() }
    }

    pub(crate) fn credentials(&self, hash: ScramHash, name: &str) -> ScramCredentials {
        let name = if self.is_case_ignored { name.to_lowercase() } else { name.to_owned() };
        let make = |label: &[u8], length| {
            let mut parts = vec![label, b"\0", hash.mechanism().name().as_bytes(), b"\0", name.as_bytes()];
            let mut made = hmac::<Sha256>(&self.secret, &parts);
            parts.push(b"\0more");
            while made.len() < length {
                made.extend_from_slice(&hmac::<Sha256>(&self.secret, &parts));
                parts.push(b"\0more");
            }
            made.truncate(length);
            made
        };
        ScramCredentials {
            hash,
            iterations: self.iterations,
            salt: make(b"salt", self.salt_length).to_vec(),
            stored_key: make(b"stored key", hash.length()),
            server_key: make(b"server key", hash.length()),
        }
    }
}

impl fmt::Debug for Decoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoy")
            .field("iterations", &self.iterations)
            .field("salt_length", &self.salt_length)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: S-5802-08
    #[test]
    fn stable_per_name_hash_and_secret() {
        let decoy = Decoy::new(b"secret", 5000, 16);
        let make = |name| decoy.credentials(ScramHash::Sha256, name);
        assert_eq!(make("bob").to_stored(), make("bob").to_stored());
        assert_ne!(make("bob").salt(), make("bobby").salt());
        assert_ne!(make("bob").salt(), make("BOB").salt());
        assert_ne!(make("bob").salt(), decoy.credentials(ScramHash::Sha1, "bob").salt());
        assert_ne!(
            make("bob").salt(),
            Decoy::new(b"other", 5000, 16).credentials(ScramHash::Sha256, "bob").salt()
        );
        assert_eq!((make("bob").salt().len(), make("bob").iterations()), (16, 5000));
        assert_eq!(decoy.with_parameters(4096, 100).credentials(ScramHash::Sha256, "bob").salt().len(), 100);
        assert_eq!(
            (decoy.choice("bob"), decoy.choice("bob") == decoy.choice("eve")),
            (decoy.choice("bob"), false)
        );
        // What was made up is well-formed, as real credentials are.
        assert!(make("bob").to_stored().parse::<ScramCredentials>().is_ok());

        let lax = Decoy::new(b"secret", 5000, 16).ignoring_case();
        assert_eq!(
            lax.credentials(ScramHash::Sha1, "bob").salt(),
            lax.credentials(ScramHash::Sha1, "BOB").salt()
        );
    }
}
