//! The cases: those that are built in, or those of a folder.

use std::{fs, path::Path};

use super::case::Case;

include!(concat!(env!("OUT_DIR"), "/conform_cases.rs"));

/// The built-in list of sections.
const SECTIONS: &str = include_str!("../../conform/sections.txt");

/// A section of the requirements, and the folder of its cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The number in docs/requirements.md.
    pub number: Option<u32>,
    /// The folder below `conform/`.
    pub folder: String,
    /// As in docs/requirements.md.
    pub title: String,
}

/// Cases with their sections.
#[derive(Debug, Clone)]
pub struct Library {
    /// In their order.
    pub sections: Vec<Section>,
    /// By section, then by name.
    pub cases: Vec<Case>,
}

impl Section {
    pub(super) fn prefix(&self) -> String {
        format!("{}/", self.folder)
    }

    /// `3. RFC 1939 — server: commands`.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.number {
            Some(number) => format!("{number}. {}", self.title),
            None => self.title.clone(),
        }
    }
}

impl Library {
    /// Those that are built in.
    ///
    /// # Errors
    ///
    /// A sentence about a case that is wrong; a test sees to it that there is none.
    pub fn built_in() -> Result<Self, String> {
        let files = CASES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Self::new(SECTIONS, files.collect())
    }

    /// Those of a folder: a folder for each section, `.txt` files in it, and a `sections.txt` with the
    /// titles, where there is one.
    ///
    /// # Errors
    ///
    /// A sentence with the path that cannot be read, or the line that is wrong.
    pub fn read(root: &Path) -> Result<Self, String> {
        let sections = fs::read_to_string(root.join("sections.txt")).unwrap_or_default();
        let mut files = Vec::new();
        for folder in entries(root)?.iter().filter(|path| path.is_dir()) {
            for path in entries(folder)? {
                if path.extension().is_some_and(|extension| extension == "txt") {
                    let text = fs::read_to_string(&path)
                        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
                    let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                    files.push((name, text));
                }
            }
        }
        if files.is_empty() {
            return Err(format!("{} has no folder with cases (.txt) in it", root.display()));
        }
        Self::new(&sections, files)
    }

    fn new(sections: &str, files: Vec<(String, String)>) -> Result<Self, String> {
        let mut sections = parse_sections(sections)?;
        let mut cases = Vec::new();
        for (path, text) in files {
            let case = Case::parse(path.trim_end_matches(".txt"), &text)?;
            if !sections.iter().any(|section| section.folder == case.folder()) {
                let folder = case.folder().to_owned();
                sections.push(Section { number: None, title: folder.clone(), folder });
            }
            cases.push(case);
        }
        let place = |case: &Case| sections.iter().position(|section| section.folder == case.folder());
        cases.sort_by_key(|case| (place(case), case.name.clone()));
        Ok(Self { sections, cases })
    }

    /// Keeps the cases that one of these words names: a whole name, a folder, or the ID of a row.
    ///
    /// # Errors
    ///
    /// A sentence about a word that names nothing.
    pub fn choose(&mut self, words: &[String]) -> Result<(), String> {
        let is_named = |case: &Case, word: &String| {
            case.name == *word || case.folder() == word.trim_end_matches('/') || case.rows.contains(word)
        };
        if let Some(word) = words.iter().find(|word| !self.cases.iter().any(|case| is_named(case, word))) {
            return Err(format!("no case is called {word} or cites it; --list has all of them"));
        }
        if !words.is_empty() {
            self.cases.retain(|case| words.iter().any(|word| is_named(case, word)));
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let found = fs::read_dir(folder).map_err(unreadable)?;
    let paths: Result<Vec<_>, _> = found.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

/// Lines of number, folder and title.
fn parse_sections(text: &str) -> Result<Vec<Section>, String> {
    let mut sections = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(3, ' ');
        let (number, folder, title) = (parts.next(), parts.next(), parts.next());
        let (Some(Ok(number)), Some(folder), Some(title)) = (number.map(str::parse), folder, title) else {
            return Err(format!("sections.txt: this is no line of number, folder and title: {line}"));
        };
        sections.push(Section { number: Some(number), folder: folder.to_owned(), title: title.to_owned() });
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_cases_can_be_read_and_chosen() {
        let all = Library::built_in().unwrap();
        assert!(all.cases.len() > 50);
        assert!(all.sections.iter().all(|section| section.number.is_some()), "sections.txt lacks a folder");
        let chosen = |word: &str| {
            let mut library = all.clone();
            library.choose(&[word.to_owned()]).map(|()| library.cases.len())
        };
        assert_eq!(chosen("rfc1939-commands/stat"), Ok(1));
        assert!(chosen("rfc1939-commands").unwrap() > 5);
        assert!(chosen("S-1939-26").unwrap() >= 1);
        assert!(chosen("colour").unwrap_err().contains("colour"));
    }

    #[test]
    fn a_folder_of_cases_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("conform");
        let (read, built_in) = (Library::read(&root).unwrap(), Library::built_in().unwrap());
        let names =
            |library: &Library| library.cases.iter().map(|case| case.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&read), names(&built_in));
        assert!(Library::read(&root.join("mail")).unwrap_err().contains("no folder with cases"));
    }
}
