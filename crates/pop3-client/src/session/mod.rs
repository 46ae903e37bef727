//! Sessions over tokio.

mod link;
mod message;

pub use pop3_io::tokio::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

pub use message::Message;

use link::{Link, binding};

crate::commands::define_session!([async] [.await] [AsyncRead + AsyncWrite + Unpin] [TcpStream]);

impl Session<Authorization> {
    /// Connects, and begins a session: [`open`](Self::open) over TCP.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], and as for [`open`](Self::open).
    pub async fn connect(connector: &Connector) -> Result<Self, Error> {
        let options = connector.options();
        let failed = |source| Error::Connect { host: options.host.clone(), port: options.port, source };
        let connecting = async {
            match options.address {
                Some(address) => TcpStream::connect(address).await,
                None => TcpStream::connect((options.host.as_str(), options.port)).await,
            }
        };
        let stream = match timeout(options.timeouts.connect, connecting).await {
            Ok(connected) => connected.map_err(failed)?,
            Err(_) => return Err(failed(link::timed_out("no answer in time"))),
        };
        stream.set_nodelay(true).map_err(failed)?;
        Self::open(stream, connector).await
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Session<Authorization, T> {
    async fn handshake(transport: T, connector: &Connector) -> Result<Stream<T>, Error> {
        link::handshake(transport, connector)
            .await
            .map_err(|error| Error::handshake(&connector.options().host, error))
    }
}
