//! A progress bar, when stderr is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::plan::Listed;

pub(super) struct Progress(ProgressBar);

impl Progress {
    /// For these messages; the sizes are the server's word.
    pub(super) fn new(wanted: &[Listed]) -> Self {
        let octets = wanted.iter().fold(0u64, |sum, listed| sum.saturating_add(listed.size));
        // Draws nothing where stderr is no terminal.
        let bar = ProgressBar::with_draw_target(Some(octets), ProgressDrawTarget::stderr());
        let template = "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(format!("{} messages", wanted.len()));
        Self(bar)
    }

    pub(super) fn octets(&self, count: usize) {
        self.0.inc(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// A message came with so many octets, and so many were expected.
    pub(super) fn message_done(&self, octets: u64, expected: u64) {
        let total = self.0.length().unwrap_or_default();
        self.0.set_length(total.saturating_sub(expected).saturating_add(octets));
    }

    /// Says something without a bar through it.
    pub(super) fn suspend(&self, say: impl FnOnce()) {
        self.0.suspend(say);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
