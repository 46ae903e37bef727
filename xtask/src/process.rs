//! Running a program with its output on the screen, in a log and in a parser, in the order it was written.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context;

/// Whether a line that a program printed goes to the screen. It goes to the log in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    Show,
    Hide,
}

/// Runs a program; standard output and standard error arrive as one stream of lines.
///
/// # Errors
///
/// When the program cannot be started or the log cannot be written. A failing program is not an error
/// here: look at the status.
pub(crate) fn stream(
    command: &mut Command,
    log: &Path,
    mut on_line: impl FnMut(&str) -> Echo,
) -> anyhow::Result<ExitStatus> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let (reader, writer) = io::pipe().context("no pipe for the output of a program")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("{program} could not be started"))?;
    // The command keeps copies of the pipe's writing end; while they live the reader never sees the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        writeln!(log, "{text}")?;
        if on_line(text) == Echo::Show {
            println!("{text}");
        }
        line.clear();
    }
    child.wait().with_context(|| format!("{program} could not be waited for"))
}

/// Runs a program and shows everything it prints.
///
/// # Errors
///
/// As [`stream`].
pub(crate) fn show(command: &mut Command, log: &Path) -> anyhow::Result<bool> {
    Ok(stream(command, log, |_| Echo::Show)?.success())
}

/// Whether a program runs at all and ends well; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
