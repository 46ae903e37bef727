use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::types::Octets;

/// The message as a client will see it: CRLF line ends, the last line ended, nothing for nothing.
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, &octet) in message.iter().enumerate() {
        if octet == b'\n' && (at == 0 || message[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(octet);
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Stuffs one octet at a time, as RFC 1939 section 3 says it.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in canonical(message).split_inclusive_crlf() {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

trait SplitCrlf {
    fn split_inclusive_crlf(&self) -> Vec<&[u8]>;
}

impl SplitCrlf for Vec<u8> {
    fn split_inclusive_crlf(&self) -> Vec<&[u8]> {
        let mut lines = Vec::new();
        let mut start = 0;
        for at in 0..self.len() {
            if self[..=at].ends_with(b"\r\n") {
                lines.push(&self[start..=at]);
                start = at + 1;
            }
        }
        if start < self.len() {
            lines.push(&self[start..]);
        }
        lines
    }
}

fn encode(message: &[u8], cuts: usize, mut encoder: BodyEncoder) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in message.chunks(cuts.max(1)) {
        for slice in encoder.encode(chunk) {
            assert!(!slice.is_empty());
            out.extend_from_slice(slice);
        }
    }
    out.extend_from_slice(encoder.finish());
    out
}

fn decode(wire: &[u8], cuts: usize, line_ends: LineEnds) -> (Vec<u8>, bool, usize) {
    let mut decoder = BodyDecoder::new(line_ends);
    let (mut out, mut ended, mut used) = (Vec::new(), false, 0);
    for chunk in wire.chunks(cuts.max(1)) {
        let mut input = chunk;
        while let Some(piece) = decoder.next(&mut input) {
            match piece {
                BodyPiece::Chunk(content) => out.extend_from_slice(content),
                BodyPiece::End => ended = true,
            }
        }
        used += chunk.len() - input.len();
    }
    (out, ended, used)
}

/// Octets that matter to the codec, more often than others.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop_oneof![3 => Just(b'.'), 3 => Just(b'\r'), 4 => Just(b'\n'), 2 => Just(b'a'), 1 => any::<u8>()],
        0..64,
    )
}

// Conformance: P-1939-09, P-1939-13, P-ROB-02, P-ROB-03, P-ROB-04, P-ROB-05, P-ROB-06, P-ROB-07, S-1939-32, S-1939-33, A-67, A-68
#[test]
fn known_messages_go_out_stuffed_with_crlf() {
    let known: [(&[u8], &[u8]); 16] = [
        (b"", b".\r\n"),
        (b"\n", b"\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"..", b"...\r\n.\r\n"),
        (b".\r\nhi", b"..\r\nhi\r\n.\r\n"),
        (b".\nhi\n", b"..\r\nhi\r\n.\r\n"),
        (b"a\n.\n", b"a\r\n..\r\n.\r\n"),
        (b"\n.\n", b"\r\n..\r\n.\r\n"),
        (b"a\r.\rb", b"a\r.\rb\r\n.\r\n"),
        (b"\r.\r", b"\r.\r\r\n.\r\n"),
        (b"a\r\r\nb", b"a\r\r\nb\r\n.\r\n"),
        (b"a\0b\n", b"a\0b\r\n.\r\n"),
        (b"a\r\nb\nc\r\n", b"a\r\nb\r\nc\r\n.\r\n"),
        (b"\xff\xfe\n", b"\xff\xfe\r\n.\r\n"),
        (b"x\n.y\n..z", b"x\r\n..y\r\n...z\r\n.\r\n"),
        (b"abc.\r\ndef", b"abc.\r\ndef\r\n.\r\n"),
    ];
    for (message, wire) in known {
        for cuts in 1..=message.len().max(1) {
            assert_eq!(
                encode(message, cuts, BodyEncoder::whole()).escape_ascii().to_string(),
                wire.escape_ascii().to_string()
            );
        }
        assert_eq!(stuffed(message), wire);
    }
}

// Conformance: P-1939-10, P-1939-11, P-1939-12, C-1939-05, P-ROB-09, A-82
#[test]
fn known_bodies_come_in_unstuffed() {
    let known: [(&[u8], &[u8]); 8] = [
        (b".\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"..a\r\n.\r\n", b".a\r\n"),
        (b"abc.\r\n.\r\n", b"abc.\r\n"),
        (b".\rx\r\n.\r\n", b"\rx\r\n"),
        (b".\r\r\n.\r\n", b"\r\r\n"),
        (b"a\n.\nb\n.\r\nc\r\n.\r\n", b"a\n.\nb\n.\r\nc\r\n"),
    ];
    for (wire, content) in known {
        for cuts in 1..=wire.len() {
            let (out, ended, used) = decode(wire, cuts, LineEnds::Strict);
            assert_eq!(out.escape_ascii().to_string(), content.escape_ascii().to_string(), "{cuts}");
            assert!(ended && used == wire.len());
        }
        for cut in 0..wire.len() {
            assert!(
                !decode(&wire[..cut], wire.len(), LineEnds::Strict).1,
                "ended before the termination line"
            );
        }
    }
}

/// Who holds a machine in an object of another language can give it this much.
#[test]
fn machines_want_no_more_than_ordinary_alignment() {
    let wanted =
        [align_of::<BodyDecoder>(), align_of::<crate::client::Client>(), align_of::<crate::server::Server>()];
    assert!(wanted.iter().all(|align| *align <= align_of::<u64>()), "{wanted:?}");
}

// Conformance: P-ROB-09
#[test]
fn lenient_line_ends_accept_lf_alone() {
    let (out, ended, used) = decode(b"a\n..b\n.\n+OK", 1, LineEnds::Lenient);
    assert_eq!((out.as_slice(), ended, used), (&b"a\n.b\n"[..], true, 8));
    let (out, ended, _) = decode(b"a\r\n.b\r\n.\r\n", 2, LineEnds::Lenient);
    assert_eq!((out.as_slice(), ended), (&b"a\r\nb\r\n"[..], true));
}

// Conformance: S-1939-41, S-1939-42, S-1939-44, S-1939-45, P-1939-13
#[test]
fn top_counts_lines_of_the_body_alone() {
    let message = b"A: 1\r\n folded\nB: 2\n\n.one\ntwo\r\nthree";
    let header = &b"A: 1\r\n folded\r\nB: 2\r\n\r\n"[..];
    let top = |lines| encode(message, 3, BodyEncoder::top(lines));
    assert_eq!(top(0), [header, b".\r\n"].concat());
    assert_eq!(top(1), [header, b"..one\r\n.\r\n"].concat());
    assert_eq!(top(2), [header, b"..one\r\ntwo\r\n.\r\n"].concat());
    assert_eq!(top(3), [header, b"..one\r\ntwo\r\nthree\r\n.\r\n"].concat());
    assert_eq!(top(u32::MAX), encode(message, 5, BodyEncoder::whole()));
    assert_eq!(encode(b"A: 1\nB: 2", 1, BodyEncoder::top(0)), b"A: 1\r\nB: 2\r\n.\r\n");
    assert_eq!(encode(b"", 1, BodyEncoder::top(0)), b".\r\n");
}

proptest! {
    // Conformance: P-1939-09, P-1939-10, P-1939-11
    #[test]
    fn stuffing_agrees_with_the_plain_definition_and_comes_back(message in message(), cuts in 1usize..70) {
        let wire = encode(&message, cuts, BodyEncoder::whole());
        prop_assert_eq!(&wire, &stuffed(&message));
        for line_ends in [LineEnds::Strict, LineEnds::Lenient] {
            let (out, ended, used) = decode(&wire, cuts, line_ends);
            prop_assert_eq!(&out, &canonical(&message));
            prop_assert!(ended);
            prop_assert_eq!(used, wire.len());
        }
    }

    // Conformance: S-1939-32
    #[test]
    fn the_counted_size_is_the_size_sent(message in message(), cuts in 1usize..70) {
        let mut counter = OctetCounter::new();
        message.chunks(cuts).for_each(|chunk| counter.update(chunk));
        prop_assert_eq!(counter.finish(), Octets(canonical(&message).len() as u64));
    }

    // Conformance: S-1939-41, S-1939-42
    #[test]
    fn top_is_a_prefix_of_lines_of_the_whole(message in message(), cuts in 1usize..70, lines in 0u32..6) {
        let whole = canonical(&message);
        let mut expected = Vec::new();
        let mut left = None;
        for line in whole.split_inclusive_crlf() {
            if left == Some(0) { break; }
            expected.extend_from_slice(line);
            left = match left {
                Some(n) => Some(n - 1),
                None if line == b"\r\n" => Some(lines),
                None => None,
            };
        }
        let wire = encode(&message, cuts, BodyEncoder::top(lines));
        prop_assert_eq!(decode(&wire, wire.len(), LineEnds::Strict).0, expected);
    }

    #[test]
    fn any_octets_are_survived_by_the_decoder(wire in message(), cuts in 1usize..70) {
        for line_ends in [LineEnds::Strict, LineEnds::Lenient] {
            let (whole, ended, used) = decode(&wire, wire.len(), line_ends);
            prop_assert_eq!((whole, ended, used), decode(&wire, cuts, line_ends));
        }
    }
}
