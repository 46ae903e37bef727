//! What an exchange needs besides credentials.

use std::ops::RangeInclusive;

use crate::{ITERATIONS_MIN, Nonce};

/// The default ceiling for a server's SCRAM iteration count: three times what is recommended for
/// PBKDF2-HMAC-SHA-256 today, and about a second's work at most.
pub const ITERATIONS_MAX: u32 = 2_000_000;

/// Randomness and limits for one exchange.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    pub(super) nonce: Nonce,
    pub(super) iterations: RangeInclusive<u32>,
    pub(super) service: Option<(String, u16)>,
}

impl ClientOptions {
    /// `nonce` has to be fresh for every exchange.
    #[must_use]
    pub fn new(nonce: Nonce) -> Self {
        Self { nonce, iterations: ITERATIONS_MIN..=ITERATIONS_MAX, service: None }
    }

    /// The SCRAM iteration counts to accept; from 4096 to [`ITERATIONS_MAX`] unless said otherwise.
    #[must_use]
    pub fn iterations(mut self, bounds: RangeInclusive<u32>) -> Self {
        self.iterations = bounds;
        self
    }

    /// The host name and port of the server, for OAUTHBEARER to tell it (RFC 7628 section 3.1).
    #[must_use]
    pub fn service(mut self, host: &str, port: u16) -> Self {
        self.service = Some((host.to_owned(), port));
        self
    }
}
