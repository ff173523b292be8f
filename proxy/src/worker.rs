//! One worker: a thread with a single-threaded runtime, its own accept sockets and upstream connections.
//!
//! Nothing that a worker makes leaves its thread. It shares with the others the snapshot pointer, metric counters,
//! connection limits and the queue of the access log. It is told to listen by commands and ends with the drain:
//! it stops accepting when that starts, waits for its tasks, and drops those that are left when it aborts.

use std::net::TcpListener;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use arc_swap::ArcSwap;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::access_log::AccessLog;
use crate::drain::Drain;
use crate::limits::ConnectionLimit;
use crate::listener::{self, Owner};
use crate::metrics::Metrics;
use crate::snapshot::{BindKey, Snapshot};
use crate::tasks::Tasks;
use crate::upstream::Upstreams;

/// What everything on a worker's thread may use.
pub struct WorkerContext {
    /// Number of the worker, from 0.
    pub index: usize,
    /// Connections to backends.
    pub upstreams: Upstreams,
    /// The access log.
    pub access_log: AccessLog,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// The shutdown.
    pub drain: Drain,
    /// Spawns onto this thread.
    pub tasks: Tasks,
    pub(crate) shared: Shared,
    /// Handshakes in flight on this worker.
    pub(crate) handshakes: Arc<Semaphore>,
    /// How many [`WorkerContext::handshakes`] there are in all.
    pub(crate) handshake_places: usize,
}

impl fmt::Debug for WorkerContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerContext").field("index", &self.index).finish_non_exhaustive()
    }
}

impl WorkerContext {
    /// A number for a new connection, unique within the process.
    pub(crate) fn next_connection(&self) -> u64 {
        self.shared.connections.fetch_add(1, Ordering::Relaxed)
    }
}

/// What workers share with each other and with reconciliation.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(crate) limit: Arc<ConnectionLimit>,
    pub(crate) connections: Arc<AtomicU64>,
}

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept on this socket until `stop`, then serve what is already in its backlog.
    Listen { bind: BindKey, socket: TcpListener, stop: CancellationToken },
    /// A new snapshot is out: let go of upstream connections of backends that changed, and of listeners that are gone.
    Retire,
}

/// Tells one worker.
pub(crate) type Commands = mpsc::UnboundedSender<Command>;

/// How to start a worker.
#[derive(Debug)]
pub(crate) struct Seed {
    pub(crate) index: usize,
    /// The core to stay on; `None` = anywhere.
    pub(crate) core: Option<usize>,
    pub(crate) handshakes: usize,
    pub(crate) access_log: AccessLog,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) drain: Drain,
    pub(crate) shared: Shared,
}

/// A running worker, seen from outside.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) commands: Commands,
    /// Resolves when the worker has ended; an error means that it panicked.
    pub(crate) ended: oneshot::Receiver<Ended>,
    pub(crate) thread: JoinHandle<()>,
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Tasks that were cut.
    pub(crate) cut: usize,
}

impl Seed {
    /// Starts the thread.
    pub(crate) fn start(self) -> io::Result<Worker> {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let name = format!("worker-{}", self.index);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            if let Some(core) = self.core {
                pin_to(core);
            }
            let local = LocalSet::new();
            let how = local.block_on(&runtime, self.run(inbox));
            // What is left is dropped here, on this thread, before anybody hears of the end.
            drop(local);
            drop(runtime);
            let _ = end.send(how);
        })?;
        Ok(Worker { commands, ended, thread })
    }

    async fn run(self, mut inbox: mpsc::UnboundedReceiver<Command>) -> Ended {
        let tasks = Tasks::new(Arc::clone(&self.metrics));
        let worker = Rc::new(WorkerContext {
            index: self.index,
            upstreams: Upstreams::new(),
            access_log: self.access_log,
            metrics: self.metrics,
            drain: self.drain.clone(),
            tasks: tasks.clone(),
            shared: self.shared,
            handshakes: Arc::new(Semaphore::new(self.handshakes)),
            handshake_places: self.handshakes,
        });
        let mut owners: Vec<Weak<Owner>> = Vec::new();
        loop {
            let command = tokio::select! {
                biased;
                () = self.drain.started() => break,
                command = inbox.recv() => command,
            };
            match command {
                None => break,
                Some(Command::Listen { bind, socket, stop }) => {
                    let owner = Rc::new(Owner::new(bind, &worker.shared.snapshot.load()));
                    owners.push(Rc::downgrade(&owner));
                    tasks.spawn("accept", listener::accept(Rc::clone(&worker), owner, socket, stop));
                }
                Some(Command::Retire) => {
                    let snapshot = worker.shared.snapshot.load_full();
                    worker.upstreams.retire(&snapshot.backends);
                    owners.retain(|owner| owner.upgrade().is_some_and(|owner| owner.refresh(&snapshot).is_some()));
                }
            }
        }
        tokio::select! {
            biased;
            () = self.drain.aborted() => {}
            () = tasks.ended() => {}
        }
        if self.drain.aborting() {
            // One turn for tasks that were about to end by themselves.
            let _ = tokio::time::timeout(Duration::from_millis(10), tasks.ended()).await;
        }
        Ended { cut: tasks.len() }
    }
}

/// The cores that this process may run on.
pub(crate) fn cores() -> Vec<usize> {
    let fallback = || (0..std::thread::available_parallelism().map_or(1, usize::from)).collect();
    let Ok(allowed) = sched_getaffinity(None) else { return fallback() };
    let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    if cores.is_empty() { fallback() } else { cores }
}

fn pin_to(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    if let Err(error) = sched_setaffinity(None, &set) {
        tracing::debug!(core, %error, "worker is not pinned");
    }
}
