//! What one handshake learns while rustls runs it.
//!
//! rustls calls verifiers, resolvers and signing keys through shared configurations, synchronously, from within the
//! poll of the handshake's future. A task-local value that is in place during exactly those polls gives each call its
//! own handshake, without a configuration per connection.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::verification::Refusal;
use crate::error::Stage;
use crate::negotiated::Peer;
use crate::protocol::Scheme;

tokio::task_local! {
    static ATTEMPT: Attempt;
}

/// One handshake: what was decided before it, and what it learns.
pub(super) struct Attempt {
    certificate: Option<Arc<CertifiedKey>>,
    findings: RefCell<Findings>,
}

/// What a handshake learnt.
#[derive(Debug)]
pub(super) struct Findings {
    /// How far it came.
    pub(super) stage: Stage,
    /// Why the peer's certificate was refused.
    pub(super) refusal: Option<Refusal>,
    /// The verified peer.
    pub(super) peer: Option<Peer>,
    /// Scheme of the server's signature.
    pub(super) scheme: Option<Scheme>,
    /// Whether we showed our certificate.
    pub(super) shown: bool,
}

impl Findings {
    fn at(stage: Stage) -> Self {
        Self { stage, refusal: None, peer: None, scheme: None, shown: false }
    }
}

impl Attempt {
    /// A handshake at `stage` in which a server serves `certificate`.
    pub(super) fn new(stage: Stage, certificate: Option<Arc<CertifiedKey>>) -> Self {
        Self { certificate, findings: RefCell::new(Findings::at(stage)) }
    }

    /// Runs `handshake` with this attempt in place and returns what it learnt beside what it returned.
    pub(super) async fn run<F: Future>(self, handshake: F) -> (F::Output, Findings) {
        let observed = async {
            let output = handshake.await;
            let take = |attempt: &Self| attempt.findings.replace(Findings::at(Stage::Finished));
            (output, ATTEMPT.with(take))
        };
        ATTEMPT.scope(self, observed).await
    }
}

/// Notes a finding of the handshake that is being polled. Outside of one (after the handshake) nothing is noted.
pub(super) fn note(finding: impl FnOnce(&mut Findings)) {
    let _ = ATTEMPT.try_with(|attempt| finding(&mut attempt.findings.borrow_mut()));
}

/// The certificate to serve in the handshake that is being polled.
pub(super) fn certificate() -> Option<Arc<CertifiedKey>> {
    ATTEMPT.try_with(|attempt| attempt.certificate.clone()).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two handshakes on one thread, polled in turns, must not see each other's findings.
    #[tokio::test]
    async fn interleaved_handshakes_keep_their_findings_apart() {
        let handshake = |scheme| async move {
            for _ in 0..3 {
                note(|findings| findings.scheme = Some(Scheme(scheme)));
                tokio::task::yield_now().await;
            }
        };
        let attempt = || Attempt::new(Stage::Negotiation, None);
        let (one, other) = tokio::join!(attempt().run(handshake(1)), attempt().run(handshake(2)));
        assert_eq!(one.1.scheme, Some(Scheme(1)));
        assert_eq!(other.1.scheme, Some(Scheme(2)));
    }

    #[test]
    fn outside_of_a_handshake_nothing_is_noted_and_nothing_is_served() {
        note(|_| unreachable!("no handshake is polled"));
        assert!(certificate().is_none());
    }
}
