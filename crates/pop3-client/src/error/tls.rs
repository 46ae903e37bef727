//! Why TLS failed, in one sentence for each kind of failure.

use std::{borrow::Cow, fmt, io, net::IpAddr};

use pop3_io::rustls::{self, CertificateError as C};

/// A failed handshake with a host, for people.
pub(super) struct TlsFailure<'a>(pub(super) &'a str, pub(super) &'a io::Error);

impl fmt::Display for TlsFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, source) = self;
        match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(error)) => write_certificate(f, host, error),
            Some(rustls::Error::InvalidMessage(_)) => write!(
                f,
                "TLS with {host} failed: what came is not TLS; implicit TLS is on port 995, port 110 wants STLS"
            ),
            Some(rustls::Error::AlertReceived(_)) => write!(
                f,
                "TLS with {host} failed: the server refused the handshake; ask its operator which versions of TLS it speaks, 1.2 is the least"
            ),
            Some(_) => write!(
                f,
                "TLS with {host} failed: the handshake broke off; ask its operator which versions of TLS it speaks, 1.2 is the least"
            ),
            None => write!(f, "TLS with {host} failed: {source}; try again"),
        }
    }
}

/// Whether another trusted certificate would help.
pub(super) fn is_about_trust(source: &io::Error) -> bool {
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(error)) => match error {
            C::UnknownIssuer
            | C::BadSignature
            | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => true,
            C::Other(other) => matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)),
            _ => false,
        },
        _ => false,
    }
}

fn write_certificate(f: &mut fmt::Formatter<'_>, host: &str, error: &C) -> fmt::Result {
    match error {
        C::UnknownIssuer => write!(
            f,
            "the certificate of {host} is not signed by a trusted authority; if it is meant to be so, trust the certificate of its CA"
        ),
        // The issuer has the name of a CA that is trusted, and another key.
        C::BadSignature | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => write!(
            f,
            "the certificate of {host} is not signed by a trusted authority: one with the name of its signer is trusted, but the signature is not its own, or a key is too short (RSA needs 2048 bits); if it is meant to be so, trust the certificate of its CA"
        ),
        C::UnsupportedSignatureAlgorithmContext { .. } => write!(
            f,
            "the certificate of {host} is signed in a way that is too old or not known here; its operator has to renew it"
        ),
        C::NotValidForNameContext { presented, .. } => write_names(f, host, presented),
        C::NotValidForName => write!(
            f,
            "the certificate of {host} is for another name; use the name that is in the certificate"
        ),
        C::Expired | C::ExpiredContext { .. } => {
            write!(f, "the certificate of {host} has expired; its operator has to renew it")
        }
        C::NotValidYet | C::NotValidYetContext { .. } => {
            write!(f, "the certificate of {host} is not valid yet; check the date of this machine")
        }
        C::Revoked => write!(f, "the certificate of {host} has been revoked; ask its operator"),
        C::Other(other) if matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) => {
            write!(
                f,
                "the certificate of {host} is that of a CA, and is trusted only where this very certificate is given as trusted"
            )
        }
        _ => write!(f, "the certificate of {host} cannot be accepted; ask its operator"),
    }
}

/// What the server chose to write there, made harmless, and not without end.
fn write_names(f: &mut fmt::Formatter<'_>, host: &str, presented: &[String]) -> fmt::Result {
    const MANY: usize = 8;
    let names: Vec<_> = presented.iter().filter_map(|name| name_of(name)).collect();
    if names.is_empty() {
        return write!(
            f,
            "the certificate of {host} holds no name of a host; its operator has to renew it with one"
        );
    }
    write!(f, "the certificate of {host} is not for {host}, but for ")?;
    for (index, name) in names.iter().take(MANY).enumerate() {
        write!(f, "{}{name}", if index == 0 { "" } else { ", " })?;
    }
    if names.len() > MANY {
        f.write_str(" and others")?;
    }
    f.write_str("; use a name that is in the certificate")
}

/// The name in what the TLS library writes as `DnsName("NAME")` or `IpAddress(ADDRESS)`.
fn name_of(presented: &str) -> Option<Cow<'_, str>> {
    const LONGEST: usize = 255;
    if let Some(address) = presented.strip_prefix("IpAddress(").and_then(|rest| rest.strip_suffix(')')) {
        // The library shortens IPv6 addresses in a way of its own: `0::1`, and also `1::2::3`, from which
        // the address cannot be had back.
        return Some(match address.parse::<IpAddr>() {
            Ok(address) => Cow::Owned(address.to_string()),
            Err(_) if address.starts_with('[') => Cow::Borrowed("an address that is none"),
            Err(_) => Cow::Owned(format!("an IPv6 address ({address})")),
        });
    }
    let name = presented.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")"))?;
    let is_harmless = |c: char| c.is_ascii_graphic();
    if name.len() <= LONGEST && name.chars().all(is_harmless) {
        return Some(Cow::Borrowed(name));
    }
    let harmless = |c: char| if is_harmless(c) { c } else { '\u{fffd}' };
    Some(Cow::Owned(name.chars().take(LONGEST).map(harmless).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: C) -> String {
        TlsFailure("pop.example.org", &io::Error::other(rustls::Error::InvalidCertificate(error))).to_string()
    }

    #[test]
    fn names_are_told_and_are_harmless() {
        let expected = "pop.example.org".try_into().unwrap();
        let presented = ["DnsName(\"mail.example.org\")", "IpAddress(192.0.2.1)", "DnsName(\"a\u{1b}[2J\")"];
        let presented = presented.map(str::to_owned).to_vec();
        let text = text(C::NotValidForNameContext { expected, presented });
        assert!(text.contains("but for mail.example.org, 192.0.2.1, a\u{fffd}[2J; use"), "{text}");
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        let expected = "pop.example.org".try_into().unwrap();
        let presented = [
            "IpAddress(0::1)",
            "IpAddress(2001:db8::1)",
            "IpAddress(1::2::3)",
            "IpAddress([invalid: 01, 02])",
        ];
        let presented = presented.map(str::to_owned).to_vec();
        let text = text(C::NotValidForNameContext { expected, presented });
        assert!(
            text.contains(
                "but for ::1, 2001:db8::1, an IPv6 address (1::2::3), an address that is none; use"
            ),
            "{text}"
        );
    }

    #[test]
    fn no_sentence_holds_what_only_a_programmer_reads() {
        let context = C::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![1],
            public_key_algorithm_id: vec![2],
        };
        let ca = C::Other(rustls::OtherError(std::sync::Arc::new(webpki::Error::CaUsedAsEndEntity)));
        for (error, words) in [
            (context, "of its CA"),
            (C::BadSignature, "of its CA"),
            (C::UnknownIssuer, "of its CA"),
            (ca, "this very certificate"),
            (C::BadEncoding, "cannot be accepted"),
            (C::Expired, "has expired"),
            (C::NotValidYet, "is not valid yet"),
        ] {
            let text = text(error);
            assert!(text.contains(words) && text.contains("pop.example.org"), "{text}");
            assert!(!text.contains(['{', '[', '"']) && !text.contains("Algorithm"), "{text}");
            assert!(!text.contains("BadSignature") && !text.contains("CaUsed"), "{text}");
        }
    }
}
