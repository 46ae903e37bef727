//! The driver over tokio.

mod body;
mod driver;
mod stream;

pub use body::Body;
pub use driver::{Driver, Limits};
pub use stream::Stream;
