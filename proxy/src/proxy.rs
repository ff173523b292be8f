//! The proxy as a value: started from a configuration, reloaded, drained, joined.
//!
//! One thread runs what stands beside the data path (reconciliation, watching, the admin); one thread per core serves
//! connections. [`Handle`] talks to the former and may be used from any thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use jadegate_config::{Config, Cores};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access_log::{AccessLog, Sink};
use crate::drain::{Drain, Outcome};
use crate::limits::ConnectionLimit;
use crate::metrics::Metrics;
use crate::reconcile::{Reconcile, ReloadError, Surroundings};
use crate::snapshot::Snapshot;
use crate::status::{LastReload, SharedStatus, Status};
use crate::worker::{self, Ended, Seed, Shared};

/// How long aborted connections may take to be dropped, and the access log to be written.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// The proxy.
#[derive(Debug)]
pub struct Proxy;

/// A proxy that does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration cannot be taken.
    #[error("the configuration cannot be taken")]
    Configuration(#[source] ReloadError),
    /// A thread or its runtime cannot be made.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
    /// The thread beside the data path ended while starting; this is a defect of ours.
    #[error("starting failed unexpectedly")]
    Internal,
}

/// A running proxy. Dropping the handle stops it at once.
#[derive(Debug)]
pub struct Handle {
    requests: mpsc::UnboundedSender<Request>,
    drain: Drain,
    metrics: Arc<Metrics>,
    shared: Shared,
    addresses: Arc<ArcSwap<Addresses>>,
    status: SharedStatus,
    access_log: Arc<ArcSwapOption<Sink>>,
    ended: CancellationToken,
    thread: Option<JoinHandle<Outcome>>,
}

/// Where a proxy listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The admin, if on TCP.
    pub admin: Option<SocketAddr>,
    /// Each address of each listener.
    pub listeners: Vec<BoundAddress>,
}

/// One address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundAddress {
    /// The listener.
    pub listener: String,
    /// What the configuration says.
    pub configured: SocketAddr,
    /// The same with its real port.
    pub real: SocketAddr,
}

#[derive(Debug)]
enum Request {
    Reload(Box<Config>, oneshot::Sender<Result<u64, ReloadError>>),
}

impl Proxy {
    /// Starts a proxy. Returns when the configuration has been taken: addresses are bound, and every port whose
    /// secrets are usable is open.
    pub fn start(config: Config) -> Result<Handle, StartError> {
        let (requests, inbox) = mpsc::unbounded_channel();
        let config = Arc::new(config);
        let core = Core::new(Arc::clone(&config));
        let mut handle = Handle {
            requests,
            drain: core.around.drain.clone(),
            metrics: Arc::clone(&core.around.metrics),
            shared: core.around.shared.clone(),
            addresses: Arc::clone(&core.addresses),
            status: Arc::clone(&core.around.status),
            access_log: Arc::clone(&core.around.access_log),
            ended: CancellationToken::new(),
            thread: None,
        };
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let end = handle.ended.clone().drop_guard();
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                // Tells of the end even if this thread panics.
                let _end = end;
                match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime.block_on(core.run(config, inbox, &started)),
                    Err(error) => {
                        let _ = started.send(Err(StartError::Thread(error)));
                        Outcome::Graceful
                    }
                }
            })
            .map_err(StartError::Thread)?;
        match start.recv() {
            Ok(Ok(())) => {
                handle.thread = Some(thread);
                Ok(handle)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StartError::Internal),
        }
    }
}

