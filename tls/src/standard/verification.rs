//! Whether a peer's certificates are good, for both roles: the one place of the standard engine that makes a `Peer`.
//!
//! webpki builds and checks the path (signatures, validity, constraints, usage, revocation). The project's own rules
//! refuse more; they never accept. Any anchor of the trust ends a path, an intermediate certificate too.

use std::error::Error;
use std::sync::Arc;

use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock;
use jadegate_certs::rules::{self, PeerRole, PeerRule, PeerRules, Slot};
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth, RevocationOptionsBuilder, VerifiedPath};

use crate::error::{PeerFault, RefusedCertificate};
use crate::negotiated::Peer;
use crate::server::{ContextError, RevocationDepth};
use crate::trust::Trust;

/// Certificates below the leaf that a peer may send. webpki bounds its own work on them; this bounds ours.
const INTERMEDIATES_MAX: usize = 16;

/// Why a peer's certificate is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) fault: PeerFault,
    pub(super) certificate: Option<Box<RefusedCertificate>>,
    pub(super) source: Option<Box<dyn Error + Send + Sync>>,
}

impl Refusal {
    pub(super) fn new(fault: PeerFault, source: impl Error + Send + Sync + 'static) -> Self {
        Self { fault, certificate: None, source: Some(Box::new(source)) }
    }

    /// The same, naming the leaf that was shown.
    fn of(mut self, leaf: &Certificate) -> Self {
        self.certificate = Some(Box::new(RefusedCertificate::from(leaf)));
        self
    }
}

impl From<PeerFault> for Refusal {
    fn from(fault: PeerFault) -> Self {
        Self { fault, certificate: None, source: None }
    }
}

/// What a peer's leaf has to say about who it is.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// One of the rules admits it; no rules admit everyone whom the trust vouches for.
    Rules(PeerRules),
    /// It bears this server name.
    Name(String),
}

/// The requirements on a peer's certificates.
#[derive(Debug)]
pub(super) struct Verification {
    trust: Arc<Trust>,
    depth: RevocationDepth,
    role: PeerRole,
    identity: Identity,
}

impl Verification {
    /// Requirements on a peer that plays `role`. Roots without any list while revocation is on are an error: whoever
    /// they vouch for would be refused.
    pub(super) fn new(
        trust: Arc<Trust>,
        depth: RevocationDepth,
        role: PeerRole,
        identity: Identity,
    ) -> Result<Self, ContextError> {
        let standard = trust.standard();
        if depth != RevocationDepth::Off && !standard.anchors.is_empty() && !standard.has_crls() {
            return Err(ContextError::RevocationListMissing);
        }
        Ok(Self { trust, depth, role, identity })
    }

    /// Checks everything. `intermediates` may come in any order.
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Peer, Refusal> {
        if intermediates.len() > INTERMEDIATES_MAX {
            return Err(PeerFault::Untrusted.into());
        }
        let certificate = Certificate::from_der(leaf).map_err(|error| Refusal::new(PeerFault::Malformed, error))?;
        let judged = self.judge(&certificate, leaf, intermediates, now).and_then(|rule| {
            let peer = Peer::verified(certificate.clone(), None, rule);
            peer.map_err(|error| Refusal::new(PeerFault::WrongIdentity, error))
        });
        judged.map_err(|refusal| refusal.of(&certificate))
    }

