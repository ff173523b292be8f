//! A listener in front of a backend, both on loopback, on the thread of the test.

use crate::drain::Drain;
use crate::http::breach::Breach;
use crate::http::exchange::Exchange;
use crate::http::head_guard::HeadState;
use crate::http::server::{self, Protocol};
use crate::http::session::{Guard, Session, Site, Transport};
use crate::metrics::Metrics;
use crate::snapshot::BackendRuntime;
use crate::upstream::{LocalExecutor, Upstreams};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jadegate_config::model::{
    Backend, BackendProtocol, BackendTimeouts, Endpoint, ListenerLimits, ListenerProtocol, ListenerTimeouts, Pool,
};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// Longest that anything may take in a test.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// What was reported of an exchange.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) path: String,
    pub(crate) status: Option<u16>,
    pub(crate) failure: Option<&'static str>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) upstream: Option<String>,
    pub(crate) connected: bool,
}

/// The settings of a test.
pub(crate) struct Settings {
    pub(crate) backend: Backend,
    pub(crate) timeouts: ListenerTimeouts,
    pub(crate) limits: ListenerLimits,
    pub(crate) protocol: Protocol,
}

impl Settings {
    pub(crate) fn new(endpoints: &[SocketAddr]) -> Self {
        let endpoints = endpoints.iter().copied().map(Endpoint::Tcp).collect();
        Self {
            backend: Backend {
                name: "backend".to_owned(),
                endpoints,
                protocol: BackendProtocol::Http1,
                tls: None,
                timeouts: BackendTimeouts::default(),
                pool: Pool::default(),
            },
            timeouts: ListenerTimeouts::of(ListenerProtocol::Http),
            limits: ListenerLimits { connections: 100, header_bytes: 64 * 1024, headers: 100, concurrent_streams: 100 },
            protocol: Protocol::Unknown,
        }
    }

    pub(crate) fn http2_backend(mut self) -> Self {
        self.backend.protocol = BackendProtocol::Http2;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) async fn start(self) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = runtime(self.backend.clone(), 1);
        let proxy = Proxy {
            address,
            backend: RefCell::new(backend),
            upstreams: Rc::default(),
            drain: Drain::new(),
            records: Rc::default(),
            connections: Rc::default(),
            breaches: Rc::default(),
        };
        let accept = proxy.clone();
        spawn_local(async move {
            while let Ok((stream, remote)) = listener.accept().await {
                let site = accept.site(&self, remote);
                let connections = Rc::clone(&accept.connections);
                let breaches = Rc::clone(&accept.breaches);
                connections.set(connections.get() + 1);
                spawn_local(async move {
                    let breach = server::serve(stream, site, self.protocol).await;
                    breaches.borrow_mut().extend(breach.map(Breach::reason));
                    connections.set(connections.get() - 1);
                });
            }
        });
        proxy
    }
}

/// A backend of some generation.
pub(crate) fn runtime(config: Backend, generation: u64) -> Arc<BackendRuntime> {
    let metrics = Metrics::new().backend(&config.name);
    Arc::new(BackendRuntime { config, connector: None, metrics, generation })
}

/// A proxy under test.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) backend: RefCell<Arc<BackendRuntime>>,
    pub(crate) upstreams: Rc<Upstreams>,
    pub(crate) drain: Drain,
    records: Rc<RefCell<Vec<Record>>>,
    pub(crate) connections: Rc<Cell<usize>>,
    /// Why HTTP/2 connections were ended for what the client sent.
    pub(crate) breaches: Rc<RefCell<Vec<&'static str>>>,
}

impl Proxy {
    fn site(&self, settings: &Settings, remote: SocketAddr) -> Site {
        let records = Rc::clone(&self.records);
        Site {
            remote,
            local: self.address,
            transport: Transport::Plaintext,
            timeouts: settings.timeouts,
            limits: settings.limits,
            pool: self.upstreams.pool(&self.backend.borrow()),
            drain: self.drain.clone(),
            report: Box::new(move |exchange| records.borrow_mut().push(record(exchange))),
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    pub(crate) async fn connect_http2(&self) -> http2::SendRequest<Streamed> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = http2::handshake(LocalExecutor, TokioIo::new(stream)).await.unwrap();
        spawn_local(connection);
        sender
    }

    /// Waits until so many exchanges are over.
    pub(crate) async fn records(&self, count: usize) -> Vec<Record> {
        eventually(|| self.records.borrow().len() >= count).await;
        let records = self.records.borrow().clone();
        assert_eq!(records.len(), count, "{records:?}");
        records
    }

    pub(crate) async fn record(&self) -> Record {
        self.records(1).await.remove(0)
    }
}

fn record(exchange: &Exchange) -> Record {
    let upstream = exchange.upstream.borrow();
    Record {
        path: exchange.uri.path().to_owned(),
        status: exchange.status.get().map(|status| status.as_u16()),
        failure: exchange.failure(),
        bytes_in: exchange.bytes_in.get(),
        bytes_out: exchange.bytes_out.get(),
        upstream: upstream.as_ref().map(|facts| facts.address.to_string()),
        connected: upstream.as_ref().is_some_and(|facts| facts.connect.is_some()),
    }
}

/// Lets everything else run until it is true.
pub(crate) async fn eventually(mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, wait).await.expect("it never became true");
}

