//! Metrics of secrets: generations, updates, rejections and ends of validity.

use std::collections::HashMap;
use std::sync::Arc;

use jadegate_certs::Certificate;
use jadegate_certs::material::{Secret, SecretState};

use super::{Metrics, Word};

/// Certificates of one bundle whose end of validity is shown; a bundle of all public roots has some 150.
const SHOWN_ROOTS: usize = 256;

/// Turns the states of secrets into metrics; remembers what was counted.
#[derive(Debug)]
pub(crate) struct SecretMetrics {
    metrics: Arc<Metrics>,
    counted: HashMap<Arc<str>, Counted>,
}

/// What has been counted of a secret.
#[derive(Debug, Default)]
struct Counted {
    updates: u64,
    rejections: u64,
    /// Why it was refused so far, each reason once.
    reasons: Vec<&'static str>,
}

impl SecretMetrics {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, counted: HashMap::new() }
    }

    /// Brings the metrics up to these states, which are all there are.
    pub(crate) fn update<'a>(&mut self, states: impl Iterator<Item = &'a SecretState>) {
        let families = &self.metrics.families;
        families.certificate_not_after.clear();
        families.secret_generation.clear();
        let mut before = std::mem::take(&mut self.counted);
        for state in states {
            let mut counted = before.remove(&state.name).unwrap_or_default();
            let secret = || ("secret", Word::Owned(state.name.to_string()));
            families.secret_updates.get_or_create(&[secret()]).inc_by(state.updates.saturating_sub(counted.updates));
            let new = usize::try_from(state.rejections.saturating_sub(counted.rejections)).unwrap_or(usize::MAX);
            for rejection in state.history.iter().rev().take(new) {
                counted.refuse(&self.metrics, &state.name, rejection.reason);
            }
            counted.updates = state.updates;
            counted.rejections = state.rejections;
            self.counted.insert(Arc::clone(&state.name), counted);
            let Some(published) = &state.current else { continue };
            let generation = i64::try_from(published.generation.0).unwrap_or(i64::MAX);
            families.secret_generation.get_or_create(&[secret()]).set(generation);
            for (role, certificate) in certificates(&published.secret).take(SHOWN_ROOTS) {
                let labels = [secret(), ("role", role.into()), ("serial", certificate.serial().to_owned().into())];
                families.certificate_not_after.get_or_create(&labels).set(certificate.not_after().0);
            }
        }
        for (name, Counted { reasons, .. }) in before {
            let secret = || ("secret", Word::Owned(name.to_string()));
            families.secret_updates.remove(&[secret()]);
            for reason in reasons {
                families.secret_rejections.remove(&[secret(), ("reason", reason.into())]);
            }
        }
    }

    /// Counts a version that is good in itself and could not be taken.
    pub(crate) fn held(&mut self, secret: &Arc<str>, reason: &'static str) {
        self.counted.entry(Arc::clone(secret)).or_default().refuse(&self.metrics, secret, reason);
    }
}

impl Counted {
    fn refuse(&mut self, metrics: &Metrics, secret: &str, reason: &'static str) {
        let labels = [("secret", Word::Owned(secret.to_owned())), ("reason", reason.into())];
        metrics.families.secret_rejections.get_or_create(&labels).inc();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

/// The certificates of a secret that matter to an operator, each with its role: leaves, and roots of trust.
pub(crate) fn certificates(secret: &Secret) -> Box<dyn Iterator<Item = (&'static str, &Certificate)> + '_> {
    match secret {
        Secret::Credential(credential) => Box::new(std::iter::once(("tls", credential.leaf()))),
        Secret::Pair(pair) => Box::new([("sign", pair.sign.leaf()), ("enc", pair.enc.leaf())].into_iter()),
        Secret::Trust(bundle) => Box::new(bundle.roots.iter().map(|root| ("ca", root))),
        Secret::TicketKeys(_) => Box::new(std::iter::empty()),
    }
}
