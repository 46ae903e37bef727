//! A line of a users file.

use password_hash::phc::PasswordHash;
use pop3_sasl::{ScramCredentials, Secret, prepare_stored};
use subtle::ConstantTimeEq as _;

use super::hash;
use crate::Proof;

/// A secret as it is stored.
#[derive(Clone)]
pub(super) enum Stored {
    /// Stored readably.
    Plain(Secret),
    Argon2id(Box<PasswordHash>),
    Scram(Box<ScramCredentials>),
}

impl Stored {
    /// Whether a user can log in with it in this way.
    pub(super) fn serves(&self, proof: Proof) -> bool {
        match (self, proof) {
            (Self::Plain(_), _) => true,
            (Self::Scram(credentials), Proof::Scram(hash)) => credentials.hash() == hash,
            _ => false,
        }
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// More iterations than this are somebody's mistake: SCRAM checks of PASS would take seconds.
const SCRAM_MOST: u32 = 4_000_000;

/// What is wrong with an entry. None of these texts holds a part of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// No `name:`.
    #[error("a line has to be `name:{{SCHEME}}secret`, with further secrets after spaces")]
    NoName,
    /// A name that could not be sent or stored.
    #[error("a user name has 1 to 255 octets, no `:`, `/`, space or control character, and no `.` in front")]
    Name,
    /// A second line for a user.
    #[error("this user has a line already; put all secrets of a user on one line")]
    Twice,
    /// No secret behind the name.
    #[error("there is no secret behind the name; give the user a new password")]
    NoSecret,
    /// A scheme that this server does not know.
    #[error("the schemes are {{ARGON2ID}}, {{SCRAM-SHA-256}}, {{SCRAM-SHA-1}} and {{PLAIN}}")]
    Scheme,
    /// What stands behind the scheme is not of that scheme.
    #[error("the secret does not have the form of its scheme; give the user a new password")]
    Malformed,
    /// A hash that would take too long.
    #[error(
        "checking this hash would take too much memory or time (at most 256 MiB, 16 passes, 16 lanes, \
         4,000,000 iterations); give the user a new password"
    )]
    TooExpensive,
}

/// Whether a user may have this name.
///
/// # Errors
///
/// [`EntryError::Name`].
pub fn check_name(name: &str) -> Result<(), EntryError> {
    let is_bad = |c: char| c == ':' || c == '/' || c.is_whitespace() || c.is_control();
    let is_prepared = prepare_stored(name).is_ok_and(|prepared| prepared == name);
    if name.is_empty()
        || name.len() > 255
        || name.starts_with(['.', '#'])
        || name.contains(is_bad)
        || !is_prepared
    {
        return Err(EntryError::Name);
    }
    Ok(())
}

/// Reads a line; `None` for an empty one and for a comment.
pub(super) fn parse_line(line: &str) -> Result<Option<(&str, Vec<Stored>)>, EntryError> {
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, secrets) = line.split_once(':').ok_or(EntryError::NoName)?;
    check_name(name)?;
    Ok(Some((name, parse_secrets(secrets)?)))
}

/// Reads secrets, separated by spaces.
pub(super) fn parse_secrets(secrets: &str) -> Result<Vec<Stored>, EntryError> {
    let secrets: Vec<Stored> =
        secrets.split_ascii_whitespace().map(parse_secret).collect::<Result<_, _>>()?;
    if secrets.is_empty() { Err(EntryError::NoSecret) } else { Ok(secrets) }
}

fn parse_secret(secret: &str) -> Result<Stored, EntryError> {
    let (scheme, value) =
        secret.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or(EntryError::Scheme)?;
    match scheme.to_ascii_uppercase().as_str() {
        "PLAIN" if value.is_empty() => Err(EntryError::Malformed),
        "PLAIN" => Ok(Stored::Plain(Secret::from(value))),
        "ARGON2ID" => {
            let hash = hash::parse(value).ok_or(EntryError::Malformed)?;
            if hash::is_affordable(&hash) {
                Ok(Stored::Argon2id(Box::new(hash)))
            } else {
                Err(EntryError::TooExpensive)
            }
        }
        "SCRAM-SHA-256" | "SCRAM-SHA-1" => {
            let credentials: ScramCredentials = secret.parse().map_err(|_| EntryError::Malformed)?;
            if credentials.iterations() > SCRAM_MOST {
                return Err(EntryError::TooExpensive);
            }
            Ok(Stored::Scram(Box::new(credentials)))
        }
        _ => Err(EntryError::Scheme),
    }
}

/// Whether one of these secrets is this password. SCRAM credentials, which are made for something else,
/// are asked where there is nothing better.
pub(super) fn is_password(secrets: &[Stored], password: &str) -> bool {
    let is_better = |stored: &&Stored| !matches!(stored, Stored::Scram(_));
    let has_better = secrets.iter().any(|stored| is_better(&stored));
    let asked = secrets.iter().filter(|stored| !has_better || is_better(stored));
    // All are checked, so that the time does not tell which it was.
    asked.fold(false, |is_right, stored| {
        is_right
            | match stored {
                Stored::Plain(secret) => bool::from(secret.ct_eq(password.as_bytes())),
                Stored::Argon2id(hash) => hash::is_password(hash, password),
                Stored::Scram(credentials) => credentials.verify_password(password),
            }
    })
}
