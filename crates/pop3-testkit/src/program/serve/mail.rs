//! The messages to serve.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;

/// With a line of a dot, so that byte-stuffing is seen; with UTF-8; with an attachment.
const SAMPLES: [&str; 3] = [
    "From: The White Rabbit <rabbit@example.org>\r\nTo: Alice <alice@example.org>\r\n\
     Subject: Late\r\nDate: Thu, 4 Jul 1862 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n\
     Oh dear! I shall be too late.\r\n.\r\n..and a line of two dots before this one\r\n",
    "From: =?utf-8?q?Die_Gr=C3=BCne_Raupe?= <caterpillar@example.org>\r\nTo: Alice <alice@example.org>\r\n\
     Subject: =?utf-8?q?Wer_bist_d=C3=BC=3F?=\r\nDate: Thu, 4 Jul 1862 11:00:00 +0000\r\n\
     Message-ID: <2@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
     Content-Transfer-Encoding: 8bit\r\n\r\nGr\u{fc}\u{df}e vom Pilz \u{1f344}\r\n",
    "From: The Queen <queen@example.org>\r\nTo: Alice <alice@example.org>\r\nSubject: Invitation\r\n\
     Date: Thu, 4 Jul 1862 12:00:00 +0000\r\nMessage-ID: <3@example.org>\r\nMIME-Version: 1.0\r\n\
     Content-Type: multipart/mixed; boundary=\"croquet\"\r\n\r\n--croquet\r\n\
     Content-Type: text/plain\r\n\r\nTo play croquet.\r\n--croquet\r\n\
     Content-Type: application/octet-stream; name=\"rules.bin\"\r\n\
     Content-Transfer-Encoding: base64\r\n\r\nT2ZmIHdpdGggdGhlaXIgaGVhZHMh\r\n--croquet--\r\n",
];

/// The messages of these files and directories; where none is named, samples.
pub(super) fn read(paths: &[PathBuf], is_empty: bool) -> anyhow::Result<Vec<Arc<[u8]>>> {
    if is_empty {
        return Ok(Vec::new());
    }
    if paths.is_empty() {
        return Ok(SAMPLES.map(|sample| sample.as_bytes().into()).into());
    }
    let mut messages = Vec::new();
    for path in paths {
        for file in files(path)? {
            let message = fs::read(&file).with_context(|| {
                format!("--mail: cannot read {}; name a file or a directory of .eml files", file.display())
            })?;
            messages.push(message.into());
        }
    }
    Ok(messages)
}

/// The file itself, or the .eml files of a directory by their names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()
    });
    let files = entries.with_context(|| format!("--mail: cannot read {}", path.display()))?;
    let is_message = |file: &PathBuf| file.extension().is_some_and(|it| it.eq_ignore_ascii_case("eml"));
    let (mut files, mut others): (Vec<_>, Vec<_>) = files.into_iter().partition(is_message);
    others.sort();
    if let Some(warning) = passed_over(path, &others) {
        // Where nobody reads it, the messages are served all the same.
        let _ = writeln!(std::io::stderr(), "pop3-testkit: {warning}");
    }
    anyhow::ensure!(
        !files.is_empty(),
        "--mail: there is no .eml file in {}; put messages there, or say --no-mail",
        path.display()
    );
    files.sort();
    Ok(files)
}

/// Names some of the files that are not served.
fn passed_over(folder: &Path, files: &[PathBuf]) -> Option<String> {
    const NAMED: usize = 3;
    let name =
        |file: &PathBuf| file.file_name().map(|name| name.to_string_lossy().escape_debug().to_string());
    let mut names: Vec<String> = files.iter().take(NAMED).filter_map(name).collect();
    if names.is_empty() {
        return None;
    }
    if files.len() > NAMED {
        names.push(format!("and {} more", files.len() - NAMED));
    }
    let (folder, names) = (folder.display(), names.join(", "));
    Some(format!("--mail: passed over in {folder}, as their names do not end in .eml: {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eml_files_of_a_directory_come_by_name() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [("b.EML", "b"), ("a.eml", "a"), ("c.txt", "c")] {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let messages = read(&[directory.path().to_owned(), directory.path().join("c.txt")], false).unwrap();
        assert_eq!(messages.iter().map(|message| &**message).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    }

    #[test]
    fn what_is_passed_over_is_named_up_to_a_limit() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let said = |names: &[&str]| passed_over(Path::new("in"), &files(names));
        assert_eq!(said(&[]), None);
        assert!(said(&["a.txt"]).unwrap().ends_with(": a.txt"));
        assert!(said(&["a", "b\n", "c", "d", "e"]).unwrap().ends_with(": a, b\\n, c, and 2 more"));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_option() {
        let directory = tempfile::tempdir().unwrap();
        let error = read(&[directory.path().join("none.eml")], false).unwrap_err().to_string();
        assert!(error.starts_with("--mail: cannot read ") && error.contains("none.eml"), "{error}");
        let error = read(&[directory.path().to_owned()], false).unwrap_err().to_string();
        assert!(error.starts_with("--mail: there is no .eml file in "), "{error}");
    }
}
