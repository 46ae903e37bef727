//! For people: a table by section, then what is wrong, with all that is needed to look into it.

use std::fmt::Write as _;

use super::{CaseReport, Report, Verdict};
use crate::conform::library::Section;

pub(super) fn written(report: &Report, sections: &[Section]) -> String {
    let mut text = String::new();
    let _ = head(&mut text, report);
    for section in sections {
        let cases: Vec<&CaseReport> =
            report.cases.iter().filter(|case| case.name.starts_with(&section.prefix())).collect();
        if !cases.is_empty() {
            let _ = table(&mut text, section, &cases);
        }
    }
    for case in &report.cases {
        if matches!(case.verdict, Verdict::Fails | Verdict::Departs | Verdict::Differs | Verdict::Undecided) {
            let _ = details(&mut text, case);
        }
    }
    let _ = foot(&mut text, report);
    text
}

fn head(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "{} ({})", report.server, report.mode.name())?;
    writeln!(text, "greeting: {}", report.greeting)?;
    match &report.capabilities {
        Some(lines) => writeln!(text, "capabilities: {}", lines.join(", ")),
        None => writeln!(text, "capabilities: there is no CAPA"),
    }
}

fn table(text: &mut String, section: &Section, cases: &[&CaseReport]) -> std::fmt::Result {
    writeln!(text, "\n{}", section.heading())?;
    for case in cases {
        let rows = case.rows.join(" ");
        writeln!(
            text,
            "  {:<16}  {:<34}  {}  [{rows}]",
            case.verdict.words(),
            short(&case.name),
            case.title
        )?;
        if matches!(case.verdict, Verdict::Skipped | Verdict::NotApplicable)
            && let Some(reason) = &case.reason
        {
            writeln!(text, "  {:<16}  {:<34}  ({reason})", "", "")?;
        }
    }
    Ok(())
}

fn short(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, file)| file)
}

fn details(text: &mut String, case: &CaseReport) -> std::fmt::Result {
    writeln!(text, "\n{}: {}", case.verdict.words(), case.name)?;
    writeln!(text, "  {} [{}]", case.title, case.rows.join(" "))?;
    if let Some(difference) = &case.difference {
        writeln!(text, "  expected: {} (line {} of the case)", difference.expected, difference.line)?;
        writeln!(text, "  received: {}", difference.received)?;
    }
    if let Some(reason) = &case.reason {
        writeln!(text, "  because: {reason}")?;
    }
    for line in case.said.iter().flat_map(|said| said.lines()) {
        writeln!(text, "    {line}")?;
    }
    writeln!(text, "  to see it again: {}", case.reproduce)
}

fn foot(text: &mut String, report: &Report) -> std::fmt::Result {
    let counts = Verdict::ALL.iter().map(|verdict| format!("{} {}", report.count(*verdict), verdict.words()));
    let counts: Vec<String> = counts.collect();
    let seconds = report.duration.as_secs_f32();
    writeln!(text, "\n{} cases in {seconds:.1} s: {}", report.cases.len(), counts.join(", "))?;
    if let Some(left) = &report.left {
        writeln!(text, "{left}")?;
    }
    Ok(())
}