/// A session without a connection, for rules that need one.
pub(crate) fn session() -> Rc<Session> {
    let settings = Settings::new(&[]);
    let site = Site {
        remote: "192.0.2.7:40000".parse().unwrap(),
        local: "192.0.2.1:80".parse().unwrap(),
        transport: Transport::Plaintext,
        timeouts: settings.timeouts,
        limits: settings.limits,
        pool: Upstreams::new().pool(&runtime(settings.backend, 1)),
        drain: Drain::new(),
        report: Box::new(|_| {}),
    };
    Session::new(site, Guard::Http1(HeadState::new()))
}

/// A client that writes and reads bytes.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response as it was read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(LIMIT, self.stream.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Reads more. False at the end.
    async fn fill(&mut self) -> bool {
        let read = timeout(LIMIT, self.stream.read_buf(&mut self.buffer)).await.expect("no byte came");
        read.unwrap_or(0) > 0
    }

    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let found = self.buffer.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                return String::from_utf8(self.buffer.drain(..at + end.len()).collect()).unwrap();
            }
            assert!(self.fill().await, "ended before {end:?}: {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.fill().await, "ended after {} of {count} bytes", self.buffer.len());
        }
        self.buffer.drain(..count).collect()
    }

    /// The head of a message.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// The head of the next message, if there is one.
    pub(crate) async fn next_head(&mut self) -> Option<String> {
        while self.buffer.is_empty() {
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
        Some(self.head().await)
    }

    /// A response with its body, to a request with or without one.
    pub(crate) async fn reply(&mut self) -> Reply {
        let head = self.head().await;
        let status = head[9..12].parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new() };
        if reply.field("transfer-encoding") == Some("chunked") {
            loop {
                let size = self.until("\r\n").await;
                let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
                if size == 0 {
                    loop {
                        let line = self.until("\r\n").await;
                        if line == "\r\n" {
                            return reply;
                        }
                        reply.head.push_str(&line);
                    }
                }
                let chunk = self.exactly(size + 2).await;
                reply.body.extend_from_slice(&chunk[..size]);
            }
        } else if let Some(length) = reply.field("content-length") {
            let length = length.parse().unwrap();
            reply.body = self.exactly(length).await;
        }
        reply
    }

    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request).await;
        self.reply().await
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.buffer)
    }

    /// Everything that comes within this time.
    pub(crate) async fn rest_within(&mut self, time: Duration) -> Vec<u8> {
        let _ = timeout(time, async { while self.fill().await {} }).await;
        std::mem::take(&mut self.buffer)
    }

    pub(crate) async fn is_closed(&mut self) -> bool {
        self.rest().await.is_empty()
    }
}

/// A backend that is a script over bytes: called with each connection and its number.
pub(crate) async fn scripted<F>(script: impl Fn(Client, usize) -> F + 'static) -> SocketAddr
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn_local(async move {
        let mut number = 0;
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(script(Client::new(stream), number));
            number += 1;
        }
    });
    address
}

/// A backend that answers each request, without a look at it, with the same bytes.
pub(crate) async fn answering(response: &'static str) -> SocketAddr {
    scripted(move |mut client, _| async move {
        while client.next_head().await.is_some() {
            client.send(response).await;
        }
    })
    .await
}

/// A backend that returns each head it gets as its body.
pub(crate) async fn mirror() -> SocketAddr {
    scripted(|mut client, _| async move {
        while let Some(head) = client.next_head().await {
            let length = head.len();
            client.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}")).await;
        }
    })
    .await
}

/// A backend that speaks HTTP/2 through the library.
pub(crate) async fn http2_backend<F>(service: impl Fn(Request<Incoming>) -> F + Clone + 'static) -> SocketAddr
where
    F: Future<Output = Response<Streamed>> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            spawn_local(async move {
                let service = service_fn(move |request| {
                    let response = service(request);
                    async move { Ok::<_, Infallible>(response.await) }
                });
                let builder = hyper::server::conn::http2::Builder::new(LocalExecutor);
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// A body that is fed frame by frame.
pub(crate) struct Streamed(mpsc::UnboundedReceiver<Frame<Bytes>>);

pub(crate) type Feed = mpsc::UnboundedSender<Frame<Bytes>>;

impl Streamed {
    pub(crate) fn new() -> (Feed, Self) {
        let (feed, frames) = mpsc::unbounded_channel();
        (feed, Self(frames))
    }

    pub(crate) fn empty() -> Self {
        Self::new().1
    }

    pub(crate) fn of(data: impl Into<Bytes>, trailers: Option<HeaderMap>) -> Self {
        let (feed, body) = Self::new();
        feed.send(Frame::data(data.into())).unwrap();
        if let Some(trailers) = trailers {
            feed.send(Frame::trailers(trailers)).unwrap();
        }
        body
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_closed() && self.0.is_empty()
    }
}
