//! POP3 as a sans-IO protocol core.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test that fails should panic"
    )
)]

extern crate alloc;

pub mod body;
pub mod client;
pub mod encode;
pub mod framing;
pub mod grammar;
pub mod machine;
mod outgoing;
pub mod server;
pub mod types;
