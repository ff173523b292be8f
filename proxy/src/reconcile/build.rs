//! Builds a snapshot from a configuration and the state of its secrets.
//!
//! Pure but for what it keeps between runs: contexts and connectors whose inputs did not change are used again, so
//! that a reload costs what it changes, and sessions and pooled connections of the rest go on.

use std::collections::HashMap;
use std::sync::Arc;

use jadegate_config::{Backend, ChainTable, Config, TlsClient, TlsServer};
use jadegate_tls::connector::Connector;
use jadegate_tls::server::ServerContext;

use super::context::{self, Inputs, Parts, Unusable};
use super::error::{ContextFault, ReloadError};
use super::secrets::States;
use crate::connection::causes;
use crate::limits::ConnectionLimit;
use crate::metrics::{BackendMetrics, ListenerMetrics, Metrics};
use crate::snapshot::{BackendRuntime, BindKey, ChainRuntime, ListenerRuntime, Missing, Snapshot};
use crate::status::Held;

/// Why a snapshot is built, which decides what a failing context means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// A configuration is to be taken: any failure refuses it.
    Reload,
    /// A secret changed: a failing context keeps the last good one.
    Rotation,
}

/// A snapshot and what did not make it into it.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) snapshot: Snapshot,
    pub(crate) held: Vec<Held>,
}

/// What is kept between builds. A clone is cheap; a reload works on one and throws it away if it fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    parts: Parts,
    contexts: HashMap<(String, String), Kept<TlsServer, ServerContext>>,
    connectors: HashMap<String, Kept<TlsClient, Connector>>,
    backends: HashMap<String, Arc<BackendRuntime>>,
    listener_metrics: HashMap<String, ListenerMetrics>,
    backend_metrics: HashMap<String, BackendMetrics>,
    limits: HashMap<String, Arc<ConnectionLimit>>,
}

/// The last good value of a chain or backend, and the inputs that failed since.
#[derive(Debug)]
struct Kept<T, V> {
    good: Option<(Inputs<T>, Arc<V>)>,
    failed: Option<(Inputs<T>, &'static str, String)>,
}

impl<T: Clone, V> Clone for Kept<T, V> {
    fn clone(&self) -> Self {
        Self { good: self.good.clone(), failed: self.failed.clone() }
    }
}

impl<T, V> Default for Kept<T, V> {
    fn default() -> Self {
        Self { good: None, failed: None }
    }
}

/// What came of a context.
enum Outcome<V> {
    Ready(Arc<V>),
    Missing(Vec<Unusable>),
}

/// One build.
pub(crate) struct Build<'a> {
    pub(crate) config: &'a Arc<Config>,
    pub(crate) states: &'a States,
    pub(crate) metrics: &'a Metrics,
    pub(crate) generation: u64,
    pub(crate) occasion: Occasion,
}

