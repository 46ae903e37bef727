//! How much strangers can make the log say.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// Lines about those who have not logged in that are written in one stretch of time; the rest is counted.
const LINES: u32 = 200;
const STRETCH: Duration = Duration::from_secs(10);

/// Keeps the log readable, and the disk free, whatever is thrown at the server.
#[derive(Debug, Default)]
pub(crate) struct Flood(Mutex<Stretch>);

#[derive(Debug, Default)]
struct Stretch {
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Flood {
    /// Whether one more line may be written.
    pub(crate) fn admits(&self, now: Instant) -> bool {
        // Every change is a single step, so a panic elsewhere leaves nothing half-done.
        let mut stretch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stretch.began.is_none_or(|began| now.saturating_duration_since(began) >= STRETCH) {
            stretch.report();
            *stretch = Stretch { began: Some(now), ..Stretch::default() };
        }
        if stretch.written < LINES {
            stretch.written += 1;
            return true;
        }
        stretch.left_out = stretch.left_out.saturating_add(1);
        false
    }
}

impl Stretch {
    fn report(&self) {
        if self.left_out > 0 {
            warn!(left_out = self.left_out, "so many lines about connections before login were left out");
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).report();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: A-56
    #[test]
    fn so_many_lines_in_a_stretch_of_time() {
        let flood = Flood::default();
        let now = Instant::now();
        assert_eq!((0..10 * LINES).filter(|_| flood.admits(now)).count(), LINES as usize);
        assert_eq!((0..10).filter(|_| flood.admits(now + STRETCH)).count(), 10);
    }
}
