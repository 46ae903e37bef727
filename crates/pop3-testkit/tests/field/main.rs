//! The dialects of the field, recorded sessions, and the program that brings both to other languages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails should panic")]
#![allow(missing_docs, reason = "a test")]

mod dialects;
mod guide;
#[cfg(feature = "cli")]
mod peers;
#[cfg(feature = "cli")]
mod program;
mod recorded;
mod replayed;
#[path = "../support/mod.rs"]
#[allow(unreachable_pub, reason = "every test program uses its part")]
mod support;
mod words;
