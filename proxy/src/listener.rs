//! Accept sockets: how they are bound, and the loop that accepts on one.
//!
//! Each worker has a socket of its own per address (SO_REUSEPORT), so that the kernel spreads connections and no
//! worker waits for another. Binding and listening are two steps: an address is reserved at once, which shows a
//! conflict early, and the port opens when everything behind it can serve.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jadegate_tls::acceptor::{AcceptLimits, Acceptor};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::connection::{self, Arrival, Guards};
use crate::snapshot::{BindKey, ListenerRuntime, Snapshot};
use crate::worker::WorkerContext;

/// Connections that the kernel completes while a worker is busy.
const BACKLOG: i32 = 4096;
/// Silence after which the kernel asks a peer whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Pause when the process is out of descriptors or memory. Short enough that a freed descriptor is used at once,
/// long enough that a loop over a full backlog costs nothing.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Most that the task of a connection may take, whatever it does; raising it is a matter for review.
const CONNECTION_TASK_BYTES: usize = 1536;

/// Whether another process is known not to have the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Look for one first: SO_REUSEPORT would share the port with it in silence.
    Check,
    /// We hold an overlapping address ourselves, and the look would find that.
    Expected,
}

/// Reserves an address with `count` sockets. Port 0 becomes one free port for all of them.
pub(crate) fn bind(address: SocketAddr, count: usize, conflict: Conflict) -> io::Result<(SocketAddr, Vec<Socket>)> {
    if conflict == Conflict::Check && address.port() != 0 {
        drop(socket(address, Sharing::Alone)?);
    }
    let mut bound = address;
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = socket(bound, Sharing::Reuse)?;
        bound = socket
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "the socket has no IP address"))?;
        sockets.push(socket);
    }
    Ok((bound, sockets))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Alone,
    Reuse,
}

fn socket(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Reuse {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // Each family is bound by itself, so that `0.0.0.0` and `[::]` can stand side by side.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit these, which spares four system calls per connection.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Opens the port; connections queue until a worker accepts.
pub(crate) fn listen(socket: &Socket) -> io::Result<()> {
    socket.listen(BACKLOG)
}

/// Accepts on one socket until `stop` or the drain, then serves what the backlog holds and closes.
pub(crate) async fn accept(worker: Rc<WorkerContext>, owner: Rc<Owner>, socket: TcpListener, stop: CancellationToken) {
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(bind = %owner.bind, %error, "socket cannot be used by its worker");
            return;
        }
    };
    let mut door = Door { worker, owner, acceptor: None, exhausted: false };
    let drain = door.worker.drain.clone();
    let mut stopped = pin!(async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = drain.started() => {}
        }
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopped => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => door.enter(stream, remote),
            Err(error) => {
                if door.failed(&error) == Pace::Pause {
                    tokio::select! {
                        biased;
                        () = &mut stopped => break,
                        () = tokio::time::sleep(EXHAUSTED_PAUSE) => {}
                    }
                }
            }
        }
    }
    // Connections that the kernel has completed were accepted in the eyes of their clients: serve them.
    let Ok(socket) = socket.into_std() else { return };
    while let Ok((stream, remote)) = socket.accept() {
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            door.enter(stream, remote);
        }
    }
}

/// Whether to go on at once after a failed accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Continue,
    Pause,
}

/// The listener that a socket belongs to, as last seen: it serves the backlog after a reload has taken it away.
#[derive(Debug)]
pub(crate) struct Owner {
    bind: BindKey,
    listener: RefCell<Option<Arc<ListenerRuntime>>>,
}

impl Owner {
    /// The owner in this snapshot.
    pub(crate) fn new(bind: BindKey, snapshot: &Snapshot) -> Self {
        let listener = RefCell::new(snapshot.owner(&bind).map(Arc::clone));
        Self { bind, listener }
    }

    /// Looks again, so that a listener which the socket no longer belongs to is not held on to.
    pub(crate) fn refresh(&self, snapshot: &Snapshot) -> Option<Arc<ListenerRuntime>> {
        let mut listener = self.listener.borrow_mut();
        if let Some(current) = snapshot.owner(&self.bind) {
            *listener = Some(Arc::clone(current));
        }
        listener.clone()
    }
}

/// What one accept loop keeps between connections.
struct Door {
    worker: Rc<WorkerContext>,
    owner: Rc<Owner>,
    acceptor: Option<(Duration, Rc<Acceptor>)>,
    exhausted: bool,
}

