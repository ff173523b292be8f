//! A steady load of one-request connections over the four protocols, from inside the test process.
//!
//! The client is the project's own connector: third-party programs cannot make hundreds of TLCP connections a second
//! on the machine that also runs the proxy. That the connector speaks as others do is for the interop grid to show.

use crate::nginx::PAGE;
use crate::pki::{Pki, SERVER_NAME};
use anyhow::{Context as _, Result, ensure};
use jadegate_certs::trust::TrustBundle;
use jadegate_tls::{
    ClientOptions, ClientProtocol, Connector, EngineChoice, RevocationDepth, ServerVerification, SessionReuse, Trust,
    Version,
};
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// Time that any single request has.
const REQUEST: Duration = Duration::from_secs(20);

/// Requests under way at any time.
const IN_FLIGHT: usize = 32;

/// A running load.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    thread: JoinHandle<Report>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests that got the page.
    pub served: u64,
    /// Connections that nobody took: refused or reset before the handshake had an answer.
    pub not_taken: u64,
    /// Everything else that went wrong, with the protocol.
    pub failures: Vec<String>,
}

/// One protocol and the connector that speaks it.
struct Client {
    name: &'static str,
    connector: Connector,
}

/// Why a request did not get its page.
enum Unserved {
    NotTaken,
    Failed(String),
}

impl Load {
    /// Starts at most `rate` connections a second, the four protocols in turn, one request on each.
    ///
    /// # Errors
    /// When the connectors cannot be made.
    pub fn start(address: SocketAddr, pki: &Pki, rate: u32) -> Result<Self> {
        let clients = clients(pki)?;
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (Arc::clone(&stop), Arc::clone(&done));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread =
            thread::spawn(move || LocalSet::new().block_on(&runtime, run(address, clients, rate, &until, &count)));
        Ok(Self { stop, done, thread })
    }

    /// Requests that have ended so far, well or not.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Starts no more and waits for those under way.
    ///
    /// # Errors
    /// When the load itself failed.
    pub fn stop(self) -> Result<Report> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the load panicked"))
    }
}

fn clients(pki: &Pki) -> Result<Vec<Client>> {
    let standard = |version| ClientProtocol::Standard { min: version, max: version };
    let client = |name, protocol, root: &Path| {
        let roots = fs::read(root)?;
        let trust = Trust::new(Arc::new(TrustBundle::from_inputs([roots.as_slice()], [])?))?;
        let connector = Connector::new(ClientOptions {
            protocol,
            suites: Vec::new(),
            groups: Vec::new(),
            credential: None,
            pair: None,
            trust: Some(Arc::new(trust)),
            verify: ServerVerification::Name(SERVER_NAME.to_owned()),
            revocation: RevocationDepth::Off,
            sni: Some(SERVER_NAME.to_owned()),
            alpn: Vec::new(),
            resume: SessionReuse::Off,
            engine: EngineChoice::Auto,
            generation: 0,
        })?;
        anyhow::Ok(Client { name, connector })
    };
    Ok(vec![
        client("TLCP", ClientProtocol::Tlcp, &pki.sm2_root)?,
        client("TLS 1.3-SM", ClientProtocol::Tls13Sm, &pki.sm2_root)?,
        client("TLS 1.3", standard(Version::Tls13), &pki.standard_root)?,
        client("TLS 1.2", standard(Version::Tls12), &pki.standard_root)?,
    ])
}

async fn run(address: SocketAddr, clients: Vec<Client>, rate: u32, stop: &AtomicBool, done: &AtomicU64) -> Report {
    let clients = Rc::new(clients);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    let mut requests = Requests::new();
    let mut report = Report::default();
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        // On a machine that cannot keep up the rate falls; piling up would end in timeouts that say nothing.
        while requests.len() >= IN_FLIGHT {
            report.note_next(&mut requests, done).await;
        }
        let (mine, which) = (Rc::clone(&clients), turn % clients.len());
        requests.spawn_local(async move { request(address, &mine[which]).await });
        turn += 1;
        while let Some(result) = requests.try_join_next() {
            report.note(result);
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    while !requests.is_empty() {
        report.note_next(&mut requests, done).await;
    }
    report
}

type Requests = JoinSet<Result<(), Unserved>>;

impl Report {
    async fn note_next(&mut self, requests: &mut Requests, done: &AtomicU64) {
        if let Some(result) = requests.join_next().await {
            self.note(result);
            done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn note(&mut self, result: Result<Result<(), Unserved>, tokio::task::JoinError>) {
        match result {
            Ok(Ok(())) => self.served += 1,
            Ok(Err(Unserved::NotTaken)) => self.not_taken += 1,
            Ok(Err(Unserved::Failed(what))) => self.failures.push(what),
            Err(error) => self.failures.push(error.to_string()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} served, {} not taken, {} failed", self.served, self.not_taken, self.failures.len())?;
        self.failures.iter().take(10).try_for_each(|failure| write!(f, "\n  {failure}"))
    }
}

async fn request(address: SocketAddr, client: &Client) -> Result<(), Unserved> {
    let Ok(stream) = TcpStream::connect(address).await else { return Err(Unserved::NotTaken) };
    let failed = |stage: &str, error: String| Unserved::Failed(format!("{}: {stage}: {error}", client.name));
    let mut connected = match client.connector.connect(stream, REQUEST).await {
        Ok(connected) => connected,
        // A listener that closes resets what nobody had accepted from its queue yet.
        Err(error) if matches!(error.failure.reason(), "closed" | "closed_before_any_byte" | "io") => {
            return Err(Unserved::NotTaken);
        }
        Err(error) => return Err(failed("handshake", format!("{error:?}"))),
    };
    let exchange = async {
        let text = format!("GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n");
        connected.stream.write_all(text.as_bytes()).await?;
        let mut answer = Vec::new();
        connected.stream.read_to_end(&mut answer).await.context("reading")?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains(PAGE.trim_end()), "{answer:?}");
        Ok(())
    };
    match tokio::time::timeout(REQUEST, exchange).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed("request", format!("{error:#}"))),
        Err(_) => Err(failed("request", "timed out".to_owned())),
    }
}
