use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use zeroize::Zeroize;

/// A value that must not be seen: it prints as `[REDACTED]`, in debug builds too, and what it owns is
/// wiped when it is dropped.
pub struct Secret<T: Wipe>(T);

impl<T: Wipe> Secret<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl<T: Wipe + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Wipe + PartialEq> PartialEq for Secret<T> {
    /// For tests and grammar checks; not constant-time. Verification of credentials is elsewhere.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Wipe + Eq> Eq for Secret<T> {}

impl<T: Wipe> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl<T: Wipe> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl Secret<Cow<'_, str>> {
    /// The same secret, borrowing nothing.
    #[must_use]
    pub fn into_owned(mut self) -> Secret<Cow<'static, str>> {
        Secret(Cow::Owned(core::mem::replace(&mut self.0, Cow::Borrowed("")).into_owned()))
    }
}

impl Secret<Cow<'_, [u8]>> {
    /// The same secret, borrowing nothing.
    #[must_use]
    pub fn into_owned(mut self) -> Secret<Cow<'static, [u8]>> {
        Secret(Cow::Owned(core::mem::replace(&mut self.0, Cow::Borrowed(&[])).into_owned()))
    }
}

/// What [`Secret`] needs of its content: to overwrite the octets that it owns.
pub trait Wipe {
    /// Overwrites owned octets; borrowed ones belong to somebody else.
    fn wipe(&mut self);
}

impl Wipe for String {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Cow<'_, str> {
    fn wipe(&mut self) {
        if let Self::Owned(text) = self {
            text.zeroize();
        }
    }
}

impl Wipe for Cow<'_, [u8]> {
    fn wipe(&mut self) {
        if let Self::Owned(octets) = self {
            octets.zeroize();
        }
    }
}

impl Wipe for &str {
    fn wipe(&mut self) {}
}

impl Wipe for &[u8] {
    fn wipe(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    // Conformance: S-ROB-04
    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new(Cow::Borrowed("tanstaaf"));
        assert_eq!(format!("{secret:?} {secret}"), "[REDACTED] [REDACTED]");
    }
}
