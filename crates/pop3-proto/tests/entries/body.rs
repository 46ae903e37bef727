use pop3_proto::{
    body::{BodyDecoder, BodyEncoder, BodyPiece, LineEnds, OctetCounter},
    types::Octets,
};

use super::Pieces;

/// A message that goes over the wire arrives with CRLF line ends and the octets counted before, in whatever
/// pieces it was sent and came; and what is no message is decoded to the same in whatever pieces it comes.
pub(crate) fn body(octets: &[u8]) {
    let canonical = canonical(octets);
    for pieces in [Pieces::Whole, Pieces::Octets] {
        let wire = encoded(octets, BodyEncoder::whole(), pieces);
        assert_eq!(decoded(&wire, LineEnds::Strict, Pieces::Octets), (canonical.clone(), true));
        assert_eq!(decoded(&wire, LineEnds::Strict, Pieces::Whole), (canonical.clone(), true));
        let mut counter = OctetCounter::new();
        pieces.of(octets).for_each(|piece| counter.update(piece));
        assert_eq!(counter.finish(), Octets(canonical.len() as u64));
    }
    for lines in [0, 1, 3] {
        let whole = encoded(octets, BodyEncoder::top(lines), Pieces::Whole);
        assert_eq!(whole, encoded(octets, BodyEncoder::top(lines), Pieces::Octets));
        let (top, is_ended) = decoded(&whole, LineEnds::Strict, Pieces::Whole);
        assert!(is_ended && canonical.starts_with(&top));
    }
    let all = encoded(octets, BodyEncoder::top(u32::MAX), Pieces::Whole);
    assert_eq!(decoded(&all, LineEnds::Strict, Pieces::Whole), (canonical, true));
    for line_ends in [LineEnds::Strict, LineEnds::Lenient] {
        assert_eq!(decoded(octets, line_ends, Pieces::Whole), decoded(octets, line_ends, Pieces::Octets));
    }
}

/// The message as a client sees it.
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 2);
    for &octet in message {
        if octet == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(octet);
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn encoded(message: &[u8], mut encoder: BodyEncoder, pieces: Pieces) -> Vec<u8> {
    let mut wire = Vec::new();
    for piece in pieces.of(message) {
        encoder.encode(piece).for_each(|slice| wire.extend_from_slice(slice));
    }
    wire.extend_from_slice(encoder.finish());
    wire
}

/// The content, and whether its end was there.
fn decoded(wire: &[u8], line_ends: LineEnds, pieces: Pieces) -> (Vec<u8>, bool) {
    let mut decoder = BodyDecoder::new(line_ends);
    let mut content = Vec::new();
    for mut input in pieces.of(wire) {
        while let Some(piece) = decoder.next(&mut input) {
            match piece {
                BodyPiece::Chunk(chunk) => content.extend_from_slice(chunk),
                BodyPiece::End => return (content, true),
            }
        }
        assert!(input.is_empty());
    }
    (content, false)
}
