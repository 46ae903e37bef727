//! What a line of the server has to look like.

use regex::bytes::Regex;

use super::{
    text::{Piece, pieces},
    values::{Value, Values},
};

/// A line with wildcards and named captures: `+OK {count:number} {size:number}`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    source: String,
    pieces: Vec<Piece>,
}

/// A name, the kind of value it stands for, and the kind as a regular expression.
const KINDS: [(&str, &str); 12] = [
    // RFC 1939 section 4 has decimal numbers; a leading zero is never generated.
    ("number", "0|[1-9][0-9]*"),
    ("unique-id", "[\\x21-\\x7e]{1,70}"),
    ("word", "[^ \\r\\n]+"),
    ("text", "[^\\r\\n]*"),
    ("any", ".*"),
    // RFC 1939 section 7: in the manner of a msg-id.
    ("timestamp", "<[\\x21-\\x3b\\x3d\\x3f\\x41-\\x7e]+@[\\x21-\\x3b\\x3d\\x3f\\x41-\\x7e]+>"),
    ("base64", "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
    // RFC 2449 section 3: levels exclude `/`, `]` and controls.
    ("code", "\\[[^/\\]\\x00-\\x1f]+(?:/[^/\\]\\x00-\\x1f]+)*\\]"),
    // RFC 2449 section 3: visible characters without the dot.
    ("tag", "[\\x21-\\x2d\\x2f-\\x7e]+"),
    // The tags that IANA has, and those for experiments. RFC 2449 section 9.
    (
        "registered",
        "(?i:TOP|USER|SASL|RESP-CODES|LOGIN-DELAY|PIPELINING|EXPIRE|UIDL|IMPLEMENTATION|STLS|\
         AUTH-RESP-CODE|UTF8|LANG|X[\\x21-\\x2d\\x2f-\\x7e]*)",
    ),
    // No response code, and nothing that could be taken for one.
    ("plain", "|[^\\[\\r\\n][^\\r\\n]*"),
    // No control octets.
    ("visible", "[^\\x00-\\x1f\\x7f]*"),
];

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong in it.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let pieces = pieces(source)?;
        for piece in &pieces {
            if let Piece::Hole(hole) = piece
                && let Some((_, kind)) = hole.split_once(':')
                && kind_of(kind).is_none()
            {
                return Err(format!("there is no kind {kind} in {source}"));
            }
        }
        Ok(Self { source: source.to_owned(), pieces })
    }

    /// As it stands in the case.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The names that it captures, in their order.
    pub(super) fn names(&self) -> Vec<String> {
        let named = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => hole.split_once(':').map(|(name, _)| name.to_owned()),
            _ => None,
        });
        named.filter(|name| !name.is_empty()).collect()
    }

    /// Whether a line, without its line end, is as it should be, and what it captures then.
    ///
    /// # Errors
    ///
    /// A sentence when a name stands for nothing yet.
    pub(super) fn captures(
        &self,
        line: &[u8],
        values: &Values,
    ) -> Result<Option<Vec<(String, Value)>>, String> {
        let (expression, names) = self.expression(values)?;
        let regex = Regex::new(&expression).map_err(|error| format!("{}: {error}", self.source))?;
        let Some(found) = regex.captures(line) else { return Ok(None) };
        let captured = names.into_iter().enumerate().filter_map(|(index, name)| {
            let octets = found.get(index + 1)?.as_bytes().to_vec();
            (!name.is_empty()).then_some((name, Value::Text(octets)))
        });
        Ok(Some(captured.collect()))
    }

    /// The regular expression, and the names of its groups.
    fn expression(&self, values: &Values) -> Result<(String, Vec<String>), String> {
        let mut expression = "(?s-u)\\A".to_owned();
        let mut names = Vec::new();
        let last = self.pieces.len().saturating_sub(1);
        for (index, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Literal(octets) => {
                    let next_ends = index + 1 == last && self.pieces.last() == Some(&Piece::Wild);
                    match octets.strip_suffix(b" ") {
                        // A space and a star at the end: any text, or none and no space either.
                        Some(before) if next_ends => {
                            literal(before, &mut expression);
                            expression.push_str("(?: .*)?\\z");
                            return Ok((expression, names));
                        }
                        _ => literal(octets, &mut expression),
                    }
                }
                Piece::Wild => expression.push_str(".*"),
                Piece::Hole(hole) => match hole.split_once(':') {
                    Some((name, kind)) => {
                        expression.push_str(&format!("({})", kind_of(kind).unwrap_or(".*")));
                        names.push(name.to_owned());
                    }
                    None => literal(&values.text(hole)?, &mut expression),
                },
            }
        }
        expression.push_str("\\z");
        Ok((expression, names))
    }
}

fn kind_of(name: &str) -> Option<&'static str> {
    KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, expression)| *expression)
}

fn literal(octets: &[u8], expression: &mut String) {
    for octet in octets {
        expression.push_str(&format!("\\x{octet:02x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, line: &[u8]) -> bool {
        Pattern::parse(pattern).unwrap().captures(line, &Values::default()).unwrap().is_some()
    }

    #[test]
    fn stars_stand_for_any_text() {
        assert!(is_match("+OK *", b"+OK"));
        assert!(is_match("+OK *", b"+OK "));
        assert!(is_match("+OK *", b"+OK a \xff"));
        assert!(!is_match("+OK *", b"+OKAY"));
        assert!(is_match("*", b""));
        assert!(is_match("a*c", b"abc"));
        assert!(!is_match("a*c", b"abcd"));
        assert!(is_match(r"\*.", b"*."));
        assert!(!is_match(r"\*.", b"xy"));
    }

    #[test]
    fn kinds_are_what_the_documents_say() {
        for (line, is_good) in [("0", true), ("10", true), ("010", false), ("-1", false), ("", false)] {
            assert_eq!(is_match("{n:number}", line.as_bytes()), is_good, "{line}");
        }
        assert!(is_match("{:unique-id}", &[b'~'; 70]));
        assert!(!is_match("{:unique-id}", &[b'~'; 71]));
        assert!(!is_match("{:unique-id}", b"a b"));
        assert!(is_match("{:timestamp}", b"<1896.697170952@dbc.mtview.ca.us>"));
        assert!(!is_match("{:timestamp}", b"<a@b@c>"));
        assert!(is_match("{:code}", b"[SYS/TEMP]"));
        assert!(!is_match("{:code}", b"[SYS/]"));
        assert!(is_match("+ {:base64}", b"+ "));
        assert!(is_match("+ {:base64}", b"+ QUI="));
        assert!(!is_match("+ {:base64}", b"+ QUI"));
        assert!(Pattern::parse("{x:colour}").is_err());
    }

    #[test]
    fn captures_are_named_and_can_be_asked_for_again() {
        let mut values = Values::default();
        let pattern = Pattern::parse("+OK {count:number} {:number}").unwrap();
        let found = pattern.captures(b"+OK 2 320", &values).unwrap().unwrap();
        assert_eq!(found, [("count".to_owned(), Value::Text(b"2".to_vec()))]);
        for (name, value) in found {
            values.set(&name, value);
        }
        let again = Pattern::parse("{count}").unwrap();
        assert!(again.captures(b"2", &values).unwrap().is_some());
        assert!(again.captures(b"3", &values).unwrap().is_none());
        assert!(Pattern::parse("{unknown}").unwrap().captures(b"", &values).is_err());
    }
}
