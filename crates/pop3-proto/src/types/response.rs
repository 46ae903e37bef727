use alloc::borrow::Cow;
use core::fmt;

use super::{InvalidValue, check_length, check_octets};

/// The status indicator that every response begins with. RFC 1939 section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// `+OK`
    Ok,
    /// `-ERR`
    Err,
}

/// An extended response code in brackets, first in the text. RFC 2449 section 8.
///
/// Codes are hierarchical and compared without regard to case: an unknown sub-level of a known code,
/// as in `[AUTH/FOO]`, is the known code.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseCode<'a> {
    /// `AUTH`: the credentials caused the failure. RFC 3206 section 5.
    Auth,
    /// `IN-USE`: the credentials were right, the maildrop is locked. RFC 2449 section 8.1.2.
    InUse,
    /// `LOGIN-DELAY`: too soon after the last login. RFC 2449 section 8.1.1.
    LoginDelay,
    /// `SYS/PERM`: somebody has to intervene. RFC 3206 section 4.
    SysPerm,
    /// `SYS/TEMP`: likely to clear by itself. RFC 3206 section 4.
    SysTemp,
    /// `UTF8`: the message needs UTF-8 mode. RFC 6856 section 5.
    Utf8,
    /// Any other code, as it was written.
    Other(Cow<'a, str>),
}

impl<'a> ResponseCode<'a> {
    /// Reads what stands between the brackets: levels separated by `/`, none of them empty, without
    /// controls, spaces or `]`. RFC 2449 section 3.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when it is empty or a level is empty or holds a forbidden octet.
    pub fn new(code: impl Into<Cow<'a, str>>) -> Result<Self, InvalidValue> {
        let code = code.into();
        for level in code.split('/') {
            check_length(level.len(), 1, 500)?;
            check_octets(level.as_bytes(), |octet| octet.is_ascii_graphic() && octet != b']')?;
        }
        Ok(Self::known(&code).unwrap_or(Self::Other(code)))
    }

    fn known(code: &str) -> Option<Self> {
        let mut levels = code.split('/');
        let first = levels.next()?;
        let is = |name: &str| first.eq_ignore_ascii_case(name);
        if is("AUTH") {
            Some(Self::Auth)
        } else if is("IN-USE") {
            Some(Self::InUse)
        } else if is("LOGIN-DELAY") {
            Some(Self::LoginDelay)
        } else if is("UTF8") {
            Some(Self::Utf8)
        } else if is("SYS") {
            let second = levels.next()?;
            if second.eq_ignore_ascii_case("TEMP") {
                Some(Self::SysTemp)
            } else if second.eq_ignore_ascii_case("PERM") {
                Some(Self::SysPerm)
            } else {
                None
            }
        } else {
            None
        }
    }

    /// The code as it goes between the brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Auth => "AUTH",
            Self::InUse => "IN-USE",
            Self::LoginDelay => "LOGIN-DELAY",
            Self::SysPerm => "SYS/PERM",
            Self::SysTemp => "SYS/TEMP",
            Self::Utf8 => "UTF8",
            Self::Other(code) => code,
        }
    }

    /// The same code, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> ResponseCode<'static> {
        match self {
            Self::Auth => ResponseCode::Auth,
            Self::InUse => ResponseCode::InUse,
            Self::LoginDelay => ResponseCode::LoginDelay,
            Self::SysPerm => ResponseCode::SysPerm,
            Self::SysTemp => ResponseCode::SysTemp,
            Self::Utf8 => ResponseCode::Utf8,
            Self::Other(code) => ResponseCode::Other(Cow::Owned(code.into_owned())),
        }
    }
}

/// The first line of a response: status indicator, an optional response code, and text for humans.
///
/// RFC 1939 section 3, RFC 2449 section 8. Whether more lines follow depends on the command alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// `+OK` or `-ERR`.
    pub status: Status,
    /// The code in brackets, if there was one.
    pub code: Option<ResponseCode<'a>>,
    /// What follows, without the line end. From a peer it is not to be trusted: show it escaped.
    pub text: Cow<'a, [u8]>,
}

impl<'a> Response<'a> {
    /// `+OK` with this text.
    pub const fn ok(text: &'a str) -> Self {
        Self { status: Status::Ok, code: None, text: Cow::Borrowed(text.as_bytes()) }
    }

    /// `-ERR` with this code and text.
    pub const fn err(code: Option<ResponseCode<'a>>, text: &'a str) -> Self {
        Self { status: Status::Err, code, text: Cow::Borrowed(text.as_bytes()) }
    }

    /// Whether the status indicator was `+OK`.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self.status, Status::Ok)
    }

    /// The same response, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Response<'static> {
        Response {
            status: self.status,
            code: self.code.map(ResponseCode::into_owned),
            text: Cow::Owned(self.text.into_owned()),
        }
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// As on the wire, with controls and 8-bit octets that are no UTF-8 escaped, so that it is safe on a
/// terminal and in a log.
impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.status {
            Status::Ok => "+OK",
            Status::Err => "-ERR",
        })?;
        if let Some(code) = &self.code {
            write!(f, " [{}]", code.as_str())?;
        }
        if !self.text.is_empty() {
            f.write_str(" ")?;
        }
        for piece in self.text.utf8_chunks() {
            for character in piece.valid().chars() {
                if is_harmless(character) {
                    write!(f, "{character}")?;
                } else {
                    write!(f, "{}", character.escape_unicode())?;
                }
            }
            write!(f, "{}", piece.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

/// Controls and the marks that turn the direction of text can make a line look like another.
fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    // Conformance: P-2449-03, P-2449-06, C-2449-03, P-IANA-02
    #[test]
    fn codes_are_hierarchical_and_caseless() {
        assert_eq!(ResponseCode::new("in-use"), Ok(ResponseCode::InUse));
        assert_eq!(ResponseCode::new("AUTH/FOO"), Ok(ResponseCode::Auth));
        assert_eq!(ResponseCode::new("sys/temp/x"), Ok(ResponseCode::SysTemp));
        assert_eq!(ResponseCode::new("X[Y"), Ok(ResponseCode::Other("X[Y".into())));
        assert_eq!(ResponseCode::new("SYS/HALF"), Ok(ResponseCode::Other("SYS/HALF".into())));
        for wrong in ["", "A/", "/A", "A]", "a\u{7}"] {
            assert!(ResponseCode::new(wrong).is_err(), "{wrong:?}");
        }
        for code in ["AUTH", "IN-USE", "LOGIN-DELAY", "SYS/PERM", "SYS/TEMP", "UTF8", "X-Y"] {
            assert_eq!(ResponseCode::new(code).unwrap().as_str(), code);
        }
    }

    // Conformance: C-ROB-06, C-STLS-05
    #[test]
    fn peer_text_is_shown_harmless() {
        let response = Response {
            status: Status::Err,
            code: None,
            text: Cow::Borrowed(b"\x1b[2J\xff ok\xc3\xa9\xe2\x80\xae"),
        };
        assert_eq!(response.to_string(), "-ERR \\u{1b}[2J\\xff ok\u{e9}\\u{202e}");
    }
}
