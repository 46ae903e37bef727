//! Which requirements are cited by a test that passed.

mod black_box;
mod citations;
mod exceptions;
mod matching;
mod requirements;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context;

use self::black_box::ServerRows;
use self::citations::{By, Citation};
use self::exceptions::Exceptions;
use self::requirements::Requirements;
use crate::outcomes::Outcomes;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "docs/requirements.md";
const ABUSE_CASES: &str = "docs/abuse-cases.md";
const EXCEPTIONS: &str = "docs/conformance-exceptions.toml";

/// Sections that `--check` wants whole: the protocol itself.
const CHECKED: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 21, 23, 24];

/// Prints the report. With `check`, false when something is missing or wrong.
pub(crate) fn run(workspace: &Workspace, check: bool) -> anyhow::Result<bool> {
    let root = workspace.root();
    let requirements = Requirements::parse(&text(root, REQUIREMENTS)?);
    let abuse_cases = requirements::abuse_cases(&text(root, ABUSE_CASES)?);
    let exceptions = Exceptions::parse(&text(root, EXCEPTIONS)?)
        .with_context(|| format!("{EXCEPTIONS} is not as expected"))?;
    let citations = citations::all(root)?;
    let outcomes = Outcomes::read(&workspace.scratch())?;
    if outcomes.is_none() {
        println!(
            "There is no list of passed tests yet, so nothing counts as covered: run cargo xtask test first.\n"
        );
    }
    let did_run = outcomes.is_some();
    let outcomes = outcomes.unwrap_or_default();
    let covered = covered(&citations, &outcomes, |_| true);
    let by_cases = self::covered(&citations, &outcomes, |by| *by == By::Case);
    let report = Report { requirements: &requirements, exceptions: &exceptions, covered: &covered };
    report.print();
    ServerRows::count(&requirements, &exceptions, &by_cases, &covered).print();
    print_abuse_cases(&abuse_cases, &covered);
    if did_run {
        print_not_run(&citations, &outcomes);
    }

    let mut problems = report.problems();
    problems.extend(unknown_ids(&requirements, &abuse_cases, &citations, &exceptions));
    problems.extend(stray(&citations));
    for problem in &problems {
        println!("{}: {problem}", if check { "error" } else { "warning" });
    }
    Ok(!check || problems.is_empty())
}

fn text(root: &Path, name: &str) -> anyhow::Result<String> {
    fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))
}

/// The IDs cited by a test that passed, of the kinds that are asked for.
fn covered(citations: &[Citation], outcomes: &Outcomes, is_asked: impl Fn(&By) -> bool) -> BTreeSet<String> {
    let asked = citations.iter().filter(|citation| is_asked(&citation.by));
    let passed = asked.filter(|citation| matching::has_passed(citation, outcomes));
    passed.flat_map(|citation| citation.ids.iter().cloned()).collect()
}

struct Report<'r> {
    requirements: &'r Requirements,
    exceptions: &'r Exceptions,
    covered: &'r BTreeSet<String>,
}

impl Report<'_> {
    fn print(&self) {
        println!(
            "{:>3}  {:<62} {:>5} {:>8} {:>9} {:>10}",
            "", "section", "rows", "covered", "excepted", "uncovered"
        );
        for section in &self.requirements.sections {
            let covered = section.ids.iter().filter(|id| self.covered.contains(*id)).count();
            let excepted = section.ids.iter().filter(|id| self.exceptions.reason(id).is_some()).count();
            println!(
                "{:>3}  {:<62} {:>5} {covered:>8} {excepted:>9} {:>10}",
                section.number,
                shortened(&section.title, 62),
                section.ids.len(),
                self.uncovered(&section.ids).len(),
            );
        }
        let all: Vec<_> = self.requirements.ids().cloned().collect();
        let covered = all.iter().filter(|id| self.covered.contains(*id)).count();
        println!("     {:<62} {:>5} {covered:>8}", "all", all.len());

        println!("\nExceptions, with their reasons:");
        for (reason, ids) in self.exceptions.by_reason() {
            println!("  {reason}: {}", ids.join(" "));
        }
        println!("\nUncovered (a star marks the sections that must have none):");
        for section in &self.requirements.sections {
            let uncovered = self.uncovered(&section.ids);
            if !uncovered.is_empty() {
                let star = if CHECKED.contains(&section.number) { "*" } else { " " };
                println!(" {star}{:>3}: {}", section.number, uncovered.join(" "));
            }
        }
        println!();
    }

    /// Rows that are neither cited by a passing test nor excepted.
    fn uncovered<'i>(&self, ids: &'i [String]) -> Vec<&'i str> {
        ids.iter()
            .filter(|id| !self.covered.contains(*id) && self.exceptions.reason(id).is_none())
            .map(String::as_str)
            .collect()
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for section in self.requirements.sections.iter().filter(|section| CHECKED.contains(&section.number)) {
            let uncovered = self.uncovered(&section.ids);
            if !uncovered.is_empty() {
                let (number, count) = (section.number, uncovered.len());
                let first = uncovered.first().copied().unwrap_or_default();
                problems.push(format!(
                    "section {number}: {count} rows, {first} the first, are neither covered nor excepted"
                ));
            }
        }
        for id in self.exceptions.ids().filter(|id| self.covered.contains(*id)) {
            problems.push(format!(
                "{id} is covered by a test and excepted in {EXCEPTIONS}: remove the exception"
            ));
        }
        problems
    }
}

