//! The Python package: a wheel from the checkout, in a virtual environment of its own, under its own tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::junit::{self, Case, Verdict};
use crate::left_out::peers_are_required;
use crate::outcomes::{Outcomes, TestName};
use crate::process;
use crate::steps::Tally;
use crate::workspace::Workspace;

/// The tools, each at the version the project was tried with.
const TOOLS: &str = "bindings/python/requirements-test.txt";

/// The name under which the package's tests are remembered.
const PACKAGE: &str = "pop3-python";

/// Builds, installs and tests the package.
pub(crate) fn run(workspace: &Workspace, outcomes: &mut Outcomes) -> anyhow::Result<Tally> {
    let environment = Environment::create(workspace)?;
    environment.install_wheel(workspace)?;
    build_programs(workspace)?;
    let report = workspace.scratch().join("pytest.xml");
    if report.exists() {
        fs::remove_file(&report)?;
    }
    let mut command = environment.command("python");
    command
        .args(["-m", "pytest", "-q", "-rA", "--color=no", "-p", "no:cacheprovider"])
        .arg(workspace.root().join("bindings/python/tests"))
        .arg(format!("--junitxml={}", report.display()))
        .current_dir(workspace.root())
        .env("POP3_SERVER_BIN", workspace.program("pop3-server"))
        .env("POP3_CLIENT_BIN", workspace.program("pop3-client"));
    if peers_are_required() {
        command.env("POP3_PEERS", "required");
    }
    let is_success = process::show(&mut command, &workspace.scratch().join("logs/pytest.txt"))?;
    let xml = fs::read_to_string(&report).context("pytest wrote no report; its output is above")?;
    let mut tally = remember(&junit::cases(&xml), outcomes);
    if !is_success && tally.failed == 0 {
        println!("pytest failed without naming a test");
        tally.failed += 1;
    }
    Ok(tally)
}

/// Counts the cases and keeps their names. A skipped test is neither passed nor failed.
fn remember(cases: &[Case], outcomes: &mut Outcomes) -> Tally {
    let mut tally = Tally::default();
    for case in cases {
        let test =
            TestName { package: PACKAGE.to_owned(), file: file_of(&case.class), name: case.name.clone() };
        match case.verdict {
            Verdict::Passed => {
                tally.passed += 1;
                outcomes.passed.push(test);
            }
            Verdict::Failed => {
                tally.failed += 1;
                outcomes.failed.push(test);
            }
            Verdict::Skipped => println!("skipped: {} in {}", test.name, test.file),
        }
    }
    tally
}

/// `bindings.python.tests.test_client.TestRetr` is in `tests/test_client.py`.
fn file_of(class: &str) -> String {
    let module = class.split('.').find(|part| part.starts_with("test_")).unwrap_or(class);
    format!("tests/{module}.py")
}

/// The programs that the package's tests start.
fn build_programs(workspace: &Workspace) -> anyhow::Result<()> {
    let mut command = workspace.cargo();
    command.args(["build", "--locked", "-p", "pop3-server", "-p", "pop3-client", "--bins", "--all-features"]);
    if process::show(&mut command, &workspace.scratch().join("logs/programs.txt"))? {
        Ok(())
    } else {
        bail!("the programs that the Python tests start do not build")
    }
}

/// A virtual environment under the target directory.
struct Environment {
    folder: PathBuf,
    logs: PathBuf,
}

impl Environment {
    fn create(workspace: &Workspace) -> anyhow::Result<Self> {
        let environment =
            Self { folder: workspace.scratch().join("venv"), logs: workspace.scratch().join("logs") };
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        if !process::succeeds(environment.command("python").arg("--version")) {
            let mut command = Command::new(&python);
            command.args(["-m", "venv", "--clear"]).arg(&environment.folder);
            environment.must(command, "venv", &format!("{python} could not make a virtual environment; Python 3.11 or later with the venv module is needed"))?;
        }
        let mut command = environment.command("python");
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        command.arg(workspace.root().join(TOOLS));
        environment.must(command, "pip-tools", &format!("pip could not install what {TOOLS} names"))?;
        Ok(environment)
    }

    /// Builds the wheel in the debug profile, whose parts `cargo test` has built already, and installs it.
    fn install_wheel(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let wheels = workspace.scratch().join("wheels");
        if wheels.exists() {
            fs::remove_dir_all(&wheels).with_context(|| format!("cannot empty {}", wheels.display()))?;
        }
        let mut command = self.command("maturin");
        command
            .args(["build", "--locked", "--profile", "dev", "--interpreter"])
            .arg(self.program("python"))
            .arg("--manifest-path")
            .arg(workspace.root().join("bindings/python/Cargo.toml"))
            .arg("--out")
            .arg(&wheels)
            .env("CARGO_TARGET_DIR", workspace.target())
            .current_dir(workspace.root());
        self.must(command, "maturin", "maturin could not build bindings/python")?;
        let mut command = self.command("python");
        command
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall"])
            .args(["--no-deps", "--no-index"])
            .arg(wheel_in(&wheels)?);
        self.must(command, "pip-wheel", "pip could not install the wheel")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        command.env("VIRTUAL_ENV", &self.folder).env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        command
    }

    fn must(&self, mut command: Command, log: &str, failure: &str) -> anyhow::Result<()> {
        if process::show(&mut command, &self.logs.join(format!("{log}.txt")))? {
            Ok(())
        } else {
            bail!("{failure}")
        }
    }
}

/// The one wheel that maturin left in the folder.
fn wheel_in(folder: &Path) -> anyhow::Result<PathBuf> {
    fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("maturin left no wheel in {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_name_leads_to_its_file() {
        assert_eq!(file_of("bindings.python.tests.test_client.TestRetr"), "tests/test_client.py");
        assert_eq!(file_of("tests.test_proto"), "tests/test_proto.py");
    }
}
