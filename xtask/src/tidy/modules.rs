//! Inside pop3-proto: types, then what turns octets into types and back, then the two machines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Findings;

const CORE: &str = "crates/pop3-proto/src";

/// What each module of the core may use, besides itself.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("types", &[]),
    ("machine", &["types"]),
    ("grammar", &["types"]),
    ("encode", &["types"]),
    ("framing", &["types"]),
    ("body", &["types"]),
    ("outgoing", &["types", "encode"]),
    ("client", &["types", "machine", "grammar", "encode", "framing", "body", "outgoing"]),
    ("server", &["types", "machine", "grammar", "encode", "framing", "body", "outgoing"]),
];

/// Scans every file of the core for paths that begin with `crate::`.
pub(super) fn check(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let folder = root.join(CORE);
    check_table_is_whole(&folder, findings)?;
    for (module, allowed) in MAY_USE {
        let mut texts = Vec::new();
        read(&folder.join(format!("{module}.rs")), &mut texts)?;
        read(&folder.join(module), &mut texts)?;
        for (path, text) in texts {
            let path = path.strip_prefix(root).unwrap_or(&path).display();
            for (line, other) in used(&text) {
                let is_known = MAY_USE.iter().any(|(known, _)| *known == other);
                if is_known && other != module && !allowed.contains(&other) {
                    findings.error(format!("{path}:{line}: {module} may not use {other}"));
                }
            }
        }
    }
    Ok(())
}

/// A module that is not in the table would go unchecked.
fn check_table_is_whole(folder: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let module = path.file_stem().unwrap_or_default().to_string_lossy();
        if module != "lib" && !MAY_USE.iter().any(|(known, _)| *known == module) {
            findings.error(format!("{CORE}/{module} is not in the table of xtask/src/tidy/modules.rs"));
        }
    }
    Ok(())
}

/// Reads a file, or every Rust file below a folder but `tests.rs`: a test of the grammar may use the encoder.
/// What is not there is passed over.
fn read(path: &Path, texts: &mut Vec<(PathBuf, String)>) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            read(&entry?.path(), texts)?;
        }
    } else if path.is_file()
        && path.extension().is_some_and(|extension| extension == "rs")
        && !path.ends_with("tests.rs")
    {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        texts.push((path.to_path_buf(), text));
    }
    Ok(())
}

/// The modules that the code names after `crate::`, with their lines; comments and the unit tests at the
/// end of a file do not count.
fn used(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_braces = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        if in_braces {
            // `use crate::{` over several lines: each line begins with a module.
            in_braces = !code.starts_with('}');
            found.extend(first_word(code.trim_start()).map(|word| (at + 1, word)));
        }
        let mut rest = code;
        while let Some((_, after)) = rest.split_once("crate::") {
            if let Some(list) = after.strip_prefix('{') {
                in_braces = !list.contains('}');
                found.extend(
                    list.split(',').filter_map(|item| Some((at + 1, first_word(item.trim_start())?))),
                );
            } else {
                found.extend(first_word(after).map(|word| (at + 1, word)));
            }
            rest = after;
        }
    }
    found
}

fn first_word(text: &str) -> Option<&str> {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let word = end.map_or(text, |end| text.get(..end).unwrap_or_default());
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        used(text).into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn every_form_of_a_path_is_seen() {
        assert_eq!(words("use crate::types::Command;\n"), ["types"]);
        assert_eq!(words("use crate::{grammar, body::BodyEncoder};\n"), ["grammar", "body"]);
        assert_eq!(words("use crate::{\n    types::Secret,\n    client,\n};\n"), ["types", "client"]);
        assert_eq!(words("fn f() -> crate::server::Server {\n"), ["server"]);
        assert_eq!(words("pub(crate) fn f() {}\n"), Vec::<&str>::new());
    }

    #[test]
    fn comments_and_tests_do_not_count() {
        assert!(words("/// See [`crate::client::Client`].\n").is_empty());
        assert!(words("#[cfg(test)]\nmod tests {\n    use crate::client::Client;\n}\n").is_empty());
    }
}
