//! The known messages, and what becomes of them on their way.

use super::text::shown;

/// The header field by which a message of ours is known.
pub(super) const MARKER: &str = "X-Pop3-Conform";

/// A message of `conform/mail`, as it is delivered.
#[derive(Debug, Clone, Copy)]
pub struct KnownMail {
    /// The name of its file, and what its marker says.
    pub name: &'static str,
    /// The octets, with LF line ends in most of them.
    pub octets: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/conform_mail.rs"));

/// All of them.
#[must_use]
pub fn known_mail() -> &'static [KnownMail] {
    MAIL
}

/// The one of that name.
pub(super) fn known(name: &str) -> Option<&'static KnownMail> {
    MAIL.iter().find(|mail| mail.name == name)
}

/// Whose marker is in a header.
pub(super) fn marker_in(head: &[u8]) -> Option<&'static KnownMail> {
    let prefix = format!("{MARKER}: ");
    let lines = head_of(head).split(|octet| *octet == b'\n');
    let names =
        lines.filter_map(|line| line.strip_suffix(b"\r").unwrap_or(line).strip_prefix(prefix.as_bytes()));
    let names: Vec<&[u8]> = names.collect();
    MAIL.iter().find(|mail| names.contains(&mail.name.as_bytes()))
}

/// A message as it has to go over the wire: a LF that stands alone becomes CRLF, a CR that does stays as it
/// is, and the last line is ended. RFC 1939 sections 3 and 11.
pub(super) fn on_the_wire(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + message.len() / 16);
    let mut previous = b'\n';
    for octet in message {
        if *octet == b'\n' && previous != b'\r' {
            wire.push(b'\r');
        }
        wire.push(*octet);
        previous = *octet;
    }
    if previous != b'\n' {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// The header with the empty line that ends it; all, where there is none.
pub(super) fn head_of(message: &[u8]) -> &[u8] {
    message.get(..body_start(message)).unwrap_or(message)
}

/// What follows the empty line.
pub(super) fn body_of(message: &[u8]) -> &[u8] {
    message.get(body_start(message)..).unwrap_or_default()
}

/// What TOP sends of a message: the header, the empty line, and so many lines of the body. RFC 1939
/// section 7.
pub(super) fn top_of(message: &[u8], lines: usize) -> Vec<u8> {
    let mut top = head_of(message).to_vec();
    for line in body_of(message).split_inclusive(|octet| *octet == b'\n').take(lines) {
        top.extend_from_slice(line);
    }
    top
}

fn body_start(message: &[u8]) -> usize {
    if message.starts_with(b"\r\n") {
        return 2;
    }
    let found = message.windows(4).position(|window| window == b"\r\n\r\n");
    found.map_or(message.len(), |at| at + 4)
}

/// Whether what was received is a known message.
///
/// A delivery agent puts lines of its own into the header, and a server may end a header that lacks its
/// empty line; beyond that every octet has to be there.
///
/// # Errors
///
/// A sentence about the first difference.
pub(super) fn is_same(received: &[u8], mail: &KnownMail) -> Result<(), String> {
    let sent = on_the_wire(mail.octets);
    let mut lines = head_of(received).split_inclusive(|octet| *octet == b'\n');
    for line in head_of(&sent).split_inclusive(|octet| *octet == b'\n') {
        if !lines.any(|found| found == line) {
            return Err(format!("this line of the header is missing or out of place: {}", shown(line)));
        }
    }
    let (is, was) = (body_of(received), body_of(&sent));
    if is == was {
        return Ok(());
    }
    let at = is.iter().zip(was).take_while(|(is, was)| is == was).count();
    let around = |octets: &[u8]| {
        shown(octets.get(at.saturating_sub(20)..octets.len().min(at + 40)).unwrap_or_default())
    };
    Err(format!(
        "the body of {} octets should have {}, and they differ at octet {at}: it is …{}… and should be …{}…",
        is.len(),
        was.len(),
        around(is),
        around(was)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_message_carries_its_marker() {
        assert!(MAIL.len() > 10);
        for mail in MAIL {
            let wire = on_the_wire(mail.octets);
            assert_eq!(marker_in(&wire).map(|found| found.name), Some(mail.name));
            assert!(is_same(&wire, mail).is_ok());
            let more = [b"Received: by a delivery agent\r\n".as_slice(), &wire].concat();
            assert!(is_same(&more, mail).is_ok());
            let shorter = wire.get(..wire.len() - 3).unwrap();
            assert!(is_same(shorter, mail).is_err(), "{}", mail.name);
        }
    }

    #[test]
    fn messages_are_what_they_are_called() {
        let octets = |name| known(name).unwrap().octets;
        assert!(octets("dot-first").starts_with(b"."));
        assert!(octets("dot-last").ends_with(b"\n."));
        assert!(!octets("no-final-newline").ends_with(b"\n"));
        assert!(body_of(&on_the_wire(octets("empty-body"))).is_empty());
        assert!(!on_the_wire(octets("no-separator")).windows(4).any(|window| window == b"\r\n\r\n"));
        assert!(octets("nul").contains(&0));
        assert!(octets("crlf").windows(2).any(|window| window == b"\r\n"));
        assert!(!octets("dots").contains(&b'\r'));
    }

    #[test]
    fn the_top_of_a_message() {
        let message = b"A: b\r\nC: d\r\n\r\none\r\ntwo\r\n";
        assert_eq!(top_of(message, 0), b"A: b\r\nC: d\r\n\r\n");
        assert_eq!(top_of(message, 1), b"A: b\r\nC: d\r\n\r\none\r\n");
        assert_eq!(top_of(message, 9), message);
        assert_eq!(top_of(b"A: b\r\n", 9), b"A: b\r\n");
        assert_eq!(on_the_wire(b"a\r.\rb\n.\nc"), b"a\r.\rb\r\n.\r\nc\r\n");
        assert_eq!(on_the_wire(b""), b"");
    }
}
