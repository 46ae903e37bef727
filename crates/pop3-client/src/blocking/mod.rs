//! Sessions that block, over std.
//!
//! ```no_run
//! use pop3_client::{Connector, Login, Options, blocking::Session};
//!
//! let connector = Connector::new(Options::new("pop.example.org"))?;
//! let session = Session::connect(&connector)?;
//! let mut session = session.login(&Login::password("alice", "wonderland"))?;
//! for listing in session.list()? {
//!     println!("message {}: {} octets", listing.number, listing.size);
//! }
//! session.quit()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod link;
mod message;
mod transport;

use std::io::{Read, Write};

pub use message::Message;
pub use pop3_io::blocking::Stream;
pub use transport::Transport;

use link::{Link, binding};

crate::commands::define_session!([] [] [Read + Write] [Transport]);

impl Session<Authorization> {
    /// Connects, and begins a session: [`open`](Self::open) over TCP.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], and as for [`open`](Self::open).
    pub fn connect(connector: &Connector) -> Result<Self, Error> {
        Self::open(Transport::connect(connector.options())?, connector)
    }
}

impl<T: Read + Write> Session<Authorization, T> {
    fn handshake(transport: T, connector: &Connector) -> Result<Stream<T>, Error> {
        let name = connector.server_name()?;
        let limit = connector.options().timeouts.read;
        Stream::connect_tls(transport, connector.tls()?, name, limit)
            .map_err(|error| Error::handshake(&connector.options().host, error))
    }
}
