//! Where log lines go.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use super::arguments::{LogFormat, Logging};

/// Starts logging to stderr.
pub(super) fn start(logging: &Logging) {
    let filter = EnvFilter::try_new(&logging.log).unwrap_or_else(|_| {
        eprintln!("pop3-server: {} is no log level; logging at level info", logging.log.escape_debug());
        EnvFilter::new("info")
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_target(false)
        .with_ansi(stderr().is_terminal());
    match logging.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}