impl Build<'_> {
    /// Builds it. After an error the cache is to be thrown away.
    pub(crate) fn run(&self, cache: &mut Cache) -> Result<Built, ReloadError> {
        let mut held = Vec::new();
        let mut missing_backends = HashMap::new();
        let mut backends = Vec::with_capacity(self.config.backends.len());
        for backend in &self.config.backends {
            let (runtime, missing) = self.backend(backend, cache, &mut held)?;
            missing_backends.insert(backend.name.as_str(), missing);
            backends.push(runtime);
        }
        let mut listeners = Vec::with_capacity(self.config.listeners.len());
        let mut owners = HashMap::new();
        for (index, listener) in self.config.listeners.iter().enumerate() {
            let mut missing = Vec::new();
            let mut chains = Vec::with_capacity(listener.chains.len());
            for chain in &listener.chains {
                let backend = Arc::clone(&backends[chain.backend.0]);
                let mut of_chain = missing_backends.get(backend.config.name.as_str()).cloned().unwrap_or_default();
                let tls = match &chain.tls {
                    None => None,
                    Some(tls) => match self.context(&listener.name, &chain.name, tls, cache, &mut held)? {
                        Outcome::Ready(context) => Some(context),
                        Outcome::Missing(unusable) => {
                            of_chain.extend(unusable);
                            None
                        }
                    },
                };
                missing.extend(of_chain.into_iter().map(|Unusable { secret, why }| Missing {
                    chain: chain.name.clone(),
                    secret,
                    why,
                }));
                chains.push(Arc::new(ChainRuntime { config: chain.clone(), tls, backend }));
            }
            let table = ChainTable::new(&listener.chains)
                .map_err(|source| ReloadError::Chains { listener: listener.name.clone(), source })?;
            let metrics = cache
                .listener_metrics
                .entry(listener.name.clone())
                .or_insert_with(|| self.metrics.listener(&listener.name))
                .clone();
            let limit = cache
                .limits
                .entry(listener.name.clone())
                .or_insert_with(|| ConnectionLimit::new(listener.limits.connections));
            owners.extend(listener.binds.iter().map(|address| (BindKey::new(listener, *address), index)));
            listeners.push(Arc::new(ListenerRuntime {
                config: listener.clone(),
                chains,
                table,
                metrics,
                missing,
                limit: Arc::clone(limit),
            }));
        }
        let snapshot =
            Snapshot { generation: self.generation, config: Arc::clone(self.config), listeners, backends, owners };
        Ok(Built { snapshot, held })
    }

    fn backend(
        &self,
        backend: &Backend,
        cache: &mut Cache,
        held: &mut Vec<Held>,
    ) -> Result<(Arc<BackendRuntime>, Vec<Unusable>), ReloadError> {
        let (connector, missing) = match &backend.tls {
            None => (None, Vec::new()),
            Some(tls) => {
                let kept = cache.connectors.entry(backend.name.clone()).or_default();
                let inputs = context::client_inputs(tls, self.states);
                let parts = &mut cache.parts;
                let owner = || format!("backend {}", backend.name);
                let outcome = self
                    .keep(kept, inputs, held, owner, |inputs| context::client(inputs, parts, self.generation))
                    .map_err(|source| ReloadError::Connector {
                        backend: backend.name.clone(),
                        source: Box::new(source),
                    })?;
                match outcome {
                    Outcome::Ready(connector) => (Some(connector), Vec::new()),
                    Outcome::Missing(missing) => (None, missing),
                }
            }
        };
        if let Some(last) = cache.backends.get(&backend.name)
            && same_backend(&last.config, backend)
            && last.connector.as_ref().map(Arc::as_ptr) == connector.as_ref().map(Arc::as_ptr)
        {
            return Ok((Arc::clone(last), missing));
        }
        let metrics = cache
            .backend_metrics
            .entry(backend.name.clone())
            .or_insert_with(|| self.metrics.backend(&backend.name))
            .clone();
        let runtime = BackendRuntime { config: backend.clone(), connector, metrics, generation: self.generation };
        Ok((Arc::new(runtime), missing))
    }

    fn context(
        &self,
        listener: &str,
        chain: &str,
        tls: &TlsServer,
        cache: &mut Cache,
        held: &mut Vec<Held>,
    ) -> Result<Outcome<ServerContext>, ReloadError> {
        let kept = cache.contexts.entry((listener.to_owned(), chain.to_owned())).or_default();
        let inputs = context::server_inputs(tls, self.states);
        let parts = &mut cache.parts;
        let owner = || format!("listener {listener}, chain {chain}");
        self.keep(kept, inputs, held, owner, |inputs| context::server(inputs, parts, self.generation)).map_err(
            |source| ReloadError::Context {
                listener: listener.to_owned(),
                chain: chain.to_owned(),
                source: Box::new(source),
            },
        )
    }

    /// The value for these inputs: the kept one if they are the same, else a new one; at a rotation a failure keeps
    /// the last good one.
    fn keep<T: PartialEq + Clone, V>(
        &self,
        kept: &mut Kept<T, V>,
        inputs: Result<Inputs<T>, Vec<Unusable>>,
        held: &mut Vec<Held>,
        owner: impl Fn() -> String,
        make: impl FnOnce(&Inputs<T>) -> Result<V, ContextFault>,
    ) -> Result<Outcome<V>, ContextFault> {
        let inputs = match inputs {
            Ok(inputs) => inputs,
            Err(missing) => return Ok(Outcome::Missing(missing)),
        };
        if let Some((of, value)) = &kept.good
            && *of == inputs
        {
            kept.failed = None;
            return Ok(Outcome::Ready(Arc::clone(value)));
        }
        let repeated =
            self.occasion == Occasion::Rotation && kept.failed.as_ref().is_some_and(|(of, ..)| *of == inputs);
        if !repeated {
            match make(&inputs) {
                Ok(value) => {
                    let value = Arc::new(value);
                    *kept = Kept { good: Some((inputs, Arc::clone(&value))), failed: None };
                    return Ok(Outcome::Ready(value));
                }
                Err(fault) if self.occasion == Occasion::Reload => return Err(fault),
                Err(fault) => {
                    let text = causes(&fault).map_or_else(|| fault.to_string(), |causes| format!("{fault}: {causes}"));
                    kept.failed = Some((inputs.clone(), fault.reason(), text));
                }
            }
        }
        let (reason, text) =
            kept.failed.as_ref().map_or(("", String::new()), |(_, reason, text)| (*reason, text.clone()));
        let changed = changed(kept.good.as_ref().map(|(of, _)| of), &inputs);
        let outcome = match &kept.good {
            Some((_, value)) => Outcome::Ready(Arc::clone(value)),
            None => Outcome::Missing(
                changed.iter().map(|secret| Unusable { secret: Arc::clone(secret), why: text.clone() }).collect(),
            ),
        };
        held.push(Held { owner: owner(), secrets: changed, reason, text, new: !repeated });
        Ok(outcome)
    }
}

