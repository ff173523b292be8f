//! The client: as many connections as asked for, each in a loop of its own, all on one thread.
//!
//! It does what is needed to load a proxy and no more. Certificates are verified, so that it is clear who answered.

use crate::subject::Site;
use anyhow::{Context as _, Result, ensure};
use jadegate_certs::trust::TrustBundle;
use jadegate_tls::{
    ClientOptions, ClientProtocol, Connector, EngineChoice, Group, RevocationDepth, ServerVerification, SessionReuse,
    Stream, Suite, Trust, Version,
};
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const NAME: &str = "localhost";
const PATIENCE: Duration = Duration::from_secs(10);
/// Enough for a whole small response, and for few reads of a large one.
const BUFFER: usize = 256 * 1024;

/// What the client speaks; always the same suite and group, with every proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// TLS 1.3, AES-128-GCM, X25519.
    Tls13,
    /// The same with HTTP/2 inside.
    Tls13Http2,
    /// TLS 1.3 with SM4-GCM, curveSM2.
    Tls13Sm,
    /// TLCP, ECC-SM4-GCM-SM3.
    Tlcp,
}

/// A way to one proxy.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    connector: Rc<Connector>,
}

impl Client {
    pub(crate) fn new(site: &Site, address: SocketAddr, protocol: Protocol) -> Result<Self> {
        let [standard, sm2] = site.roots()?;
        let (client, suite, group, root) = match protocol {
            Protocol::Tls13 | Protocol::Tls13Http2 => (
                ClientProtocol::Standard { min: Version::Tls13, max: Version::Tls13 },
                "TLS_AES_128_GCM_SHA256",
                vec![Group::X25519],
                standard,
            ),
            Protocol::Tls13Sm => (ClientProtocol::Tls13Sm, "TLS_SM4_GCM_SM3", vec![Group::CURVE_SM2], sm2),
            Protocol::Tlcp => (ClientProtocol::Tlcp, "ECC_SM4_GCM_SM3", Vec::new(), sm2),
        };
        let alpn: &[u8] = if protocol == Protocol::Tls13Http2 { b"h2" } else { b"http/1.1" };
        let connector = Connector::new(ClientOptions {
            protocol: client,
            suites: vec![suite.parse::<Suite>().ok().context(suite)?],
            groups: group,
            credential: None,
            pair: None,
            trust: Some(Arc::new(Trust::new(Arc::new(TrustBundle::from_inputs([root.as_slice()], [])?))?)),
            verify: ServerVerification::Name(NAME.to_owned()),
            revocation: RevocationDepth::Off,
            sni: Some(NAME.to_owned()),
            alpn: vec![alpn.to_vec()],
            resume: SessionReuse::Off,
            engine: EngineChoice::Auto,
            generation: 0,
        })?;
        Ok(Self { address, connector: Rc::new(connector) })
    }

    /// A new connection with a full handshake.
    pub(crate) async fn connect(&self) -> Result<Stream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let connected = self.connector.connect(stream, PATIENCE).await?;
        ensure!(!connected.negotiated.resumed, "a session was resumed");
        Ok(connected.stream)
    }

    /// `count` requests over `connections` kept connections.
    pub(crate) async fn ask(&self, path: &'static str, connections: usize, count: usize) -> Result<()> {
        let left = Rc::new(Cell::new(count));
        self.each(connections, move |client| {
            let left = Rc::clone(&left);
            async move {
                let mut connection = Http1::new(client.connect().await?);
                while take(&left) {
                    connection.ask(path, Keep::Open).await?;
                }
                connection.close().await
            }
        })
        .await
    }

    /// `count` connections of one request each, `at_once` of them at any time.
    pub(crate) async fn visit(&self, path: &'static str, at_once: usize, count: usize) -> Result<()> {
        let left = Rc::new(Cell::new(count));
        self.each(at_once, move |client| {
            let left = Rc::clone(&left);
            async move {
                while take(&left) {
                    let mut connection = Http1::new(client.connect().await?);
                    connection.ask(path, Keep::Close).await?;
                    connection.close().await?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Runs `times` of the same at once, to their ends.
    pub(crate) async fn each<F, R>(&self, times: usize, run: F) -> Result<()>
    where
        F: Fn(Self) -> R,
        R: Future<Output = Result<()>> + 'static,
    {
        let mut tasks = JoinSet::new();
        for _ in 0..times {
            tasks.spawn_local(run(self.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// Takes one from what is left to do.
pub(crate) fn take(left: &Cell<usize>) -> bool {
    let before = left.get();
    left.set(before.saturating_sub(1));
    before > 0
}

/// What the client says of the connection's future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Open,
    Close,
}

/// A connection that speaks HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Http1 {
    stream: Stream<TcpStream>,
    buffer: Vec<u8>,
}

impl Http1 {
    pub(crate) fn new(stream: Stream<TcpStream>) -> Self {
        Self { stream, buffer: vec![0; 16 * 1024] }
    }

    /// One request and its whole response.
    pub(crate) async fn ask(&mut self, path: &str, keep: Keep) -> Result<()> {
        let connection = if keep == Keep::Close { "Connection: close\r\n" } else { "" };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: bench\r\nAccept: */*\r\n{connection}\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        let mut filled = 0;
        let mut left = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the connection ended before the response");
            filled += read;
            if let Some((head, body)) = head(&self.buffer[..filled])? {
                break body.checked_sub(filled - head).context("more than one response")?;
            }
            ensure!(filled < self.buffer.len(), "a head without an end");
        };
        if left > self.buffer.len() {
            self.buffer.resize(BUFFER, 0);
        }
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).await?;
            ensure!(read > 0, "the connection ended within the response");
            left = left.checked_sub(read).context("more than one response")?;
        }
        Ok(())
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self) -> Result<()> {
        // The proxy may have closed first.
        let _ = self.stream.shutdown().await;
        Ok(())
    }
}

/// Lengths of head and body of a response whose head is complete.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    ensure!(response.code == Some(200), "status {:?}", response.code);
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    Ok(Some((head, length.context("a response without a length")?)))
}
