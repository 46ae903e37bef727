//! The text of cases: escapes, and holes in braces.

/// A part of a line of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// These octets, escapes resolved.
    Literal(Vec<u8>),
    /// `*`.
    Wild,
    /// What stands between braces.
    Hole(String),
}

/// Takes a line apart.
///
/// # Errors
///
/// A sentence about a brace that is never closed.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let after = rest.get(next.len_utf8()..).unwrap_or_default();
        match next {
            '\\' => rest = unescape(after, &mut literal),
            '*' => {
                flush(&mut literal, &mut found);
                found.push(Piece::Wild);
                rest = after;
            }
            '{' => {
                flush(&mut literal, &mut found);
                let end = closing(after).ok_or_else(|| format!("a brace is not closed: {text}"))?;
                found.push(Piece::Hole(after.get(..end).unwrap_or_default().to_owned()));
                rest = after.get(end + 1..).unwrap_or_default();
            }
            _ => {
                literal.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
        }
    }
    flush(&mut literal, &mut found);
    Ok(found)
}

fn flush(literal: &mut Vec<u8>, found: &mut Vec<Piece>) {
    if !literal.is_empty() {
        found.push(Piece::Literal(std::mem::take(literal)));
    }
}

/// Where the brace that was opened before `text` is closed; braces nest.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Appends what stands behind a backslash, and gives back what follows it.
fn unescape<'t>(after: &'t str, octets: &mut Vec<u8>) -> &'t str {
    let hex = after.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
    if let Some(octet) = hex {
        octets.push(octet);
        return after.get(3..).unwrap_or_default();
    }
    if let Some((count, rest)) = after.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        let octet = octets.last().copied().unwrap_or(b' ');
        let more = count.parse::<usize>().unwrap_or(1).saturating_sub(1);
        octets.extend(std::iter::repeat_n(octet, more));
        return rest;
    }
    let Some(next) = after.chars().next() else {
        octets.push(b'\\');
        return after;
    };
    match next {
        'r' => octets.push(b'\r'),
        'n' => octets.push(b'\n'),
        't' => octets.push(b'\t'),
        '0' => octets.push(0),
        other => octets.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    after.get(next.len_utf8()..).unwrap_or_default()
}

/// Octets as a person reads them: printable ASCII as it is, the rest as escapes of cases, long ones cut.
pub(super) fn shown(octets: &[u8]) -> String {
    const LONGEST: usize = 600;
    let mut text = String::new();
    for octet in octets.iter().take(LONGEST) {
        match octet {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            0x20..=0x7e => text.push(char::from(*octet)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    if octets.len() > LONGEST {
        text.push_str(&format!("… ({} octets)", octets.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let found = pieces(r"+OK {count:number} \x00a\{3}\*{base64:\0{user}}*").unwrap();
        assert_eq!(
            found,
            [
                Piece::Literal(b"+OK ".to_vec()),
                Piece::Hole("count:number".to_owned()),
                Piece::Literal(b" \0aaa*".to_vec()),
                Piece::Hole(r"base64:\0{user}".to_owned()),
                Piece::Wild,
            ]
        );
        assert!(pieces("{open").is_err());
    }

    #[test]
    fn octets_are_shown_as_cases_write_them() {
        assert_eq!(shown(b"a\r\n\0\\\xff"), r"a\r\n\x00\\\xff");
        assert!(shown(&[b'a'; 1000]).ends_with("(1000 octets)"));
    }
}
