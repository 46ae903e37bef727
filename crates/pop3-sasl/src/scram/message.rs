//! The four messages of SCRAM (RFC 5802 section 7), parsed strictly and borrowed from the input.

use super::nonce::is_nonce;
use crate::gs2::{Header, unescape};
use std::borrow::Cow;

/// Octets allowed in one message. Names, nonces and salts together are far below.
const MESSAGE_MAX: usize = 8192;

fn text(message: &[u8]) -> Option<&str> {
    if message.len() > MESSAGE_MAX { None } else { std::str::from_utf8(message).ok() }
}

/// Takes `letter=value` off the front of `rest`, up to the comma that is skipped or to the end.
fn attribute<'a>(rest: &mut Option<&'a str>, letter: &str) -> Option<&'a str> {
    let (this, after) = match (*rest)?.split_once(',') {
        Some((this, after)) => (this, Some(after)),
        None => ((*rest)?, None),
    };
    let value = this.strip_prefix(letter)?.strip_prefix('=')?;
    *rest = after;
    Some(value)
}

/// What may follow the known attributes: `letter=value`, which is ignored unless the letter is `m`.
fn are_extensions_ignorable(rest: Option<&str>) -> bool {
    rest.is_none_or(|rest| {
        rest.split(',').all(|extension| {
            let mut chars = extension.chars();
            chars.next().is_some_and(|letter| letter.is_ascii_alphabetic() && letter != 'm')
                && chars.next() == Some('=')
                && chars.next().is_some_and(|first| first != '\0')
                && !chars.as_str().contains('\0')
        })
    })
}

/// `gs2-header client-first-message-bare`.
#[derive(Debug)]
pub(crate) struct ClientFirst<'a> {
    pub(crate) header: Header<'a>,
    /// The header as written; `c=` has to repeat it.
    pub(crate) header_text: &'a str,
    /// What follows the header, for the AuthMessage.
    pub(crate) bare: &'a str,
    pub(crate) name: Cow<'a, str>,
    pub(crate) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, header_text, bare) = Header::parse(text(message)?)?;
        let mut rest = Some(bare);
        // A mandatory extension `m=` would stand here, before `n=`, and thereby fails.
        let name = unescape(attribute(&mut rest, "n")?)?;
        let nonce = attribute(&mut rest, "r").filter(|nonce| is_nonce(nonce))?;
        are_extensions_ignorable(rest).then_some(Self { header, header_text, bare, name, nonce })
    }
}

/// `r= "," s= "," i=`.
#[derive(Debug)]
pub(crate) struct ServerFirst<'a> {
    pub(crate) nonce: &'a str,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
    /// The whole message, for the AuthMessage.
    pub(crate) text: &'a str,
}

impl<'a> ServerFirst<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let text = text(message)?;
        let mut rest = Some(text);
        let nonce = attribute(&mut rest, "r").filter(|nonce| is_nonce(nonce))?;
        let salt = super::decode_base64(attribute(&mut rest, "s")?).filter(|salt| !salt.is_empty())?;
        let iterations = iteration_count(attribute(&mut rest, "i")?)?;
        are_extensions_ignorable(rest).then_some(Self { nonce, salt, iterations, text })
    }
}

/// `posit-number`: digits without a leading zero. What does not fit becomes the largest count, which every
/// ceiling refuses.
fn iteration_count(digits: &str) -> Option<u32> {
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    (is_number && !digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
}

/// `c= "," r= ["," extensions] "," p=`.
#[derive(Debug)]
pub(crate) struct ClientFinal<'a> {
    /// Still in base64: there is only one right value, and only one way to write it.
    pub(crate) channel_binding: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) proof: Vec<u8>,
    /// What stands before `,p=`, for the AuthMessage.
    pub(crate) without_proof: &'a str,
}

impl<'a> ClientFinal<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let (without_proof, proof) = text(message)?.rsplit_once(",p=")?;
        let proof = super::decode_base64(proof)?;
        let mut rest = Some(without_proof);
        let channel_binding = attribute(&mut rest, "c")?;
        let nonce = attribute(&mut rest, "r")?;
        are_extensions_ignorable(rest).then_some(Self { channel_binding, nonce, proof, without_proof })
    }
}

