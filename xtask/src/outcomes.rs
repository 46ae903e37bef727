//! Which tests passed and which failed, and the two files that remember it between runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// One test of any runner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TestName {
    /// The package, for example `pop3-proto`.
    pub(crate) package: String,
    /// The file that holds the tests' root: `src/lib.rs`, `tests/pair.rs`, or `doc` for documentation.
    pub(crate) file: String,
    /// The name as its runner prints it.
    pub(crate) name: String,
}

/// The outcomes of one `cargo xtask test`.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) passed: Vec<TestName>,
    pub(crate) failed: Vec<TestName>,
}

impl TestName {
    /// The inverse of [`TestName::line`].
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        let (package, file, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { package: package.to_owned(), file: file.to_owned(), name: name.to_owned() })
    }

    fn line(&self) -> String {
        format!("{} {} {}\n", self.package, self.file, self.name)
    }
}

impl Outcomes {
    /// Reads what the last run wrote; `None` when there was none.
    ///
    /// # Errors
    ///
    /// When the files are there and cannot be read.
    pub(crate) fn read(scratch: &Path) -> anyhow::Result<Option<Self>> {
        let Some(passed) = read(&passed_path(scratch))? else { return Ok(None) };
        let failed = read(&failed_path(scratch))?.unwrap_or_default();
        Ok(Some(Self { passed, failed }))
    }

    /// Remembers the outcomes for `cargo xtask conformance`.
    ///
    /// # Errors
    ///
    /// When the files cannot be written.
    pub(crate) fn write(&self, scratch: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        write(&passed_path(scratch), &self.passed)?;
        write(&failed_path(scratch), &self.failed)
    }
}

fn passed_path(scratch: &Path) -> PathBuf {
    scratch.join("passed.txt")
}

fn failed_path(scratch: &Path) -> PathBuf {
    scratch.join("failed.txt")
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<TestName>>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.lines().filter_map(TestName::parse).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(path: &Path, tests: &[TestName]) -> anyhow::Result<()> {
    let mut tests = tests.to_vec();
    tests.sort();
    let text: String = tests.iter().map(TestName::line).collect();
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> TestName {
        TestName::parse(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Outcomes::read(folder.path()).unwrap().is_none());
        let outcomes = Outcomes {
            passed: vec![
                name("pop3-proto tests/cuts.rs every_cut"),
                name("pop3-proto doc src/lib.rs - (line 3)"),
            ],
            failed: vec![name("pop3-store src/lib.rs maildir::tests::lock")],
        };
        outcomes.write(folder.path()).unwrap();
        let read = Outcomes::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.passed[0].name, "src/lib.rs - (line 3)");
        assert_eq!(read.passed.len(), 2);
        assert_eq!(read.failed, outcomes.failed);
    }
}
