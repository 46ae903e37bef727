//! Against the real server in this process: whole sessions of both kinds, the program, and its death at
//! any point.

mod accounts;
mod crash;
mod documents;
mod ends;
mod faults;
mod injected;
mod kept;
mod outputs;
mod owner;
mod program;
mod same_twice;
mod sessions;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod trust;
