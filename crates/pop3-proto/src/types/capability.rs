use alloc::{borrow::Cow, vec::Vec};

use super::Mechanism;

/// One line of the CAPA response. RFC 2449 section 6, and the IANA registry of POP3 capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability<'a> {
    /// `AUTH-RESP-CODE`: the code AUTH marks every failure that the credentials caused. RFC 3206.
    AuthRespCode,
    /// `EXPIRE`: how long the site keeps mail. RFC 2449 section 6.7.
    Expire(Expire),
    /// `IMPLEMENTATION`: what the server says it is. Nothing may depend on it. RFC 2449 section 6.9.
    Implementation(Cow<'a, str>),
    /// `LANG`. RFC 6856 section 3.
    Lang,
    /// `LOGIN-DELAY`: seconds between logins. RFC 2449 section 6.5.
    LoginDelay {
        /// Seconds.
        seconds: u32,
        /// The value differs by user; ask again after login.
        per_user: bool,
    },
    /// `PIPELINING`. RFC 2449 section 6.6.
    Pipelining,
    /// `RESP-CODES`: text that begins with `[` is a response code. RFC 2449 section 6.4.
    RespCodes,
    /// `SASL`: the mechanisms of AUTH. RFC 5034 section 3.
    Sasl(Vec<Mechanism<'a>>),
    /// `STLS`. RFC 2595 section 4.
    Stls,
    /// `TOP`. RFC 1939 section 7.
    Top,
    /// `UIDL`. RFC 1939 section 7.
    Uidl,
    /// `USER`: USER and PASS are allowed on this connection. RFC 2449 section 6.2.
    User,
    /// `UTF8`. RFC 6856 section 2.
    Utf8 {
        /// Names and passwords may be UTF-8, before the UTF8 command too.
        user: bool,
    },
    /// Any other line, as it was written; also a known tag with parameters that make no sense.
    Other(Cow<'a, str>),
}

impl Capability<'_> {
    /// The same capability, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Capability<'static> {
        match self {
            Self::AuthRespCode => Capability::AuthRespCode,
            Self::Expire(expire) => Capability::Expire(expire),
            Self::Implementation(text) => Capability::Implementation(Cow::Owned(text.into_owned())),
            Self::Lang => Capability::Lang,
            Self::LoginDelay { seconds, per_user } => Capability::LoginDelay { seconds, per_user },
            Self::Pipelining => Capability::Pipelining,
            Self::RespCodes => Capability::RespCodes,
            Self::Sasl(mechanisms) => {
                Capability::Sasl(mechanisms.into_iter().map(Mechanism::into_owned).collect())
            }
            Self::Stls => Capability::Stls,
            Self::Top => Capability::Top,
            Self::Uidl => Capability::Uidl,
            Self::User => Capability::User,
            Self::Utf8 { user } => Capability::Utf8 { user },
            Self::Other(line) => Capability::Other(Cow::Owned(line.into_owned())),
        }
    }
}

/// How long a site keeps mail. RFC 2449 section 6.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expire {
    /// Mail is never removed by the site.
    Never,
    /// Whole days; 0 means that a retrieved message may be removed at QUIT.
    Days(u32),
    /// The least number of days of all users; ask again after login.
    PerUser(u32),
}