/// `v=` or `e=`.
#[derive(Debug)]
pub(crate) enum ServerFinal<'a> {
    Verifier(Vec<u8>),
    Error(&'a str),
}

impl<'a> ServerFinal<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let text = text(message)?;
        let mut rest = Some(text);
        let parsed = if text.starts_with("e=") {
            Self::Error(attribute(&mut rest, "e")?)
        } else {
            Self::Verifier(super::decode_base64(attribute(&mut rest, "v")?)?)
        };
        are_extensions_ignorable(rest).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: P-5802-01, P-5802-03
    #[test]
    fn client_first() {
        for good in ["n,,n=user,r=abc", "y,,n=user,r=abc,x=ignored", "n,a=b,n==2C,r=!~,x=1,y=2=3"] {
            assert!(ClientFirst::parse(good.as_bytes()).is_some(), "{good}");
        }
        for bad in [
            "n,,m=ext,n=user,r=abc", // mandatory extensions, first and last
            "n,,n=user,r=abc,m=ext",
            "n,,r=abc,n=user",     // another order
            "n,,n=user,r=",        // no nonce
            "n,,n=user,r=a\u{e9}", // nonces are ASCII
            "n,,n=user,r=a b",
            "n,,n=user",
            "n,,n=,r=abc",
            "n,,n=us=er,r=abc",
            "n,,N=user,r=abc",
            "n,,n=user,r=abc,", // an extension is never empty
            "n,,n=user,r=abc,x",
            "n,,n=user,r=abc,x=",
            "n,,n=user,r=abc,1=x",
            "n,,n=user,r=abc,x=a\0",
            "n=user,r=abc",
            "",
        ] {
            assert!(ClientFirst::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(ClientFirst::parse(b"n,,n=\xff,r=abc").is_none());
        assert!(ClientFirst::parse(format!("n,,n=user,r={}", "a".repeat(9000)).as_bytes()).is_none());
    }

    // Conformance: P-5802-01
    #[test]
    fn server_first() {
        let parsed = ServerFirst::parse(b"r=abcdef,s=QSXCR+Q6sek8bf92,i=4096,x=y").unwrap();
        assert_eq!((parsed.nonce, parsed.salt.len(), parsed.iterations), ("abcdef", 12, 4096));
        assert_eq!(ServerFirst::parse(b"r=a,s=QUI=,i=99999999999999").unwrap().iterations, u32::MAX);
        for bad in [
            "m=x,r=a,s=QUI=,i=4096",
            "r=a,s=QUI=,i=4096,m=x",
            "r=a,i=4096,s=QUI=",
            "r=a,s=QUI,i=4096", // base64 without its padding
            "r=a,s=Q UI=,i=4096",
            "r=a,s=,i=4096",
            "r=a,s=QUI=,i=",
            "r=a,s=QUI=,i=0",
            "r=a,s=QUI=,i=04096",
            "r=a,s=QUI=,i=+4096",
            "r=a,s=QUI=,i=-1",
            "r=a,s=QUI=",
            "e=other-error",
        ] {
            assert!(ServerFirst::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    // Conformance: P-5802-01
    #[test]
    fn finals() {
        let parsed = ClientFinal::parse(b"c=biws,r=abc,x=1,p=AAAA").unwrap();
        assert_eq!(parsed.without_proof, "c=biws,r=abc,x=1");
        assert_eq!((parsed.channel_binding, parsed.nonce, &parsed.proof[..]), ("biws", "abc", &[0; 3][..]));
        for bad in [
            "c=biws,r=abc",
            "r=abc,c=biws,p=AAAA",
            "m=x,c=biws,r=abc,p=AAAA",
            "c=biws,r=abc,m=x,p=AAAA",
            "c=biws,r=abc,p=AAAA,x=1", // the proof comes last
            "c=biws,r=abc,p=AAA",
            "p=AAAA",
            "",
        ] {
            assert!(ClientFinal::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(matches!(ServerFinal::parse(b"v=AAAA,x=1"), Some(ServerFinal::Verifier(v)) if v == [0; 3]));
        assert!(matches!(ServerFinal::parse(b"e=unknown-user"), Some(ServerFinal::Error("unknown-user"))));
        for bad in ["v=A", "v=AAAA,m=x", "m=x,v=AAAA", "x=1", ""] {
            assert!(ServerFinal::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
