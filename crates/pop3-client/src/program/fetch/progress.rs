//! A progress bar, when stderr is a terminal.

use std::cell::Cell;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::plan::Listed;

pub(super) struct Progress {
    bar: ProgressBar,
    done: Cell<usize>,
    messages: usize,
}

impl Progress {
    /// For these messages; the sizes are the server's word.
    pub(super) fn new(wanted: &[Listed], is_quiet: bool) -> Self {
        let octets = wanted.iter().fold(0u64, |sum, listed| sum.saturating_add(listed.size));
        // Draws nothing where stderr is no terminal.
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(octets), target);
        let template = "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let progress = Self { bar, done: Cell::new(0), messages: wanted.len() };
        progress.bar.set_message(progress.messages());
        progress
    }

    /// How many messages came of how many.
    fn messages(&self) -> String {
        format!("{} of {}", self.done.get(), self.messages)
    }

    pub(super) fn octets(&self, count: usize) {
        self.bar.inc(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// A message came with so many octets, and so many were expected.
    pub(super) fn message_done(&self, octets: u64, expected: u64) {
        let total = self.bar.length().unwrap_or_default();
        self.bar.set_length(total.saturating_sub(expected).saturating_add(octets));
        self.done.set(self.done.get() + 1);
        self.bar.set_message(self.messages());
    }

    /// Says something without a bar through it.
    pub(super) fn suspend(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted() {
        let number = pop3_client::proto::types::MessageNumber::FIRST;
        let progress = Progress::new(&vec![Listed { number, size: 10, unique_id: None }; 6], false);
        assert_eq!(progress.bar.message(), "0 of 6");
        (0..3).for_each(|_| progress.message_done(12, 10));
        assert_eq!(progress.bar.message(), "3 of 6");
        assert_eq!(progress.bar.length(), Some(66));
    }
}
