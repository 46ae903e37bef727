//! Which crate may know which, and which crates may not be here at all.

use std::collections::BTreeSet;

use anyhow::{Context, bail};

use super::Findings;
use crate::workspace::{Package, Workspace};

/// The workspace's own crates that each of them may depend on. docs/ARCHITECTURE.md gives the reasons.
const DIRECTIONS: [(&str, &[&str]); 10] = [
    ("pop3-proto", &[]),
    ("pop3-sasl", &[]),
    ("pop3-store", &["pop3-proto"]),
    ("pop3-io", &["pop3-proto"]),
    ("pop3-client", &["pop3-proto", "pop3-sasl", "pop3-io", "pop3-store"]),
    ("pop3-server", &["pop3-proto", "pop3-sasl", "pop3-io", "pop3-store"]),
    ("pop3-testkit", &["pop3-proto", "pop3-sasl", "pop3-io", "pop3-store"]),
    ("pop3-python", &["pop3-proto", "pop3-io", "pop3-client"]),
    ("pop3-benches", &["pop3-proto", "pop3-sasl", "pop3-io", "pop3-store", "pop3-client", "pop3-server"]),
    ("xtask", &[]),
];

/// Crates that only some may name: the core alone parses, and it knows no clock, no runtime, no log.
const KEPT_TO: [(&str, &[&str]); 1] = [("nom", &["pop3-proto"])];
const NOT_IN_CORE: [&str; 6] = ["tokio", "tracing", "serde", "bytes", "getrandom", "rustls"];
const NOT_IN_STORE: [&str; 3] = ["tokio", "rustls", "socket2"];

/// Not in the tree at all, however they would come in.
const FORBIDDEN: [&str; 9] = [
    "ring",
    "openssl-sys",
    "native-tls",
    "async-std",
    "failure",
    "structopt",
    "rustls-pemfile",
    "sled",
    "bindgen",
];

/// May come in through others, but no manifest of ours names them.
const NOT_NAMED: [&str; 5] = ["chrono", "nix", "lazy_static", "once_cell", "async-trait"];

/// Packages that the core may bring along, itself included.
const CORE_LIMIT: usize = 12;

/// Compares the manifests with the tables above.
pub(super) fn check_directions(workspace: &Workspace, findings: &mut Findings) {
    for package in workspace.members() {
        check_package(package, findings);
    }
}

fn check_package(package: &Package, findings: &mut Findings) {
    let name = package.name.as_str();
    let Some((_, allowed)) = DIRECTIONS.iter().find(|(member, _)| *member == name) else {
        findings.error(format!("{name} is not in the table of directions in xtask/src/tidy/crates.rs"));
        return;
    };
    for dependency in &package.dependencies {
        let other = dependency.name.as_str();
        if NOT_NAMED.contains(&other) {
            findings.error(format!("{name} names {other}; std or a crate we have already does the same"));
        }
        if dependency.kind.as_deref() == Some("dev") {
            continue;
        }
        if DIRECTIONS.iter().any(|(member, _)| *member == other) && !allowed.contains(&other) {
            findings.error(format!("{name} may not depend on {other}"));
        }
        if let Some((_, keepers)) = KEPT_TO.iter().find(|(kept, _)| *kept == other)
            && !keepers.contains(&name)
        {
            findings.error(format!("{name} may not depend on {other}: only {} does", keepers.join(", ")));
        }
        let is_kept_out = (name == "pop3-proto" && NOT_IN_CORE.contains(&other))
            || (name == "pop3-store" && NOT_IN_STORE.contains(&other));
        if is_kept_out {
            findings.error(format!("{name} may not depend on {other}"));
        }
    }
}

/// Looks for forbidden crates in what cargo really builds, for any target and with all features.
pub(super) fn check_forbidden(workspace: &Workspace, findings: &mut Findings) -> anyhow::Result<()> {
    let tree =
        tree(workspace, &["--workspace", "--all-features", "--target", "all", "-e", "normal,build,dev"])?;
    for name in FORBIDDEN {
        if tree.iter().any(|package| package.split(' ').next() == Some(name)) {
            findings.error(format!(
                "{name} is in the tree; cargo tree -i {name} --target all shows who brings it"
            ));
        }
    }
    Ok(())
}

/// Counts what a user of the core has to build.
pub(super) fn check_core_stays_small(workspace: &Workspace, findings: &mut Findings) -> anyhow::Result<()> {
    let tree =
        tree(workspace, &["-p", "pop3-proto", "--all-features", "-e", "no-dev,no-build,no-proc-macro"])?;
    if tree.len() > CORE_LIMIT {
        findings.error(format!(
            "pop3-proto brings {} packages, itself included; the limit is {CORE_LIMIT}",
            tree.len()
        ));
    }
    Ok(())
}

/// The distinct packages of a `cargo tree`, as `name vVERSION`.
fn tree(workspace: &Workspace, arguments: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let output = workspace
        .cargo()
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .output()
        .context("cargo tree could not be started")?;
    if !output.status.success() {
        bail!("cargo tree failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(distinct(&String::from_utf8_lossy(&output.stdout)))
}

fn distinct(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: kind.map(str::to_owned) })
            .collect();
        Package { name: name.to_owned(), dependencies, ..Package::default() }
    }

    fn errors(package: &Package) -> Vec<String> {
        let mut findings = Findings::default();
        check_package(package, &mut findings);
        findings.errors
    }

    #[test]
    fn the_core_knows_nobody() {
        assert_eq!(errors(&package("pop3-proto", &[("pop3-io", None), ("tokio", None)])).len(), 2);
        assert!(errors(&package("pop3-proto", &[("nom", None), ("proptest", Some("dev"))])).is_empty());
    }

    #[test]
    fn only_the_core_parses() {
        assert_eq!(
            errors(&package("pop3-server", &[("nom", None)])),
            ["pop3-server may not depend on nom: only pop3-proto does"]
        );
    }

    #[test]
    fn tests_may_look_the_other_way() {
        assert!(errors(&package("pop3-client", &[("pop3-server", Some("dev"))])).is_empty());
        assert_eq!(errors(&package("pop3-client", &[("pop3-server", None)])).len(), 1);
    }

    #[test]
    fn a_repeated_package_counts_once() {
        let tree = "pop3-proto v0.1.0 (/src)\nmemchr v2.8.0\nmemchr v2.8.0 (*)\n\n";
        assert_eq!(distinct(tree).len(), 2);
    }
}
