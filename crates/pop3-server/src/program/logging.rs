//! Where log lines go, and which.

use std::io::{IsTerminal as _, stderr};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use super::arguments::{LogFormat, Logging};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging to stderr.
pub(super) fn start(logging: &Logging) -> anyhow::Result<()> {
    let filter = filter(&logging.log)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_target(false)
        .with_ansi(stderr().is_terminal());
    match logging.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
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
