//! What others wrote, made harmless for a terminal: no escape sequence, no mark that turns the direction
//! of the text.

use std::borrow::Cow;

/// The text in one line, with controls and direction marks replaced.
pub(crate) fn sanitised(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect())
}

/// Octets of a message in lines, for people to read.
pub(crate) fn sanitised_lines(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets).replace("\r\n", "\n");
    text.chars().map(|c| if is_harmless(c) || matches!(c, '\n' | '\t') { c } else { '\u{fffd}' }).collect()
}

fn is_harmless(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: C-ROB-06
    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(sanitised("Grüße"), "Grüße");
        assert_eq!(sanitised("a\x1b[2Jb\u{9b}c\u{202e}d\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}");
        assert_eq!(sanitised_lines(b"a\r\nb\tc\x07\r\n"), "a\nb\tc\u{fffd}\n");
    }
}
