//! Plays every file below `tests/transcripts` as one test that can fail alone.
//!
//! It talks like the test harness of Rust does, so that whatever reads the output of `cargo test` counts
//! the files: a filter, `--exact`, `--skip` and `--list` work, other options are passed over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test that fails should panic"
)]

mod runner;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

fn main() -> ExitCode {
    let options = Options::from_arguments(std::env::args().skip(1));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut paths = Vec::new();
    collect(&root.join("transcripts"), &mut paths);
    paths.sort();
    let tests: Vec<(String, PathBuf)> = paths
        .into_iter()
        .map(|path| (path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"), path))
        .collect();
    let all = tests.len();
    let chosen: Vec<_> = tests.into_iter().filter(|(name, _)| options.is_chosen(name)).collect();
    if options.is_list {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        println!("\n{} tests, 0 benchmarks", chosen.len());
        return ExitCode::SUCCESS;
    }
    play(&chosen, all)
}

/// Plays and reports.
fn play(chosen: &[(String, PathBuf)], all: usize) -> ExitCode {
    let began = Instant::now();
    println!("\nrunning {} tests", chosen.len());
    let mut failures = Vec::new();
    for (name, path) in chosen {
        let result = catch_unwind(AssertUnwindSafe(|| runner::run(path)));
        match result.unwrap_or_else(|_| Err("panicked".to_owned())) {
            Ok(()) => println!("test {name} ... ok"),
            Err(error) => {
                println!("test {name} ... FAILED");
                failures.push((name, error));
            }
        }
    }
    if !failures.is_empty() {
        println!("\nfailures:\n");
        failures.iter().for_each(|(name, error)| println!("---- {name} stdout ----\n{error}\n"));
        println!("\nfailures:");
        failures.iter().for_each(|(name, _)| println!("    {name}"));
    }
    let (word, code) =
        if failures.is_empty() { ("ok", ExitCode::SUCCESS) } else { ("FAILED", ExitCode::from(101)) };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        chosen.len() - failures.len(),
        failures.len(),
        all - chosen.len(),
        began.elapsed().as_secs_f64()
    );
    code
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
}

/// What of the harness's options matters here.
#[derive(Default)]
struct Options {
    filters: Vec<String>,
    skips: Vec<String>,
    is_exact: bool,
    is_list: bool,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut this = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => this.is_exact = true,
                "--list" => this.is_list = true,
                "--skip" => this.skips.extend(arguments.next()),
                "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => {
                    arguments.next();
                }
                option if option.starts_with('-') => {}
                filter => this.filters.push(filter.to_owned()),
            }
        }
        this
    }

    fn is_chosen(&self, name: &str) -> bool {
        let is_match =
            |pattern: &String| if self.is_exact { name == pattern } else { name.contains(pattern.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(is_match)) && !self.skips.iter().any(is_match)
    }
}
