//! The GS2 header (RFC 5801 section 4) as SCRAM and OAUTHBEARER use it, and names inside it.

use std::borrow::Cow;

/// Whether the client binds the channel: the first field of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag<'a> {
    /// `n`: the client cannot.
    Unsupported,
    /// `y`: the client can, and believes that the server cannot.
    NotOffered,
    /// `p=`: the client does, with this type.
    Used(&'a str),
}

/// `gs2-cbind-flag "," [authzid] ","`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) flag: Flag<'a>,
    pub(crate) authzid: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    /// Splits `message` into its header, parsed and as written, and what follows.
    pub(crate) fn parse(message: &'a str) -> Option<(Self, &'a str, &'a str)> {
        let (flag, after_flag) = message.split_once(',')?;
        let (authzid, rest) = after_flag.split_once(',')?;
        let flag = match flag {
            "n" => Flag::Unsupported,
            "y" => Flag::NotOffered,
            _ => Flag::Used(flag.strip_prefix("p=").filter(|name| is_binding_name(name))?),
        };
        let authzid = match authzid {
            "" => None,
            _ => Some(unescape(authzid.strip_prefix("a=")?)?),
        };
        let written = message.strip_suffix(rest)?;
        Some((Self { flag, authzid }, written, rest))
    }

    pub(crate) fn write(&self) -> String {
        let flag = match self.flag {
            Flag::Unsupported => Cow::Borrowed("n"),
            Flag::NotOffered => Cow::Borrowed("y"),
            Flag::Used(name) => Cow::Owned(format!("p={name}")),
        };
        match &self.authzid {
            None => format!("{flag},,"),
            Some(authzid) => format!("{flag},a={},", escape(authzid)),
        }
    }
}

/// RFC 5056 section 7: letters, digits, full stop and hyphen.
fn is_binding_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

/// Writes a name so that neither comma nor equals sign is left in it (RFC 5802 section 5.1, `saslname`).
pub(crate) fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['=', ',']) {
        // The equals sign goes first, or it would be escaped again.
        Cow::Owned(name.replace('=', "=3D").replace(',', "=2C"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Undoes [`escape`]. Every other use of the equals sign fails, as do a comma, a NUL and an empty name.
pub(crate) fn unescape(escaped: &str) -> Option<Cow<'_, str>> {
    if escaped.is_empty() || escaped.contains([',', '\0']) {
        return None;
    }
    let mut pieces = escaped.split('=');
    let first = pieces.next()?;
    if first.len() == escaped.len() {
        return Some(Cow::Borrowed(escaped));
    }
    let mut name = String::from(first);
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix("2C") {
            name.push(',');
            name.push_str(rest);
        } else {
            name.push('=');
            name.push_str(piece.strip_prefix("3D")?);
        }
    }
    Some(Cow::Owned(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: P-5802-02
    #[test]
    fn names_are_escaped_exactly() {
        for (name, escaped) in [
            ("user", "user"),
            ("a,b", "a=2Cb"),
            ("a=b", "a=3Db"),
            ("=2C", "=3D2C"),
            (",=,", "=2C=3D=2C"),
            ("\u{e9}=", "\u{e9}=3D"),
        ] {
            assert_eq!(escape(name), escaped);
            assert_eq!(unescape(escaped).as_deref(), Some(name));
        }
        for bad in ["", "=", "a=", "a=2", "=2c", "=3d", "=41", "a==3D", "a,b", "a\0", "=2C=", "=\u{e9}"] {
            assert_eq!(unescape(bad), None, "{bad:?}");
        }
    }

    // Conformance: P-5802-04
    #[test]
    fn headers_both_ways() {
        for (text, flag, authzid) in [
            ("n,,", Flag::Unsupported, None),
            ("y,,", Flag::NotOffered, None),
            ("n,a=a=2Cb,", Flag::Unsupported, Some("a,b")),
            ("p=tls-exporter,,", Flag::Used("tls-exporter"), None),
            ("p=tls-unique,a=tim,", Flag::Used("tls-unique"), Some("tim")),
        ] {
            let message = format!("{text}n=user,r=x");
            let (header, written, rest) = Header::parse(&message).unwrap();
            assert_eq!((header.flag, header.authzid.as_deref()), (flag, authzid));
            assert_eq!((written, rest), (text, "n=user,r=x"));
            assert_eq!(header.write(), text);
        }
        for bad in [
            "", "n", "n,", "N,,", "x,,", "p,,", "p=,,", "p=a b,,", "p=a_b,,", ",,", "n,b=x,", "n,a=,",
            "n,x,", "n,a==,", " n,,", "ny,,",
        ] {
            assert_eq!(Header::parse(bad), None, "{bad:?}");
        }
    }
}