    fn judge(
        &self,
        certificate: &Certificate,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Option<PeerRule>, Refusal> {
        let at = clock::UnixTime(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        rules::check_leaf(certificate, Slot::Single, self.role, at)
            .map_err(|fault| Refusal::new(PeerFault::from(&fault), fault))?;
        self.check_path(leaf, intermediates, now, at)?;
        match &self.identity {
            Identity::Rules(rules) => {
                rules.check(certificate).map_err(|error| Refusal::new(PeerFault::WrongIdentity, error))
            }
            Identity::Name(name) if rules::matches_server_name(certificate, name) => Ok(None),
            Identity::Name(_) => Err(PeerFault::WrongIdentity.into()),
        }
    }

    fn check_path(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        at: clock::UnixTime,
    ) -> Result<(), Refusal> {
        let trust = self.trust.standard();
        let end_entity = EndEntityCert::try_from(leaf).map_err(refusal)?;
        let usage = match self.role {
            PeerRole::Client => KeyUsage::client_auth(),
            PeerRole::Server => KeyUsage::server_auth(),
        };
        let depth = match self.depth {
            RevocationDepth::Off => None,
            RevocationDepth::Leaf => Some(RevocationCheckDepth::EndEntity),
            RevocationDepth::Chain => Some(RevocationCheckDepth::Chain),
        };
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        for attempt in 0.. {
            let crls: Vec<_> = depth.iter().flat_map(|_| trust.crls(attempt)).collect();
            // An unknown status is denied by default; an expired list says nothing about today.
            let revocation = depth
                .map(|depth| {
                    let options = RevocationOptionsBuilder::new(&crls)?.with_depth(depth);
                    Ok(options.with_expiration_policy(ExpirationPolicy::Enforce).build())
                })
                .transpose()
                .map_err(|_no_lists: webpki::CrlsRequired| Refusal::from(PeerFault::RevocationUnknown))?;
            match end_entity.verify_for_usage(algorithms, &trust.anchors, intermediates, now, usage, revocation, None) {
                Ok(path) => return check_issuers(&path, at),
                // Where several roots bear one name, the error of another root's path may stand for that of the list.
                Err(webpki::Error::InvalidCrlSignatureForPublicKey | webpki::Error::InvalidSignatureForPublicKey)
                    if depth.is_some() && trust.has_more_crls(attempt) => {}
                // A signature by a key that is too weak looks just like a false one; the issuers' keys tell which.
                Err(error @ (webpki::Error::InvalidSignatureForPublicKey | webpki::Error::UnknownIssuer)) => {
                    return Err(weak_issuer(intermediates, at).unwrap_or_else(|| refusal(error)));
                }
                Err(error) => return Err(refusal(error)),
            }
        }
        Err(PeerFault::RevocationUnknown.into())
    }
}

/// Our rules on every certificate of the path between the leaf and the anchor.
fn check_issuers(path: &VerifiedPath<'_>, at: clock::UnixTime) -> Result<(), Refusal> {
    for issuer in path.intermediate_certificates() {
        let issuer = Certificate::from_der(&issuer.der()).map_err(|error| Refusal::new(PeerFault::Malformed, error))?;
        rules::check_issuer(&issuer, at).map_err(|fault| Refusal::new(PeerFault::from(&fault), fault))?;
    }
    Ok(())
}

fn weak_issuer(intermediates: &[CertificateDer<'_>], at: clock::UnixTime) -> Option<Refusal> {
    intermediates
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .filter_map(|issuer| rules::check_issuer(&issuer, at).err())
        .map(|fault| Refusal::new(PeerFault::from(&fault), fault))
        .find(|refusal| matches!(refusal.fault, PeerFault::WeakKey | PeerFault::WeakSignature))
}

fn refusal(error: webpki::Error) -> Refusal {
    Refusal::new(fault(&error), error)
}

fn fault(error: &webpki::Error) -> PeerFault {
    use webpki::Error as E;
    match error {
        E::CertExpired { .. } => PeerFault::Expired,
        E::CertNotValidYet { .. } => PeerFault::NotYetValid,
        E::CertRevoked => PeerFault::Revoked,
        E::UnknownRevocationStatus
        | E::CrlExpired { .. }
        | E::IssuerNotCrlSigner
        | E::InvalidCrlSignatureForPublicKey
        | E::UnsupportedCrlSignatureAlgorithmContext(_)
        | E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => PeerFault::RevocationUnknown,
        E::CaUsedAsEndEntity
        | E::EmptyEkuExtension
        | E::RequiredEkuNotFoundContext(_)
        | E::UnsupportedCertVersion
        | E::UnsupportedCriticalExtension => PeerFault::WrongUsage,
        E::CertDistrusted
        | E::EndEntityUsedAsCa
        | E::MaximumNameConstraintComparisonsExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumPathDepthExceeded
        | E::MaximumSignatureChecksExceeded
        | E::NameConstraintViolation
        | E::PathLenConstraintViolated
        | E::UnknownIssuer => PeerFault::Untrusted,
        E::CertNotValidForName(_) => PeerFault::WrongIdentity,
        E::InvalidSignatureForPublicKey => PeerFault::BadSignature,
        E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            PeerFault::WeakSignature
        }
        _ => PeerFault::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jadegate_certs::development::mint::{Mint, MintKey};
    use jadegate_certs::trust::TrustBundle;

    use super::*;

    /// Resumed sessions are judged by this too, long after their certificates were first accepted.
    #[test]
    fn the_time_of_judgement_counts() {
        let root = Mint::authority("Root").self_signed(&MintKey::p256().expect("key")).expect("root");
        let leaf = Mint::leaf("client").issue(&MintKey::p256().expect("key"), &root).expect("leaf");
        let roots = vec![Certificate::from_der(root.der()).expect("root")];
        let trust = Trust::new(Arc::new(TrustBundle { roots, crls: Vec::new() })).expect("trust");
        let identity = Identity::Rules(PeerRules::default());
        let verification = Verification::new(Arc::new(trust), RevocationDepth::Off, PeerRole::Client, identity)
            .expect("requirements that can be met");
        let now = UnixTime::now();
        let at = |offset: i64| {
            let seconds = now.as_secs().checked_add_signed(offset).expect("in range");
            let verified =
                verification.verify(&leaf.der().into(), &[], UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
            verified.map(|_peer| ()).map_err(|refusal| refusal.fault)
        };
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(100 * 86400), Err(PeerFault::Expired));
        assert_eq!(at(-86400), Err(PeerFault::NotYetValid));
    }
}