fn print_abuse_cases(abuse_cases: &BTreeSet<String>, covered: &BTreeSet<String>) {
    let (cited, missing): (Vec<_>, Vec<_>) = abuse_cases.iter().partition(|id| covered.contains(*id));
    println!("Abuse cases: {}, covered: {}", abuse_cases.len(), cited.len());
    let mut missing: Vec<_> = missing.into_iter().map(String::as_str).collect();
    missing.sort_unstable();
    println!("  uncovered: {}\n", missing.join(" "));
}

/// Citations that count for nothing because their test was not among those that ran.
fn print_not_run(citations: &[Citation], outcomes: &Outcomes) {
    for citation in citations.iter().filter(|citation| !matching::has_run(citation, outcomes)) {
        println!(
            "not run: the test that cites {} in {}:{}",
            citation.ids.join(" "),
            citation.file,
            citation.line
        );
    }
}

/// IDs that a test or an exception names and no list has.
fn unknown_ids(
    requirements: &Requirements,
    abuse_cases: &BTreeSet<String>,
    citations: &[Citation],
    exceptions: &Exceptions,
) -> Vec<String> {
    let known: BTreeSet<&String> = requirements.ids().chain(abuse_cases).collect();
    let mut unknown: BTreeMap<String, String> = BTreeMap::new();
    for citation in citations {
        for id in citation.ids.iter().filter(|id| !known.contains(id)) {
            unknown.insert(id.clone(), format!("{}:{}", citation.file, citation.line));
        }
    }
    for id in exceptions.ids().filter(|id| !known.contains(id)) {
        unknown.insert(id.clone(), EXCEPTIONS.to_owned());
    }
    unknown.into_iter().map(|(id, place)| format!("{place}: there is no requirement {id}")).collect()
}

/// Citations with no test below them.
fn stray(citations: &[Citation]) -> impl Iterator<Item = String> {
    let stray = citations.iter().filter(|citation| citation.by == By::Nothing);
    stray.map(|citation| format!("{}:{}: no test follows this citation", citation.file, citation.line))
}

fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "## 1. Codec\n\n| P-1939-01 | a | MUST | s | t |\n| P-1939-02 | b | MUST | s | t |\n";

    fn problems(covered: &[&str], exceptions: &str) -> Vec<String> {
        let covered = covered.iter().map(|id| (*id).to_owned()).collect();
        let requirements = Requirements::parse(LIST);
        let exceptions = Exceptions::parse(exceptions).unwrap();
        Report { requirements: &requirements, exceptions: &exceptions, covered: &covered }.problems()
    }

    #[test]
    fn a_row_is_covered_or_excepted_and_never_both() {
        let excepted = "[[exception]]\nids = [\"P-1939-02\"]\nreason = \"later\"\n";
        assert!(problems(&["P-1939-01"], excepted).is_empty());
        assert!(problems(&["P-1939-01"], "")[0].contains("P-1939-02"));
        assert!(problems(&["P-1939-01", "P-1939-02"], excepted)[0].contains("remove the exception"));
    }
}
