//! Why a test server cannot start, or cannot do what it was asked.

use std::{fmt, io, net::SocketAddr, path::PathBuf};

use pop3_proto::{server::InvalidPolicy, types::InvalidValue};

use crate::certificates;

/// Why a test server cannot start, or cannot do what it was asked.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file for the authority's certificate.
    #[error("cannot write the certificate of the test authority into the temporary directory: {source}")]
    CaFile {
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] certificates::Error),
    /// A message could not be read from its file.
    #[error("cannot read the message {}: {source}; give the path of a file with one message", path.display())]
    Eml {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The address cannot be used.
    #[error("cannot listen on {address}: {source}; choose another address, or port 0 for any free one")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody has this name.
    #[error("there is no user {user:?} on this test server; add one with .user(name, password)")]
    NoSuchUser {
        /// The name.
        user: Box<str>,
    },
    /// What the server offers cannot be offered so.
    #[error("the test server cannot be set up so: {0}")]
    Policy(#[from] InvalidPolicy),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The system gives no thread.
    #[error("cannot start a thread for a listener: {0}; fewer servers at once may help")]
    Thread(io::Error),
    /// No unique-id looks like this.
    #[error("{unique_id:?} is no unique-id: it {source}; use 1 to 70 octets of 0x21 to 0x7E")]
    UniqueId {
        /// What was given.
        unique_id: Box<str>,
        /// What is wrong with it.
        source: InvalidValue,
    },
}

/// The sentence, since a test that returns it prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
