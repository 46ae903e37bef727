//! Password hashes: making them, checking them, and how much that may cost.

use std::sync::OnceLock;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use password_hash::phc::{Output, PasswordHash};
use pop3_sasl::{
    CredentialsError, Decoy, ITERATIONS_MIN, PrepareError, ScramCredentials, ScramHash, Secret,
    prepare_stored,
};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::memory;

/// What a new Argon2id hash costs: memory in KiB, passes, lanes.
const NEW: (u32, u32, u32) = (19 * 1024, 2, 1);
/// What a stored one may cost at most: beyond it, a single login could bring the server down.
const MOST: (u32, u32, u32) = (256 * 1024, 16, 16);
/// The iterations of new SCRAM credentials.
const SCRAM_ITERATIONS: u32 = 65_536;
/// Those of credentials that are made for each login of a password that is stored readably: about a millisecond. Such a
/// password is also for APOP and CRAM-MD5, which have no iterations at all.
const SCRAM_ITERATIONS_OF_READABLE: u32 = ITERATIONS_MIN;
/// Octets of a salt.
const SALT: usize = 16;

/// The entry of a new password: Argon2id for PASS and PLAIN, and SCRAM-SHA-256 credentials.
#[derive(Clone)]
pub struct NewSecrets(Zeroizing<String>);

impl NewSecrets {
    /// Hashes a password. Takes some tenths of a second.
    ///
    /// # Errors
    ///
    /// [`HashError`] when the password cannot be used or the system gives no randomness.
    pub fn derive(password: &str) -> Result<Self, HashError> {
        let prepared = prepare_stored(password)?;
        let mut salts = [[0; SALT]; 2];
        getrandom::fill(salts.as_flattened_mut()).map_err(|_| HashError::Randomness)?;
        let [argon_salt, scram_salt] = salts;
        let hash = argon2id(NEW)?
            .hash_password_with_salt(prepared.as_bytes(), &argon_salt)
            .map_err(|_| HashError::Argon2)?;
        let scram = ScramCredentials::derive(ScramHash::Sha256, password, &scram_salt, SCRAM_ITERATIONS)?;
        Ok(Self(Zeroizing::new(format!("{{ARGON2ID}}{hash} {}", scram.to_stored()))))
    }

    /// As it stands in a users file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for NewSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Why a password was not hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// SASLprep refused it.
    #[error("this password cannot be used: {0}; choose another")]
    Password(#[from] PrepareError),
    /// The system gave no randomness.
    #[error("the system gives no random numbers; without them no password can be stored, try again later")]
    Randomness,
    /// The hash function refused.
    #[error("the password could not be hashed; is there memory left? try again later")]
    Argon2,
    /// SCRAM refused.
    #[error(transparent)]
    Scram(#[from] CredentialsError),
}

/// What nobody else may know, and what salts are made of that stay the same.
#[derive(Debug, Clone)]
pub(super) struct Salts {
    secret: Secret,
    decoy: Decoy,
}

impl Salts {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { secret: Secret::from(secret), decoy: Decoy::new(secret, SCRAM_ITERATIONS, SALT) }
    }

    /// What SCRAM shows where no user has credentials; like what new users get.
    pub(super) const fn decoy(&self) -> &Decoy {
        &self.decoy
    }

    /// Credentials of a password that is stored readably.
    pub(super) fn derive(&self, hash: ScramHash, name: &str, password: &str) -> Option<ScramCredentials> {
        let label = format!("{}\0{name}", hash.mechanism().name());
        let mut salt = [0; SALT];
        // The secret is as long as a key, so the smallest costs that there are will do.
        argon2id((Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST))
            .ok()?
            .hash_password_into(self.secret.expose(), label.as_bytes(), &mut salt)
            .ok()?;
        ScramCredentials::derive(hash, password, &salt, SCRAM_ITERATIONS_OF_READABLE).ok()
    }
}

fn argon2id((memory, passes, lanes): (u32, u32, u32)) -> Result<Argon2<'static>, HashError> {
    let params = Params::new(memory, passes, lanes, None).map_err(|_| HashError::Argon2)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Reads a PHC string; `None` when it is none of Argon2id.
pub(super) fn parse(phc: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(phc).ok()?;
    let is_argon2id = hash.algorithm.as_str() == "argon2id";
    (is_argon2id && hash.salt.is_some() && hash.hash.is_some()).then_some(hash)
}

/// Whether checking a password with this hash is affordable.
pub(super) fn is_affordable(hash: &PasswordHash) -> bool {
    Params::try_from(hash).is_ok_and(|params| {
        params.m_cost() <= MOST.0 && params.t_cost() <= MOST.1 && params.p_cost() <= MOST.2
    })
}

/// Whether this is the password; `false` also when the check cannot be made.
pub(super) fn is_password(hash: &PasswordHash, password: &str) -> bool {
    let (Some(salt), Some(stored)) = (&hash.salt, &hash.hash) else { return false };
    let computed = || {
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, version, Params::try_from(hash).ok()?);
        let mut computed = Zeroizing::new([0; Output::MAX_LENGTH]);
        let computed = computed.get_mut(..stored.len())?;
        memory::hash_into(&argon2, password.as_bytes(), salt, computed).ok()?;
        Some(bool::from(computed.ct_eq(stored.as_bytes())))
    };
    computed().unwrap_or(false)
}

/// The work of a check, for nothing: there is no user at all.
pub(super) fn check_dummy(password: &str) -> bool {
    static DUMMY: OnceLock<Option<PasswordHash>> = OnceLock::new();
    let make = || argon2id(NEW).ok()?.hash_password_with_salt(b"", &[0; SALT]).ok();
    let dummy = DUMMY.get_or_init(make);
    std::hint::black_box(dummy.as_ref().is_some_and(|dummy| is_password(dummy, password)));
    false
}
