//! From a citation in a file to the test in the list of outcomes.

use super::citations::{By, CASES, Citation};
use crate::outcomes::{Outcomes, TestName};
use crate::transcripts;

/// The test program that plays all transcripts.
const PLAYER: (&str, &str) = ("pop3-proto", "tests/transcripts.rs");

/// The test program that plays all cases of the conformance run against our own server, each as a test.
const CASE_PLAYER: (&str, &str) = ("pop3-testkit", "tests/conform_cases.rs");

/// Whether the test that cites has passed, and in every variant that was run.
pub(super) fn has_passed(citation: &Citation, outcomes: &Outcomes) -> bool {
    let is_meant = |test: &&TestName| is_meant(citation, test);
    match &citation.by {
        By::Nothing => false,
        By::Rust(_) | By::Python(_) | By::Case => {
            outcomes.passed.iter().any(|test| is_meant(&test))
                && !outcomes.failed.iter().any(|test| is_meant(&test))
        }
        By::Transcript => transcript_has_passed(&citation.file, outcomes),
    }
}

/// Whether the test that cites is in the list at all.
pub(super) fn has_run(citation: &Citation, outcomes: &Outcomes) -> bool {
    let mut tests = outcomes.passed.iter().chain(&outcomes.failed);
    match citation.by {
        By::Transcript => tests.any(|test| {
            is_player(test) && (is_transcript(test, &citation.file) || !test.name.ends_with(".txt"))
        }),
        _ => tests.any(|test| is_meant(citation, test)),
    }
}

fn is_player(test: &TestName) -> bool {
    (test.package.as_str(), test.file.as_str()) == PLAYER
}

fn is_meant(citation: &Citation, test: &TestName) -> bool {
    match &citation.by {
        By::Rust(function) => is_rust_test(&citation.file, function, test),
        By::Python(function) => is_python_test(&citation.file, function, test),
        By::Case => is_case(&citation.file, test),
        By::Transcript | By::Nothing => false,
    }
}

/// `crates/pop3-testkit/conform/rfc1939-commands/stat.txt` is the test `rfc1939-commands/stat.txt`.
fn is_case(file: &str, test: &TestName) -> bool {
    let name = file.strip_prefix(CASES).map(|rest| rest.trim_start_matches('/'));
    (test.package.as_str(), test.file.as_str()) == CASE_PLAYER && name == Some(test.name.as_str())
}

/// `crates/pop3-proto/src/body/tests.rs` and `a_dot` mean `pop3-proto src/lib.rs body::tests::a_dot`.
fn is_rust_test(file: &str, function: &str, test: &TestName) -> bool {
    let Some((package, inside)) = package_and_rest(file) else { return false };
    if test.package != package {
        return false;
    }
    let modules = module_path(inside);
    let has_root = if inside.starts_with("src/") {
        test.file.starts_with("src/")
    } else {
        // A module of an integration test belongs to a program that has another file as its root.
        test.file == inside || !modules.is_empty()
    };
    has_root && is_function(&test.name, &modules, function)
}

/// Whether a test's full name is in the module and is the function, or a case of it.
fn is_function(name: &str, modules: &[&str], function: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    // The last module of the file is enough: a folder may be mounted under another name.
    let in_module = modules.last().is_none_or(|module| parts.contains(module));
    in_module && parts.contains(&function)
}

/// The package's folder name, and the path inside it.
fn package_and_rest(file: &str) -> Option<(&str, &str)> {
    if let Some(rest) = file.strip_prefix("crates/") {
        return rest.split_once('/');
    }
    if let Some(rest) = file.strip_prefix("bindings/") {
        return rest.split_once('/');
    }
    file.split_once('/')
}

/// The modules that a file's place names: none for the root of a program.
fn module_path(inside: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = inside.trim_end_matches(".rs").split('/').collect();
    let is_integration = parts.first() == Some(&"tests");
    parts.remove(0);
    if is_integration && parts.len() == 1 {
        return Vec::new();
    }
    if matches!(parts.last(), Some(&("mod" | "main" | "lib"))) {
        parts.pop();
    }
    parts
}

fn is_python_test(file: &str, function: &str, test: &TestName) -> bool {
    let is_name =
        test.name == function || test.name.strip_prefix(function).is_some_and(|rest| rest.starts_with('['));
    test.package == "pop3-python" && file.ends_with(test.file.trim_start_matches("tests/")) && is_name
}

/// A player that names each transcript is taken at its word; one that does not must have passed whole.
fn transcript_has_passed(file: &str, outcomes: &Outcomes) -> bool {
    let passed: Vec<_> = outcomes.passed.iter().filter(|test| is_player(test)).collect();
    let failed: Vec<_> = outcomes.failed.iter().filter(|test| is_player(test)).collect();
    if failed.iter().any(|test| is_transcript(test, file)) {
        return false;
    }
    let names_files = passed.iter().chain(&failed).any(|test| test.name.ends_with(".txt"));
    if names_files {
        return passed.iter().any(|test| is_transcript(test, file));
    }
    !passed.is_empty() && failed.is_empty()
}

