//! The scenarios: data, which say what goes wrong in each run and what is fair to expect then.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{CheckError, Mode, judge::Expectation, process::Interruption};
use crate::fault::{InvalidRule, Plan, Rule};

/// What goes wrong while a program fetches, run by run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    name: String,
    text: String,
    runs: Vec<Vec<String>>,
    #[serde(default = "both")]
    modes: Vec<Mode>,
    pub(super) interrupt: Option<Interrupt>,
    pub(super) deliver_at: Option<String>,
    #[serde(default)]
    unfetchable: Vec<u32>,
    #[serde(default)]
    may_be_left: Vec<u32>,
    #[serde(default)]
    cut: Vec<u32>,
    #[serde(default)]
    wrong_dots: bool,
    #[serde(default)]
    server_removes: bool,
}

/// When the first run is interrupted, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Interrupt {
    pub(super) signal: Interruption,
    /// What a client says first.
    pub(super) at: String,
}

/// A file of scenarios.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Scenario>,
}

fn both() -> Vec<Mode> {
    vec![Mode::Delete, Mode::Keep]
}

impl Scenario {
    /// The scenarios that come with the program.
    ///
    /// # Errors
    ///
    /// [`CheckError::Scenarios`], which would be a mistake in the program.
    pub fn built_in() -> Result<Vec<Self>, CheckError> {
        let path = Path::new("scenarios.toml of this program");
        Self::parse(include_str!("../../clients/scenarios.toml"), path)
    }

    /// The scenarios of a file.
    ///
    /// # Errors
    ///
    /// [`CheckError::Read`], [`CheckError::Scenarios`] and [`CheckError::Rule`] say what is wrong with it.
    pub fn read(path: &Path) -> Result<Vec<Self>, CheckError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| CheckError::Read { path: path.to_owned(), error })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Vec<Self>, CheckError> {
        let file: File = toml::from_str(text)
            .map_err(|error| CheckError::Scenarios { path: path.to_owned(), error: Box::new(error) })?;
        for scenario in &file.scenario {
            if scenario.runs.is_empty() {
                return Err(CheckError::NoRuns { path: path.to_owned(), name: scenario.name.clone() });
            }
            for run in 0..scenario.runs.len() {
                // Any numbers will do to find out whether the rules are rules.
                scenario.plan(run, Some).map_err(|error| CheckError::Rule {
                    path: PathBuf::from(path),
                    name: scenario.name.clone(),
                    error: Box::new(error),
                })?;
            }
        }
        Ok(file.scenario)
    }

    /// As in `--scenario NAME`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happens, what a good program does, and what is not held against any.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it makes sense in this mode.
    #[must_use]
    pub fn is_for(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    pub(super) fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// The faults of a run, counted from 0. `number` gives the message-number of a test message, if it is
    /// on the server.
    pub(super) fn plan(&self, run: usize, number: impl Fn(u32) -> Option<u32>) -> Result<Plan, InvalidRule> {
        let mut plan = Plan::new();
        for text in self.runs.get(run).map(Vec::as_slice).unwrap_or_default() {
            for text in commands(text).iter().filter_map(|text| with_numbers(text, &number)) {
                plan.push(text.parse::<Rule>()?);
            }
        }
        Ok(plan)
    }

    pub(super) fn expectation(&self, mark: u32) -> Expectation {
        Expectation {
            is_unfetchable: self.unfetchable.contains(&mark),
            may_be_left: self.may_be_left.contains(&mark),
            is_cut: self.cut.contains(&mark),
            may_be_removed: self.server_removes,
            may_have_wrong_dots: self.wrong_dots,
        }
    }
}

/// The text with `FETCH` at its beginning replaced by the commands that fetch a message.
pub(super) fn commands(text: &str) -> Vec<String> {
    match text.strip_prefix("FETCH") {
        Some(rest) => ["RETR", "TOP"].map(|command| format!("{command}{rest}")).into(),
        None => vec![text.to_owned()],
    }
}

/// The text with each `{3}` replaced by the number of test message 3; nothing when it is not there.
/// Other braces, as in the escape `\{20}` of rules, stay.
pub(super) fn with_numbers(text: &str, number: impl Fn(u32) -> Option<u32>) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        result.push_str(before);
        let marked = after.split_once('}').and_then(|(mark, rest)| Some((mark.parse().ok()?, rest)));
        rest = match marked {
            Some((mark, rest)) if !before.ends_with('\\') => {
                result.push_str(&number(mark)?.to_string());
                rest
            }
            _ => {
                result.push('{');
                after
            }
        };
    }
    result.push_str(rest);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_scenarios_of_the_program_are_right() {
        let scenarios = Scenario::built_in().unwrap();
        let names: HashSet<_> = scenarios.iter().map(Scenario::name).collect();
        assert_eq!(names.len(), scenarios.len(), "a name stands twice");
        for scenario in &scenarios {
            assert!(scenario.text().ends_with('.'), "{}", scenario.name());
            assert!(scenario.run_count() >= 2, "{}", scenario.name());
        }
    }

    #[test]
    fn numbers_are_put_in_and_rules_of_absent_messages_left_out() {
        let number = |mark| (mark != 2).then_some(mark + 10);
        assert_eq!(with_numbers("RETR {3}: close", number).as_deref(), Some("RETR 13: close"));
        assert_eq!(with_numbers("RETR {2}: close", number), None);
        assert_eq!(
            with_numbers(r"QUIT: answer -ERR x\{20}", number).as_deref(),
            Some(r"QUIT: answer -ERR x\{20}")
        );
        assert_eq!(with_numbers("QUIT: answer {a}", number).as_deref(), Some("QUIT: answer {a}"));
    }

    #[test]
    fn fetching_is_by_either_command() {
        assert_eq!(commands("FETCH {3}: close"), ["RETR {3}: close", "TOP {3}: close"]);
        assert_eq!(commands("QUIT: close"), ["QUIT: close"]);
    }

    #[test]
    fn a_wrong_file_is_told_by_scenario_and_rule() {
        let wrong = |text| Scenario::parse(text, Path::new("mine.toml")).unwrap_err().to_string();
        let rule = wrong("[[scenario]]\nname = 'a'\ntext = 'b'\nruns = [['RETR: explode']]\n");
        assert!(rule.contains("mine.toml") && rule.contains("explode"), "{rule}");
        let value = wrong("[[scenario]]\nname = 'a'\ntext = 'b'\nruns = [[]]\nspeed = 3\n");
        assert!(value.contains("speed"), "{value}");
        let runs = wrong("[[scenario]]\nname = 'a'\ntext = 'b'\nruns = []\n");
        assert!(runs.contains("no runs"), "{runs}");
    }
}
