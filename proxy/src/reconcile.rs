//! The only writer of snapshots.
//!
//! Its inputs are configurations and the states of their secrets. A configuration is taken whole or not at all: what
//! it needs is bound, opened and built beside what runs, and only when all of that has worked is it published, by one
//! store of one pointer. A secret that changes leads to new contexts for exactly the chains and backends that use it;
//! if one cannot be built, the last good one is served on and the reason is shown.

mod build;
pub mod check;
mod context;
mod error;
mod secrets;
mod sockets;

pub use error::{ContextFault, ReloadError};

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use jadegate_config::{AdminBind, Config};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::access_log::Sink;
use crate::admin::{self, Admin, AdminListener};
use crate::connection::causes;
use crate::drain::Drain;
use crate::metrics::{Metrics, SecretMetrics};
use crate::snapshot::{BindKey, Missing, Snapshot};
use crate::status::{Held, LastReload, SharedStatus, Status};
use crate::worker::{Command, Commands, Shared};
use build::{Build, Built, Cache, Occasion};
use secrets::{Secrets, States};
use sockets::Sockets;

/// What reconciliation writes to and reads from outside its own state.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shared: Shared,
    pub(crate) workers: Vec<Commands>,
    pub(crate) drain: Drain,
    pub(crate) access_log: Arc<ArcSwapOption<Sink>>,
    pub(crate) status: SharedStatus,
    /// Tasks beside the data path: watches and the admin.
    pub(crate) tasks: TaskTracker,
}

/// The writer.
#[derive(Debug)]
pub(crate) struct Reconcile {
    around: Surroundings,
    /// Told by every secret that changes.
    pub(crate) changed: Arc<Notify>,
    config: Option<Arc<Config>>,
    secrets: Secrets,
    sockets: Sockets,
    cache: Cache,
    generation: u64,
    admin: Option<(AdminBind, Admin)>,
    secret_metrics: SecretMetrics,
    /// What kept listeners closed when that was last said.
    missing: Vec<(String, Missing)>,
}

/// What was prepared for a new configuration beside the running one.
struct Prepared {
    config: Arc<Config>,
    secrets: Secrets,
    reserved: Sockets,
    /// `Some` = the access log is to be replaced.
    access_log: Option<Option<Arc<Sink>>>,
    /// `Some` = the admin is to be replaced.
    admin: Option<Option<AdminListener>>,
}

impl Reconcile {
    pub(crate) fn new(around: Surroundings) -> Self {
        let secret_metrics = SecretMetrics::new(Arc::clone(&around.metrics));
        Self {
            around,
            changed: Arc::default(),
            config: None,
            secrets: Secrets::default(),
            sockets: Sockets::default(),
            cache: Cache::default(),
            generation: 0,
            admin: None,
            secret_metrics,
            missing: Vec::new(),
        }
    }

    /// Takes a configuration, whole or not at all; tells log, metrics and status how it went.
    pub(crate) async fn apply(&mut self, config: Config) -> Result<u64, ReloadError> {
        let result = self.try_apply(config).await;
        let outcome = match &result {
            Ok(generation) => {
                tracing::info!(generation, "configuration taken");
                "ok"
            }
            Err(error) => {
                tracing::error!(reason = error.reason(), cause = causes(error), "configuration refused: {error}");
                "refused"
            }
        };
        self.around.metrics.families.config_reloads.get_or_create(&[("outcome", outcome.into())]).inc();
        let result_text = result.as_ref().map(|generation| *generation).map_err(|error| with_causes(error));
        let last_reload = Some(LastReload { at: SystemTime::now(), result: result_text });
        let status = Status { last_reload, ..Status::clone(&self.around.status.load()) };
        self.around.status.store(Arc::new(status));
        result
    }

