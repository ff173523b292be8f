//! What `jadegate check` asks: could the TLS of this configuration be set up with these secrets?
//!
//! The same code builds the contexts that serve, so that the answer is the one a start would give.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use jadegate_certs::material::{Generation, Published, Secret, SecretState};
use jadegate_config::{Config, SecretId};

use super::context::{self, Parts};
use super::error::ContextFault;
use super::secrets::States;

/// Whose TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A chain of a listener.
    Chain {
        /// The listener.
        listener: String,
        /// The chain.
        chain: String,
    },
    /// A backend.
    Backend(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { listener, chain } => write!(f, "listener {listener}, chain {chain}"),
            Self::Backend(backend) => write!(f, "backend {backend}"),
        }
    }
}

/// TLS that secrets which are good by themselves cannot serve.
#[derive(Debug)]
pub struct Misfit {
    /// Whose TLS.
    pub owner: Owner,
    /// The secrets that were tried, the certificates first.
    pub secrets: Vec<SecretId>,
    /// Why not.
    pub fault: ContextFault,
}

/// Builds every context once. `secrets` are those of the configuration in its order; what needs one that is `None` is
/// passed over.
#[must_use]
pub fn misfits(config: &Config, secrets: Vec<Option<Secret>>) -> Vec<Misfit> {
    let names = config.secrets.iter().map(|named| Arc::clone(&named.name));
    let states = States::of(names.zip(secrets).map(|(name, secret)| state(name, secret)).collect());
    let mut parts = Parts::default();
    let mut misfits = Vec::new();
    for backend in &config.backends {
        let Some(tls) = &backend.tls else { continue };
        let Ok(inputs) = context::client_inputs(tls, &states) else { continue };
        if let Err(fault) = context::client(&inputs, &mut parts, 0) {
            let secrets = tls.certificate.into_iter().chain(tls.trust).collect();
            misfits.push(Misfit { owner: Owner::Backend(backend.name.clone()), secrets, fault });
        }
    }
    for listener in &config.listeners {
        for chain in &listener.chains {
            let Some(tls) = &chain.tls else { continue };
            let Ok(inputs) = context::server_inputs(tls, &states) else { continue };
            if let Err(fault) = context::server(&inputs, &mut parts, 0) {
                let owner = Owner::Chain { listener: listener.name.clone(), chain: chain.name.clone() };
                let secrets = tls.certificates.iter().copied().chain(tls.client_auth.trust).collect();
                misfits.push(Misfit { owner, secrets, fault });
            }
        }
    }
    misfits
}

/// As a watch would have it.
fn state(name: Arc<str>, secret: Option<Secret>) -> SecretState {
    let published = |secret: Secret| {
        let version = secret.version();
        Arc::new(Published { secret, generation: Generation(0), at: SystemTime::UNIX_EPOCH, version })
    };
    SecretState {
        name,
        current: secret.map(published),
        last_error: None,
        history: Arc::new([]),
        updates: 0,
        rejections: 0,
        waiting: None,
    }
}
