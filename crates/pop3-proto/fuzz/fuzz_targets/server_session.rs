//! The oracle is said at `server_session` in `tests/entries`.
#![no_main]
#![allow(dead_code, unused_imports, reason = "each target uses one of the entries")]

#[path = "../../tests/entries/mod.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| entries::server_session(octets));
