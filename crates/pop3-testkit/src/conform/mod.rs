//! The conformance run: cases as data, played against any server.

pub mod program;
