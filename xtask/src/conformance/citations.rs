//! The citations in tests: a comment `Conformance: ID, ID` above a Rust or Python test, or in a
//! transcript or a case of the conformance run.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::transcripts;

/// The IDs that one test cites, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Citation {
    pub(super) ids: Vec<String>,
    pub(super) by: By,
    /// From the root of the workspace.
    pub(super) file: String,
    pub(super) line: usize,
}

/// What cites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The name of the test function.
    Rust(String),
    /// The name of the test function.
    Python(String),
    Transcript,
    /// A case of `pop3-conform`.
    Case,
    /// A citation with no test below it; it covers nothing.
    Nothing,
}

/// Folders whose tests may cite. This crate's own tests speak about citations and are left out.
const RUST: [&str; 3] = ["crates", "bindings", "benches"];
const PYTHON: &str = "bindings/python/tests";

/// The cases of `pop3-conform`.
pub(super) const CASES: &str = "crates/pop3-testkit/conform";

/// Lines after a citation in which its test must begin: attributes and comments may stand between.
const REACH: usize = 16;

/// Every citation of the project.
pub(super) fn all(root: &Path) -> anyhow::Result<Vec<Citation>> {
    let mut citations = Vec::new();
    for folder in RUST {
        each_file(&root.join(folder), "rs", &mut |path, text| {
            citations.extend(in_code(text, &relative(root, path), "// Conformance:", rust_test));
        })?;
    }
    each_file(&root.join(PYTHON), "py", &mut |path, text| {
        citations.extend(in_code(text, &relative(root, path), "# Conformance:", python_test));
    })?;
    for path in transcripts::all(root)? {
        let text = read(&path)?;
        citations.extend(in_text(&text, &relative(root, &path), &By::Transcript));
    }
    for path in transcripts::texts(&root.join(CASES))? {
        citations.extend(in_text(&read(&path)?, &relative(root, &path), &By::Case));
    }
    Ok(citations)
}

fn each_file(folder: &Path, extension: &str, visit: &mut impl FnMut(&Path, &str)) -> anyhow::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            let is_built = path.ends_with("target") || path.ends_with(".venv");
            if !is_built {
                each_file(&path, extension, visit)?;
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            visit(&path, &read(&path)?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

/// Citations in Rust or Python. Several lines of citations above one test add up.
fn in_code(text: &str, file: &str, mark: &str, test: fn(&str) -> Option<By>) -> Vec<Citation> {
    let lines: Vec<&str> = text.lines().collect();
    let mut citations = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(list) = line.trim_start().strip_prefix(mark) else { continue };
        let below = lines.iter().skip(at + 1).take(REACH);
        let by = below.map(|line| line.trim_start()).find_map(test).unwrap_or(By::Nothing);
        citations.push(Citation { ids: ids(list), by, file: file.to_owned(), line: at + 1 });
    }
    citations
}

fn in_text(text: &str, file: &str, by: &By) -> Vec<Citation> {
    let mut citations = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(list) = line.trim_start().strip_prefix("# Conformance:") {
            let (ids, by) = (ids(list), by.clone());
            citations.push(Citation { ids, by, file: file.to_owned(), line: at + 1 });
        }
    }
    citations
}

/// `P-1939-09, P-ROB-06 (why)`: words that are shaped like IDs, so that a misspelt one is found.
fn ids(list: &str) -> Vec<String> {
    list.split(|character: char| character.is_whitespace() || ",;.()".contains(character))
        .filter(|word| is_id_like(word))
        .map(with_two_digits)
        .collect()
}

/// Abuse cases are cited as `A-7` and as `A-07`.
fn with_two_digits(id: &str) -> String {
    match id.strip_prefix("A-") {
        Some(number) => format!("A-{number:0>2}"),
        None => id.to_owned(),
    }
}

/// One capital letter, a hyphen, and a number at the end.
fn is_id_like(word: &str) -> bool {
    let mut characters = word.chars();
    let begins =
        characters.next().is_some_and(|first| first.is_ascii_uppercase()) && characters.next() == Some('-');
    begins && word.ends_with(|last: char| last.is_ascii_digit())
}

/// `async fn name(` and the like.
fn rust_test(line: &str) -> Option<By> {
    let (before, after) = line.split_once("fn ")?;
    let is_signature = before.split_whitespace().all(|word| word == "async" || word.starts_with("pub"));
    let name = identifier(after);
    (is_signature && !line.starts_with("//") && !name.is_empty()).then(|| By::Rust(name.to_owned()))
}

/// `def test_name(`, perhaps `async`.
fn python_test(line: &str) -> Option<By> {
    let after = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ")?;
    let name = identifier(after);
    Some(if name.starts_with("test") { By::Python(name.to_owned()) } else { By::Nothing })
}

fn identifier(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    end.map_or(text, |end| text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> Vec<Citation> {
        in_code(text, "crates/x/src/a.rs", "// Conformance:", rust_test)
    }

    #[test]
    fn a_citation_belongs_to_the_test_below() {
        let found = rust(
            "    // Conformance: P-1939-09, P-ROB-06\n    // Conformance: A-67\n    \
            /// Says more.\n    #[tokio::test]\n    async fn a_dot_is_stuffed() {\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].ids, ["P-1939-09", "P-ROB-06"]);
        assert_eq!(found[1].ids, ["A-67"]);
        assert!(found.iter().all(|citation| citation.by == By::Rust("a_dot_is_stuffed".to_owned())));
        assert_eq!((found[0].line, found[1].line), (1, 2));
    }

    #[test]
    fn a_citation_above_nothing_covers_nothing() {
        assert_eq!(rust("// Conformance: P-1939-09\nconst X: u8 = 1;\n")[0].by, By::Nothing);
    }

    #[test]
    fn words_around_the_ids_do_not_matter() {
        assert_eq!(ids(" S-STLS-01 (injection), and S-STLS-04."), ["S-STLS-01", "S-STLS-04"]);
        assert_eq!(ids(" Q-1939-99 misspelt"), ["Q-1939-99"]);
        assert_eq!(ids(" A-7, A-07, A-67"), ["A-07", "A-07", "A-67"]);
    }

    #[test]
    fn python_transcripts_and_cases() {
        let text = "# Conformance: C-1939-04\n@pytest.mark.parametrize('x', [1])\nasync def test_stat(x):\n";
        let found = in_code(text, "t.py", "# Conformance:", python_test);
        assert_eq!(found[0].by, By::Python("test_stat".to_owned()));
        for by in [By::Transcript, By::Case] {
            let found = in_text("# STAT\n# Conformance: S-1939-26 S-1939-27\nC: STAT\n", "t.txt", &by);
            assert_eq!(found[0].ids.len(), 2);
            assert_eq!(found[0].by, by);
        }
    }
}
