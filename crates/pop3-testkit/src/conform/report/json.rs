//! For programs: one object.

use serde_json::{Map, Value, json};

use super::{CaseReport, Report, Verdict};
use crate::conform::library::Section;

pub(super) fn written(report: &Report, sections: &[Section]) -> String {
    let counts: Map<String, Value> = Verdict::ALL
        .iter()
        .map(|verdict| (verdict.key().to_owned(), Value::from(report.count(*verdict))))
        .collect();
    let cases: Vec<Value> = report.cases.iter().map(|one| case(one, sections)).collect();
    let whole = json!({
        "server": report.server,
        "mode": report.mode.name().to_ascii_lowercase(),
        "greeting": report.greeting,
        "capabilities": report.capabilities,
        "capabilities_after_login": report.capabilities_after_login,
        "seconds": report.duration.as_secs_f64(),
        "counts": counts,
        "cases": cases,
        "refused_logins": report.refused_logins,
        "left": report.left,
        "ended": report.ended,
    });
    format!("{whole:#}\n")
}

fn case(case: &CaseReport, sections: &[Section]) -> Value {
    let section = sections.iter().find(|section| case.name.starts_with(&section.prefix()));
    json!({
        "name": case.name,
        "section": section.and_then(|section| section.number),
        "title": case.title,
        "rows": case.rows,
        "level": case.level.name(),
        "verdict": case.verdict.key(),
        "reason": case.reason,
        "expected": case.difference.as_ref().map(|difference| &difference.expected),
        "received": case.difference.as_ref().map(|difference| &difference.received),
        "line": case.difference.as_ref().map(|difference| difference.line),
        "said": case.said,
        "reproduce": case.reproduce,
        "refused_logins": case.refused_logins,
        "seconds": case.duration.as_secs_f64(),
    })
}