/// The secrets that differ from those of the last good context; all of them if there is none.
fn changed<T>(good: Option<&Inputs<T>>, inputs: &Inputs<T>) -> Vec<Arc<str>> {
    let old = |published: &Arc<_>| {
        good.is_some_and(|good| good.material.iter().any(|(_, known)| Arc::ptr_eq(known, published)))
    };
    inputs.material.iter().filter(|(_, published)| !old(published)).map(|(name, _)| Arc::clone(name)).collect()
}

/// Whether two backends are spoken to alike. Secrets are compared through the connector, not by their numbers.
fn same_backend(ours: &Backend, theirs: &Backend) -> bool {
    let without_tls = |backend: &Backend| Backend { tls: None, ..backend.clone() };
    ours.tls.is_some() == theirs.tls.is_some() && without_tls(ours) == without_tls(theirs)
}

impl Cache {
    /// Makes a published snapshot the one that later builds compare with, and forgets what is not part of it.
    pub(crate) fn settle(&mut self, snapshot: &Snapshot, states: &States) {
        let listeners: HashMap<&str, &ListenerRuntime> =
            snapshot.listeners.iter().map(|listener| (listener.config.name.as_str(), listener.as_ref())).collect();
        self.contexts.retain(|(listener, chain), _| {
            listeners.get(listener.as_str()).is_some_and(|of| of.chains.iter().any(|one| one.config.name == *chain))
        });
        self.listener_metrics.retain(|name, _| listeners.contains_key(name.as_str()));
        self.limits.retain(|name, _| listeners.contains_key(name.as_str()));
        for (name, limit) in &self.limits {
            if let Some(listener) = listeners.get(name.as_str()) {
                limit.set(listener.config.limits.connections);
            }
        }
        self.backends =
            snapshot.backends.iter().map(|backend| (backend.config.name.clone(), Arc::clone(backend))).collect();
        self.connectors.retain(|name, _| self.backends.contains_key(name));
        self.backend_metrics.retain(|name, _| self.backends.contains_key(name));
        self.parts.retain(states);
    }
}
