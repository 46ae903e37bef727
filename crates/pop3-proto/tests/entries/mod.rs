//! What is fuzzed: six functions that take any octets and panic where their oracle does not hold.
//!
//! `tests/any_octets.rs` runs them with generated input, `fuzz/` with what libFuzzer finds.

mod body;
mod client;
mod grammar;
mod server;
mod values;

pub(crate) use body::body;
pub(crate) use client::client_session;
pub(crate) use grammar::{command, response};
pub(crate) use server::server_session;
pub(crate) use values::value_to_octets_and_back;

/// In what pieces a session's input comes.
#[derive(Debug, Clone, Copy)]
enum Pieces {
    Whole,
    Octets,
}

impl Pieces {
    fn of(self, octets: &[u8]) -> impl Iterator<Item = &[u8]> {
        let size = match self {
            Self::Whole => octets.len().max(1),
            Self::Octets => 1,
        };
        octets.chunks(size)
    }
}
