//! The oracle is said at `client_session` in `tests/entries`.
#![no_main]
#![allow(dead_code, unused_imports, reason = "each target uses one of the entries")]

#[path = "../../tests/entries/mod.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| entries::client_session(octets));
