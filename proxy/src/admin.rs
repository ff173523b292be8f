//! The admin endpoint: health, readiness, metrics, configuration and certificates, for programs and for people.
//!
//! It runs on the runtime beside the workers, so that a scrape delays no handshake. It listens on loopback or a Unix
//! socket, answers GET and HEAD only, shows no key, and is bounded in connections, head size and time. On loopback it
//! refuses a Host that is a name: a web page must not reach it through a name that it controls (DNS rebinding). It
//! holds descriptors in reserve, so that it answers when connections have taken all the others.

mod certificates;
mod configuration;
mod page;
mod respond;

use std::convert::Infallible;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jadegate_config::AdminBind;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::drain::Drain;
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;
use crate::status::SharedStatus;

/// Connections at a time.
const CONNECTIONS: usize = 32;
/// Life of a connection: enough for a slow scrape, and no way to hold a place for long.
const LIFETIME: Duration = Duration::from_secs(60);
/// Time for a request head.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes of a request head.
const HEAD_BYTES: usize = 16 * 1024;
/// Descriptors in reserve.
const SPARE_DESCRIPTORS: usize = 8;
/// Pause after an accept that failed although nothing was left in reserve.
const PAUSE: Duration = Duration::from_millis(50);

/// What the admin looks at.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(crate) status: SharedStatus,
    pub(crate) drain: Drain,
}

/// Who may be named in a request's Host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hosts {
    /// Addresses and `localhost`.
    Addresses,
    /// Anything: a browser cannot reach it, or the operator opened it to the network.
    Any,
}

/// A bound admin address, not served yet.
#[derive(Debug)]
pub(crate) struct AdminListener {
    bind: AdminBind,
    socket: Socket,
    path: Option<SocketPath>,
}

/// A running admin; it ends when this goes.
#[derive(Debug)]
pub(crate) struct Admin {
    address: Option<SocketAddr>,
    _stop: DropGuard,
}

impl Admin {
    /// The real address, if it is TCP.
    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

/// A socket's file; removed with it.
#[derive(Debug)]
struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl AdminListener {
    /// Binds and listens; connections queue until it is served.
    pub(crate) fn bind(bind: &AdminBind) -> io::Result<Self> {
        let (socket, path) = match bind {
            AdminBind::Tcp(address) => {
                let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
                socket.set_reuse_address(true)?;
                socket.bind(&(*address).into())?;
                (socket, None)
            }
            AdminBind::Unix(path) => {
                remove_stale(path)?;
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.bind(&socket2::SockAddr::unix(path)?)?;
                let guard = SocketPath(path.clone());
                // Before listening: nobody can have connected under wider permissions.
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
                (socket, Some(guard))
            }
        };
        socket.set_nonblocking(true)?;
        socket.listen(128)?;
        Ok(Self { bind: bind.clone(), socket, path })
    }

    /// What it was bound from.
    pub(crate) const fn bind_address(&self) -> &AdminBind {
        &self.bind
    }

    /// Serves until the result goes.
    pub(crate) fn serve(self, view: View, tasks: &TaskTracker) -> Admin {
        let stop = CancellationToken::new();
        let address = self.socket.local_addr().ok().and_then(|address| address.as_socket());
        let door = Door {
            view,
            hosts: match self.bind {
                AdminBind::Tcp(address) if address.ip().is_loopback() => Hosts::Addresses,
                AdminBind::Tcp(_) | AdminBind::Unix(_) => Hosts::Any,
            },
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            spares: Arc::new(Spares::new()),
            tasks: tasks.clone(),
        };
        let (socket, path, bind) = (self.socket, self.path, self.bind);
        let until = stop.clone();
        tasks.spawn(async move {
            let serving = async {
                match bind {
                    AdminBind::Tcp(_) => door.tcp(socket.into()).await,
                    AdminBind::Unix(_) => door.unix(socket.into()).await,
                }
            };
            tokio::select! {
                () = until.cancelled() => {}
                result = serving => {
                    if let Err(error) = result {
                        tracing::error!(%error, "admin socket cannot be used");
                    }
                }
            }
            drop(path);
        });
        Admin { address, _stop: stop.drop_guard() }
    }
}

/// Removes a socket that no process listens on any more; leaves anything else alone.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
            Err(_) => fs::remove_file(path),
        },
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file, and it is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Descriptors that are open for no purpose but to be closed when there are no others.
#[derive(Debug)]
struct Spares(Mutex<Vec<File>>);

impl Spares {
    fn new() -> Self {
        let spares = Self(Mutex::default());
        spares.refill();
        spares
    }

    fn refill(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while held.len() < SPARE_DESCRIPTORS {
            let Ok(file) = File::open("/dev/null") else { return };
            held.push(file);
        }
    }

    /// Frees one descriptor; `false` = none was left.
    fn release(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().is_some()
    }
}

/// What accepts.
#[derive(Clone)]
struct Door {
    view: View,
    hosts: Hosts,
    places: Arc<Semaphore>,
    spares: Arc<Spares>,
    tasks: TaskTracker,
}

impl Door {
    async fn tcp(&self, socket: std::net::TcpListener) -> io::Result<()> {
        let socket = TcpListener::from_std(socket)?;
        loop {
            let place = self.place().await;
            match socket.accept().await {
                Ok((stream, _)) => self.enter(stream, place),
                Err(error) => self.make_room(&error).await,
            }
        }
    }

    async fn unix(&self, socket: std::os::unix::net::UnixListener) -> io::Result<()> {
        let socket = UnixListener::from_std(socket)?;
        loop {
            let place = self.place().await;
            match socket.accept().await {
                Ok((stream, _)) => self.enter(stream, place),
                Err(error) => self.make_room(&error).await,
            }
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    async fn make_room(&self, error: &io::Error) {
        self.view.metrics.families.accept_errors.get_or_create(&[("kind", "admin".into())]).inc();
        tracing::debug!(%error, "admin accept failed");
        if !self.spares.release() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn enter<IO>(&self, stream: IO, place: Option<OwnedSemaphorePermit>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { view, hosts, spares, .. } = self.clone();
        self.tasks.spawn(async move {
            let service = service_fn(move |request| {
                let response = respond::respond(&view, hosts, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = tokio::time::timeout(LIFETIME, connection).await {
                tracing::debug!(%error, "admin connection");
            }
            drop(place);
            spares.refill();
        });
    }
}
