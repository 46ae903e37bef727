//! The rules of the house that no compiler checks.

mod benches;
mod crates;
mod licences;
mod links;
mod modules;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::workspace::Workspace;

/// What was found: errors fail the check, warnings ask for a second look.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    pub(crate) fn print(&self) {
        for warning in &self.warnings {
            println!("warning: {warning}");
        }
        for error in &self.errors {
            println!("error: {error}");
        }
        println!("tidy: {} errors, {} warnings", self.errors.len(), self.warnings.len());
    }
}

/// Checks everything.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    crates::check_directions(workspace, &mut findings);
    crates::check_forbidden(workspace, &mut findings)?;
    crates::check_core_stays_small(workspace, &mut findings)?;
    benches::check(workspace, &mut findings)?;
    licences::check(workspace, &mut findings);
    modules::check(workspace.root(), &mut findings)?;
    let files = files(workspace.root())?;
    sources::check(&files, &mut findings);
    links::check(workspace.root(), &files, &mut findings);
    Ok(findings)
}

/// A text file of the project.
struct SourceFile {
    /// From the root of the workspace, with `/` between the parts.
    path: String,
    text: String,
}

impl SourceFile {
    fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    fn is_markdown(&self) -> bool {
        self.has_extension("md")
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// A file that holds nothing but tests.
    fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests")
    }
}

/// Folders that hold no text of the project.
const SKIPPED: [&str; 9] =
    ["target", ".git", ".venv", "corpus", "artifacts", "book", "__pycache__", "pop3-data", "node_modules"];

/// Every UTF-8 file of the checkout, sorted by path; binary files are left out.
fn files(root: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    collect(root, root, &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<SourceFile>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                collect(root, &path, found)?;
            }
        } else if kind.is_file()
            // In a second working tree of git, `.git` is a file that names a folder of this machine.
            && name != "Cargo.lock"
            && name != ".git"
            && let Ok(text) = fs::read_to_string(&path)
        {
            found.push(SourceFile { path: relative(root, &path), text });
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    path.to_string_lossy().replace('\\', "/")
}
