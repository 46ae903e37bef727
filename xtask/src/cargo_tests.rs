//! `cargo test` over the workspace: built once, run once, every line read.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use serde::Deserialize;

use crate::left_out::{left_out, peers_are_required};
use crate::outcomes::{Outcomes, TestName};
use crate::peers::search_path;
use crate::process::{self, Echo};
use crate::steps::Tally;
use crate::workspace::Workspace;

/// The package and the root file of each test program, by the program's file name.
type Programs = HashMap<String, (String, String)>;

/// What every call of `cargo test` here shares, so that nothing is built twice.
const SELECTION: [&str; 6] =
    ["test", "--locked", "--workspace", "--exclude", "pop3-python", "--all-features"];

/// Builds and runs unit, integration and documentation tests.
pub(crate) fn run(workspace: &Workspace, outcomes: &mut Outcomes) -> anyhow::Result<Tally> {
    let Some(programs) = build(workspace)? else {
        println!("the tests do not build");
        return Ok(Tally::of(false));
    };
    let mut reader = Reader::new(&programs);
    let mut command = workspace.cargo();
    command.args(SELECTION).args(["--no-fail-fast", "--", "--show-output"]).env("PATH", search_path());
    if peers_are_required() {
        command.env("POP3_PEERS", "required");
    }
    let log = workspace.scratch().join("logs/cargo-test.txt");
    let status = process::stream(&mut command, &log, |line| reader.read(line))?;
    let mut tally = reader.tally;
    if !status.success() && tally.failed == 0 {
        println!(
            "cargo test failed without naming a test: a test program may have crashed, see {}",
            log.display()
        );
        tally.failed += 1;
    }
    for name in &reader.left_out {
        println!("left out: {name}");
    }
    if peers_are_required() && !reader.left_out.is_empty() {
        println!("on CI nothing may be left out");
        tally.failed += 1;
    }
    if reader.ignored > 0 {
        println!("{} tests are ignored", reader.ignored);
    }
    outcomes.passed.append(&mut reader.outcomes.passed);
    outcomes.failed.append(&mut reader.outcomes.failed);
    Ok(tally)
}

/// One JSON message of cargo, as far as it is read.
#[derive(Deserialize)]
struct Message {
    executable: Option<String>,
    manifest_path: Option<String>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    src_path: String,
}

/// Builds all test programs; `None` when that fails.
fn build(workspace: &Workspace) -> anyhow::Result<Option<Programs>> {
    let mut child = workspace
        .cargo()
        .args(SELECTION)
        .args(["--no-run", "--message-format=json-render-diagnostics"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo test could not be started")?;
    let stdout = child.stdout.take().context("cargo test has no output")?;
    let mut programs = Programs::new();
    for line in BufReader::new(stdout).lines() {
        if let Ok(message) = serde_json::from_str::<Message>(&line?)
            && let Some((program, place)) = place(&message)
        {
            programs.insert(program, place);
        }
    }
    Ok(child.wait()?.success().then_some(programs))
}

/// The program's file name, its package and its root file.
fn place(message: &Message) -> Option<(String, (String, String))> {
    let program = file_name(message.executable.as_deref()?)?;
    let folder = Path::new(message.manifest_path.as_deref()?).parent()?;
    let package = folder.file_name()?.to_str()?.to_owned();
    let root = Path::new(&message.target.as_ref()?.src_path).strip_prefix(folder).ok()?.to_str()?.to_owned();
    Some((program, (package, root)))
}

fn file_name(path: &str) -> Option<String> {
    Path::new(path).file_name()?.to_str().map(str::to_owned)
}

/// One line of libtest or of cargo around it.
#[derive(Debug, PartialEq, Eq)]
enum Line<'l> {
    /// A test program starts.
    Program(&'l str),
    /// The documentation tests of a crate start; the name has underscores.
    Documentation(&'l str),
    Passed(&'l str),
    Failed(&'l str),
    Summary {
        passed: u32,
        failed: u32,
        ignored: u32,
    },
    /// What passing tests printed follows, up to the summary.
    Successes,
    Failures,
    Other,
}

impl<'l> Line<'l> {
    fn parse(line: &'l str) -> Self {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix("Running ")
            && let Some(program) = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('('))
        {
            return Self::Program(program.1);
        }
        if let Some(name) = trimmed.strip_prefix("Doc-tests ") {
            return Self::Documentation(name);
        }
        match line {
            "successes:" => return Self::Successes,
            "failures:" => return Self::Failures,
            _ => {}
        }
        if let Some(rest) = line.strip_prefix("test result: ") {
            return summary(rest).unwrap_or(Self::Other);
        }
        match line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
            Some((name, "ok")) => Self::Passed(bare(name)),
            Some((name, outcome)) if outcome.starts_with("FAILED") => Self::Failed(bare(name)),
            _ => Self::Other,
        }
    }
}

/// libtest adds what it expects to some names.
fn bare(name: &str) -> &str {
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    let name = name.strip_suffix(" - compile fail").unwrap_or(name);
    name.strip_suffix(" - compile").unwrap_or(name)
}

/// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn summary(text: &str) -> Option<Line<'_>> {
    let count = |word: &str| {
        text.split(['.', ';']).find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u32>().ok())
    };
    Some(Line::Summary { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
}

/// Follows the output and remembers where it is.
struct Reader<'p> {
    programs: &'p Programs,
    package: String,
    file: String,
    in_successes: bool,
    tally: Tally,
    ignored: u32,
    left_out: Vec<String>,
    outcomes: Outcomes,
}

impl<'p> Reader<'p> {
    fn new(programs: &'p Programs) -> Self {
        Self {
            programs,
            package: "unknown".to_owned(),
            file: "unknown".to_owned(),
            in_successes: false,
            tally: Tally::default(),
            ignored: 0,
            left_out: Vec::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// What passing tests printed is kept off the screen; it is in the log.
    fn read(&mut self, line: &str) -> Echo {
        if let Some(name) = left_out(line)
            && !self.left_out.iter().any(|known| known == name)
        {
            self.left_out.push(name.to_owned());
        }
        match Line::parse(line) {
            Line::Program(path) => self.enter_program(path),
            Line::Documentation(name) => {
                self.package = name.replace('_', "-");
                "doc".clone_into(&mut self.file);
            }
            Line::Passed(name) => self.outcomes.passed.push(self.test(name)),
            Line::Failed(name) => self.outcomes.failed.push(self.test(name)),
            Line::Successes => self.in_successes = true,
            Line::Failures => self.in_successes = false,
            Line::Summary { passed, failed, ignored } => {
                self.in_successes = false;
                self.tally.passed += passed;
                self.tally.failed += failed;
                self.ignored += ignored;
            }
            Line::Other => {}
        }
        if self.in_successes { Echo::Hide } else { Echo::Show }
    }

    fn enter_program(&mut self, path: &str) {
        let place = file_name(path).and_then(|name| self.programs.get(&name));
        let (package, file) = place.cloned().unwrap_or_else(|| ("unknown".to_owned(), path.to_owned()));
        self.package = package;
        self.file = file;
    }

    fn test(&self, name: &str) -> TestName {
        TestName { package: self.package.clone(), file: self.file.clone(), name: name.to_owned() }
    }
}

#[cfg(test)]
mod tests;
