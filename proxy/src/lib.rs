//! The proxy core.
//!
//! One writer (`reconcile`) makes immutable snapshots out of the configuration and the state of its secrets; one
//! single-threaded runtime per core serves connections from them; the admin, file watching and reconciliation live
//! on a runtime of their own.

pub mod access_log;
pub mod connection;
pub mod drain;
pub mod limits;
mod listener;
pub mod metrics;
pub mod snapshot;
pub mod tasks;
pub mod tcp;
pub mod worker;

/// HTTP, to come.
pub mod http {
    use crate::connection::ConnectionContext;
    use jadegate_tls::stream::Stream;
    use std::rc::Rc;
    use tokio::net::TcpStream;

    /// Closes the connection: HTTP is not served yet.
    pub async fn serve(stream: Stream<TcpStream>, context: Rc<ConnectionContext>) {
        drop((stream, context));
    }
}

/// Connections to backends: plain TCP for now.
pub mod upstream {
    use crate::snapshot::BackendRuntime;
    use jadegate_config::Endpoint;
    use jadegate_tls::stream::Stream;
    use std::io;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use std::time::{Duration, Instant};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::net::TcpStream;

    /// The socket under an upstream connection.
    #[derive(Debug)]
    pub enum Transport {
        /// TCP.
        Tcp(TcpStream),
    }

    impl AsyncRead for Transport {
        fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let Self::Tcp(socket) = self.get_mut();
            Pin::new(socket).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Transport {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let Self::Tcp(socket) = self.get_mut();
            Pin::new(socket).poll_write(cx, bytes)
        }
        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let Self::Tcp(socket) = self.get_mut();
            Pin::new(socket).poll_flush(cx)
        }
        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let Self::Tcp(socket) = self.get_mut();
            Pin::new(socket).poll_shutdown(cx)
        }
    }

    /// A connection to an endpoint.
    pub type UpstreamStream = Stream<Transport>;

    /// Which endpoint was used.
    #[derive(Debug)]
    pub struct UpstreamFacts {
        /// Its address.
        pub address: Rc<str>,
        /// Duration of the connect.
        pub connect: Option<Duration>,
    }

    /// Why an endpoint was not reached.
    #[derive(Debug, thiserror::Error)]
    pub enum UpstreamError {
        /// TCP.
        #[error("connect failed")]
        Connect(#[source] io::Error),
    }

    impl UpstreamError {
        /// The stable word.
        pub const fn reason(&self) -> &'static str {
            "upstream_connect"
        }
    }

    /// The pools of one worker.
    #[derive(Debug, Default)]
    pub struct Upstreams;

    impl Upstreams {
        /// No pools yet.
        pub const fn new() -> Self {
            Self
        }

        /// Opens a connection for bytes.
        pub async fn connect_tcp(
            &self,
            backend: &Arc<BackendRuntime>,
        ) -> Result<(UpstreamStream, UpstreamFacts), UpstreamError> {
            let started = Instant::now();
            let Some(Endpoint::Tcp(address)) = backend.config.endpoints.first() else {
                return Err(UpstreamError::Connect(io::ErrorKind::Unsupported.into()));
            };
            let socket = TcpStream::connect(address).await.map_err(UpstreamError::Connect)?;
            let facts = UpstreamFacts { address: address.to_string().into(), connect: Some(started.elapsed()) };
            Ok((Stream::plain(Transport::Tcp(socket)), facts))
        }

        /// Gives up the pools of other backends.
        pub const fn retire(&self, _keep: &[Arc<BackendRuntime>]) {}
    }
}
