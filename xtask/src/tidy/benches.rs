//! `cargo bench -- ARGUMENTS` gives its arguments to every bench program, and only criterion knows them: what
//! cargo would run under the test harness of Rust fails on the first one.

use std::fs;

use anyhow::Context;

use super::Findings;
use crate::workspace::{Package, Target, Workspace};

/// Looks at every target that `cargo bench` runs.
pub(super) fn check(workspace: &Workspace, findings: &mut Findings) -> anyhow::Result<()> {
    for package in workspace.members() {
        let path = &package.manifest_path;
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest = text.parse().with_context(|| format!("{} is no TOML", path.display()))?;
        check_package(package, &manifest, findings);
    }
    Ok(())
}

fn check_package(package: &Package, manifest: &toml::Table, findings: &mut Findings) {
    for target in &package.targets {
        let (table, key) = match target.kind.first().map(String::as_str) {
            // `cargo bench` runs none of these.
            Some("test" | "example" | "custom-build") | None => continue,
            Some("bench") => ("bench", "harness"),
            Some("bin") => ("bin", "bench"),
            Some(_) => ("lib", "bench"),
        };
        if !is_off(manifest, table, target, key) {
            let heading = if table == "lib" { "[lib]".to_owned() } else { format!("[[{table}]]") };
            findings.error(format!(
                "{}: {} lacks `{key} = false` in its {heading}; without it `cargo bench -- --quick` fails",
                package.name, target.name
            ));
        }
    }
}

/// Whether the manifest says `key = false` about this target.
fn is_off(manifest: &toml::Table, table: &str, target: &Target, key: &str) -> bool {
    let says = |entry: &toml::Value| entry.get(key).and_then(toml::Value::as_bool) == Some(false);
    let is_named =
        |entry: &toml::Value| entry.get("name").and_then(toml::Value::as_str) == Some(&target.name);
    match manifest.get(table) {
        Some(toml::Value::Array(entries)) => entries.iter().any(|entry| is_named(entry) && says(entry)),
        Some(entry) => says(entry),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(targets: &[(&str, &str)], manifest: &str) -> Vec<String> {
        let package = Package {
            name: "crate".to_owned(),
            targets: targets
                .iter()
                .map(|(kind, name)| Target { kind: vec![(*kind).to_owned()], name: (*name).to_owned() })
                .collect(),
            ..Package::default()
        };
        let mut findings = Findings::default();
        check_package(&package, &manifest.parse().unwrap(), &mut findings);
        findings.errors
    }

    #[test]
    fn what_cargo_bench_runs_is_criterion_alone() {
        let targets = [("lib", "a"), ("bin", "b"), ("bench", "c"), ("test", "d"), ("example", "e")];
        let good = "[lib]\nbench = false\n[[bin]]\nname = \"b\"\nbench = false\n\
                    [[bench]]\nname = \"c\"\nharness = false\n";
        assert_eq!(errors(&targets, good), [""; 0]);
        let found = errors(&targets, "[lib]\ntest = false\n[[bin]]\nname = \"x\"\nbench = false\n");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("crate: a lacks `bench = false` in its [lib]"), "{found:?}");
        assert!(found[2].starts_with("crate: c lacks `harness = false` in its [[bench]]"), "{found:?}");
        assert_eq!(errors(&[("cdylib", "a")], "").len(), 1);
    }
}
