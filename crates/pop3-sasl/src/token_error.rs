//! The JSON with which a server refuses a bearer token (RFC 7628 section 3.2.2, and XOAUTH2's variant).

mod json;

use std::fmt;

/// Octets of JSON looked at; servers send a few hundred.
const JSON_MAX: usize = 8192;

/// Why a bearer token was refused.
///
/// ```
/// use pop3_sasl::TokenError;
/// let refused = TokenError::new("invalid_token").with_scope("mail");
/// assert_eq!(refused.to_json(), r#"{"status":"invalid_token","scope":"mail"}"#);
/// assert_eq!(TokenError::parse(refused.to_json().as_bytes()), Some(refused));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenError {
    status: String,
    schemes: Option<String>,
    scope: Option<String>,
    openid_configuration: Option<String>,
}

impl TokenError {
    /// `status` is an OAuth error code such as `invalid_token` or `insufficient_scope`; XOAUTH2 servers send
    /// an HTTP status such as `401`.
    #[must_use]
    pub fn new(status: &str) -> Self {
        Self { status: status.to_owned(), ..Self::default() }
    }

    /// Names the scope a token has to have.
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        self.scope = Some(scope.to_owned());
        self
    }

    /// Names the token schemes, which is XOAUTH2's custom (`bearer`).
    #[must_use]
    pub fn with_schemes(mut self, schemes: &str) -> Self {
        self.schemes = Some(schemes.to_owned());
        self
    }

    /// Names the URL where the client finds out how to get a token.
    #[must_use]
    pub fn with_openid_configuration(mut self, url: &str) -> Self {
        self.openid_configuration = Some(url.to_owned());
        self
    }

    /// Reads a server's error challenge; `None` if it is not a JSON object of bounded size and depth.
    ///
    /// Unknown members are skipped. A status that is a number, as some servers send it, is taken as text.
    #[must_use]
    pub fn parse(challenge: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(challenge).ok().filter(|text| text.len() <= JSON_MAX)?;
        let mut error = Self::default();
        for (name, value) in json::members(text)? {
            match name.as_str() {
                "status" => error.status = value,
                "schemes" => error.schemes = Some(value),
                "scope" => error.scope = Some(value),
                "openid-configuration" => error.openid_configuration = Some(value),
                _ => {}
            }
        }
        Some(error)
    }

    /// The challenge a server sends, as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let members = [
            ("status", Some(&self.status)),
            ("schemes", self.schemes.as_ref()),
            ("scope", self.scope.as_ref()),
            ("openid-configuration", self.openid_configuration.as_ref()),
        ];
        let written: Vec<String> = members
            .into_iter()
            .filter_map(|(name, value)| Some(format!("\"{name}\":{}", json::quote(value?))))
            .collect();
        format!("{{{}}}", written.join(","))
    }

    /// The OAuth error code or HTTP status; empty if the server named none.
    #[must_use]
    pub fn status(&self) -> &str {
        &self.status
    }

    /// The token schemes the server takes, if it said.
    #[must_use]
    pub fn schemes(&self) -> Option<&str> {
        self.schemes.as_deref()
    }

    /// The scope a token has to have, if the server said.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Where the client finds out how to get a token, if the server said.
    #[must_use]
    pub fn openid_configuration(&self) -> Option<&str> {
        self.openid_configuration.as_deref()
    }

    /// Whether a fresh token may help: it is worth one refresh and one more try, not a loop.
    #[must_use]
    pub fn is_token_stale(&self) -> bool {
        matches!(self.status.as_str(), "invalid_token" | "401")
    }
}

/// The status and the scope, with control characters escaped: the text is the peer's.
impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = if self.status.is_empty() { "no reason given" } else { &self.status };
        write!(f, "{}", status.escape_debug())?;
        match &self.scope {
            Some(scope) => write!(f, " (scope {})", scope.escape_debug()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: C-7628-03
    #[test]
    fn reads_what_servers_send() {
        let rfc = TokenError::parse(
            br#"{ "status":"invalid_token", "scope":"example_scope",
                 "openid-configuration":"https://example.com/.well-known/openid-configuration" }"#,
        )
        .unwrap();
        assert_eq!((rfc.status(), rfc.scope()), ("invalid_token", Some("example_scope")));
        assert!(rfc.openid_configuration().unwrap().ends_with("openid-configuration"));
        assert!(rfc.is_token_stale());

        let google = TokenError::parse(
            br#"{"status":"401","schemes":"bearer","scope":"https:\/\/mail.google.com\/"}"#,
        )
        .unwrap();
        assert_eq!(google.schemes(), Some("bearer"));
        assert_eq!(google.scope(), Some("https://mail.google.com/"));
        assert!(google.is_token_stale());

        let odd =
            TokenError::parse(br#" {"status":400,"x":{"y":[1,{"z":null}],"":"}"},"scope":null} "#).unwrap();
        assert_eq!((odd.status(), odd.scope()), ("400", None));
        assert!(!odd.is_token_stale());
        assert_eq!(TokenError::parse(b"{}").unwrap().to_string(), "no reason given");
    }

    // Conformance: C-7628-03
    #[test]
    fn size_and_depth_are_bounded() {
        assert!(TokenError::parse(format!(r#"{{"status":"{}"}}"#, "x".repeat(9000)).as_bytes()).is_none());
        let deep = |n| format!(r#"{{"a":{}1{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(TokenError::parse(deep(7).as_bytes()).is_some());
        assert!(TokenError::parse(deep(8).as_bytes()).is_none());
        assert!(TokenError::parse(deep(4000).as_bytes()).is_none());
        for bad in
            ["", "[]", "{", "{}x", "\"\"", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":1,}"#, r#"{"a":"\x"}"#, "\u{7}"]
        {
            assert!(TokenError::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(TokenError::parse(b"{\"status\":\"\xff\"}").is_none());
    }

    #[test]
    fn written_json_reads_back_and_prints_harmlessly() {
        let error = TokenError::new("a\"\\\u{1b}[31m\u{1F600}\n").with_scope("s").with_schemes("bearer");
        assert_eq!(TokenError::parse(error.to_json().as_bytes()), Some(error.clone()));
        assert!(!error.to_json().contains(char::is_control));
        assert!(!error.to_string().contains(char::is_control));
    }
}
