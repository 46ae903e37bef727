//! Unique names for deliveries: seconds, a delivery id, and the host, with dots between.

use std::{
    io::Write as _,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::UNIX_EPOCH,
};

use pop3_proto::types::UniqueId;

/// Deliveries of this process so far.
static COUNTER: AtomicU64 = AtomicU64::new(0);
/// What tells this process from all others of all hosts, even where clock, process id and host agree.
static PROCESS: OnceLock<(u64, Vec<u8>)> = OnceLock::new();

/// A name that no other delivery has had or will have, made for a message that was delivered at
/// `seconds` after 1970. It is short enough to be the message's unique-id as it is.
pub(super) fn name(seconds: u64) -> Vec<u8> {
    name_at(seconds, UNIX_EPOCH.elapsed().unwrap_or_default().subsec_micros())
}

fn name_at(seconds: u64, micros: u32) -> Vec<u8> {
    let (random, host) = PROCESS.get_or_init(|| (random(), host()));
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = Vec::with_capacity(UniqueId::MAX);
    // Of one width, so that the names of one second are in the order of the deliveries when they are sorted.
    // Writing to a Vec cannot fail.
    let _ = write!(name, "{seconds}.M{micros:06}P{}Q{count:06}R{random:016x}.", std::process::id());
    let room = UniqueId::MAX.saturating_sub(name.len());
    name.extend_from_slice(host.get(..room).unwrap_or(host));
    name
}

/// Seconds since 1970 by the clock of this machine.
pub(super) fn seconds() -> u64 {
    UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}

/// Random bits. The other parts of the name are unique on one host by themselves, so a system without a
/// source of randomness can still deliver.
fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        let nanos = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    })
}

fn host() -> Vec<u8> {
    escape(rustix::system::uname().nodename().to_bytes())
}

/// `/` and `:` would end the name, and the other octets could not be part of a unique-id.
fn escape(host: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(host.len());
    for octet in host {
        match octet {
            b'/' => escaped.extend_from_slice(b"\\057"),
            b':' => escaped.extend_from_slice(b"\\072"),
            b',' => escaped.extend_from_slice(b"\\054"),
            octet if octet.is_ascii_graphic() => escaped.push(*octet),
            _ => escaped.push(b'_'),
        }
    }
    if escaped.is_empty() { b"localhost".to_vec() } else { escaped }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{super::name::unique_id, *};

    // Conformance: M-MD-03
    #[test]
    fn a_million_names_differ() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..250_000).map(|_| name(1_700_000_000)).collect::<Vec<_>>()))
            .collect();
        let mut seen = HashSet::new();
        for thread in threads {
            for name in thread.join().unwrap() {
                assert!(seen.insert(name));
            }
        }
        assert_eq!(seen.len(), 1_000_000);
    }

    // Conformance: M-MD-24
    #[test]
    fn names_of_one_second_sort_in_the_order_of_delivery() {
        let names: Vec<_> =
            [0, 9, 9, 10, 95_000, 900_000, 999_999].map(|micros| name_at(1_700_000_000, micros)).into();
        assert!(names.is_sorted());
    }

    // Conformance: M-MD-03, M-MD-04, M-UIDM-01
    #[test]
    fn a_name_is_its_own_unique_id() {
        let name = name(1_700_000_000);
        let text = String::from_utf8(name.clone()).unwrap();
        assert_eq!(unique_id(&name).unwrap().as_str(), text);
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        assert_eq!(parts[0], "1700000000");
        assert!(parts[1].starts_with('M') && !parts[2].is_empty());
        let letters: String = parts[1].chars().filter(char::is_ascii_uppercase).collect();
        assert_eq!(letters, "MPQR");
        assert!(!text.contains(['/', ':']));
    }

    // Conformance: M-MD-03
    #[test]
    fn hosts_are_escaped() {
        assert_eq!(escape(b"a/b:c,d e\xff"), b"a\\057b\\072c\\054d_e_");
        assert_eq!(escape(b""), b"localhost");
    }
}
