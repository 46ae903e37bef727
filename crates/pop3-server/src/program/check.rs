//! `pop3-server check`.

use std::io::Write as _;

use anyhow::{Context as _, bail};

use super::configuration::{Configuration, Review};

/// Looks at everything that a start would look at, short of listening, and prints the effective settings.
pub(super) fn run(configuration: &Configuration) -> anyhow::Result<()> {
    let Review { refused, broken, warnings, .. } = configuration.review();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let problems: Vec<&String> = refused.iter().chain(&broken).collect();
    for problem in &problems {
        tracing::error!("{problem}");
    }
    let text = configuration.effective()?;
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    match (problems.len(), refused.len()) {
        (0, _) => Ok(()),
        (1, 0) => bail!("there is one problem: a server would start, and not work as it should"),
        (count, 0) => bail!("there are {count} problems: a server would start, and not work as it should"),
        (1, _) => bail!("there is one problem, and a server would not start"),
        (count, _) => bail!("there are {count} problems, and a server would not start"),
    }
}
