//! What programs that fetch mail do: a table for each mode, and what happened where it is not "ok".

use std::fmt::Write;

use super::cell;
use crate::matrix::clients::{ClientRun, MODES, SCRIPTS, Scenario};

pub(super) fn write(text: &mut String, runs: &[ClientRun]) {
    // Writing to a string cannot fail.
    let _ = write_all(text, runs);
}

const INTRODUCTION: &str = "
<a id=\"clients\"></a>
## Clients

`pop3-testkit client-check` serves test messages with a fault, lets the program fetch, and again, most often
without the fault, and then looks at what is stored and what is left on the server. The scenarios are in
[scenarios.toml](../crates/pop3-testkit/clients/scenarios.toml), and how each program is set up in the
[scripts beside it](../crates/pop3-testkit/clients/README.md).

| word | meaning |
|---|---|
| ok | every message is where it should be, once and whole |
| left | stored and not removed, though it was to be removed |
| blocked | not fetched, though the server gives it in the last run; it is still there |
| removed | removed from the server, though it was to be kept |
| stuck | a run did not end within a minute, and was killed |
| duplicated | stored more than once |
| damaged | stored with other octets than were sent |
| truncated | a part of it is stored as if it were the whole |
| lost | neither stored nor on the server |
";

fn write_all(text: &mut String, runs: &[ClientRun]) -> std::fmt::Result {
    text.push_str(INTRODUCTION);
    for mode in MODES {
        let runs: Vec<_> = runs.iter().filter(|run| run.mode == mode).collect();
        let what = match mode {
            "delete" => "Messages are to be removed from the server once they are stored",
            _ => "Messages are to stay on the server",
        };
        writeln!(text, "\n### {what}\n")?;
        table(text, &runs)?;
        for run in runs {
            particulars(text, run)?;
        }
    }
    Ok(())
}

fn table(text: &mut String, runs: &[&ClientRun]) -> std::fmt::Result {
    let heads: Vec<_> = runs.iter().map(|run| format!("{} {}", run.client, run.version)).collect();
    writeln!(text, "| scenario | {} |", heads.join(" | "))?;
    writeln!(text, "|---|{}", "---|".repeat(heads.len()))?;
    for name in names(runs) {
        let verdicts: Vec<_> = runs.iter().map(|run| verdict(run, name)).collect();
        writeln!(text, "| {name} | {} |", verdicts.join(" | "))?;
    }
    Ok(())
}

/// Every scenario once.
fn names<'r>(runs: &[&'r ClientRun]) -> Vec<&'r str> {
    let mut names: Vec<&str> = Vec::new();
    for scenario in runs.iter().flat_map(|run| &run.scenarios) {
        if !names.contains(&scenario.name.as_str()) {
            names.push(&scenario.name);
        }
    }
    names
}

fn verdict<'r>(run: &'r ClientRun, name: &str) -> &'r str {
    let found = run.scenarios.iter().find(|scenario| scenario.name == name);
    found.map_or("n/a", |scenario| &scenario.verdict)
}

fn particulars(text: &mut String, run: &ClientRun) -> std::fmt::Result {
    let bad: Vec<&Scenario> = run.scenarios.iter().filter(|scenario| scenario.verdict != "ok").collect();
    if bad.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n{} {}: each run's end, and the messages concerned.\n", run.client, run.version)?;
    writeln!(text, "| scenario | what happened |")?;
    writeln!(text, "|---|---|")?;
    for scenario in &bad {
        writeln!(text, "| {} | {} |", scenario.name, cell(&scenario.details.summary))?;
    }
    let example = bad.first().map(|scenario| scenario.name.as_str()).unwrap_or_default();
    writeln!(text, "\nAgain, for the first of them:\n\n```console")?;
    let (client, mode) = (&run.client, &run.mode);
    let path = if client == "pop3-client" { "POP3_CLIENT=target/debug/pop3-client " } else { "" };
    writeln!(
        text,
        "$ {path}target/debug/pop3-testkit client-check --{mode} --scenario {example} -- {SCRIPTS}/{client}.sh"
    )?;
    writeln!(text, "```")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::clients::Details;

    #[test]
    fn what_is_not_ok_is_told() {
        let scenario = |name: &str, verdict: &str| Scenario {
            name: name.to_owned(),
            verdict: verdict.to_owned(),
            details: Details { summary: "exit 1, exit 0; lost: 2".to_owned() },
        };
        let run = ClientRun {
            client: "mpop".to_owned(),
            mode: "delete".to_owned(),
            version: "1.4".to_owned(),
            scenarios: vec![scenario("healthy", "ok"), scenario("quit-err", "lost")],
        };
        let mut text = String::new();
        write(&mut text, &[run]);
        assert!(text.contains("| scenario | mpop 1.4 |\n"));
        assert!(text.contains("| healthy | ok |\n") && text.contains("| quit-err | lost |\n"));
        assert!(text.contains("| quit-err | exit 1, exit 0; lost: 2 |\n"));
        assert!(text.contains("--delete --scenario quit-err -- crates/pop3-testkit/clients/mpop.sh"));
        assert!(!text.contains("| healthy | exit"));
    }
}
