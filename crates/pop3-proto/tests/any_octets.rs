//! The entry points of the fuzz targets, with generated input: what every test run checks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails should panic"
)]

mod entries;

use proptest::prelude::*;

/// Octets that look like the protocol here and there.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&[u8]] = &[
        b"\r\n",
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b".",
        b".\r\n",
        b" ",
        b"+OK",
        b"-ERR",
        b"+ ",
        b"[AUTH]",
        b"*\r\n",
        b"CAPA\r\n",
        b"USER mrose\r\n",
        b"PASS secret\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH PLAIN =\r\n",
        b"AAAA\r\n",
        b"STLS\r\n",
        b"STAT\r\n",
        b"LIST\r\n",
        b"UIDL 1\r\n",
        b"RETR 1\r\n",
        b"TOP 2 1\r\n",
        b"DELE 1\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"LANG de\r\n",
        b"LANG\r\n",
        b"UTF8\r\n",
        b"QUIT\r\n",
        b"APOP a ",
        b"1 120\r\n",
        b"2 abc\r\n",
        b"PIPELINING\r\n",
        b"SASL PLAIN X\r\n",
        b"LOGIN-DELAY 3 USER",
        b"EXPIRE 0",
        b"IMPLEMENTATION ",
        b"<1@x>",
        b"+OK ready\r\n",
        b"+OK 2 320\r\n",
        b"\xc3\xa4",
        b"\0",
    ];
    let word = prop_oneof![
        4 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (any::<u8>(), 1..600usize).prop_map(|(octet, count)| vec![octet; count]),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // Conformance: P-1939-03, P-1939-04
    #[test]
    fn command(line in octets()) {
        line.split(|octet| *octet == b'\n').for_each(entries::command);
    }

    // Conformance: P-1939-07, S-2449-04
    #[test]
    fn response(line in octets()) {
        line.split(|octet| *octet == b'\n').for_each(entries::response);
    }

    // Conformance: P-1939-01, A-17
    #[test]
    fn client_session(input in octets()) {
        entries::client_session(&input);
    }

    // Conformance: P-1939-01, S-1939-16, S-2449-04, A-17
    #[test]
    fn server_session(input in octets()) {
        entries::server_session(&input);
    }

    // Conformance: P-1939-09, P-1939-10, P-1939-13, P-ROB-03, P-ROB-06, S-1939-32, S-1939-42
    #[test]
    fn body(message in octets()) {
        entries::body(&message);
    }

    // Conformance: P-1939-04, P-1939-07, P-2449-05
    #[test]
    fn value_to_octets_and_back(input in octets(), kind in any::<u8>()) {
        entries::value_to_octets_and_back(&input);
        entries::value_to_octets_and_back(&[&[kind][..], &input].concat());
    }
}
