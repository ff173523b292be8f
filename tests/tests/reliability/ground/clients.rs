//! Honest clients of the four protocols, and their first flights for those who are not.

use anyhow::{Context as _, Result, ensure};
use jadegate_certs::trust::TrustBundle;
use jadegate_tests::pki::{Pki, SERVER_NAME};
use jadegate_tls::{
    ClientOptions, ClientProtocol, Connected, Connector, EngineChoice, RevocationDepth, ServerVerification,
    SessionReuse, Stream, Trust, Version,
};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Time that any one step of an honest client has on a machine under full load.
pub(crate) const STEP: Duration = Duration::from_secs(30);

/// A protocol of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tlcp,
    Tls13Sm,
    Tls13,
    Tls12,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Tlcp, Self::Tls13Sm, Self::Tls13, Self::Tls12];

    /// As metrics and logs call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tlcp => "tlcp",
            Self::Tls13Sm => "tls1.3-sm",
            Self::Tls13 => "tls1.3",
            Self::Tls12 => "tls1.2",
        }
    }

    /// What a client of this kind asks for and trusts; a scenario may change it.
    pub(crate) fn options(self, pki: &Pki) -> ClientOptions {
        self.options_trusting(&pki.sm2_root, &pki.standard_root)
    }

    /// The same with these roots.
    pub(crate) fn options_trusting(self, sm2_root: &Path, standard_root: &Path) -> ClientOptions {
        let standard = |version| ClientProtocol::Standard { min: version, max: version };
        let (protocol, root) = match self {
            Self::Tlcp => (ClientProtocol::Tlcp, sm2_root),
            Self::Tls13Sm => (ClientProtocol::Tls13Sm, sm2_root),
            Self::Tls13 => (standard(Version::Tls13), standard_root),
            Self::Tls12 => (standard(Version::Tls12), standard_root),
        };
        let roots = fs::read(root).expect("a root");
        let bundle = TrustBundle::from_inputs([roots.as_slice()], []).expect("a root");
        ClientOptions {
            protocol,
            suites: Vec::new(),
            groups: Vec::new(),
            credential: None,
            pair: None,
            trust: Some(Arc::new(Trust::new(Arc::new(bundle)).expect("a root"))),
            verify: ServerVerification::Name(SERVER_NAME.to_owned()),
            revocation: RevocationDepth::Off,
            sni: Some(SERVER_NAME.to_owned()),
            alpn: Vec::new(),
            resume: SessionReuse::Off,
            engine: EngineChoice::Auto,
            generation: 0,
        }
    }

    /// The usual client.
    pub(crate) fn connector(self, pki: &Pki) -> Connector {
        Connector::new(self.options(pki)).expect("a client")
    }
}

/// The four usual clients.
pub(crate) fn connectors(pki: &Pki) -> Vec<(Kind, Connector)> {
    Kind::ALL.into_iter().map(|kind| (kind, kind.connector(pki))).collect()
}

/// Connects.
pub(crate) async fn connect(address: SocketAddr, connector: &Connector) -> Result<Connected<TcpStream>> {
    let stream = TcpStream::connect(address).await.context("connecting")?;
    // `Display` has no cause, `Debug` has.
    connector.connect(stream, STEP).await.map_err(|error| anyhow::anyhow!("{error}: {:?}", error.source))
}

/// Sends `text` and reads the same back.
pub(crate) async fn ping(stream: &mut Stream<TcpStream>, text: &[u8]) -> Result<()> {
    let exchange = async {
        stream.write_all(text).await.context("writing")?;
        stream.flush().await.context("writing")?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await.context("reading")?;
        ensure!(answer == text, "something else came back");
        Ok(())
    };
    tokio::time::timeout(STEP, exchange).await.context("an echo")?
}

/// One whole honest connection to an echo.
pub(crate) async fn honest_echo(address: SocketAddr, connector: &Connector) -> Result<()> {
    let mut connected = connect(address, connector).await?;
    ping(&mut connected.stream, b"are you there?").await?;
    connected.stream.shutdown().await.context("closing")
}

/// One `GET /COUNT` on a connection that is then closed; gives head and body.
pub(crate) async fn get(stream: &mut Stream<TcpStream>, path: &str) -> Result<(String, Vec<u8>)> {
    let exchange = async {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).await.context("writing")?;
        stream.flush().await.context("writing")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.context("reading")?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no head")? + 4;
        let body = answer.split_off(end);
        Ok((String::from_utf8_lossy(&answer).into_owned(), body))
    };
    tokio::time::timeout(STEP, exchange).await.context("a response")?
}

/// The first flight of a client.
pub(crate) async fn hello(connector: &Connector) -> Vec<u8> {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let read = async {
        let mut record = vec![0; 5];
        far.read_exact(&mut record).await.expect("a record");
        record.resize(5 + usize::from(u16::from_be_bytes([record[3], record[4]])), 0);
        far.read_exact(&mut record[5..]).await.expect("a record");
        drop(far);
        record
    };
    let (_gone, record) = tokio::join!(connector.connect(near, STEP), read);
    record
}
