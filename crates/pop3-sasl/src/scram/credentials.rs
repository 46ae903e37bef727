//! What a server keeps of a password, and its text form.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{ITERATIONS_MIN, Keys, ScramHash, decode_base64, encode_base64};
use crate::{PrepareError, prepare_query, prepare_stored};

/// The most iterations a stored entry may ask for, the same as in Dovecot.
const STORED_ITERATIONS_MAX: u32 = i32::MAX as u32;

/// StoredKey, ServerKey, salt and iteration count of one user (RFC 5802 section 3).
///
/// The password cannot be read from them, but whoever has the ServerKey can pose as the server, so `Debug`
/// hides them.
///
/// ```
/// use pop3_sasl::{ScramCredentials, ScramHash};
/// let salt = *b"sixteen octets !"; // Random in earnest.
/// let stored = ScramCredentials::derive(ScramHash::Sha256, "pencil", &salt, 4096)?.to_stored();
/// assert!(stored.starts_with("{SCRAM-SHA-256}4096,c2l4dGVlbiBvY3RldHMgIQ==,"));
/// let read: ScramCredentials = stored.parse()?;
/// assert!(read.verify_password("pencil"));
/// # Ok::<(), pop3_sasl::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct ScramCredentials {
    pub(super) hash: ScramHash,
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Zeroizing<Vec<u8>>,
    pub(super) server_key: Zeroizing<Vec<u8>>,
}

/// Why no credentials could be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Not `{SCRAM-SHA-…}iterations,salt,stored key,server key`, the last three in base64.
    #[error(
        "the stored SCRAM entry is not of the form {{SCRAM-SHA-256}}iterations,salt,stored key,server key"
    )]
    Malformed,
    /// Fewer iterations than RFC 5802 allows, or more than anybody can want.
    #[error("{iterations} is no iteration count for SCRAM; choose at least 4096")]
    Iterations {
        /// What was asked for.
        iterations: u32,
    },
    /// The salt is empty.
    #[error("a SCRAM salt must not be empty; 16 random octets are usual")]
    EmptySalt,
    /// SASLprep refused the password.
    #[error("the password cannot be used: {0}")]
    Password(#[from] PrepareError),
}

impl ScramCredentials {
    /// Makes the credentials of a new password, which is prepared with SASLprep as a stored string.
    ///
    /// This is the expensive step by design: some milliseconds per ten thousand iterations.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] if the password, the salt or the iteration count cannot be used.
    pub fn derive(
        hash: ScramHash,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, CredentialsError> {
        check(salt, iterations)?;
        let password = Zeroizing::new(prepare_stored(password)?.into_owned());
        let keys = Keys::derive(hash, password.as_bytes(), salt, iterations);
        Ok(Self { hash, iterations, salt: salt.to_vec(), stored_key: keys.stored, server_key: keys.server })
    }

    /// Whether `password` is the one these credentials were made from, compared in constant time.
    ///
    /// With this a server that stores nothing but SCRAM credentials can answer PLAIN and PASS too.
    #[must_use]
    pub fn verify_password(&self, password: &str) -> bool {
        let Ok(password) = prepare_query(password).map(|prepared| Zeroizing::new(prepared.into_owned()))
        else {
            return false;
        };
        let keys = Keys::derive(self.hash, password.as_bytes(), &self.salt, self.iterations);
        keys.stored.ct_eq(&self.stored_key).into()
    }

    /// The entry for a users file, in Dovecot's form: `{SCRAM-SHA-256}iterations,salt,stored key,server key`.
    #[must_use]
    pub fn to_stored(&self) -> String {
        format!(
            "{{{}}}{},{},{},{}",
            self.hash.mechanism(),
            self.iterations,
            encode_base64(&self.salt),
            encode_base64(&self.stored_key),
            encode_base64(&self.server_key)
        )
    }

    /// The hash function the keys were made with.
    #[must_use]
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The iteration count.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The salt, in raw octets.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub(crate) fn stored_key(&self) -> &[u8] {
        &self.stored_key
    }

    pub(crate) fn server_key(&self) -> &[u8] {
        &self.server_key
    }
}

fn check(salt: &[u8], iterations: u32) -> Result<(), CredentialsError> {
    if salt.is_empty() {
        return Err(CredentialsError::EmptySalt);
    }
    if !(ITERATIONS_MIN..=STORED_ITERATIONS_MAX).contains(&iterations) {
        return Err(CredentialsError::Iterations { iterations });
    }
    Ok(())
}

/// Reads what [`ScramCredentials::to_stored`] wrote, or Dovecot's `doveadm pw -s SCRAM-SHA-256`.
impl FromStr for ScramCredentials {
    type Err = CredentialsError;

