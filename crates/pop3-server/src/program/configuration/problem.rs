use std::{fmt, path::Path};

/// What cannot be left out of the file.
const SECTIONS: [(&str, &str); 3] =
    [("listen", "[[listen]]"), ("users", "[users]"), ("maildir", "[maildir]")];
/// What a parser calls a number.
const NUMBERS: [(&str, &str); 3] = [("u64", NUMBER), ("u32", NUMBER), ("usize", NUMBER)];
const NUMBER: &str = "a whole number, 0 or more";

/// What is wrong with a configuration file, and where.
#[derive(Debug)]
pub(super) struct Problem(String);

impl Problem {
    /// In one sentence: file, line, key, what is wrong, what to do.
    pub(super) fn new(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let mut message = error.message().trim().replace('\n', ", ");
        if let Some(expected) = message.strip_prefix("unknown field ") {
            message =
                format!("there is no key {}", expected.replacen(", expected", "; the keys here are", 1));
        }
        for (type_name, word) in NUMBERS {
            if let Some(rest) = message.strip_suffix(type_name) {
                message = format!("{rest}{word}");
            }
        }
        let missing = SECTIONS.iter().find(|(key, _)| message == format!("missing field `{key}`"));
        if let Some((_, section)) = missing {
            // It is nowhere, so no line is to blame.
            return Self(format!(
                "{}: there is no section {section}; add it, the example configuration shows how",
                path.display()
            ));
        }
        if !message.contains(';') {
            message.push_str("; correct it, or see the example configuration");
        }
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        Self(format!("{}{place}: {message}", path.display()))
    }
}

/// `, line 3, key autologout`, as far as the octet at this place tells.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let found = text.lines().nth(line - 1).unwrap_or_default().trim();
    match found.split_once('=') {
        Some((key, _)) => format!(", line {line}, key {}", key.trim()),
        None if found.starts_with('[') => format!(", line {line}, section {found}"),
        None => format!(", line {line}"),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}
