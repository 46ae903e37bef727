//! What README and the guides print can be used as it stands. Their Rust is compiled as documentation of this crate, their
//! Python is run by the Python package's tests and here, and README's commands for operators by the server's tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "bindings/python/README.md",
    "docs/guide-developers.md",
    "docs/guide-operators.md",
    "docs/guide-people.md",
    "docs/guide-testkit.md",
];
/// Languages of which some test takes the blocks.
const COVERED: [&str; 5] = ["console", "python", "rust", "rust,no_run", "toml"];
/// What is shown and not run: output, files of other programs.
const SHOWN: [&str; 2] = ["text", "ini"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks of a document, each with its language.
fn blocks(document: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let mut parts = text.split("\n```");
    parts.next();
    let block = |block: &str| {
        let (language, content) = block.split_once('\n').unwrap();
        (language.to_owned(), content.to_owned() + "\n")
    };
    parts.step_by(2).map(block).collect()
}

#[test]
fn every_block_is_in_a_language_that_a_test_covers() {
    for document in DOCUMENTS {
        for (language, content) in blocks(document) {
            let is_known = COVERED.contains(&language.as_str()) || SHOWN.contains(&language.as_str());
            assert!(is_known, "{document}: no test covers a block in `{language}`\n{content}");
        }
    }
}

#[test]
fn dependencies_name_crates_and_features_that_there_are() {
    let mut seen = 0;
    for document in ["README.md", "docs/guide-developers.md", "docs/guide-testkit.md"] {
        for (_, content) in blocks(document).into_iter().filter(|(language, _)| language == "toml") {
            let table: toml::Table =
                content.parse().unwrap_or_else(|error| panic!("{document}: {error}\n{content}"));
            let sections =
                ["dependencies", "dev-dependencies"].iter().filter_map(|key| table.get(*key)?.as_table());
            for (name, dependency) in sections.flatten().filter(|(name, _)| name.starts_with("pop3-")) {
                seen += 1;
                let path = dependency["path"].as_str().unwrap();
                assert!(path.ends_with(&format!("crates/{name}")), "{document}: {path}");
                let manifest =
                    fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
                let manifest: toml::Table = manifest.parse().unwrap();
                let features = dependency.get("features").and_then(|it| it.as_array()).into_iter().flatten();
                for feature in features {
                    let known = manifest["features"].as_table().unwrap();
                    assert!(
                        known.contains_key(feature.as_str().unwrap()),
                        "{document}: {name} has no {feature}"
                    );
                }
            }
        }
    }
    assert!(seen >= 8, "{seen}");
}

/// The options of the commands of this program in the documents, with their subcommands.
fn options(program: &str) -> BTreeSet<(String, String)> {
    let mut options = BTreeSet::new();
    for document in DOCUMENTS {
        for (_, content) in blocks(document).into_iter().filter(|(language, _)| language == "console") {
            for line in content.replace("\\\n", " ").lines() {
                let line = line.split('#').next().unwrap_or_default();
                let Some(arguments) = line.strip_prefix(&format!("$ {program} ")) else { continue };
                let words: Vec<&str> = arguments.split_whitespace().collect();
                let subcommand = words[0].to_owned();
                let named = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
                options.extend(
                    named.map(|word| {
                        (subcommand.clone(), word.split('=').next().unwrap_or_default().to_owned())
                    }),
                );
            }
        }
    }
    options
}

#[test]
fn the_commands_of_the_guide_have_options_that_there_are() {
    let options = options("pop3-testkit");
    assert!(options.len() >= 3, "{options:?}");
    for (subcommand, option) in options {
        let help =
            Command::new(env!("CARGO_BIN_EXE_pop3-testkit")).args([&subcommand, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains(&option), "pop3-testkit {subcommand} has no {option}");
    }
}

#[test]
fn the_python_of_the_guide_runs() {
    let blocks = blocks("docs/guide-testkit.md");
    let mut python = blocks.iter().filter(|(language, _)| language == "python").peekable();
    assert!(python.peek().is_some());
    let programs = Path::new(env!("CARGO_BIN_EXE_pop3-testkit")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    for (_, content) in python {
        let mut command = Command::new("python3");
        command.args(["-c", content]).env("PATH", format!("{}:{path}", programs.display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}\n{content}", String::from_utf8_lossy(&output.stderr));
    }
}
