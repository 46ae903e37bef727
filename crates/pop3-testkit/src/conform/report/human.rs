//! For people: what is wrong last, just above the counts, where a terminal shows it.

use std::fmt::Write as _;

use super::{CaseReport, Report, Verdict};
use crate::conform::library::Section;

/// With `is_full` each section lists its cases, and else one line counts them.
pub(super) fn written(report: &Report, sections: &[Section], is_full: bool) -> String {
    let mut text = String::new();
    let _ = head(&mut text, report);
    text.push('\n');
    for section in sections {
        let cases: Vec<&CaseReport> =
            report.cases.iter().filter(|case| case.name.starts_with(&section.prefix())).collect();
        if cases.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}: {}", section.heading(), counts(&cases));
        if is_full {
            let _ = table(&mut text, &cases);
        }
    }
    for case in &report.cases {
        if matches!(case.verdict, Verdict::Fails | Verdict::Departs | Verdict::Differs | Verdict::Undecided) {
            let _ = details(&mut text, case);
        }
    }
    let _ = foot(&mut text, report, is_full);
    text
}

/// As in `7 pass, 1 differs`; what there is none of is left out.
fn counts(cases: &[&CaseReport]) -> String {
    let count = |verdict: &Verdict| {
        let count = cases.iter().filter(|case| case.verdict == *verdict).count();
        (count > 0).then(|| format!("{count} {}", verdict.words()))
    };
    Verdict::ALL.iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

fn head(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "{} ({})", report.server, report.mode.name())?;
    writeln!(text, "greeting: {}", report.greeting)?;
    match &report.capabilities {
        Some(lines) => writeln!(text, "capabilities: {}", lines.join(", ")),
        None => writeln!(text, "capabilities: there is no CAPA"),
    }
}

fn table(text: &mut String, cases: &[&CaseReport]) -> std::fmt::Result {
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

fn foot(text: &mut String, report: &Report, is_full: bool) -> std::fmt::Result {
    let counts = Verdict::ALL.iter().map(|verdict| format!("{} {}", report.count(*verdict), verdict.words()));
    let counts: Vec<String> = counts.collect();
    let seconds = report.duration.as_secs_f32();
    text.push('\n');
    let unplayed = report.count(Verdict::Skipped) + report.count(Verdict::NotApplicable);
    if unplayed > 0 && !is_full {
        writeln!(text, "{unplayed} were skipped or do not apply; --verbose lists them, and why")?;
    }
    for advice in &report.advice {
        writeln!(text, "to play more: {advice}")?;
    }
    if report.refused_logins > 0 {
        writeln!(text, "logins that were refused, on purpose or not: {}", report.refused_logins)?;
    }
    writeln!(text, "{} cases in {seconds:.1} s: {}", report.cases.len(), counts.join(", "))?;
    for sentence in report.left.iter().chain(&report.ended) {
        writeln!(text, "{sentence}")?;
    }
    Ok(())
}
