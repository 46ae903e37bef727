//! The tables of docs/requirements.md and docs/abuse-cases.md.

use std::collections::BTreeSet;

/// The list of requirements by section.
#[derive(Debug)]
pub(super) struct Requirements {
    pub(super) sections: Vec<Section>,
}

/// A numbered section with the IDs of its rows in their order.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) number: u32,
    pub(super) title: String,
    pub(super) ids: Vec<String>,
}

impl Requirements {
    /// Reads headings `## N. title` and the rows below them; a struck row (`~~ID~~`) is retired.
    pub(super) fn parse(text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines() {
            if let Some((number, title)) = heading(line) {
                sections.push(Section { number, title: title.to_owned(), ids: Vec::new() });
            } else if let Some(id) = first_cell(line).filter(|cell| is_id(cell))
                && let Some(section) = sections.last_mut()
            {
                section.ids.push(id.to_owned());
            }
        }
        Self { sections }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.sections.iter().flat_map(|section| &section.ids)
    }
}

/// The IDs `A-NN` of the abuse cases.
pub(super) fn abuse_cases(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(first_cell).filter(|cell| is_abuse_case(cell)).map(str::to_owned).collect()
}

fn heading(line: &str) -> Option<(u32, &str)> {
    let (number, title) = line.strip_prefix("## ")?.split_once(". ")?;
    Some((number.parse().ok()?, title))
}

fn first_cell(line: &str) -> Option<&str> {
    Some(line.trim().strip_prefix('|')?.split('|').next()?.trim())
}

/// Role, source, number: `P-1939-01`, `M-UIDM-09`.
pub(super) fn is_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [role, source, number] = parts.as_slice() else { return false };
    matches!(*role, "P" | "S" | "C" | "M" | "L")
        && !source.is_empty()
        && source.bytes().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit())
        && is_number(number)
}

/// `A-67`.
pub(super) fn is_abuse_case(text: &str) -> bool {
    text.strip_prefix("A-").is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_their_sections() {
        let text = "# List\n\n## Contents\n\n- 1. one\n\n## 1. RFC 1939 — codec\n\n| ID | Requirement |\n|---|---|\n\
            | P-1939-01 | lines \\| ends |\n| ~~P-1939-02~~ | retired |\n\n## 23. STARTTLS\n\n| C-STLS-01 | x |\n\
            \n## Sources\n\n| RFC 1939 | read |\n";
        let requirements = Requirements::parse(text);
        let brief: Vec<_> =
            requirements.sections.iter().map(|section| (section.number, section.ids.as_slice())).collect();
        assert_eq!(brief, [(1, &["P-1939-01".to_owned()][..]), (23, &["C-STLS-01".to_owned()][..])]);
        assert_eq!(requirements.sections[0].title, "RFC 1939 — codec");
    }

    #[test]
    fn ids_have_three_parts() {
        assert!(is_id("S-XOAUTH2-01"));
        assert!(!is_id("P-1939"));
        assert!(!is_id("X-1939-01"));
        assert!(!is_id("P-1939-0x"));
        assert!(is_abuse_case("A-67"));
        assert!(!is_abuse_case("A-"));
    }

    #[test]
    fn abuse_cases_are_one_set() {
        let cases = abuse_cases("| ID | Input |\n|---|---|\n| A-13 | 10 MB |\n| A-14 | x |\n");
        assert_eq!(cases.len(), 2);
    }
}
