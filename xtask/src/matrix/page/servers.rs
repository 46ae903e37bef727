//! What servers do: a table of all cases, then each server with all that it does not pass.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{cell, code, steady};
use crate::matrix::ServerResults;
use crate::matrix::servers::{Case, ServerRun, Verdict, Way};

/// The verdicts whose particulars are told.
const TOLD: [Verdict; 4] = [Verdict::Fails, Verdict::Departs, Verdict::Differs, Verdict::Undecided];

pub(super) fn write(text: &mut String, servers: &[ServerResults], requirements: &str) {
    // Writing to a string cannot fail.
    let _ = write_all(text, servers, requirements);
}

fn write_all(text: &mut String, servers: &[ServerResults], requirements: &str) -> std::fmt::Result {
    text.push_str(INTRODUCTION);
    counts(text, servers)?;
    let cases = cases(servers);
    let mut section = None;
    for case in &cases {
        if section != Some(case.section) {
            section = Some(case.section);
            heading(text, case.section, requirements, servers)?;
        }
        row(text, case, servers)?;
    }
    for server in servers {
        particulars(text, server)?;
    }
    Ok(())
}

const INTRODUCTION: &str = "\
<a id=\"servers\"></a>
## Servers

Each case is a file below [crates/pop3-testkit/conform](../crates/pop3-testkit/conform), and cites rows of the
[requirements](requirements.md), where the sections of the RFCs are named. It is played in clear, after STLS, and
with TLS from the first octet, as far as the server offers that. In clear the server is set up to take
passwords in clear, and with STLS to take none before it, as far as it has such a setting.

| word | meaning |
|---|---|
| pass | the server did what the case expects |
| fails | it did not, where the RFC says MUST, or states it as plain fact |
| departs | it did not, where the RFC says SHOULD |
| differs | it did not, where no RFC speaks and the requirement is a choice of this project |
| undecided | the case could not be played to its end |
| skipped | it was not played for want of something, such as a second user |
| n/a | the server does not announce what it is about, or it is about another kind of connection |

Where the ways of connecting disagree, each is named.

On `rfc1939-states/exclusive-access`: RFC 1939 section 4 wants the lock \"as necessary\" to keep messages from being
removed by others. Of the servers that let a second session in, tried by hand, Dovecot, Courier and popa3d
then gave the first session no message that the second had removed; Cyrus still did.

";

/// Server, version, and how many cases came to what.
fn counts(text: &mut String, servers: &[ServerResults]) -> std::fmt::Result {
    let words: Vec<_> = Verdict::ALL.iter().map(|verdict| verdict.words()).collect();
    writeln!(text, "| server | version | connection | {} |", words.join(" | "))?;
    writeln!(text, "|---|---|---|{}", "--:|".repeat(words.len()))?;
    for server in servers {
        for run in &server.runs {
            let counts: Vec<_> = Verdict::ALL.iter().map(|verdict| run.count(*verdict).to_string()).collect();
            let (title, version) = (server.server.title, &server.version);
            writeln!(text, "| {title} | {version} | {} | {} |", way(run).words(), counts.join(" | "))?;
        }
    }
    Ok(())
}

fn way(run: &ServerRun) -> Way {
    run.way.unwrap_or(Way::Plain)
}

/// Every case once, in the order of the runs.
fn cases(servers: &[ServerResults]) -> Vec<&Case> {
    let mut found: Vec<&Case> = Vec::new();
    for case in servers.iter().flat_map(|server| &server.runs).flat_map(|run| &run.cases) {
        if !found.iter().any(|known| known.name == case.name) {
            found.push(case);
        }
    }
    // Stable: within a section the order stays.
    found.sort_by_key(|case| case.section.unwrap_or(u32::MAX));
    found
}

fn heading(
    text: &mut String,
    section: Option<u32>,
    requirements: &str,
    servers: &[ServerResults],
) -> std::fmt::Result {
    let title = section.and_then(|number| {
        let mark = format!("## {number}. ");
        requirements.lines().find_map(|line| line.strip_prefix(&mark))
    });
    writeln!(text, "\n### {}\n", title.unwrap_or("Other cases"))?;
    let names: Vec<_> = servers.iter().map(|server| server.server.title).collect();
    writeln!(text, "| case | rows | {} |", names.join(" | "))?;
    writeln!(text, "|---|---|{}", "---|".repeat(names.len()))
}

fn row(text: &mut String, case: &Case, servers: &[ServerResults]) -> std::fmt::Result {
    let verdicts: Vec<_> = servers.iter().map(|server| summary(&of(server, &case.name))).collect();
    writeln!(
        text,
        "| {}<br>{} | {} | {} |",
        code(&case.name),
        cell(&case.title),
        case.rows.join(" "),
        verdicts.join(" | ")
    )
}

/// A case in every way in which it was played.
fn of<'r>(server: &'r ServerResults, name: &str) -> Vec<(Way, &'r Case)> {
    let found = |run: &'r ServerRun| run.cases.iter().find(|case| case.name == name);
    server.runs.iter().filter_map(|run| Some((way(run), found(run)?))).collect()
}

/// One word where all ways agree, leaving aside those that the case is not about.
fn summary(cases: &[(Way, &Case)]) -> String {
    let mut ways: BTreeMap<Verdict, Vec<&str>> = BTreeMap::new();
    for (way, case) in cases.iter().filter(|(_, case)| case.verdict != Verdict::NotApplicable) {
        ways.entry(case.verdict).or_default().push(way.words());
    }
    match ways.len() {
        0 => Verdict::NotApplicable.words().to_owned(),
        1 => ways.keys().map(|verdict| emphasised(*verdict)).collect(),
        _ => {
            let parts =
                ways.iter().map(|(verdict, ways)| format!("{} ({})", emphasised(*verdict), ways.join(", ")));
            parts.collect::<Vec<_>>().join("; ")
        }
    }
}

