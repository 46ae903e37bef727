//! What the client and the server of OAUTHBEARER and XOAUTH2 share.

/// Ends every part of a bearer message (RFC 7628 section 3.1).
pub(crate) const SEPARATOR: u8 = 0x01;

/// RFC 6750 section 2.1, `b64token`: letters, digits and `-._~+/`, then equals signs. Nothing in it can end
/// a part of the message early.
pub(crate) fn is_token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn tokens() {
        for good in ["a", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "ya29.A-_~+/="] {
            assert!(is_token(good));
        }
        for bad in ["", "=", "a b", "a\u{1}b", "a=b", "a,b", "\u{e9}", "a\n"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