    fn from_str(stored: &str) -> Result<Self, CredentialsError> {
        let (scheme, fields) = stored
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .ok_or(CredentialsError::Malformed)?;
        let hash = [ScramHash::Sha1, ScramHash::Sha256]
            .into_iter()
            .find(|hash| hash.mechanism().name().eq_ignore_ascii_case(scheme))
            .ok_or(CredentialsError::Malformed)?;
        let [iterations, salt, stored_key, server_key] = fields
            .split(',')
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_: Vec<&str>| CredentialsError::Malformed)?;
        let iterations = iterations.parse().map_err(|_| CredentialsError::Malformed)?;
        let salt = decode_base64(salt).ok_or(CredentialsError::Malformed)?;
        check(&salt, iterations)?;
        let key = |text| {
            decode_base64(text)
                .map(Zeroizing::new)
                .filter(|key| key.len() == hash.length())
                .ok_or(CredentialsError::Malformed)
        };
        Ok(Self { hash, iterations, salt, stored_key: key(stored_key)?, server_key: key(server_key)? })
    }
}

impl fmt::Debug for ScramCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredentials")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: S-5802-06
    #[test]
    fn weak_parameters_are_refused() {
        let derive =
            |salt: &[u8], i| ScramCredentials::derive(ScramHash::Sha1, "pencil", salt, i).map(|_| ());
        assert_eq!(derive(b"salt", 4095), Err(CredentialsError::Iterations { iterations: 4095 }));
        assert_eq!(derive(b"salt", u32::MAX), Err(CredentialsError::Iterations { iterations: u32::MAX }));
        assert_eq!(derive(b"", 4096), Err(CredentialsError::EmptySalt));
        assert_eq!(derive(b"salt", 4096), Ok(()));
        assert_eq!(
            ScramCredentials::derive(ScramHash::Sha1, "\u{AD}", b"salt", 4096).map(|_| ()),
            Err(CredentialsError::Password(PrepareError::Empty))
        );
    }

    // Conformance: S-5802-06, S-5802-07
    #[test]
    fn the_text_form_is_read_strictly() {
        let made = ScramCredentials::derive(ScramHash::Sha1, "pencil", b"saltsalt", 4096).unwrap();
        let stored = made.to_stored();
        assert!(!stored.contains("pencil"));
        let read: ScramCredentials = stored.replace("{SCRAM-SHA-1}", "{scram-sha-1}").parse().unwrap();
        assert_eq!(read.to_stored(), stored);
        assert_eq!((read.hash(), read.iterations(), read.salt()), (ScramHash::Sha1, 4096, &b"saltsalt"[..]));
        assert!(read.verify_password("pencil") && read.verify_password("pen\u{AD}cil"));
        assert!(
            !read.verify_password("pencil ") && !read.verify_password("") && !read.verify_password("\u{7}")
        );
        for bad in [
            stored.replace("SHA-1", "SHA-256"), // keys of another length
            stored.replace("SHA-1", "SHA-512"),
            stored.replace("{SCRAM-SHA-1}4096", "{SCRAM-SHA-1}1000"),
            stored.replace("4096", "x"),
            format!("{stored},"),
            stored.replace('=', ""),
            stored.replace("{SCRAM-SHA-1}", ""),
            String::from("{SCRAM-SHA-1}"),
            String::new(),
        ] {
            assert!(bad.parse::<ScramCredentials>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_keys() {
        let made = ScramCredentials::derive(ScramHash::Sha256, "pencil", b"saltsalt", 4096).unwrap();
        assert_eq!(format!("{made:?}"), "ScramCredentials { hash: Sha256, iterations: 4096, .. }");
    }
}
