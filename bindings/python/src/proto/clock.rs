use std::time::Duration;

use pop3_proto::machine::Elapsed;
use pyo3::prelude::*;

use crate::errors::usage;

/// Turns the application's clock, in seconds, into time since the session began.
pub(super) struct Clock {
    began: f64,
}

impl Clock {
    pub(super) fn new(py: Python<'_>, began: f64) -> PyResult<Self> {
        if began.is_finite() { Ok(Self { began }) } else { Err(usage(py, "began is no time")) }
    }

    /// A time before the session counts as its beginning.
    pub(super) fn elapsed(&self, py: Python<'_>, now: f64) -> PyResult<Elapsed> {
        match Duration::try_from_secs_f64((now - self.began).max(0.0)) {
            Ok(elapsed) if !now.is_nan() => Ok(Elapsed(elapsed)),
            _ => Err(usage(py, "now is no time")),
        }
    }

    pub(super) fn at(&self, elapsed: Elapsed) -> f64 {
        self.began + elapsed.0.as_secs_f64()
    }
}
