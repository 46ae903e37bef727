//! Whether a client says what was recorded.

use crate::transcript::{MASK, MASKED_RESPONSE};

/// Whether the line is the recorded one. A masked word stands for anything, at the end also for several
/// words; keywords are the same in any case (RFC 1939 section 3); line ends do not count.
pub(super) fn is_same(recorded: &[u8], said: &[u8]) -> bool {
    let (recorded, said) = (without_end(recorded), without_end(said));
    if recorded == MASKED_RESPONSE.as_bytes() {
        // A lone `*` cancels an exchange, which is something else. RFC 5034 section 4.
        return said != MASK.as_bytes();
    }
    let (keyword, arguments) = first_word(recorded);
    let (said_keyword, said_arguments) = first_word(said);
    keyword.eq_ignore_ascii_case(said_keyword) && are_same(arguments, said_arguments)
}

fn are_same(recorded: Option<&[u8]>, said: Option<&[u8]>) -> bool {
    match (recorded, said) {
        (None, None) => true,
        (Some(b"*"), Some(said)) => !said.is_empty(),
        (Some(recorded), Some(said)) => {
            let (word, rest) = first_word(recorded);
            let (said_word, said_rest) = first_word(said);
            let is_word = word == MASK.as_bytes() || word == said_word;
            is_word && are_same(rest, said_rest)
        }
        _ => false,
    }
}

/// The line up to its first space, and what stands behind that.
fn first_word(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|&octet| octet == b' ') {
        Some(space) => (line.get(..space).unwrap_or(line), line.get(space.saturating_add(1)..)),
        None => (line, None),
    }
}

pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether the client asks for a mechanism of RFC 5802.
pub(super) fn begins_scram(line: &[u8]) -> bool {
    line.get(..11).is_some_and(|start| start.eq_ignore_ascii_case(b"AUTH SCRAM-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_words_stand_for_anything() {
        for (recorded, said, expected) in [
            ("PASS *", "PASS secret", true),
            ("PASS *", "pass two words", true),
            ("PASS *", "PASS", false),
            ("PASS *", "PASS ", false),
            ("USER alice", "USER bob", false),
            ("USER *", "USER bob", true),
            ("APOP alice *", "APOP alice 0123", true),
            ("APOP * *", "APOP bob 0123", true),
            ("APOP alice *", "APOP bob 0123", false),
            ("AUTH PLAIN *", "AUTH PLAIN AGE=", true),
            ("AUTH PLAIN *", "AUTH PLAIN", false),
            ("AUTH PLAIN", "AUTH PLAIN AGE=", false),
            ("***", "AGE=", true),
            ("***", "*", false),
            ("*", "*", true),
            ("RETR 1\r\n", "RETR 1\n", true),
            ("RETR 1", "RETR 2", false),
            ("RETR 1", "RETR 1 ", false),
            ("", "", true),
        ] {
            assert_eq!(is_same(recorded.as_bytes(), said.as_bytes()), expected, "{recorded} / {said}");
        }
    }
}