    async fn try_apply(&mut self, config: Config) -> Result<u64, ReloadError> {
        if self.around.drain.draining() {
            return Err(ReloadError::Draining);
        }
        let prepared = self.prepare(Arc::new(config)).await?;
        let states = prepared.secrets.states();
        let (built, cache) = self.build(Arc::clone(&prepared.config), states.clone(), Occasion::Reload).await?;
        self.refuse_closing(&built.snapshot)?;
        // From here on nothing fails.
        self.cache = cache;
        self.secrets = prepared.secrets;
        self.config = Some(Arc::clone(&prepared.config));
        if let Some(sink) = prepared.access_log {
            self.around.access_log.store(sink);
        }
        self.around.shared.limit.set(prepared.config.limits.connections);
        self.publish(built, &states, Some(prepared.reserved));
        if let Some(listener) = prepared.admin {
            // The old one, if any, ends with its value.
            self.admin = listener.map(|listener| {
                let bind = listener.bind_address().clone();
                (bind, self.start_admin(listener))
            });
        }
        Ok(self.generation)
    }

    async fn prepare(&self, config: Arc<Config>) -> Result<Prepared, ReloadError> {
        let reserved = self.sockets.reserve(&config, self.around.workers.len())?;
        let same_log = self.config.as_ref().is_some_and(|running| running.log.access == config.log.access);
        let access_log = if same_log {
            None
        } else {
            let dropped = &self.around.metrics.families.access_log_dropped;
            Some(Sink::open(&config.log.access, dropped).map_err(ReloadError::AccessLog)?)
        };
        let admin = match &config.admin {
            Some(wanted) if self.admin.as_ref().is_some_and(|(bind, _)| *bind == wanted.bind) => None,
            Some(wanted) => {
                let listener = AdminListener::bind(&wanted.bind)
                    .map_err(|source| ReloadError::Admin { address: wanted.bind.clone(), source })?;
                Some(Some(listener))
            }
            None => Some(None),
        };
        let secrets = Secrets::of(&config, &self.secrets, &self.changed, &self.around.tasks).await;
        Ok(Prepared { config, secrets, reserved, access_log, admin })
    }

    /// Builds off the runtime's thread: reading keys and roots takes milliseconds that the admin must not wait for.
    async fn build(
        &self,
        config: Arc<Config>,
        states: States,
        occasion: Occasion,
    ) -> Result<(Built, Cache), ReloadError> {
        let mut cache = self.cache.clone();
        let metrics = Arc::clone(&self.around.metrics);
        let generation = self.generation + 1;
        let built = tokio::task::spawn_blocking(move || {
            let build = Build { config: &config, states: &states, metrics: &metrics, generation, occasion };
            build.run(&mut cache).map(|built| (built, cache))
        });
        built.await.map_err(|_panicked| ReloadError::Internal)?
    }

    /// A port that serves now must not close because of a reload.
    fn refuse_closing(&self, snapshot: &Snapshot) -> Result<(), ReloadError> {
        for listener in &snapshot.listeners {
            let open = listener
                .config
                .binds
                .iter()
                .any(|address| self.sockets.is_open(&BindKey::new(&listener.config, *address)));
            if let (true, Some(missing)) = (open, listener.missing.first()) {
                return Err(ReloadError::WouldClose {
                    listener: listener.config.name.clone(),
                    chain: missing.chain.clone(),
                    secret: missing.secret.to_string(),
                    why: missing.why.clone(),
                });
            }
        }
        Ok(())
    }

    /// A secret changed: builds what depends on it and publishes, or keeps the last good.
    pub(crate) async fn rotate(&mut self) {
        let Some(config) = self.config.clone() else { return };
        let states = self.secrets.states();
        match self.build(config, states.clone(), Occasion::Rotation).await {
            Ok((built, cache)) => {
                self.cache = cache;
                self.publish(built, &states, None);
            }
            // Not a matter of secrets: at a rotation those are held, not refused.
            Err(error) => tracing::error!(reason = error.reason(), "rotation failed: {}", with_causes(&error)),
        }
    }

    /// Makes the snapshot the one that everybody sees, then opens the ports that can serve.
    fn publish(&mut self, built: Built, states: &States, reserved: Option<Sockets>) {
        let Built { snapshot, held } = built;
        self.generation = snapshot.generation;
        let snapshot = Arc::new(snapshot);
        self.forget_ports(&snapshot);
        self.around.shared.snapshot.store(Arc::clone(&snapshot));
        if let Some(reserved) = reserved {
            self.sockets.commit(reserved, &snapshot.config);
        }
        let unopened = self.open_ready(&snapshot);
        self.report_missing(&snapshot);
        for worker in &self.around.workers {
            // A worker that is gone has no upstream connections to give up.
            let _ = worker.send(Command::Retire);
        }
        self.cache.settle(&snapshot, states);
        self.around.metrics.families.config_generation.set(i64::try_from(self.generation).unwrap_or(i64::MAX));
        self.secret_metrics.update(states.iter());
        self.report_held(&held);
        let status = Status {
            secrets: self.secrets.watched.iter().map(|watched| watched.state.clone()).collect(),
            unopened,
            held,
            last_reload: self.around.status.load().last_reload.clone(),
        };
        self.around.status.store(Arc::new(status));
    }

