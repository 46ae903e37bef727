//! `pop3-server deliver`: a delivery agent for a mail transfer agent.

mod return_path;

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    process::ExitCode,
};

use pop3_store::maildir::{Delivery, DeliveryError};

use super::{
    arguments::{Message, Site},
    configuration::Configuration,
    file_size, report,
};
use return_path::ReturnPath;

/// The exit statuses of sysexits.h, as far as a mail transfer agent has to know: what is not its own
/// mistake is to be tried again, or mail would bounce because somebody mistyped a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Usage = 64,
    BadMessage = 65,
    NoUser = 67,
    TemporaryFailure = 75,
}

struct Failure {
    status: Status,
    text: String,
}

impl Failure {
    fn temporary(error: impl Into<anyhow::Error>) -> Self {
        Self { status: Status::TemporaryFailure, text: report::sentence(&error.into()) }
    }
}

pub(super) fn run(site: &Site, message: &Message) -> ExitCode {
    match deliver(site, message) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { status, text }) => {
            eprintln!("pop3-server: {text}");
            ExitCode::from(status as u8)
        }
    }
}

fn deliver(site: &Site, message: &Message) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(async { file_size::turn_limit_into_errors() }))
        .map_err(Failure::temporary)?;
    let sender = message.sender.as_deref().map(ReturnPath::new).transpose();
    let sender = sender.map_err(|error| Failure { status: Status::Usage, text: error.to_string() })?;
    let configuration = Configuration::load(site).map_err(Failure::temporary)?;
    let users =
        configuration.known_users().map_err(Failure::temporary)?.users().map_err(Failure::temporary)?;
    if !users.contains(&message.name) {
        let file = configuration.users.file.display();
        let name = message.name.escape_debug();
        let text = format!("there is no user {name} in {file}; nothing was delivered, add the user first");
        return Err(Failure { status: Status::NoUser, text });
    }
    let store = configuration.store().map_err(Failure::temporary)?;
    let maildir = store.maildir(&message.name).map_err(Failure::temporary)?;
    let mut stdin = BufReader::with_capacity(64 * 1024, io::stdin());
    // A pipe that broke before the first octet looks the same, and nobody misses an empty message.
    if stdin.fill_buf().is_ok_and(<[u8]>::is_empty) {
        let text = "the message on stdin is empty; nothing was delivered, give the message on stdin".into();
        return Err(Failure { status: Status::BadMessage, text });
    }
    match sender {
        None => maildir.deliver(stdin).map(drop),
        Some(sender) => maildir.start_delivery().and_then(|delivery| copy(delivery, &sender, stdin)),
    }
    .map_err(Failure::temporary)
}

/// The message with one Return-Path, the sender's. RFC 5321 section 4.4.
fn copy(
    mut delivery: Delivery,
    sender: &ReturnPath,
    mut message: impl io::BufRead,
) -> Result<(), DeliveryError> {
    match sender.replace(&mut message, &mut delivery) {
        Ok(()) => {}
        Err(return_path::CopyError::Read(error)) => return Err(DeliveryError::Source(error)),
        // What could not be written is known to the delivery, which says so.
        Err(return_path::CopyError::Write) => {}
    }
    let _ = delivery.flush();
    delivery.commit().map(drop)
}
