//! What the program says on its output.

use std::{
    fmt,
    io::{self, Write as _},
};

use anyhow::Context as _;

/// Says a line. That nobody reads it is no failure.
pub(super) fn line(text: impl fmt::Display) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to the standard output"),
    }
}
