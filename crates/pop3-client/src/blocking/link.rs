//! A driver, and what is known about the server at its other end.

use std::{
    io::{Read, Write},
    ops::ControlFlow,
};

use pop3_io::{
    blocking::{Driver, Stream},
    rustls::ProtocolVersion,
};
use pop3_proto::client::{Client, Event};
use pop3_sasl::{EXPORTER_LABEL, EXPORTER_LENGTH};

use crate::{Capabilities, Connector, Error, READ_AT_ONCE, exchange::ask::Greet};

#[derive(Debug)]
pub(super) struct Link<T: Read + Write> {
    pub(super) driver: Driver<Client, Stream<T>>,
    pub(super) connector: Connector,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) timestamp: Option<String>,
    pub(super) is_mid_body: bool,
}

impl<T: Read + Write> Link<T> {
    pub(super) fn new(stream: Stream<T>, connector: Connector) -> Self {
        let machine = Client::new(connector.options().machine());
        let driver = Driver::new(machine, stream, READ_AT_ONCE);
        Self { driver, connector, capabilities: None, timestamp: None, is_mid_body: false }
    }

    pub(super) fn run<R>(
        &mut self,
        on_event: impl FnMut(&mut Client, Event<'_>) -> ControlFlow<R>,
    ) -> Result<R, Error> {
        Ok(self.driver.run(on_event)?)
    }

    /// Waits for the greeting; how long is the transport's own affair.
    pub(super) fn greet(&mut self) -> Result<Option<String>, Error> {
        self.exchange(Greet)
    }

    /// Starts TLS once the machine has asked for it, and forgets all that was said before.
    pub(super) fn upgrade(self) -> Result<Self, Error> {
        let (connector, name) = (self.connector.clone(), self.connector.server_name()?);
        let (config, limit) = (connector.tls()?, connector.options().timeouts.read);
        let upgraded = self.driver.upgrade(|stream| match stream {
            Stream::Plain(transport) => Stream::connect_tls(transport, config, name, limit),
            stream => Ok(stream),
        });
        let mut driver = upgraded.map_err(|error| match error {
            pop3_io::Error::Tls(error) => Error::handshake(&connector.options().host, error),
            error => error.into(),
        })?;
        driver.machine.handle_tls_established()?;
        Ok(Self { driver, connector, capabilities: None, timestamp: None, is_mid_body: false })
    }

    pub(super) fn close(&mut self) -> Result<(), Error> {
        Ok(self.driver.stream_mut().close()?)
    }
}

/// What ties a login to this TLS channel, where RFC 9266 section 4.2 allows it without further conditions.
pub(super) fn binding<T: Read + Write>(stream: &Stream<T>) -> Option<[u8; EXPORTER_LENGTH]> {
    let Stream::TlsClient(stream) = stream else { return None };
    let is_1_3 = stream.conn.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    is_1_3
        .then(|| stream.conn.export_keying_material([0; EXPORTER_LENGTH], EXPORTER_LABEL, Some(&[])).ok())?
}
