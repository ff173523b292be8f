//! One connection to one endpoint: socket, then TLS, each within the connect deadline.

use super::{Transport, UpstreamError, UpstreamStream};
use crate::snapshot::BackendRuntime;
use jadegate_config::model::Endpoint;
use jadegate_tls::stream::Stream;
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// A connection that is up.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: UpstreamStream,
    /// What ALPN decided, if TLS was spoken and it decided.
    pub(super) alpn: Option<Vec<u8>>,
    pub(super) took: Duration,
}

/// Connects. Dropping the future closes the socket.
pub(super) async fn connect(backend: &BackendRuntime, endpoint: &Endpoint) -> Result<Connection, UpstreamError> {
    let started = Instant::now();
    let deadline = backend.config.timeouts.connect;
    let transport = timeout(deadline, open(endpoint))
        .await
        .map_err(|_elapsed| UpstreamError::ConnectTimeout)?
        .map_err(UpstreamError::from_connect)?;
    let (stream, alpn) = match (&backend.connector, &backend.config.tls) {
        (Some(connector), _) => {
            let connected =
                connector.connect(transport, deadline).await.map_err(|error| UpstreamError::Tls(Box::new(error)))?;
            (connected.stream, connected.negotiated.alpn)
        }
        // Never in clear to a backend that is to be spoken to in TLS.
        (None, Some(_)) => return Err(UpstreamError::TlsNotReady),
        (None, None) => (Stream::plain(transport), None),
    };
    Ok(Connection { stream, alpn, took: started.elapsed() })
}

async fn open(endpoint: &Endpoint) -> std::io::Result<Transport> {
    match endpoint {
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Transport::Tcp(stream))
        }
        Endpoint::Unix(path) => UnixStream::connect(path).await.map(Transport::Unix),
    }
}
