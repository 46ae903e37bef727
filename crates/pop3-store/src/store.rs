//! What a server asks of a store, and how a store says no.

use std::{fmt, io, io::Read, path::PathBuf, sync::Arc};

use pop3_proto::{
    server::{Deletions, Maildrop, Retrieved},
    types::MessageNumber,
};

/// Where maildrops come from. Synchronous: a server with a runtime calls it on a blocking pool.
pub trait Store: Send + Sync + 'static {
    /// An open, locked maildrop of this store.
    type Maildrop: OpenMaildrop;

    /// Takes the exclusive-access lock on the maildrop of `user` and the snapshot of its messages.
    /// RFC 1939 section 4.
    ///
    /// `user` is the authenticated name. It is checked before it becomes part of a path.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; whatever was locked on the way is free again.
    fn open(&self, user: &str) -> Result<Self::Maildrop, OpenError>;
}

impl<S: Store> Store for Arc<S> {
    type Maildrop = S::Maildrop;

    fn open(&self, user: &str) -> Result<Self::Maildrop, OpenError> {
        S::open(self, user)
    }
}

/// An open maildrop under its exclusive-access lock.
///
/// Dropping it releases the lock and removes nothing: autologout and a lost connection need no code.
/// RFC 1939 sections 3 and 6.
pub trait OpenMaildrop: Send + Sync + 'static {
    /// The stored octets of one message.
    type Body: Read + Send + 'static;

    /// The snapshot that was taken when the lock was: sizes and unique-ids in message-number order.
    /// A clone of it is cheap.
    fn maildrop(&self) -> Maildrop;

    /// Files of the maildrop that may be messages and are not listed, one entry for each reason; empty when
    /// every message is listed. A server says so in its log: the owner of the mail sees nothing of it.
    fn skipped(&self) -> Vec<Skipped> {
        Vec::new()
    }

    /// Opens a message. The octets come as they are stored; `pop3_proto::body::BodyEncoder` makes the
    /// wire form of them.
    ///
    /// The body ends with an error, not with the end of the file, when the message became shorter while
    /// it was read: nobody may take the piece for the whole.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the other messages can still be read.
    fn read(&self, number: MessageNumber) -> Result<Self::Body, ReadError>;

    /// The UPDATE state: removes what is marked, notes what was retrieved, and releases the lock, whether
    /// it worked or not. RFC 1939 section 6.
    ///
    /// When it returns `Ok`, the removals have reached the disk.
    ///
    /// # Errors
    ///
    /// [`UpdateError`]; no message that was not marked is ever removed.
    fn update(self, deletions: &Deletions, retrieved: &Retrieved) -> Result<(), UpdateError>;
}

/// Files that may be messages and are not listed, all for one reason.
///
/// They stay where they are, and are listed as soon as the reason is gone. As text it is one line for an
/// operator: how many, why, one path with everything escaped that could confuse a log, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Why they are not listed.
    pub reason: SkipReason,
    /// How many.
    pub count: u32,
    /// The first of them.
    pub example: PathBuf,
}

/// Why a file in a maildrop is not listed as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It cannot be opened or read.
    Unreadable(io::ErrorKind),
    /// It belongs to another user than the maildrop: a link to a file of somebody else must not be sent.
    OtherOwner {
        /// The user id of the file.
        file: u32,
        /// The user id of the maildrop.
        maildrop: u32,
    },
    /// It is a directory, a symbolic link, a FIFO, a socket or a device.
    NotAFile,
    /// Its length changed while it was read: another program still writes to it.
    Changing,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, s) = (self.count, if self.count == 1 { "" } else { "s" });
        // A file name may hold line ends and escape sequences.
        let example = self.example.to_string_lossy();
        let example = example.escape_debug();
        match self.reason {
            SkipReason::Unreadable(error) => write!(
                f,
                "{count} file{s} cannot be read ({error}), for example {example}: check owner and permissions"
            ),
            SkipReason::OtherOwner { file, maildrop } => write!(
                f,
                "{count} file{s} of another user (uid {file}, but the maildrop belongs to uid {maildrop}), \
                 for example {example}: give the files to the owner of the maildrop with chown"
            ),
            SkipReason::NotAFile => write!(
                f,
                "{count} name{s} without a regular file (a directory, a symbolic link or the like), \
                 for example {example}: put the message itself there"
            ),
            SkipReason::Changing => {
                write!(f, "{count} file{s} that another program still writes to, for example {example}")
            }
        }
    }
}