impl Handle {
    /// Takes a new configuration, whole or not at all; the result is its generation. One at a time, in order.
    pub async fn reload(&self, config: Config) -> Result<u64, ReloadError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Reload(Box::new(config), answer);
        self.requests.send(request).map_err(|_ended| ReloadError::Draining)?;
        answered.await.unwrap_or(Err(ReloadError::Draining))
    }

    /// Tells metrics and admin of a configuration that was refused before it got here, because it could not be read.
    pub fn refuse(&self, why: String) {
        self.metrics.families.config_reloads.get_or_create(&[("outcome", "refused".into())]).inc();
        let last_reload = Some(LastReload { at: SystemTime::now(), result: Err(why) });
        self.status.rcu(|status| Status { last_reload: last_reload.clone(), ..Status::clone(status) });
    }

    /// Begins to drain: readiness goes, ports close, connections finish; after the configured time they are cut.
    pub fn drain(&self) {
        self.drain.start();
    }

    /// Cuts everything now.
    pub fn stop(&self) {
        self.drain.cut(self.shared.limit.open());
    }

    /// Resolves when the proxy has ended, so that [`Handle::join`] returns at once.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Waits for the end, which somebody has to bring about by [`Handle::drain`] or [`Handle::stop`]. Blocks.
    pub fn join(mut self) -> Outcome {
        // A panic of that thread is a failure to end in order.
        self.thread.take().map_or(Outcome::Forced, |thread| thread.join().unwrap_or(Outcome::Forced))
    }

    /// The snapshot that workers serve from at this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// All metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where it listens.
    pub fn addresses(&self) -> Arc<Addresses> {
        self.addresses.load_full()
    }

    /// The first address of a listener.
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.addresses.load().listeners.iter().find(|bound| bound.listener == listener).map(|bound| bound.real)
    }

    /// Where the admin listens, if on TCP.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.addresses.load().admin
    }

    /// Opens the access log's file anew, after a rotation of logs.
    pub fn reopen_logs(&self) {
        if let Some(sink) = self.access_log.load_full() {
            sink.reopen();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.drain.abort();
        }
    }
}

/// The thread beside the data path.
struct Core {
    around: Surroundings,
    addresses: Arc<ArcSwap<Addresses>>,
    workers: JoinSet<Option<Ended>>,
    threads: Vec<JoinHandle<()>>,
}

impl Core {
    fn new(config: Arc<Config>) -> Self {
        let limit = ConnectionLimit::new(config.limits.connections);
        let nothing = Snapshot::empty(config);
        let around = Surroundings {
            metrics: Arc::new(Metrics::new()),
            shared: Shared {
                snapshot: Arc::new(ArcSwap::from_pointee(nothing)),
                limit,
                connections: Arc::new(AtomicU64::new(1)),
            },
            workers: Vec::new(),
            drain: Drain::new(),
            access_log: Arc::default(),
            status: Arc::default(),
            tasks: TaskTracker::new(),
        };
        Self { around, addresses: Arc::default(), workers: JoinSet::new(), threads: Vec::new() }
    }

    async fn run(
        mut self,
        config: Arc<Config>,
        inbox: mpsc::UnboundedReceiver<Request>,
        started: &std::sync::mpsc::SyncSender<Result<(), StartError>>,
    ) -> Outcome {
        if let Err(error) = self.start_workers(&config) {
            return self.give_up(StartError::Thread(error), started).await;
        }
        let mut reconcile = Reconcile::new(self.around.clone());
        let outcome = reconcile.apply(Config::clone(&config)).await;
        if let Err(error) = outcome {
            return self.give_up(StartError::Configuration(error), started).await;
        }
        self.show_addresses(&reconcile);
        let _ = started.send(Ok(()));
        self.serve(&mut reconcile, inbox).await;
        let patience = reconcile.config().map_or(Duration::ZERO, |config| config.shutdown.drain);
        self.finish(patience).await
    }

    fn start_workers(&mut self, config: &Config) -> io::Result<()> {
        let cores = worker::cores();
        let count = match config.cores {
            Cores::All => cores.len(),
            Cores::Exactly(count) => count.get(),
        };
        for index in 0..count {
            let seed = Seed {
                index,
                // With more workers than cores there is nothing to gain from pinning.
                core: (count <= cores.len()).then(|| cores[index]),
                handshakes: config.limits.handshakes.div_ceil(count),
                access_log: AccessLog::over(Arc::clone(&self.around.access_log)),
                metrics: Arc::clone(&self.around.metrics),
                drain: self.around.drain.clone(),
                shared: self.around.shared.clone(),
            };
            let worker = seed.start()?;
            self.around.workers.push(worker.commands);
            self.threads.push(worker.thread);
            let ended = worker.ended;
            self.workers.spawn(async move { ended.await.ok() });
        }
        Ok(())
    }

