//! The APOP digest (RFC 1939 section 7) and the shape of the timestamp it is made from.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// The longest timestamp taken from a greeting, in octets; a greeting line has no room for more
/// (RFC 2449 section 4).
const TIMESTAMP_MAX: usize = 506;

/// The APOP digest: MD5 over the timestamp, angle brackets included, and the shared secret.
///
/// With UTF-8 both sides prepare the secret with [`prepare_stored`](crate::prepare_stored) first
/// (RFC 6856 section 2.2).
///
/// ```
/// use pop3_sasl::apop;
/// let digest = apop::digest("<1896.697170952@dbc.mtview.ca.us>", b"tanstaaf");
/// assert_eq!(apop::to_hex(&digest), "c4c9334bac560ecc979e58001b3e22fb");
/// ```
#[must_use]
pub fn digest(timestamp: &str, secret: &[u8]) -> [u8; 16] {
    Md5::new_with_prefix(timestamp).chain_update(secret).finalize().into()
}

/// Whether `claimed` is the digest of `timestamp` and `secret`, compared in constant time.
#[must_use]
pub fn verify(timestamp: &str, secret: &[u8], claimed: &[u8; 16]) -> bool {
    digest(timestamp, secret).ct_eq(claimed).into()
}

/// The digest as it is sent: 32 hexadecimal digits in lower case.
#[must_use]
pub fn to_hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(32), |mut hex, octet| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}

/// Whether `timestamp` is shaped like the msg-id of RFC 822: angle brackets around printable ASCII with
/// one `@` that stands at neither end.
///
/// A client must ask this before it answers: with free choice of the timestamp a hostile server can work
/// out the secret from MD5 collisions (CVE-2007-1558), and the octets that this takes are rarely msg-ids.
///
/// ```
/// use pop3_sasl::apop;
/// assert!(apop::is_valid_timestamp("<1896.697170952@dbc.mtview.ca.us>"));
/// assert!(!apop::is_valid_timestamp("<no-at-sign>"));
/// ```
#[must_use]
pub fn is_valid_timestamp(timestamp: &str) -> bool {
    let Some(inner) = timestamp.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return false;
    };
    let is_atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'@'))
    };
    timestamp.len() <= TIMESTAMP_MAX
        && inner.split_once('@').is_some_and(|(left, right)| is_atom(left) && is_atom(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepare_stored;

    const TIMESTAMP: &str = "<1896.697170952@dbc.mtview.ca.us>";

    // Conformance: S-1939-60
    #[test]
    fn digest_of_the_rfc() {
        let digest = digest(TIMESTAMP, b"tanstaaf");
        assert_eq!(to_hex(&digest), "c4c9334bac560ecc979e58001b3e22fb");
        assert!(verify(TIMESTAMP, b"tanstaaf", &digest));
        assert!(!verify(TIMESTAMP, b"tanstaa", &digest));
        // Without the brackets it is another digest.
        assert!(!verify(TIMESTAMP.trim_matches(['<', '>']), b"tanstaaf", &digest));
    }

    // Conformance: S-6856-11
    #[test]
    fn unicode_secrets_are_prepared_before_the_digest() {
        let stored = prepare_stored("\u{2168}\u{AD}").unwrap();
        assert_eq!(digest(TIMESTAMP, stored.as_bytes()), digest(TIMESTAMP, b"IX"));
    }

    // Conformance: C-1939-13
    #[test]
    fn only_a_msg_id_is_a_timestamp() {
        for good in ["<a@b>", TIMESTAMP, "<!#$%&'*+/=?^_`{|}~.-@[127.0.0.1]>"] {
            assert!(is_valid_timestamp(good), "{good}");
        }
        let long = format!("<{}@b>", "a".repeat(TIMESTAMP_MAX));
        for bad in [
            "",
            "<>",
            "<",
            ">",
            "<@>",
            "<a@>",
            "<@b>",
            "<ab>",
            "a@b",
            "<a@b",
            "a@b>",
            "<a@b@c>",
            "<a b@c>",
            "<a@b\u{7f}>",
            "<a@b\u{e9}>",
            "<<a@b>>",
            "<a@b>x",
            "<a\0@b>",
            &long,
        ] {
            assert!(!is_valid_timestamp(bad), "{bad}");
        }
    }
}
