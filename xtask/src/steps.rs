//! The steps of a test run: a heading for each, a table of all, and the last line.

use std::time::{Duration, Instant};

/// How a step ended, in numbers of checks or tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// A step that is one check.
    pub(crate) fn of(passed: bool) -> Self {
        if passed { Self { passed: 1, failed: 0 } } else { Self { passed: 0, failed: 1 } }
    }
}

/// The steps so far.
#[derive(Debug)]
pub(crate) struct Steps {
    start: Instant,
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    tally: Tally,
    took: Duration,
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Self { start: Instant::now(), done: Vec::new() }
    }

    /// Runs one step. An error counts as one failure: the run goes on and the end tells.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> anyhow::Result<Tally>) -> Tally {
        println!("\n=== {name} (at {})", clock(self.start.elapsed()));
        let start = Instant::now();
        let tally = step().unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::of(false)
        });
        self.done.push(Step { name, tally, took: start.elapsed() });
        tally
    }

    /// Prints the table and, as the very last line, the sum. True when nothing failed.
    pub(crate) fn finish(self) -> bool {
        println!("\n{:<28} {:>7} {:>7} {:>8}", "step", "passed", "failed", "time");
        for step in &self.done {
            let Tally { passed, failed } = step.tally;
            let mark = if failed > 0 { "  <-- failed" } else { "" };
            println!("{:<28} {passed:>7} {failed:>7} {:>8}{mark}", step.name, clock(step.took));
        }
        println!("{:<28} {:>7} {:>7} {:>8}\n", "all", "", "", clock(self.start.elapsed()));
        let sum = self.sum();
        println!("{} passed, {} failed", sum.passed, sum.failed);
        sum.failed == 0
    }

    fn sum(&self) -> Tally {
        self.done.iter().fold(Tally::default(), |sum, step| Tally {
            passed: sum.passed + step.tally.passed,
            failed: sum.failed + step.tally.failed,
        })
    }
}

/// Minutes and seconds.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_failure_and_the_run_goes_on() {
        let mut steps = Steps::begin();
        steps.run("first", || anyhow::bail!("out of luck"));
        steps.run("second", || Ok(Tally { passed: 3, failed: 0 }));
        assert_eq!(steps.sum(), Tally { passed: 3, failed: 1 });
        assert!(!steps.finish());
    }

    #[test]
    fn minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(125)), "2:05");
    }
}