fn emphasised(verdict: Verdict) -> String {
    if verdict == Verdict::Fails { "**fails**".to_owned() } else { verdict.words().to_owned() }
}

/// One server: how it is set up, what it announces, and each case that it does not pass.
fn particulars(text: &mut String, server: &ServerResults) -> std::fmt::Result {
    writeln!(text, "\n### {} {}\n", server.server.title, server.version)?;
    writeln!(text, "Set up with: {}.\n", server.server.settings)?;
    for run in &server.runs {
        let said = |capabilities: &Option<Vec<String>>| match capabilities {
            Some(lines) => lines.iter().map(|line| code(line)).collect::<Vec<_>>().join(", "),
            None => "refused".to_owned(),
        };
        writeln!(text, "CAPA, {}, before login: {}.", way(run).words(), said(&run.capabilities))?;
        writeln!(text, "After login: {}.\n", said(&run.capabilities_after_login))?;
    }
    let mut names: Vec<&str> = Vec::new();
    for case in server.runs.iter().flat_map(|run| &run.cases).filter(|case| TOLD.contains(&case.verdict)) {
        if !names.contains(&case.name.as_str()) {
            names.push(&case.name);
        }
    }
    if names.is_empty() {
        writeln!(text, "Every case that was played is passed.")?;
    }
    for name in names {
        particular(text, server, &of(server, name))?;
    }
    Ok(())
}

/// One case that is not passed. Ways in which the same came are told once.
fn particular(text: &mut String, server: &ServerResults, cases: &[(Way, &Case)]) -> std::fmt::Result {
    let mut told: Vec<(&Case, Vec<Way>)> = Vec::new();
    for (way, case) in cases.iter().filter(|(_, case)| TOLD.contains(&case.verdict)) {
        let is_same = |known: &Case| (known.verdict, &known.expected) == (case.verdict, &case.expected);
        match told.iter_mut().find(|(known, _)| is_same(known)) {
            Some((_, ways)) => ways.push(*way),
            None => told.push((case, vec![*way])),
        }
    }
    for (case, ways) in told {
        let words: Vec<_> = ways.iter().map(|way| way.words()).collect();
        let title = case.title.trim_end_matches('.');
        writeln!(text, "#### {} {} ({})\n", code(&case.name), case.verdict.words(), words.join(", "))?;
        writeln!(text, "{title} ({}; {}).\n", case.rows.join(" "), case.level)?;
        if let Some(expected) = &case.expected {
            writeln!(text, "- expected: {}", code(expected))?;
        }
        if let Some(received) = &case.received {
            writeln!(text, "- received: {}", code(&steady(received)))?;
        }
        if let Some(reason) = &case.reason {
            writeln!(text, "- because: {}", cell(because(reason)))?;
        }
        let way = ways.first().copied().unwrap_or(Way::Plain);
        let (name, way) = (server.server.name, way.key());
        writeln!(text, "- again: `cargo xtask matrix --server {name} --way {way} --case {}`\n", case.name)?;
    }
    Ok(())
}

/// Of a message that could not be delivered, what `cargo xtask peers --deliver` said.
fn because(reason: &str) -> &str {
    match reason.split_once(" does not deliver: ") {
        Some((_, what)) => {
            let what = what.split_once("error: ").map_or(what, |(_, error)| error);
            what.trim_end_matches("; check --deliver-command")
        }
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(verdict: Verdict) -> Case {
        Case {
            name: "rfc1939-commands/stat".to_owned(),
            section: Some(3),
            title: "STAT answers a drop listing.".to_owned(),
            rows: vec!["S-1939-26".to_owned()],
            level: "MUST".to_owned(),
            verdict,
            reason: None,
            expected: Some("+OK 1 2".to_owned()),
            received: Some("-ERR".to_owned()),
        }
    }

    #[test]
    fn ways_that_agree_are_one_word() {
        let (pass, fails, na) = (case(Verdict::Pass), case(Verdict::Fails), case(Verdict::NotApplicable));
        assert_eq!(summary(&[(Way::Plain, &pass), (Way::Stls, &pass), (Way::Tls, &na)]), "pass");
        assert_eq!(summary(&[(Way::Plain, &na)]), "n/a");
        assert_eq!(
            summary(&[(Way::Plain, &pass), (Way::Stls, &fails), (Way::Tls, &pass)]),
            "pass (in clear, TLS); **fails** (STLS)"
        );
    }

    #[test]
    fn only_what_the_delivery_said_is_told() {
        let reason = "`x` does not deliver: exit status: 1 error: it is full; check --deliver-command";
        assert_eq!(because(reason), "it is full");
        assert_eq!(because("nothing came"), "nothing came");
    }

    #[test]
    fn a_failing_case_is_told_with_the_command_that_shows_it() {
        let run = |way, verdict| ServerRun {
            way: Some(way),
            capabilities: None,
            capabilities_after_login: None,
            cases: vec![case(verdict)],
        };
        let results = ServerResults {
            server: crate::peers::server_named("popa3d").unwrap(),
            version: "1.0".to_owned(),
            runs: vec![run(Way::Plain, Verdict::Fails), run(Way::Tls, Verdict::Pass)],
        };
        let mut text = String::new();
        write(&mut text, &[results], "## 3. RFC 1939: commands\n");
        for expected in [
            "### RFC 1939: commands\n",
            "**fails** (in clear)",
            "- received: `-ERR`\n",
            "cargo xtask matrix --server popa3d --way plain --case rfc1939-commands/stat",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
