//! As much JSON (RFC 8259) as an error challenge needs: one object, its text and number members.

/// How deep objects and arrays may nest; what a token error holds is flat.
const DEPTH_MAX: usize = 8;

/// The members of the object that `text` is, as far as their values are strings or numbers.
pub(super) fn members(text: &str) -> Option<Vec<(String, String)>> {
    let mut reader = Reader { rest: text };
    let mut found = Vec::new();
    reader.object(1, &mut |name, value| found.push((name, value)))?;
    reader.skip_space();
    reader.rest.is_empty().then_some(found)
}

/// Writes `text` as a JSON string in which no control character is left.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // Every control character is in the first plane, where four digits are enough.
            _ if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Each method takes what it is named after off the front, or gives up for good.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn object(&mut self, depth: usize, on_member: &mut dyn FnMut(String, String)) -> Option<()> {
        self.expect('{')?;
        if self.take('}') {
            return Some(());
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.expect(':')?;
            if let Some(value) = self.value(depth)? {
                on_member(name, value);
            }
            if !self.take(',') {
                return self.expect('}');
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.expect('[')?;
        if self.take(']') {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if !self.take(',') {
                return self.expect(']');
            }
        }
    }

    /// The outer `Option` is success, the inner one holds text for a string or a number.
    fn value(&mut self, depth: usize) -> Option<Option<String>> {
        self.skip_space();
        let inner = depth.checked_add(1).filter(|inner| *inner <= DEPTH_MAX);
        match self.rest.chars().next()? {
            '"' => self.string().map(Some),
            '{' => self.object(inner?, &mut |_, _| {}).map(|()| None),
            '[' => self.array(inner?).map(|()| None),
            _ => self.word(),
        }
    }

    /// `true`, `false`, `null`, or a number, whose exact form does not matter here.
    fn word(&mut self) -> Option<Option<String>> {
        let end = self.rest.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '+' | '-' | '.' | 'E'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        match word {
            "true" | "false" | "null" => Some(None),
            _ => word.parse::<f64>().ok().filter(|n| n.is_finite()).map(|_| Some(word.to_owned())),
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut chars = self.rest.strip_prefix('"')?.chars();
        let mut text = String::new();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(escaped(&mut chars)?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.take(c).then_some(())
    }

    fn take(&mut self, c: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }
}

/// What stands after a backslash.
fn escaped(chars: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = four_digits(chars)?;
            if !(0xd800..0xe000).contains(&first) {
                return char::from_u32(u32::from(first));
            }
            // A character outside the first plane is written as two surrogates.
            let is_pair = chars.next()? == '\\' && chars.next()? == 'u';
            let second = four_digits(chars).filter(|_| is_pair)?;
            return char::decode_utf16([first, second]).next()?.ok();
        }
        _ => return None,
    })
}

fn four_digits(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let digits = chars.as_str().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    *chars = chars.as_str().get(4..)?.chars();
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::members;

    #[test]
    fn escapes() {
        let read = |json: &str| members(json).and_then(|members| members.into_iter().next()).map(|(_, v)| v);
        assert_eq!(read(r#"{"a":"\"\\\/\b\f\n\r\t\u00e9"}"#).as_deref(), Some("\"\\/\u{8}\u{c}\n\r\t\u{e9}"));
        assert_eq!(read(r#"{"a":"\ud83d\ude00"}"#).as_deref(), Some("\u{1F600}"));
        for bad in [
            r#"{"a":"\ud83d"}"#,
            r#"{"a":"\ud83dx"}"#,
            r#"{"a":"\ude00\ud83d"}"#,
            r#"{"a":"\u00g0"}"#,
            r#"{"a":"\u+0e9"}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(r#"{"a":1.5E-3}"#).as_deref(), Some("1.5E-3"));
        assert_eq!(read(r#"{"a":nul}"#), None);
        assert_eq!(read(r#"{"a":inf}"#), None);
    }
}
