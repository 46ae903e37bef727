//! The line by which a test says that it could not run for want of a program.

/// What the line begins with.
const MARK: &str = "left out: ";

/// The name of what was left out, when this line says so.
pub(crate) fn left_out(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix(MARK).map(str::trim_end)
}

/// Whether this run must have every peer: it does on CI.
pub(crate) fn peers_are_required() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_count() {
        assert_eq!(left_out("left out: mpop"), Some("mpop"));
        assert_eq!(left_out("  left out: getmail6 "), Some("getmail6"));
        assert_eq!(left_out("nothing was left out: really"), None);
    }
}
