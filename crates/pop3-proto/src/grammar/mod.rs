//! The grammar of RFC 1939, 2449, 2595, 5034 and 6856: nom's complete parsers on whole lines.
//!
//! A line comes here without its line end. What is parsed borrows the line.

mod capability;
mod command;
mod listing;
mod primitives;
mod response;

pub use capability::{capability, language};
pub use command::{CommandError, command};
pub(crate) use listing::listed_number;
pub use listing::{drop_listing, scan_listing, unique_id_listing};
pub use response::{challenge, greeting_timestamp, response, sasl_response};

#[cfg(test)]
mod tests;
