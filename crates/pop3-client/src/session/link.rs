//! A driver, and what is known about the server at its other end.

use std::{io, ops::ControlFlow};

use pop3_io::{
    rustls::ProtocolVersion,
    tokio::{Driver, Limits, Stream},
};
use pop3_proto::client::{Client, Event};
use pop3_sasl::{EXPORTER_LABEL, EXPORTER_LENGTH};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout, timeout_at},
};

use crate::{Capabilities, Connector, Error, READ_AT_ONCE, exchange::ask::Greet};

#[derive(Debug)]
pub(super) struct Link<T> {
    pub(super) driver: Driver<Client, Stream<T>>,
    pub(super) connector: Connector,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) timestamp: Option<String>,
    pub(super) is_mid_body: bool,
    pub(super) deadline: Option<Instant>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Link<T> {
    pub(super) fn new(stream: Stream<T>, connector: Connector) -> Self {
        let timeouts = connector.options().timeouts;
        let limits = Limits { write: timeouts.write, read: Some(timeouts.read) };
        let machine = Client::new(connector.options().machine());
        Self {
            driver: Driver::new(machine, stream, READ_AT_ONCE, limits),
            connector,
            capabilities: None,
            timestamp: None,
            is_mid_body: false,
            deadline: timeouts.session.map(|limit| Instant::now() + limit),
        }
    }

    pub(super) async fn run<R>(
        &mut self,
        on_event: impl FnMut(&mut Client, Event<'_>) -> ControlFlow<R>,
    ) -> Result<R, Error> {
        let running = self.driver.run(on_event);
        Ok(match self.deadline {
            None => running.await?,
            Some(deadline) => match timeout_at(deadline, running).await {
                Ok(result) => result?,
                Err(_) => return Err(Error::Io(timed_out(SESSION_OVER))),
            },
        })
    }

    /// Waits for the greeting, no longer than [`Timeouts::greeting`](crate::Timeouts::greeting).
    pub(super) async fn greet(&mut self) -> Result<Option<String>, Error> {
        let limit = self.connector.options().timeouts.greeting;
        match timeout(limit, self.exchange(Greet)).await {
            Ok(greeted) => greeted,
            Err(_) => Err(Error::Io(timed_out("the server sent nothing for too long"))),
        }
    }

    /// Starts TLS once the machine has asked for it, and forgets all that was said before.
    pub(super) async fn upgrade(self) -> Result<Self, Error> {
        let connector = self.connector.clone();
        let upgraded = self.driver.upgrade(|stream| async {
            match stream {
                Stream::Plain(transport) => handshake(transport, &connector).await,
                stream => Ok(stream),
            }
        });
        let mut driver = upgraded.await.map_err(|error| match error {
            pop3_io::Error::Tls(error) => Error::handshake(&connector.options().host, error),
            error => error.into(),
        })?;
        driver.machine.handle_tls_established()?;
        let deadline = self.deadline;
        Ok(Self { driver, connector, capabilities: None, timestamp: None, is_mid_body: false, deadline })
    }

    pub(super) async fn close(&mut self) -> Result<(), Error> {
        Ok(self.driver.close().await?)
    }
}

pub(super) const SESSION_OVER: &str = "the time for the session is over";

pub(super) fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// A handshake takes no longer than a response may.
pub(super) async fn handshake<T: AsyncRead + AsyncWrite + Unpin>(
    transport: T,
    connector: &Connector,
) -> io::Result<Stream<T>> {
    let name = connector.server_name().map_err(io::Error::from)?;
    let config = connector.tls().map_err(io::Error::from)?;
    let shaking = Stream::connect_tls(transport, config, name);
    match timeout(connector.options().timeouts.read, shaking).await {
        Ok(result) => result,
        Err(_) => Err(timed_out("the server did not finish the TLS handshake in time")),
    }
}

/// What ties a login to this TLS channel, where RFC 9266 section 4.2 allows it without further conditions.
pub(super) fn binding<T>(stream: &Stream<T>) -> Option<[u8; EXPORTER_LENGTH]> {
    let Stream::TlsClient(stream) = stream else { return None };
    let session = stream.get_ref().1;
    let is_1_3 = session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    is_1_3.then(|| session.export_keying_material([0; EXPORTER_LENGTH], EXPORTER_LABEL, Some(&[])).ok())?
}
