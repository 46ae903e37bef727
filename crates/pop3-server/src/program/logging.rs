//! Where log lines go, and which.

mod lines;

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::OnceLock,
    time::Duration,
};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use super::arguments::{LogFormat, Logging};
use lines::Lines;

/// How long the end of the program waits for the last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

static LINES: OnceLock<Lines> = OnceLock::new();

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging to stderr. A log that cannot be written, or that nobody reads, costs lines and nothing
/// else.
pub(super) fn start(logging: &Logging) -> anyhow::Result<()> {
    let filter = filter(&logging.log)?;
    let lines = Lines::start(stderr()).context("cannot start the thread that writes the log")?;
    let lines = LINES.get_or_init(|| lines).clone();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        .with_target(false)
        // Where stderr takes nothing, there is nowhere to complain; by default that panics.
        .log_internal_errors(false)
        .with_ansi(stderr().is_terminal());
    match logging.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Says why the program fails, behind the lines of the log.
pub(super) fn say(text: &str) {
    let line = format!("pop3-server: {text}\n");
    match LINES.get() {
        Some(lines) => lines.put(line.as_bytes()),
        // Logging did not start. That nobody can read it must not change the exit status.
        None => drop(stderr().write_all(line.as_bytes())),
    }
}

/// Waits a moment for the lines that are not written yet.
pub(super) fn finish() {
    if let Some(lines) = LINES.get() {
        lines.flush(LAST_LINES);
    }
}

/// Reads a level, or levels for single parts as in `info,pop3_server=debug`. Empty counts as not set.
///
/// The filter of tracing would take any other word for the name of a part, and turn everything else off.
fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    let wrong = |directive: &str| {
        let (directive, levels) = (directive.escape_debug(), LEVELS.join(", "));
        format!("the log level `{directive}` is unknown; --log and POP3_SERVER_LOG take one of {levels}")
    };
    let text = if text.trim().is_empty() { "info" } else { text };
    // Errors of the parts that are not named are always written.
    let mut directives = vec!["error".to_owned()];
    for directive in text.split(',').map(str::trim) {
        let (part, level) = match directive.rsplit_once('=') {
            Some((part, level)) => (part.trim(), level.trim()),
            None => ("", directive),
        };
        let level = level.to_ascii_lowercase();
        if !LEVELS.contains(&level.as_str()) || (part.is_empty() && directive.contains('=')) {
            anyhow::bail!(wrong(directive));
        }
        // A part is a crate or a module, which has `_` where the crate's name may have `-`.
        directives.push(if part.is_empty() { level } else { format!("{}={level}", part.replace('-', "_")) });
    }
    EnvFilter::try_new(directives.join(",")).with_context(|| wrong(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        filter(text).map_or_else(|error| format!("{error:#}"), |filter| filter.to_string())
    }

    #[test]
    fn levels_of_all_and_of_parts() {
        for text in ["", "  ", "info", "INFO", " Info "] {
            assert_eq!(read(text), "info", "{text:?}");
        }
        for level in LEVELS {
            assert_eq!(read(level), level);
        }
        // What is not named still says its errors.
        assert_eq!(read("pop3_server=debug"), "pop3_server=debug,error");
        assert_eq!(read("warn,pop3-server::session=trace"), "pop3_server::session=trace,warn");
    }

    #[test]
    fn an_unknown_level_is_refused_with_those_that_there_are() {
        for text in [
            "warning",
            "verbose",
            "1",
            "info,",
            ",",
            "all",
            "=debug",
            "pop3_server=loud",
            "info debug",
            "\u{1b}[2J",
        ] {
            let said = read(text);
            assert!(
                said.contains("is unknown") && said.contains("off, error, warn, info, debug, trace"),
                "{said}"
            );
            assert!(!said.contains('\u{1b}'));
        }
    }
}