/// `transcripts/rfc1939/top.txt` is the test of the file that ends so.
fn is_transcript(test: &TestName, file: &str) -> bool {
    let name = test.name.trim_start_matches("transcripts/");
    file.strip_prefix(transcripts::FOLDER).is_some_and(|rest| rest.trim_start_matches('/') == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(passed: &[&str], failed: &[&str]) -> Outcomes {
        let parse = |lines: &[&str]| lines.iter().map(|line| TestName::parse(line).unwrap()).collect();
        Outcomes { passed: parse(passed), failed: parse(failed) }
    }

    fn citation(file: &str, by: By) -> Citation {
        Citation { ids: vec!["P-1939-01".to_owned()], by, file: file.to_owned(), line: 1 }
    }

    fn rust(file: &str, function: &str) -> Citation {
        citation(file, By::Rust(function.to_owned()))
    }

    #[test]
    fn a_unit_test_is_found_by_package_module_and_name() {
        let outcomes = outcomes(&["pop3-proto src/lib.rs body::tests::a_dot"], &[]);
        assert!(has_passed(&rust("crates/pop3-proto/src/body/tests.rs", "a_dot"), &outcomes));
        assert!(has_passed(&rust("crates/pop3-proto/src/body/mod.rs", "a_dot"), &outcomes));
        assert!(!has_passed(&rust("crates/pop3-proto/src/framing.rs", "a_dot"), &outcomes));
        assert!(!has_passed(&rust("crates/pop3-sasl/src/body.rs", "a_dot"), &outcomes));
        assert!(!has_passed(&rust("crates/pop3-proto/tests/pair.rs", "a_dot"), &outcomes));
    }

    #[test]
    fn an_integration_test_is_found_by_its_program() {
        let outcomes = outcomes(
            &["pop3-server tests/peers.rs curl", "pop3-server tests/sockets/main.rs limits::caps"],
            &["pop3-server tests/peers.rs mpop"],
        );
        assert!(has_passed(&rust("crates/pop3-server/tests/peers.rs", "curl"), &outcomes));
        assert!(!has_passed(&rust("crates/pop3-server/tests/peers.rs", "mpop"), &outcomes));
        assert!(!has_passed(&rust("crates/pop3-server/tests/other.rs", "curl"), &outcomes));
        assert!(has_passed(&rust("crates/pop3-server/tests/sockets/limits.rs", "caps"), &outcomes));
    }

    #[test]
    fn one_failed_case_spoils_the_citation() {
        let by = By::Python("test_top".to_owned());
        let good = outcomes(&["pop3-python tests/test_client.py test_top[1]"], &[]);
        let bad = outcomes(
            &["pop3-python tests/test_client.py test_top[1]"],
            &["pop3-python tests/test_client.py test_top[2]"],
        );
        let citation = citation("bindings/python/tests/test_client.py", by);
        assert!(has_passed(&citation, &good));
        assert!(!has_passed(&citation, &bad));
    }

    #[test]
    fn a_case_passes_by_its_path() {
        let stat = citation("crates/pop3-testkit/conform/rfc1939-commands/stat.txt", By::Case);
        let player = "pop3-testkit tests/conform_cases.rs rfc1939-commands/";
        assert!(has_passed(&stat, &outcomes(&[&format!("{player}stat.txt")], &[])));
        assert!(!has_passed(&stat, &outcomes(&[&format!("{player}stat-2.txt")], &[])));
        assert!(!has_passed(&stat, &outcomes(&[], &[&format!("{player}stat.txt")])));
        assert!(has_run(&stat, &outcomes(&[], &[&format!("{player}stat.txt")])));
    }

    #[test]
    fn a_transcript_passes_by_name_or_with_all_others() {
        let top = citation("crates/pop3-proto/tests/transcripts/rfc1939/top.txt", By::Transcript);
        assert!(has_passed(&top, &outcomes(&["pop3-proto tests/transcripts.rs whole"], &[])));
        assert!(!has_passed(
            &top,
            &outcomes(&["pop3-proto tests/transcripts.rs whole"], &["pop3-proto tests/transcripts.rs cut"])
        ));
        assert!(has_passed(
            &top,
            &outcomes(
                &["pop3-proto tests/transcripts.rs transcripts/rfc1939/top.txt"],
                &["pop3-proto tests/transcripts.rs transcripts/rfc1939/top-zero.txt"]
            )
        ));
        assert!(!has_passed(
            &top,
            &outcomes(&["pop3-proto tests/transcripts.rs transcripts/rfc1939/top-zero.txt"], &[])
        ));
        assert!(!has_passed(&top, &Outcomes::default()));
        assert!(!has_run(&top, &Outcomes::default()));
    }
}
