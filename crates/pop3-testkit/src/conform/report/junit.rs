//! JUnit's XML, which continuous integration reads.

use std::fmt::Write as _;

use super::{CaseReport, Report, Verdict};
use crate::conform::library::Section;

pub(super) fn written(report: &Report, sections: &[Section]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for section in sections {
        let cases: Vec<&CaseReport> =
            report.cases.iter().filter(|case| case.name.starts_with(&section.prefix())).collect();
        if !cases.is_empty() {
            let _ = suite(&mut text, report, section, &cases);
        }
    }
    text.push_str("</testsuites>\n");
    text
}

fn suite(text: &mut String, report: &Report, section: &Section, cases: &[&CaseReport]) -> std::fmt::Result {
    let count = |is: fn(Verdict) -> bool| cases.iter().filter(|case| is(case.verdict)).count();
    writeln!(
        text,
        "<testsuite name=\"{}\" hostname=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
        escaped(&section.heading()),
        escaped(&report.server),
        cases.len(),
        count(|verdict| verdict == Verdict::Fails),
        count(|verdict| verdict == Verdict::Undecided),
        count(|verdict| matches!(verdict, Verdict::Skipped | Verdict::NotApplicable)),
    )?;
    cases.iter().try_for_each(|case| test(text, case))?;
    writeln!(text, "</testsuite>")
}

fn test(text: &mut String, case: &CaseReport) -> std::fmt::Result {
    write!(
        text,
        "<testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
        escaped(case.name.split_once('/').map_or("", |(folder, _)| folder)),
        escaped(&case.name),
        case.duration.as_secs_f64()
    )?;
    let reason = escaped(case.reason.as_deref().unwrap_or_default());
    match case.verdict {
        Verdict::Pass => {}
        Verdict::Fails => {
            write!(text, "<failure type=\"{}\" message=\"{}\">", case.verdict.words(), escaped(&case.title))?;
            write!(text, "{}</failure>", escaped(&what_came(case)))?;
        }
        Verdict::Departs | Verdict::Differs => {
            let (words, what) = (case.verdict.words(), escaped(&what_came(case)));
            write!(text, "<system-out>{words}\n{what}</system-out>")?;
        }
        Verdict::NotApplicable | Verdict::Skipped => write!(text, "<skipped message=\"{reason}\"/>")?,
        Verdict::Undecided => write!(text, "<error message=\"{reason}\"/>")?,
    }
    writeln!(text, "</testcase>")
}

fn what_came(case: &CaseReport) -> String {
    let mut text = String::new();
    if let Some(difference) = &case.difference {
        let _ = writeln!(text, "expected: {}\nreceived: {}", difference.expected, difference.received);
    }
    let _ = writeln!(text, "{}\nto see it again: {}", case.said.join("\n"), case.reproduce);
    text
}

/// XML has no place for control characters, and `shown` has left none in.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