    /// Says once what keeps ports closed, not at every rotation of something else.
    fn report_missing(&mut self, snapshot: &Snapshot) {
        let missing: Vec<(String, Missing)> =
            snapshot.missing().map(|(listener, missing)| (listener.config.name.clone(), missing.clone())).collect();
        for (listener, missing) in missing.iter().filter(|entry| !self.missing.contains(entry)) {
            tracing::warn!(
                listener,
                chain = missing.chain,
                secret = %missing.secret,
                "port stays closed: {}",
                missing.why
            );
        }
        self.missing = missing;
    }

    fn open_ready(&mut self, snapshot: &Snapshot) -> Vec<(String, String)> {
        let mut unopened = Vec::new();
        for listener in &snapshot.listeners {
            let name = &listener.config.name;
            let mut open = listener.ready();
            for address in &listener.config.binds {
                let key = BindKey::new(&listener.config, *address);
                if self.sockets.is_open(&key) || !listener.ready() {
                    continue;
                }
                match self.sockets.open(&key, &self.around.workers) {
                    Ok(None) => {}
                    Ok(Some(address)) => tracing::info!(listener = name, %address, "port is open"),
                    Err(error) => {
                        open = false;
                        tracing::error!(listener = name, %address, %error, "port cannot be opened");
                        unopened.push((name.clone(), format!("{address} cannot be opened: {error}")));
                    }
                }
            }
            let gauge = [("listener", name.clone().into())];
            self.around.metrics.families.listener_open.get_or_create(&gauge).set(i64::from(open));
        }
        unopened
    }

    /// Says no more of the ports of listeners that are gone.
    fn forget_ports(&self, next: &Snapshot) {
        let names: HashSet<&str> = next.listeners.iter().map(|listener| listener.config.name.as_str()).collect();
        for gone in &self.around.shared.snapshot.load().listeners {
            if !names.contains(gone.config.name.as_str()) {
                let gauge = [("listener", gone.config.name.clone().into())];
                self.around.metrics.families.listener_open.remove(&gauge);
            }
        }
    }

    /// Says once, in log and metric, what a rotation could not replace.
    fn report_held(&mut self, held: &[Held]) {
        for held in held.iter().filter(|held| held.new) {
            for secret in &held.secrets {
                self.secret_metrics.held(secret, held.reason);
            }
            tracing::error!(
                owner = held.owner,
                secrets = held.secrets.join(", "),
                reason = held.reason,
                "rotation not taken, the last good context is served on: {}",
                held.text
            );
        }
    }

    fn start_admin(&self, listener: AdminListener) -> Admin {
        let view = admin::View {
            metrics: Arc::clone(&self.around.metrics),
            snapshot: Arc::clone(&self.around.shared.snapshot),
            status: Arc::clone(&self.around.status),
            drain: self.around.drain.clone(),
        };
        let configured = listener.bind_address().clone();
        let admin = listener.serve(view, &self.around.tasks);
        match admin.address() {
            Some(address) => tracing::info!(%address, "admin is open"),
            None => tracing::info!(address = %configured, "admin is open"),
        }
        admin
    }

    /// Where the admin listens, if on TCP.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(|(_, admin)| admin.address())
    }

    /// Listener, configured address and real address of each socket.
    pub(crate) fn addresses(&self) -> Vec<(String, SocketAddr, SocketAddr)> {
        self.sockets.addresses().map(|(listener, configured, real)| (listener.to_owned(), configured, real)).collect()
    }

    /// The running configuration.
    pub(crate) fn config(&self) -> Option<&Arc<Config>> {
        self.config.as_ref()
    }
}

/// An error with the causes below it, for status pages.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    causes(error).map_or_else(|| error.to_string(), |causes| format!("{error}: {causes}"))
}
