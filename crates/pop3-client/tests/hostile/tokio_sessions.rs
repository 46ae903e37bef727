//! The cases with the async session.

use pop3_client::Session;

/// Waits for what a session does.
macro_rules! wait {
    ($future:expr) => {
        crate::tokio_sessions::runtime().block_on($future)
    };
}

#[allow(clippy::duplicate_mod, reason = "the same cases, with another kind of session")]
#[path = "cases/listings.rs"]
mod listings;
#[allow(clippy::duplicate_mod, reason = "the same cases, with another kind of session")]
#[path = "cases/logins.rs"]
mod logins;
#[allow(clippy::duplicate_mod, reason = "the same cases, with another kind of session")]
#[path = "cases/messages.rs"]
mod messages;
#[allow(clippy::duplicate_mod, reason = "the same cases, with another kind of session")]
#[path = "cases/opening.rs"]
mod opening;
#[allow(clippy::duplicate_mod, reason = "the same cases, with another kind of session")]
#[path = "cases/own_certificates.rs"]
mod own_certificates;
#[allow(clippy::duplicate_mod, reason = "the same cases, with another kind of session")]
#[path = "cases/stls.rs"]
mod stls;

use std::{io, sync::OnceLock};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    runtime::Runtime,
};

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// Reads so many octets of a message, or up to its end.
fn read_some(message: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> io::Result<usize> {
    runtime().block_on(message.read(buffer))
}

fn read_all(message: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    runtime().block_on(message.read_to_end(&mut octets)).map(|_| octets)
}
