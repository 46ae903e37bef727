//! Servers that are hostile, old or broken, on real sockets: every case is run with the blocking and with
//! the async session.

mod blocking;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tokio")]
mod tokio_sessions;
