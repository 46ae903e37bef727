//! The licences of everything that is linked, against the list that deny.toml has too.

use super::Findings;
use crate::workspace::Workspace;

/// No copyleft in linked code.
const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Every package must offer at least one way to use it under allowed licences.
pub(super) fn check(workspace: &Workspace, findings: &mut Findings) {
    for package in workspace.packages() {
        let Some(licence) = &package.license else {
            findings.error(format!("{} {} names no licence", package.name, package.version));
            continue;
        };
        if !is_allowed(licence) {
            findings.error(format!(
                "{} {} is under {licence}, which is not on the list",
                package.name, package.version
            ));
        }
    }
}

/// Whether an SPDX expression can be satisfied by the list.
fn is_allowed(expression: &str) -> bool {
    // The old form of OR.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words };
    parser.alternatives() == Some(true) && parser.words.is_empty()
}

/// `a OR b`, where each is `c AND d`, where each is a licence, perhaps `WITH` an exception, or in brackets.
struct Parser<'w> {
    words: &'w [&'w str],
}

impl<'w> Parser<'w> {
    fn alternatives(&mut self) -> Option<bool> {
        let mut is_allowed = self.conjunction()?;
        while self.take_if("OR") {
            // Both sides are read even when one is enough.
            is_allowed |= self.conjunction()?;
        }
        Some(is_allowed)
    }

    fn conjunction(&mut self) -> Option<bool> {
        let mut is_allowed = self.licence()?;
        while self.take_if("AND") {
            is_allowed &= self.licence()?;
        }
        Some(is_allowed)
    }

    fn licence(&mut self) -> Option<bool> {
        if self.take_if("(") {
            let inner = self.alternatives()?;
            return self.take_if(")").then_some(inner);
        }
        let name = self.take()?;
        if self.take_if("WITH") {
            // An exception only ever allows more.
            self.take()?;
        }
        Some(ALLOWED.contains(&name))
    }

    fn take(&mut self) -> Option<&'w str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take_if(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.take();
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allowed_alternative_is_enough() {
        assert!(is_allowed("MIT OR Apache-2.0"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("MIT OR Apache-2.0 OR LGPL-2.1-or-later"));
        assert!(is_allowed("Unlicense OR MIT"));
    }

    #[test]
    fn every_part_of_a_conjunction_counts() {
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_allowed("ISC AND (Apache-2.0 OR ISC) AND MIT AND (Apache-2.0 OR ISC OR MIT-0)"));
        assert!(!is_allowed("MIT AND GPL-3.0-only"));
        assert!(!is_allowed("GPL-2.0-only AND (MIT OR Apache-2.0)"));
    }

    #[test]
    fn an_exception_does_not_matter_and_nonsense_is_refused() {
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!is_allowed("MPL-2.0"));
        assert!(!is_allowed(""));
        assert!(!is_allowed("MIT Apache-2.0"));
        assert!(!is_allowed("(MIT"));
    }
}