    /// Until the drain starts.
    async fn serve(&mut self, reconcile: &mut Reconcile, mut inbox: mpsc::UnboundedReceiver<Request>) {
        let changed = Arc::clone(&reconcile.changed);
        loop {
            tokio::select! {
                biased;
                () = self.around.drain.started() => return,
                Some(_) = self.workers.join_next() => {
                    tracing::error!("a worker ended unexpectedly; draining");
                    self.around.drain.start();
                    return;
                }
                request = inbox.recv() => match request {
                    Some(Request::Reload(config, answer)) => {
                        let result = reconcile.apply(*config).await;
                        self.show_addresses(reconcile);
                        // Nobody may be waiting any more.
                        let _ = answer.send(result);
                    }
                    None => {
                        self.around.drain.abort();
                        return;
                    }
                },
                () = changed.notified() => reconcile.rotate().await,
            }
        }
    }

    fn show_addresses(&self, reconcile: &Reconcile) {
        let listeners = reconcile
            .addresses()
            .into_iter()
            .map(|(listener, configured, real)| BoundAddress { listener, configured, real })
            .collect();
        self.addresses.store(Arc::new(Addresses { admin: reconcile.admin_address(), listeners }));
    }

    /// Ends what was begun of a start that failed. There is nothing to drain, so nothing is said but the error.
    async fn give_up(
        mut self,
        error: StartError,
        started: &std::sync::mpsc::SyncSender<Result<(), StartError>>,
    ) -> Outcome {
        self.around.drain.abort();
        let cut = self.wind_down(Duration::ZERO).await;
        // Last, so that every address is free again when the caller hears of it.
        let _ = started.send(Err(error));
        Outcome::after(cut)
    }

    /// The phases of the end; each is logged once.
    async fn finish(mut self, patience: Duration) -> Outcome {
        tracing::info!(
            connections = self.around.shared.limit.open(),
            patience_s = patience.as_secs_f64(),
            "draining: not ready, ports close, connections are asked to finish"
        );
        let cut = self.wind_down(patience).await;
        tracing::info!(cut, "drained");
        Outcome::after(cut)
    }

    /// Waits for the workers, and cuts what they hold when the time is over; gives the number of what was cut.
    async fn wind_down(&mut self, patience: Duration) -> usize {
        let deadline = tokio::time::sleep(patience);
        tokio::pin!(deadline);
        let mut cut = 0;
        loop {
            tokio::select! {
                biased;
                ended = self.workers.join_next() => match ended {
                    None => break,
                    Some(Ok(Some(Ended { cut: of_worker }))) => cut += of_worker,
                    // A worker that panicked took its connections with it.
                    Some(_) => cut += 1,
                },
                () = &mut deadline, if !self.around.drain.aborting() => {
                    let left = self.around.shared.limit.open();
                    tracing::warn!(connections = left, "drain deadline: cutting what is left");
                    self.around.drain.cut(left);
                }
                () = after_abort(&self.around.drain) => {
                    tracing::error!("a worker does not end; leaving it behind");
                    cut += 1;
                    break;
                }
            }
        }
        if let Some(sink) = self.around.access_log.swap(None) {
            // The writer's thread does the work; this only waits, with a cap.
            let closing = tokio::task::spawn_blocking(move || sink.close(LAST_PATIENCE));
            let _ = closing.await;
        }
        cut.max(self.around.drain.connections_cut())
    }
}

/// Resolves when the drain was aborted and its last patience has passed as well.
async fn after_abort(drain: &Drain) {
    drain.aborted().await;
    tokio::time::sleep(LAST_PATIENCE).await;
}
