//! The secrets of a configuration: who watches them, and what they are at this moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jadegate_certs::material::{Published, SecretState};
use jadegate_certs::source::{self, SecretSpec, WatchOptions};
use jadegate_config::{Config, SecretId};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

/// How long a new configuration waits for the first word of its secrets. Files answer in milliseconds.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// A secret that is being watched. The watch ends with the last clone of its `Arc`.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) name: Arc<str>,
    spec: SecretSpec,
    pub(crate) state: watch::Receiver<SecretState>,
    tasks: [AbortHandle; 2],
}

impl Drop for Watched {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Watched {
    fn start(name: Arc<str>, spec: SecretSpec, changed: Arc<Notify>, tasks: &TaskTracker) -> Self {
        let (state, driver) = source::watch(Arc::clone(&name), spec.clone(), WatchOptions::default());
        let mut follower = state.clone();
        let follow = async move {
            while follower.changed().await.is_ok() {
                changed.notify_one();
            }
        };
        let tasks = [tasks.spawn(driver).abort_handle(), tasks.spawn(follow).abort_handle()];
        Self { name, spec, state, tasks }
    }

    /// Waits until the source has said anything at all.
    async fn spoke(&self) {
        let mut state = self.state.clone();
        // An error means that the driver is gone; then there is nothing to wait for.
        let _ = state
            .wait_for(|state| state.current.is_some() || state.last_error.is_some() || state.waiting.is_some())
            .await;
    }
}

/// The watches of one configuration, by [`SecretId`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    pub(crate) watched: Vec<Arc<Watched>>,
}

impl Secrets {
    /// The watches that `config` needs: those that run already for the same description go on, others start.
    pub(crate) async fn of(config: &Config, running: &Self, changed: &Arc<Notify>, tasks: &TaskTracker) -> Self {
        let known: HashMap<&str, &Arc<Watched>> =
            running.watched.iter().map(|watched| (watched.name.as_ref(), watched)).collect();
        let watched: Vec<_> = config
            .secrets
            .iter()
            .map(|secret| match known.get(secret.name.as_ref()) {
                Some(watched) if watched.spec == secret.spec => Arc::clone(watched),
                _ => {
                    Arc::new(Watched::start(Arc::clone(&secret.name), secret.spec.clone(), Arc::clone(changed), tasks))
                }
            })
            .collect();
        let all = async {
            for secret in &watched {
                secret.spoke().await;
            }
        };
        // One that is silent is reported as missing; it must not hold the others.
        let _ = tokio::time::timeout(FIRST_WORD, all).await;
        Self { watched }
    }

    /// What they all are at this moment.
    pub(crate) fn states(&self) -> States {
        States(self.watched.iter().map(|watched| watched.state.borrow().clone()).collect())
    }
}

/// The states of all secrets at one moment, so that everything built from them fits together.
#[derive(Clone, Debug)]
pub(crate) struct States(Vec<SecretState>);

impl States {
    pub(crate) fn of(states: Vec<SecretState>) -> Self {
        Self(states)
    }

    pub(crate) fn name(&self, id: SecretId) -> Arc<str> {
        self.0.get(id.0).map_or_else(|| Arc::from("?"), |state| Arc::clone(&state.name))
    }

    /// The last good version, or why there is none.
    pub(crate) fn usable(&self, id: SecretId) -> Result<Arc<Published>, String> {
        let Some(state) = self.0.get(id.0) else { return Err("it is not configured".to_owned()) };
        match (&state.current, &state.last_error, &state.waiting) {
            (Some(published), ..) => Ok(Arc::clone(published)),
            (None, Some(rejection), _) => Err(rejection.text.clone()),
            (None, None, Some(waiting)) => Err(waiting.clone()),
            (None, None, None) => Err("it has not been read yet".to_owned()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SecretState> {
        self.0.iter()
    }
}