/// Why a maildrop could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another session holds the exclusive-access lock. RFC 2449 section 8.1.2 calls this `IN-USE`.
    #[error("the maildrop is in use by another session; end that session, or try again in a minute")]
    InUse,
    /// There is no maildrop at this place.
    #[error("there is no maildrop at {}; create it, or let the store create it on first use", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The Maildir is there, but not all of it.
    #[error(
        "the Maildir {} has no directory {folder}; create it as the owner of the Maildir, with \
         `mkdir -m 700`, or let the store create what is missing (create_missing)",
        .path.display()
    )]
    Incomplete {
        /// Where the Maildir is.
        path: PathBuf,
        /// What it lacks: tmp, new or cur.
        folder: &'static str,
    },
    /// The user name cannot be the name of a maildrop; it was not used as part of any path.
    #[error(
        "the user name cannot name a maildrop; use 1 to 255 octets without `/` and control octets, and no `.` in front"
    )]
    UnsafeName,
    /// A system call failed.
    #[error("cannot {action} {}: {source}; {}", .path.display(), advice(.source))]
    Io {
        /// What was attempted, as in "open".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a message could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such message any more: another program removed it during the session.
    #[error("the message is gone; another program removed it, log in again to see what is left")]
    Gone,
    /// The message is no longer the one that was listed, so its size would be wrong.
    #[error(
        "the message was changed by another program since the login; log in again to see it as it is now"
    )]
    Changed,
    /// A system call failed.
    #[error("cannot {action} {}: {source}; {}", .path.display(), advice(.source))]
    Io {
        /// What was attempted, as in "open".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What UPDATE could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// Some marked messages are still there; all others are removed. RFC 1939 section 6.
    #[error(
        "{} marked messages could not be removed from {}: {source}; they are listed again at the next login; {}",
        .kept.len(), .path.display(), advice(.source)
    )]
    Partial {
        /// The numbers of the messages that are still there, ascending.
        kept: Vec<MessageNumber>,
        /// The maildrop.
        path: PathBuf,
        /// Why the first of them was kept.
        source: io::Error,
    },
    /// A system call failed; the removals may not have reached the disk.
    #[error("cannot {action} {}: {source}; {}", .path.display(), advice(.source))]
    Io {
        /// What was attempted, as in "flush".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a person can do about a failed system call.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full, free some space and try again",
        io::ErrorKind::QuotaExceeded => {
            "the disk quota is used up, raise it or free some space and try again"
        }
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only, mount it writable",
        io::ErrorKind::PermissionDenied => "check owner and permissions of that path and of those above it",
        io::ErrorKind::NotFound => "check that the path exists",
        io::ErrorKind::NotADirectory => {
            "check that no file or symbolic link stands where a directory belongs"
        }
        io::ErrorKind::CrossesDevices => "put tmp, new and cur on one file system",
        _ => system_advice(error),
    }
}

/// The same for what the standard library has no names for.
fn system_advice(error: &io::Error) -> &'static str {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        match Errno::from_io_error(error) {
            Some(Errno::LOOP) => return "replace the symbolic link by a real directory",
            Some(Errno::MFILE | Errno::NFILE) => return "raise the limit on open files (ulimit -n)",
            _ => {}
        }
    }
    let _ = error;
    "look in the system log for the cause"
}
