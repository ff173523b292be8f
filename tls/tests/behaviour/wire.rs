//! Two ends in memory.

use std::sync::Arc;
use std::time::Duration;

use jadegate_tls::{
    AcceptLimits, Accepted, Acceptor, ClientOptions, Connected, Connector, HandshakeError, Selection, ServerContext,
    ServerOptions, Stream,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::pki::Pki;

/// The deadline of a connector in tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) type Served = Result<Accepted<DuplexStream>, HandshakeError>;
pub(crate) type Connection = Result<Connected<DuplexStream>, HandshakeError>;

pub(crate) fn context(options: ServerOptions) -> Arc<ServerContext> {
    Arc::new(ServerContext::new(options).unwrap())
}

pub(crate) fn connector(options: ClientOptions) -> Connector {
    Connector::new(options).unwrap()
}

/// One handshake between the two; either side may be given up by the other at any time.
pub(crate) async fn handshake(server: &Arc<ServerContext>, client: &Connector) -> (Served, Connection) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let acceptor = Acceptor::new(AcceptLimits::default());
    tokio::join!(accept(&acceptor, near, server), client.connect(far, DEADLINE))
}

/// Accepts with a listener of one chain.
pub(crate) async fn accept(acceptor: &Acceptor, io: DuplexStream, server: &Arc<ServerContext>) -> Served {
    acceptor.accept(io, |_| Selection::Tls { context: server.clone(), chain: 3 }).await
}

/// A handshake that has to succeed, and a round trip, which lets the client take the tickets that follow a handshake.
pub(crate) async fn connect(
    server: &Arc<ServerContext>,
    client: &Connector,
) -> (Accepted<DuplexStream>, Connected<DuplexStream>) {
    let (served, connection) = handshake(server, client).await;
    let (mut served, mut connection) = (served.unwrap(), connection.unwrap());
    exchange(&mut served.stream, &mut connection.stream).await;
    (served, connection)
}

/// Sends a little both ways.
pub(crate) async fn exchange(one: &mut Stream<DuplexStream>, other: &mut Stream<DuplexStream>) {
    transfer(one, other, b"to the client").await;
    transfer(other, one, b"to the server").await;
}

pub(crate) async fn transfer(from: &mut Stream<DuplexStream>, to: &mut Stream<DuplexStream>, data: &[u8]) {
    let mut received = vec![0; data.len()];
    let send = async {
        from.write_all(data).await.unwrap();
        from.flush().await.unwrap();
    };
    let (received_all, ()) = tokio::join!(to.read_exact(&mut received), send);
    received_all.unwrap();
    assert_eq!(received, data);
}

/// The bytes of a hello of this kind.
pub(crate) async fn hello(pki: &Pki) -> Vec<u8> {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let client = connector(pki.client());
    let mut hello = vec![0; 64 * 1024];
    let read = tokio::select! {
        _ = client.connect(near, DEADLINE) => unreachable!("nobody answers"),
        read = far.read(&mut hello) => read.unwrap(),
    };
    hello.truncate(read);
    hello
}

/// The failure of a side that must have failed.
pub(crate) fn failure<T>(result: Result<T, HandshakeError>) -> HandshakeError {
    match result {
        Ok(_) => panic!("the handshake succeeded"),
        Err(error) => error,
    }
}
