//! `pop3-server check`.

use std::io::Write as _;

use anyhow::Context as _;

use super::configuration::Configuration;

/// Looks at everything that a start would look at, short of listening, and prints what holds.
pub(super) fn run(configuration: &Configuration) -> anyhow::Result<()> {
    configuration.server()?;
    configuration.store()?;
    configuration.users()?;
    for warning in configuration.warnings() {
        tracing::warn!("{warning}");
    }
    let text = configuration.effective()?;
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")
}
