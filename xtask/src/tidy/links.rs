//! Every link in a Markdown file that points into the checkout must arrive.

use std::path::{Component, Path, PathBuf};

use super::{Findings, SourceFile};

/// Follows the links of every Markdown file.
pub(super) fn check(root: &Path, files: &[SourceFile], findings: &mut Findings) {
    for file in files.iter().filter(|file| file.is_markdown()) {
        for (line, target) in links(&file.text) {
            let Some(path) = local(&file.path, target) else { continue };
            if !root.join(&path).exists() {
                findings.error(format!("{}:{line}: the link to {target} leads nowhere", file.path));
            }
        }
    }
}

/// The targets of `[text](target)` outside code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (place, _) in line.match_indices("](") {
            let (before, after) = line.split_at(place);
            let is_in_code = before.matches('`').count() % 2 == 1;
            if !is_in_code && let Some((target, _)) = after[2..].split_once(')') {
                found.push((at + 1, target));
            }
        }
    }
    found
}

/// The path from the root that a link means; `None` for other places and for anchors in the same file.
fn local(file: &str, target: &str) -> Option<PathBuf> {
    let target = target.split(['#', ' ']).next().unwrap_or_default();
    if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for component in folder.join(target).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_are_no_links() {
        let text = "see [a](b.md) and [c](d/e.md#f)\n```\n[x](y.md)\n```\n`[i](j)` [k](l.md)\n";
        assert_eq!(links(text), [(1, "b.md"), (1, "d/e.md#f"), (5, "l.md")]);
    }

    #[test]
    fn a_link_is_taken_from_its_file() {
        assert_eq!(local("docs/STYLE.md", "ARCHITECTURE.md#x"), Some("docs/ARCHITECTURE.md".into()));
        assert_eq!(local("docs/STYLE.md", "../xtask/src/main.rs"), Some("xtask/src/main.rs".into()));
        assert_eq!(local("README.md", "https://example.org/x.md"), None);
        assert_eq!(local("README.md", "#below"), None);
    }
}
