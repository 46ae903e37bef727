//! The users file, read again when it changes.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use pop3_sasl::{Decoy, ScramCredentials, ScramHash, Secret};

use super::{EntryError, Users, hash::Salts};
use crate::{Authenticator, Lookup, Proof, Share, Unavailable};

/// A users file: one user per line, `name:secret [secret…]`, each secret as `{SCHEME}value`. Empty lines
/// and those that begin with `#` are skipped.
///
/// It is looked at before every login and read again when it has changed. A change that makes it
/// unreadable is logged, and what was known before stays valid.
#[derive(Debug)]
pub struct UsersFile {
    path: PathBuf,
    state: Mutex<State>,
    shares: Shares,
}

#[derive(Debug)]
struct State {
    stamp: Stamp,
    users: Arc<Users>,
}

/// What shows that a file is another than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

/// Why a users file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsersFileError {
    /// The file cannot be read.
    #[error("cannot read the users file {}: {source}; {}", .path.display(), advice(.source))]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{}, line {line}: {source}", .path.display())]
    Entry {
        /// Which file.
        path: PathBuf,
        /// Which line; the first is 1.
        line: usize,
        /// What is wrong with it.
        source: EntryError,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "there has to be one, if an empty one",
        io::ErrorKind::PermissionDenied => "let the server's user read it",
        io::ErrorKind::InvalidData => "it has to be text in UTF-8",
        _ => "check the path",
    }
}

impl UsersFile {
    /// Reads a users file. `decoy_secret` is what the decoys for unknown users are made of; it should be
    /// random and stay the same.
    ///
    /// # Errors
    ///
    /// [`UsersFileError`] names file and line.
    pub fn open(path: impl Into<PathBuf>, decoy_secret: &[u8]) -> Result<Self, UsersFileError> {
        let path = path.into();
        let state = read(&path, Salts::new(decoy_secret))?;
        let shares = Shares::default();
        shares.set(&state.users);
        Ok(Self { path, state: Mutex::new(state), shares })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file again if it has changed, without waiting for anybody.
    fn refresh(&self) {
        let stamp = fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata));
        let is_changed = match (stamp, self.state.try_lock()) {
            (Ok(stamp), Ok(state)) => state.stamp != stamp,
            _ => false,
        };
        if is_changed {
            // What is wrong is logged there, or said at the next login.
            let _ = self.users();
        }
    }

    /// The users as the file has them now.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when the file cannot be looked at.
    pub fn users(&self) -> Result<Arc<Users>, Unavailable> {
        let failed = |source| Unavailable::new(UsersFileError::Io { path: self.path.clone(), source });
        let stamp = Stamp::of(&fs::metadata(&self.path).map_err(failed)?);
        // A reader that panics changes nothing.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stamp != stamp {
            match read(&self.path, state.users.salts.clone()) {
                Ok(new) => {
                    tracing::info!(path = %self.path.display(), users = new.users.entries.len(), "users read again");
                    if let Some(warning) = new.users.without_scram() {
                        tracing::warn!("{warning}");
                    }
                    *state = new;
                    self.shares.set(&state.users);
                }
                Err(UsersFileError::Io { source, .. }) => return Err(failed(source)),
                Err(error) => {
                    // Said once for each change.
                    state.stamp = stamp;
                    tracing::error!(%error, "the users file was changed and cannot be used; the users are those of before");
                }
            }
        }
        Ok(Arc::clone(&state.users))
    }
}

/// Reads the file. The stamp is older than the text, so a change in between is seen the next time.
fn read(path: &Path, salts: Salts) -> Result<State, UsersFileError> {
    let failed = |source| UsersFileError::Io { path: path.to_owned(), source };
    let stamp = Stamp::of(&fs::metadata(path).map_err(failed)?);
    let text = zeroize::Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let users = Users::parse(&text, salts).map_err(|(line, source)| UsersFileError::Entry {
        path: path.to_owned(),
        line,
        source,
    })?;
    Ok(State { stamp, users: Arc::new(users) })
}

/// What [`Authenticator::usable_by`] says, where nobody waits for the file to be read.
#[derive(Debug, Default)]
struct Shares([AtomicU8; 3]);

impl Shares {
    const PROOFS: [Proof; 3] =
        [Proof::Scram(ScramHash::Sha1), Proof::Scram(ScramHash::Sha256), Proof::SharedSecret];

    fn set(&self, users: &Users) {
        for (share, proof) in self.0.iter().zip(Self::PROOFS) {
            share.store(users.usable_by(proof) as u8, Ordering::Relaxed);
        }
    }

    fn of(&self, proof: Proof) -> Share {
        let share = self.0.iter().zip(Self::PROOFS).find(|(_, of)| *of == proof);
        match share.map(|(share, _)| share.load(Ordering::Relaxed)) {
            Some(share) if share == Share::All as u8 => Share::All,
            Some(share) if share == Share::Some as u8 => Share::Some,
            _ => Share::None,
        }
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Authenticator for UsersFile {
    fn is_password(&self, user: &str, password: &str) -> Result<bool, Unavailable> {
        self.users()?.is_password(user, password)
    }

    fn was_refused(&self, user: &str, password: &str) -> bool {
        self.users().is_ok_and(|users| users.was_refused(user, password))
    }

    fn scram(&self, user: &str, hash: ScramHash) -> Result<Lookup<ScramCredentials>, Unavailable> {
        self.users()?.scram(user, hash)
    }

    fn shared_secret(&self, user: &str) -> Result<Lookup<Secret>, Unavailable> {
        self.users()?.shared_secret(user)
    }

    /// As the file is now, or as it was at the last login where somebody else reads it at this moment.
    fn usable_by(&self, proof: Proof) -> Share {
        self.refresh();
        self.shares.of(proof)
    }

    fn decoy(&self, user: &str, hash: ScramHash) -> Decoy {
        let users = Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).users);
        users.decoy(user, hash)
    }
}
