//! The report: for people a table, for programs JSON.

use std::fmt;

use serde_json::{Value, json};

use super::{End, Message, Mode, Outcome, Run, Verdict};

/// What came of all scenarios.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was checked.
    pub client: String,
    /// What it was told to do.
    pub mode: Mode,
    /// Whether TLS came first.
    pub tls: bool,
    /// Scenario by scenario.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether nothing happened to the mail that a user would complain of.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.outcomes.iter().all(|outcome| !outcome.verdict.is_failure())
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "client": self.client,
            "mode": self.mode.as_str(),
            "tls": self.tls,
            "scenarios": self.outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls { ", TLS" } else { "" };
        writeln!(f, "{}: {} mode{tls}\n", self.client, self.mode.as_str())?;
        let width = self.outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or(0);
        for outcome in &self.outcomes {
            let (name, verdict) = (&outcome.name, outcome.verdict.as_str());
            writeln!(f, "{name:width$}  {verdict:10}  {}", outcome.summary())?;
        }
        let good = self.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Ok).count();
        let bad = self.outcomes.iter().filter(|outcome| outcome.verdict.is_failure()).count();
        let all = self.outcomes.len();
        let left = all - good - bad;
        write!(f, "\n{all} scenarios: {good} ok, {bad} failed, {left} with mail left where it was")?;
        let is_unfit = |outcome: &Outcome| outcome.name == "healthy" && outcome.verdict != Verdict::Ok;
        if self.outcomes.iter().any(is_unfit) {
            f.write_str(
                "\nhealthy is not ok, so the others say little: look at the command first, with --work",
            )?;
        }
        Ok(())
    }
}

impl Outcome {
    /// What happened, in a line: how each run ended, and the messages that are not where they should be.
    #[must_use]
    pub fn summary(&self) -> String {
        let runs: Vec<String> = self.runs.iter().map(|run| run.end.to_string()).collect();
        let mut text = runs.join(", ");
        let mut verdicts: Vec<Verdict> = self.messages.iter().map(|message| message.verdict).collect();
        verdicts.sort_unstable_by(|one, other| other.cmp(one));
        verdicts.dedup();
        for verdict in verdicts.into_iter().filter(|verdict| *verdict != Verdict::Ok) {
            let messages = self.messages.iter().filter(|message| message.verdict == verdict);
            let marks: Vec<String> = messages.map(|message| message.mark.to_string()).collect();
            text.push_str(&format!("; {}: {}", verdict.as_str(), marks.join(" ")));
        }
        text
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "verdict": self.verdict.as_str(),
            "details": {
                "summary": self.summary(),
                "runs": self.runs.iter().map(Run::json).collect::<Vec<_>>(),
                "messages": self.messages.iter().map(Message::json).collect::<Vec<_>>(),
            },
        })
    }
}

impl Run {
    fn json(&self) -> Value {
        json!({
            "end": self.end.to_string(),
            "seconds": self.took.as_secs_f64(),
            "sessions": self.sessions,
        })
    }
}

impl Message {
    fn json(&self) -> Value {
        json!({
            "message": self.mark,
            "verdict": self.verdict.as_str(),
            "complete": self.copies.complete,
            "partial": self.copies.partial,
            "damaged": self.copies.damaged,
            "wrong_dots": self.copies.wrong_dots,
            "on_server": self.is_on_server,
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Stuck => f.write_str("stuck"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_check::Copies;
    use std::time::Duration;

    fn report() -> Report {
        let message = |mark, verdict, complete| Message {
            mark,
            verdict,
            copies: Copies { complete, ..Copies::default() },
            is_on_server: false,
        };
        let run = |end| Run { end, took: Duration::from_millis(1500), sessions: 2 };
        let outcome = Outcome {
            name: "quit-err".into(),
            verdict: Verdict::Lost,
            runs: vec![run(End::Stuck), run(End::Exit(3))],
            messages: vec![
                message(1, Verdict::Duplicated, 2),
                message(2, Verdict::Lost, 0),
                message(3, Verdict::Ok, 1),
                message(4, Verdict::Duplicated, 3),
            ],
        };
        Report { client: "fetcher".into(), mode: Mode::Delete, tls: true, outcomes: vec![outcome] }
    }

    #[test]
    fn a_person_reads_what_happened_to_which_message() {
        let text = report().to_string();
        let expected = "fetcher: delete mode, TLS\n\n\
                        quit-err  lost        stuck, exit 3; lost: 2; duplicated: 1 4\n\n\
                        1 scenarios: 0 ok, 1 failed, 0 with mail left where it was";
        assert_eq!(text, expected);
        assert!(!report().is_good());
        let mut unfit = report();
        unfit.outcomes[0].name = "healthy".into();
        assert!(unfit.to_string().ends_with("look at the command first, with --work"));
    }

    #[test]
    fn a_program_reads_the_same() {
        let json = report().json();
        assert_eq!(json["client"], "fetcher");
        assert_eq!(json["mode"], "delete");
        let scenario = &json["scenarios"][0];
        assert_eq!((&scenario["name"], &scenario["verdict"]), (&json!("quit-err"), &json!("lost")));
        assert_eq!(scenario["details"]["runs"][0]["end"], "stuck");
        assert_eq!(scenario["details"]["runs"][1]["seconds"], 1.5);
        assert_eq!(scenario["details"]["messages"][3]["complete"], 3);
    }
}
