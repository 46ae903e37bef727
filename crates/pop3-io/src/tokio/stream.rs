use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{ClientConfig, ServerConfig, pki_types::ServerName, server::Acceptor};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, client, server};

/// A connection, with or without TLS on it.
#[derive(Debug)]
pub enum Stream<S = TcpStream> {
    /// Readable for everybody on the way.
    Plain(S),
    /// TLS, our side being the client.
    TlsClient(Box<client::TlsStream<S>>),
    /// TLS, our side being the server.
    TlsServer(Box<server::TlsStream<S>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Starts TLS as its client and finishes the handshake, the check of the server's certificate included.
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the handshake fails or the certificate is not accepted.
    pub async fn connect_tls(
        transport: S,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let stream = TlsConnector::from(config).connect(name, transport).await?;
        Ok(Self::TlsClient(Box::new(stream)))
    }

    /// Starts TLS as its server and finishes the handshake. Whenever something has come from the client, its first message
    /// whole, it awaits a `turn`, and holds what that returns while it computes: the signature takes a core for
    /// milliseconds. It may also come after the client's second message (RFC 8446 section 4.1.4).
    ///
    /// # Errors
    ///
    /// [`io::Error`] when the handshake fails, or `turn` does.
    pub async fn accept_tls<T, F: Future<Output = io::Result<T>>>(
        transport: S,
        config: Arc<ServerConfig>,
        mut turn: impl FnMut() -> F,
    ) -> io::Result<Self> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), transport).await?;
        let first = turn().await?;
        let mut rest = pin!(start.into_stream(config));
        let mut held = Some(first);
        loop {
            let turn = match held.take() {
                Some(first) => first,
                None => turn().await?,
            };
            let polled = poll_fn(|cx| Poll::Ready(rest.as_mut().poll(cx))).await;
            drop(turn);
            if let Poll::Ready(stream) = polled {
                return Ok(Self::TlsServer(Box::new(stream?)));
            }
            // The poll has left this task's waker with the transport.
            let mut is_woken = false;
            poll_fn(|_| match std::mem::replace(&mut is_woken, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
    }

    /// Whether TLS protects the connection.
    pub const fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// The plain transport, to start TLS on it; `None` when TLS is there already.
    pub fn into_plain(self) -> Option<S> {
        match self {
            Self::Plain(transport) => Some(transport),
            Self::TlsClient(_) | Self::TlsServer(_) => None,
        }
    }

    /// The transport under it all.
    pub fn transport(&self) -> &S {
        match self {
            Self::Plain(transport) => transport,
            Self::TlsClient(stream) => stream.get_ref().0,
            Self::TlsServer(stream) => stream.get_ref().0,
        }
    }

    /// The TLS version and cipher suite, for the log. RFC 8314 section 4.
    pub fn tls_parameters(&self) -> Option<(rustls::ProtocolVersion, rustls::CipherSuite)> {
        let session: &rustls::CommonState = match self {
            Self::Plain(_) => return None,
            Self::TlsClient(stream) => stream.get_ref().1,
            Self::TlsServer(stream) => stream.get_ref().1,
        };
        Some((session.protocol_version()?, session.negotiated_cipher_suite()?.suite()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::TlsClient(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::TlsServer(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::TlsClient(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::TlsServer(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::TlsClient(stream) => Pin::new(stream).poll_flush(cx),
            Self::TlsServer(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::TlsClient(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::TlsServer(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
