//! What may not stand in a file, and how long a file may be.

use super::{Findings, SourceFile};

/// Lines at which a file deserves a second look, and lines at which it is two files.
const LOOK_AGAIN: usize = 500;
const TOO_LONG: usize = 800;

/// Written in two pieces, so that this file passes its own check.
const NOTES: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimplemen", "ted!("),
    concat!("#[ig", "nore"),
    concat!("pytest.mark.", "skip"),
];

/// Folders that exist on one machine only.
const MACHINE_FOLDERS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("../sha", "red")];

/// Checks every file.
pub(super) fn check(files: &[SourceFile], findings: &mut Findings) {
    for file in files {
        check_length(file, findings);
        check_words(file, findings);
    }
}

fn check_length(file: &SourceFile, findings: &mut Findings) {
    let is_code = file.is_rust() || file.has_extension("py") || file.has_extension("pyi");
    if !is_code || file.is_tests() {
        return;
    }
    let lines = lines_without_tests(&file.text);
    if lines > TOO_LONG {
        findings.error(format!("{} has {lines} lines without its tests: it is two files", file.path));
    } else if lines > LOOK_AGAIN {
        findings.warn(format!("{} has {lines} lines without its tests: is there a seam?", file.path));
    }
}

/// Lines before the unit tests at the end of a file.
fn lines_without_tests(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

fn check_words(file: &SourceFile, findings: &mut Findings) {
    let is_source = file.is_rust() || file.has_extension("py") || file.has_extension("toml");
    for (at, line) in file.text.lines().enumerate() {
        if is_source && let Some(note) = NOTES.iter().find(|note| line.contains(**note)) {
            findings.error(format!("{}:{}: {note} in the sources", file.path, at + 1));
        }
        if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| names_folder(line, folder)) {
            findings.error(format!("{}:{}: {folder} is a path of one machine", file.path, at + 1));
        }
    }
}

/// Whether the folder is named as the beginning of a path, not as a part of a longer one.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|character| character.is_ascii_alphanumeric() || "_.-/".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(path: &str, text: &str) -> usize {
        let mut findings = Findings::default();
        check(&[SourceFile { path: path.to_owned(), text: text.to_owned() }], &mut findings);
        findings.errors.len()
    }

    #[test]
    fn notes_to_self_are_for_elsewhere() {
        assert_eq!(errors("src/a.rs", &format!("// {}: later\n", NOTES[0])), 1);
        assert_eq!(errors("src/a.rs", &format!("{}]\nfn f() {{}}\n", NOTES[4])), 1);
        assert_eq!(errors("README.md", &format!("no {} here\n", NOTES[0])), 0);
    }

    #[test]
    fn only_the_beginning_of_a_path_is_a_machine_path() {
        assert!(names_folder("cd /elsewhere/main", "/elsewhere/"));
        assert!(!names_folder("https://example.org/elsewhere/main", "/elsewhere/"));
        assert!(!names_folder("target/elsewhere/x", "/elsewhere/"));
    }

    #[test]
    fn tests_at_the_end_do_not_make_a_file_long() {
        let text = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    // line\n".repeat(900));
        assert_eq!(errors("src/a.rs", &text), 0);
        assert_eq!(errors("src/a.rs", &"// line\n".repeat(801)), 1);
        assert_eq!(errors("src/foo/tests.rs", &"// line\n".repeat(801)), 0);
    }
}
