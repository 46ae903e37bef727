//! The commands of the documents have options that there are.

use std::{fs, path::Path};

use crate::support::program::Home;

#[test]
fn the_commands_for_people_have_options_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let home = Home::new();
    let mut seen = 0;
    for document in ["README.md", "docs/guide-people.md", "docs/guide-operators.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("$ pop3-client ")) {
            let line = line.split('#').next().unwrap();
            let subcommand = line.split_whitespace().next().unwrap();
            let help = home.command(&[subcommand, "--help"]).output().unwrap();
            let help = String::from_utf8(help.stdout).unwrap();
            for option in line.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.contains(option), "{document}: pop3-client {subcommand} has no {option}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "{seen}");
}
