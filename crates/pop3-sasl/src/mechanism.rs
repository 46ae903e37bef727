//! The mechanisms by name.

use std::fmt;

/// A SASL mechanism this crate speaks, both sides. RFC 4422 section 3.1 has the rules for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Mechanism {
    /// RFC 4505: no credentials, only a trace.
    Anonymous,
    /// RFC 2195: HMAC-MD5 of a challenge; needs the plain secret on the server.
    CramMd5,
    /// RFC 4422 appendix A: the credentials are outside, a TLS client certificate for example.
    External,
    /// draft-murchison-sasl-login-00: name and password in two steps, obsolete and widespread.
    Login,
    /// RFC 7628: an OAuth 2 bearer token behind a GS2 header.
    OauthBearer,
    /// RFC 4616: name and password in one message.
    Plain,
    /// RFC 5802.
    ScramSha1,
    /// RFC 5802 with channel binding.
    ScramSha1Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 7677 with channel binding.
    ScramSha256Plus,
    /// Google's predecessor of OAUTHBEARER, also Microsoft's.
    Xoauth2,
}

impl Mechanism {
    /// Every mechanism of this crate, in the order of their names.
    pub const ALL: [Self; 11] = [
        Self::Anonymous,
        Self::CramMd5,
        Self::External,
        Self::Login,
        Self::OauthBearer,
        Self::Plain,
        Self::ScramSha1,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha256Plus,
        Self::Xoauth2,
    ];

    /// Finds a mechanism by its name in any case, as AUTH matches it (RFC 5034 section 5).
    ///
    /// ```
    /// use pop3_sasl::Mechanism;
    /// assert_eq!(Mechanism::from_name("scram-sha-256"), Some(Mechanism::ScramSha256));
    /// assert_eq!(Mechanism::from_name("NTLM"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// The registered name, in upper case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "ANONYMOUS",
            Self::CramMd5 => "CRAM-MD5",
            Self::External => "EXTERNAL",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Plain => "PLAIN",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// Whether whoever listens in can use what is sent: a password or a bearer token.
    ///
    /// Such a mechanism is neither offered nor used outside TLS (RFC 5034 section 4, RFC 4616 section 5,
    /// RFC 7628 section 4).
    #[must_use]
    pub const fn is_plaintext(self) -> bool {
        matches!(self, Self::Login | Self::OauthBearer | Self::Plain | Self::Xoauth2)
    }

    /// Whether the server speaks first, so that an initial response is out of place (RFC 5034 section 4).
    #[must_use]
    pub const fn is_server_first(self) -> bool {
        matches!(self, Self::CramMd5 | Self::Login)
    }

    /// Whether the mechanism binds itself to the TLS channel: the names that end in `-PLUS`.
    #[must_use]
    pub const fn is_channel_bound(self) -> bool {
        matches!(self, Self::ScramSha1Plus | Self::ScramSha256Plus)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Mechanism;

    // Conformance: P-5034-06
    #[test]
    fn names_are_valid_and_found_in_any_case() {
        for mechanism in Mechanism::ALL {
            let name = mechanism.name();
            assert!((1..=20).contains(&name.len()));
            assert!(name.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_')));
            assert_eq!(Mechanism::from_name(&name.to_lowercase()), Some(mechanism));
        }
        assert_eq!(Mechanism::from_name(""), None);
        assert_eq!(Mechanism::from_name("PLAIN "), None);
    }
}
