//! HMAC and the like, without a way to fail.

use hmac::digest::common::Key;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use zeroize::{Zeroize, Zeroizing};

/// HMAC (RFC 2104) of the concatenated `parts`.
///
/// The key is laid out as one block here, because the constructor for a block cannot fail.
pub(crate) fn hmac<D: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut block = Key::<Hmac<D>>::default();
    if key.len() > block.len() {
        let mut hashed = D::digest(key);
        fill(&mut block, &hashed);
        hashed.as_mut_slice().zeroize();
    } else {
        fill(&mut block, key);
    }
    let mut mac = <Hmac<D> as KeyInit>::new(&block);
    block.as_mut_slice().zeroize();
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

fn fill(block: &mut [u8], from: &[u8]) {
    for (to, from) in block.iter_mut().zip(from) {
        *to = *from;
    }
}

/// `left` exclusive-or `right`, octet by octet, as long as the shorter one.
pub(crate) fn xor(left: &[u8], right: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(left.iter().zip(right).map(|(a, b)| a ^ b).collect())
}

#[cfg(test)]
mod tests {
    use super::hmac;
    use crate::apop::to_hex;
    use sha2::Sha256;

    // RFC 4231, test cases 2 and 6 (a key longer than a block).
    #[test]
    fn hmac_sha_256() {
        assert_eq!(
            to_hex(&hmac::<Sha256>(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            to_hex(&hmac::<Sha256>(
                &[0xaa; 131],
                &[b"Test Using Larger Than Block-Size Key - Hash Key First"]
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }
}
