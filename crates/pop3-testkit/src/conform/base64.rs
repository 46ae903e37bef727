//! Base64, in the few lines it takes: the run trusts no parser that it is to judge.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding. RFC 4648 section 4.
pub(super) fn encoded(octets: &[u8]) -> String {
    let mut text = String::new();
    for chunk in octets.chunks(3) {
        let number = (0..3).fold(0_u32, |number, at| number << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for at in 0..4 {
            if at > chunk.len() {
                text.push('=');
                continue;
            }
            let index = (number >> (18 - 6 * at) & 63) as usize;
            text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// `None` for everything that RFC 4648 section 4 does not allow.
pub(super) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let data = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut octets = Vec::new();
    for chunk in data.chunks(4) {
        let mut number = 0_u32;
        for octet in chunk {
            let index = ALPHABET.iter().position(|letter| letter == octet)?;
            number = number << 6 | u32::try_from(index).ok()?;
        }
        number <<= 6 * (4 - chunk.len());
        let bytes = number.to_be_bytes();
        octets.extend(bytes.iter().skip(1).take(chunk.len().saturating_sub(1)));
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (octets, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(encoded(octets.as_bytes()), text);
            assert_eq!(decoded(text.as_bytes()).unwrap(), octets.as_bytes());
        }
        for wrong in ["Zg=", "Z", "Zm9v=", "Zm 9", "=Zm9", "Z-=="] {
            assert!(decoded(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
