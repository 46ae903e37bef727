//! File names of a Maildir: `BASE[:INFO]`, and the unique-ids made from them.

use std::fmt::Write as _;

use pop3_proto::types::UniqueId;
use sha2::{Digest as _, Sha256};

/// The longest file name, in octets.
pub(super) const MAX_NAME: usize = 255;

/// Whether a name in new or cur can be a message: a dotfile never is.
pub(super) fn is_candidate(name: &[u8]) -> bool {
    !name.starts_with(b".") && !name.is_empty() && name.len() <= MAX_NAME
}

/// The part that stays while flags change: everything before the first `:`.
pub(super) fn base(name: &[u8]) -> &[u8] {
    name.get(..base_len(name)).unwrap_or(name)
}

pub(super) fn base_len(name: &[u8]) -> usize {
    memchr::memchr(b':', name).unwrap_or(name.len())
}

/// What follows the base, the `:` included; nothing in most names of new.
pub(super) fn info(name: &[u8]) -> &[u8] {
    name.get(base_len(name)..).unwrap_or_default()
}

/// The seconds that a name begins with; 0 when it begins otherwise, so such a message comes first.
pub(super) fn delivery_time(name: &[u8]) -> u64 {
    let digits = name.iter().take_while(|octet| octet.is_ascii_digit());
    digits.fold(0u64, |time, digit| time.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// The name a message of new gets in cur. A name that has an info part already keeps it.
pub(super) fn in_cur(name: &[u8]) -> Vec<u8> {
    if info(name).is_empty() { [name, b":2,"].concat() } else { name.to_vec() }
}

/// The name with the flag `S` (seen) set: flags in ASCII order, those of others kept.
///
/// `None` when nothing is to be changed: the flag is set, or the info part is not of the kind `:2,`,
/// which is left untouched.
pub(super) fn with_seen(name: &[u8]) -> Option<Vec<u8>> {
    let (base, info) = name.split_at_checked(base_len(name))?;
    let flags = match info {
        [] => info,
        _ => info.strip_prefix(b":2,")?,
    };
    if flags.contains(&b'S') {
        return None;
    }
    let at = flags.iter().position(|flag| *flag > b'S').unwrap_or(flags.len());
    let (before, after) = flags.split_at_checked(at)?;
    Some([base, b":2,", before, b"S", after].concat())
}

/// The unique-id of the message with this base. RFC 1939 section 7.
///
/// The base itself where it can be one, else `~` and a hash of it. A base that begins with `~` is hashed
/// too, so no file name can forge the id of another.
///
/// `None` never comes out in practice: both forms are valid ids by how they are made.
pub(super) fn unique_id(base: &[u8]) -> Option<UniqueId<'static>> {
    let plain = std::str::from_utf8(base).ok().filter(|text| !text.starts_with('~'));
    plain.and_then(|text| UniqueId::new(text.to_owned()).ok()).or_else(|| hashed(&[base]))
}

/// A unique-id of `~` and the SHA-256 of these parts in hex: 65 octets.
pub(super) fn hashed(parts: &[&[u8]]) -> Option<UniqueId<'static>> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut id = String::with_capacity(65);
    id.push('~');
    for octet in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(id, "{octet:02x}");
    }
    UniqueId::new(id).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Conformance: M-MD-10, M-MD-16
    #[test]
    fn the_base_ends_at_the_first_colon() {
        assert_eq!(base(b"1.a.b,S=12x:2,FS:x"), b"1.a.b,S=12x");
        assert_eq!(info(b"1.a.b:2,FS:x"), b":2,FS:x");
        assert_eq!(base(b"1.a.b"), b"1.a.b");
        assert_eq!(info(b"1.a.b"), b"");
        assert_eq!(base(b":2,S"), b"");
    }

    // Conformance: M-MD-07, M-MD-08, M-MD-09
    #[test]
    fn flags_stand_in_ascii_order_and_others_are_kept() {
        let seen = |name: &[u8]| with_seen(name).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(seen(b"1.a:2,").as_deref(), Some("1.a:2,S"));
        assert_eq!(seen(b"1.a").as_deref(), Some("1.a:2,S"));
        assert_eq!(seen(b"1.a:2,FRTab").as_deref(), Some("1.a:2,FRSTab"));
        assert_eq!(seen(b"1.a:2,FSa"), None);
        assert_eq!(seen(b"1.a:1,X"), None);
        assert_eq!(in_cur(b"1.a"), b"1.a:2,");
        assert_eq!(in_cur(b"1.a:2,F"), b"1.a:2,F");
        assert_eq!(in_cur(b"1.a:1,F"), b"1.a:1,F");
    }

    // Conformance: M-UIDM-01, S-1939-48, A-63
    #[test]
    fn odd_names_are_hashed() {
        let unique_id = |base: &[u8]| unique_id(base).unwrap();
        assert_eq!(unique_id(b"1700000000.M1P2Q3.host").as_str(), "1700000000.M1P2Q3.host");
        let odd: [&[u8]; 7] =
            [b"", b"a b", b"1.a\nb", b"\xff\xfe", "é".as_bytes(), &[b'x'; 71], b"~looks-like-a-hash"];
        for base in odd {
            let id = unique_id(base);
            assert_eq!(id.as_str().len(), 65, "{id}");
            assert!(id.as_str().starts_with('~'));
            assert_eq!(id, unique_id(base));
        }
        assert_eq!(unique_id(&[b'x'; 70]).as_str().len(), 70);
    }

    proptest! {
        // Conformance: S-1939-48, S-1939-52, M-UIDM-01, M-MD-10
        #[test]
        fn any_name_has_a_valid_id_that_flags_do_not_change(
            name in prop::collection::vec(any::<u8>().prop_filter("a file name", |o| *o != 0 && *o != b'/'), 1..120),
            other in prop::collection::vec(any::<u8>().prop_filter("a file name", |o| *o != 0 && *o != b'/'), 1..120),
        ) {
            let unique_id = |base: &[u8]| unique_id(base).unwrap();
            let id = unique_id(base(&name));
            prop_assert!((1..=70).contains(&id.as_str().len()));
            prop_assert!(id.as_str().bytes().all(|octet| (0x21..=0x7e).contains(&octet)));
            prop_assert_eq!(&unique_id(base(&in_cur(&name))), &id);
            if let Some(seen) = with_seen(&name) {
                prop_assert_eq!(&unique_id(base(&seen)), &id);
                prop_assert_eq!(with_seen(&seen), None);
            }
            prop_assert_eq!(unique_id(base(&other)) == id, base(&other) == base(&name));
        }
    }

    // Conformance: M-MD-24
    #[test]
    fn delivery_times_are_numbers() {
        assert_eq!(delivery_time(b"999.x"), 999);
        assert_eq!(delivery_time(b"1000.x"), 1000);
        assert_eq!(delivery_time(b"x"), 0);
        assert_eq!(delivery_time(&[b'9'; 40]), u64::MAX);
    }
}
