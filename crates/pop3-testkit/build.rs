//! Lists the cases and the mail of `conform/`, so that a new file takes no Rust.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=conform");
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("conform");
    let out = PathBuf::from(variable("OUT_DIR")?);

    let mut cases = String::from("static CASES: &[(&str, &str)] = &[\n");
    for folder in entries(&root)?.iter().filter(|path| path.is_dir()) {
        for path in entries(folder)?.iter().filter(|path| has_extension(path, "txt")) {
            let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
            cases.push_str(&format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string()));
        }
    }
    cases.push_str("];\n");
    fs::write(out.join("conform_cases.rs"), cases)?;

    let mut mail = String::from("static MAIL: &[KnownMail] = &[\n");
    for path in entries(&root.join("mail"))?.iter().filter(|path| has_extension(path, "eml")) {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let octets = path.display().to_string();
        mail.push_str(&format!("    KnownMail {{ name: {name:?}, octets: include_bytes!({octets:?}) }},\n"));
    }
    mail.push_str("];\n");
    fs::write(out.join("conform_mail.rs"), mail)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}

/// In the order of their names.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.sort();
    Ok(paths)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}