impl Door {
    /// Takes a connection in, or refuses it for want of room.
    fn enter(&mut self, stream: TcpStream, remote: SocketAddr) {
        if std::mem::take(&mut self.exhausted) {
            tracing::info!(bind = %self.owner.bind, worker = self.worker.index, "accepting again");
        }
        let Some(listener) = self.owner.refresh(&self.worker.shared.snapshot.load()) else { return };
        let open = listener.metrics.accepted();
        let Some(process) = self.worker.shared.limit.try_acquire() else {
            return refuse(&listener, &stream, "process_limit");
        };
        let Some(place) = listener.limit.try_acquire() else {
            return refuse(&listener, &stream, "listener_limit");
        };
        // On a wildcard address the kernel knows which one the client meant.
        let local = match self.owner.bind.address {
            address if address.ip().is_unspecified() || address.port() == 0 => stream.local_addr().unwrap_or(address),
            address => address,
        };
        let arrival = Arrival {
            stream,
            remote,
            local,
            id: self.worker.next_connection(),
            acceptor: self.acceptor(listener.config.timeouts.handshake),
            listener,
            guards: Guards { _process: process, _listener: place, _open: open, tls: None },
        };
        let task = connection::serve(Rc::clone(&self.worker), arrival);
        debug_assert!(size_of_val(&task) <= CONNECTION_TASK_BYTES, "{} bytes", size_of_val(&task));
        self.worker.tasks.spawn("connection", task);
    }

    /// The acceptor for this deadline; all of a worker share one bound on handshakes.
    fn acceptor(&mut self, deadline: Duration) -> Rc<Acceptor> {
        match &self.acceptor {
            Some((of, acceptor)) if *of == deadline => Rc::clone(acceptor),
            _ => {
                let limits = AcceptLimits {
                    deadline,
                    concurrent: Arc::clone(&self.worker.handshakes),
                    queue: self.worker.handshake_places,
                };
                let acceptor = Rc::new(Acceptor::new(limits));
                self.acceptor = Some((deadline, Rc::clone(&acceptor)));
                acceptor
            }
        }
    }

    /// Counts a failed accept and says how to go on. Exhaustion is logged once per spell.
    fn failed(&mut self, error: &io::Error) -> Pace {
        let (kind, pace) = classify(error);
        self.worker.metrics.families.accept_errors.get_or_create(&[("kind", kind.into())]).inc();
        if pace == Pace::Pause && !std::mem::replace(&mut self.exhausted, true) {
            tracing::error!(bind = %self.owner.bind, worker = self.worker.index, %error, kind, "accepting pauses");
        }
        pace
    }
}

/// Closes with a reset, so that nothing of the connection lingers here.
fn refuse(listener: &ListenerRuntime, stream: &TcpStream, reason: &'static str) {
    listener.metrics.refused(reason);
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn classify(error: &io::Error) -> (&'static str, Pace) {
    use rustix::io::Errno;
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => ("process_descriptors", Pace::Pause),
        Some(Errno::NFILE) => ("system_descriptors", Pace::Pause),
        Some(Errno::NOMEM | Errno::NOBUFS) => ("memory", Pace::Pause),
        Some(Errno::CONNABORTED) => ("aborted", Pace::Continue),
        // Errors of the connection that was to be accepted (accept(2)), not of the socket.
        Some(
            Errno::NETDOWN
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::NONET
            | Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::OPNOTSUPP
            | Errno::INTR
            | Errno::AGAIN,
        ) => ("network", Pace::Continue),
        // A socket that fails for good must not spin.
        _ => ("other", Pace::Pause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn exhaustion_pauses_and_a_lost_peer_does_not() {
        let pace = |errno: Errno| classify(&errno.into()).1;
        for exhausted in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::BADF] {
            assert_eq!(pace(exhausted), Pace::Pause);
        }
        for passing in [Errno::CONNABORTED, Errno::PROTO, Errno::HOSTUNREACH] {
            assert_eq!(pace(passing), Pace::Continue);
        }
    }

    #[test]
    fn all_sockets_of_an_ephemeral_bind_share_one_port() {
        let (address, sockets) = bind("127.0.0.1:0".parse().unwrap(), 3, Conflict::Check).unwrap();
        assert_ne!(address.port(), 0);
        for socket in sockets {
            assert_eq!(socket.local_addr().unwrap().as_socket(), Some(address));
        }
    }

    #[test]
    fn a_port_is_closed_until_it_is_opened() {
        let (address, sockets) = bind("127.0.0.1:0".parse().unwrap(), 1, Conflict::Check).unwrap();
        assert_eq!(std::net::TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        listen(&sockets[0]).unwrap();
        std::net::TcpStream::connect(address).unwrap();
    }

    #[test]
    fn a_port_that_somebody_else_shares_is_a_conflict_and_not_shared_in_silence() {
        let (address, held) = bind("127.0.0.1:0".parse().unwrap(), 1, Conflict::Check).unwrap();
        listen(&held[0]).unwrap();
        assert_eq!(bind(address, 1, Conflict::Check).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        bind(address, 1, Conflict::Expected).unwrap();
    }
}
