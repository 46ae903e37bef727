//! A real POP3 server inside a test, with faults and dialects on demand; and a run that tells where any
//! server departs from the standards.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test that fails should panic"
    )
)]

pub mod certificates;
#[cfg(feature = "cli")]
pub mod client_check;
#[cfg(feature = "cli")]
pub mod conform;
pub mod fault;
pub mod profile;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod program;
pub mod record;
pub mod server;
pub mod transcript;

pub use server::TestServer;
