//! The drivers: the only place that moves octets between a transport and a machine of `pop3-proto`.
//!
//! [`blocking`] works over anything that is [`std::io::Read`] and [`std::io::Write`], [`tokio`] over
//! anything that is `AsyncRead` and `AsyncWrite`. Both keep the one order that matters: what the machine
//! has to say goes out before the body that follows it. TLS is rustls, in place after STLS
//! (RFC 2595 section 4) or from the first octet on (RFC 8314 section 3).

pub mod blocking;
mod buffer;
mod error;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "trust")]
pub mod trust;

pub use buffer::ReadBuffer;
pub use error::Error;
/// The TLS library, since configurations of it are passed in.
pub use rustls;
