//! The cases with the blocking session.

use pop3_client::blocking::Session;

/// Waits for what a session does.
macro_rules! wait {
    ($future:expr) => {
        $future
    };
}

#[path = "cases/listings.rs"]
mod listings;
#[path = "cases/logins.rs"]
mod logins;
#[path = "cases/messages.rs"]
mod messages;
#[path = "cases/opening.rs"]
mod opening;
#[path = "cases/own_certificates.rs"]
mod own_certificates;
#[path = "cases/stls.rs"]
mod stls;

/// Reads so many octets of a message, or up to its end.
fn read_some(message: &mut impl std::io::Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    message.read(buffer)
}

fn read_all(message: &mut impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    message.read_to_end(&mut octets).map(|_| octets)
}
