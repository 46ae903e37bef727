//! `pop3-server deliver`: a delivery agent for a mail transfer agent.

mod from_line;
mod recipient;
mod return_path;

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{anyhow, bail};
use pop3_store::maildir::{Delivery, DeliveryError, Maildir};

use super::{
    arguments::{Message, Site},
    configuration::{Configuration, MaildirRoot},
    file_size, logging, report,
};
use recipient::NotFound;
use return_path::ReturnPath;

/// The exit statuses of sysexits.h, as far as a mail transfer agent has to know: what it has accepted is
/// refused for good only when there is no such user. All else is to be tried again, or mail would bounce
/// because somebody mistyped a path, or because of the form of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
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
            logging::say(&text);
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
    let configuration = Configuration::load(site).map_err(Failure::temporary)?;
    let maildir = maildir(&configuration, message)?;
    let mut stdin = BufReader::with_capacity(64 * 1024, io::stdin());
    // Every message has a trace of the ones it passed, so a pipe broke, or something else is wrong.
    if stdin.fill_buf().is_ok_and(<[u8]>::is_empty) {
        let text = "the message on stdin is empty; nothing was delivered, give the message on stdin";
        return Err(Failure::temporary(anyhow!(text)));
    }
    let stdin = from_line::without(stdin).map_err(DeliveryError::Source).map_err(Failure::temporary)?;
    match &message.sender {
        None => maildir.deliver(stdin).map(drop),
        Some(sender) => {
            let sender = ReturnPath::new(sender.as_bytes());
            maildir.start_delivery().and_then(|delivery| copy(delivery, &sender, stdin))
        }
    }
    .map_err(Failure::temporary)
}

/// The Maildir of the one recipient.
fn maildir(configuration: &Configuration, message: &Message) -> Result<Maildir, Failure> {
    let [recipient] = message.recipients.as_slice() else {
        let text = "there is more than one recipient; nothing was delivered, let the mail transfer agent start \
                    one delivery for each (with Postfix, pop3_destination_recipient_limit = 1)";
        return Err(Failure::temporary(anyhow!(text)));
    };
    let recipient = recipient.to_string_lossy();
    let users =
        configuration.known_users().map_err(Failure::temporary)?.users().map_err(Failure::temporary)?;
    let name = match recipient::find(&users, &recipient, &message.recipient_delimiter) {
        Ok(name) => name,
        Err(NotFound::Nobody) => {
            // Strangers read this in a bounce, so it says nothing of what is inside.
            let text = format!("there is no user {}; nothing was delivered", recipient.escape_debug());
            return Err(Failure { status: Status::NoUser, text });
        }
        Err(NotFound::Several) => {
            let error = anyhow!(
                "several users in {} differ from {} in capitals alone; nothing was delivered, rename all but one",
                configuration.users.file.display(),
                recipient.escape_debug()
            );
            return Err(Failure::temporary(error));
        }
    };
    stranded_by_root(configuration, name).map_err(Failure::temporary)?;
    let store = configuration.store().map_err(Failure::temporary)?;
    store.maildir(name).map_err(Failure::temporary)
}

/// Refuses to do as root what the server could not open afterwards: root's own Maildir, or one that would
/// be made in a directory of root's own, while the users file says that the server is somebody else.
fn stranded_by_root(configuration: &Configuration, name: &str) -> anyhow::Result<()> {
    let file = &configuration.users.file;
    if !rustix::process::geteuid().is_root() || fs::metadata(file).is_ok_and(|file| is_for_root(&file)) {
        return Ok(());
    }
    let MaildirRoot { root, below, .. } = &configuration.maildir;
    let home = root.join(name);
    let maildir = below.as_ref().map_or_else(|| home.clone(), |below| home.join(below));
    let owner = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.uid());
    let place = [&maildir, &home, root].into_iter().find_map(|path| Some((path, owner(path).ok()?)));
    match place {
        Some((path, 0)) => bail!(
            "{0} belongs to root, and the users file {1} is there for somebody else: the server could not open \
             what root delivers; nothing was delivered, give it to the user that the server runs as with \
             `chown -R USER {0}`, or deliver as that user",
            path.display(),
            file.display()
        ),
        _ => Ok(()),
    }
}

/// Whether nobody but root is meant to read a file.
fn is_for_root(file: &fs::Metadata) -> bool {
    file.uid() == 0 && (file.gid() == 0 || file.mode() & 0o040 == 0)
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
