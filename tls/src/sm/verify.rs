//! Verification of a peer's certificates on Tongsuo connections.
//!
//! Tongsuo builds and checks the path, revocation included; it calls [`Verifier::step`] on the way. Our own rules run
//! when it reaches the leaf: usage per slot, the relation of a TLCP pair, national algorithms throughout, identity.
//! What was found is kept with the connection, so that the failure has a name and the peer an identity that only this
//! code could have made.

use std::error::Error;
use std::sync::{Mutex, OnceLock, PoisonError};

use jadegate_certs::certificate::{Certificate, SignatureAlgorithm};
use jadegate_certs::clock::UnixTime;
use jadegate_certs::key::KeyKind;
use jadegate_certs::rules::{
    self, CertificateFault, EncExchange, IdentityFault, PairFault, PeerRole, PeerRule, PeerRules, Slot,
};
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::ex_data::Index;
use jadegate_tongsuo::openssl::ssl::{Ssl, SslRef};
use jadegate_tongsuo::openssl::x509::{X509Ref, X509StoreContext, X509StoreContextRef};
use jadegate_tongsuo::verification;

use super::{faults, is_ephemeral};
use crate::error::{PeerFault, RefusedCertificate};
use crate::protocol::{Protocol, Suite};

/// Why a peer is refused, with the finer facts.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) fault: PeerFault,
    pub(super) certificate: Option<Box<RefusedCertificate>>,
    pub(super) source: Option<Box<dyn Error + Send + Sync>>,
}

impl From<PeerFault> for Refusal {
    fn from(fault: PeerFault) -> Self {
        Self { fault, certificate: None, source: None }
    }
}

impl From<CertificateFault> for Refusal {
    fn from(fault: CertificateFault) -> Self {
        Self { fault: PeerFault::from(&fault), certificate: None, source: Some(Box::new(fault)) }
    }
}

impl From<IdentityFault> for Refusal {
    fn from(fault: IdentityFault) -> Self {
        Self { fault: PeerFault::WrongIdentity, certificate: None, source: Some(Box::new(fault)) }
    }
}

impl From<PairFault> for Refusal {
    fn from(fault: PairFault) -> Self {
        PeerFault::PairInconsistent(fault).into()
    }
}

/// What the library said of the path.
#[derive(Debug, thiserror::Error)]
#[error("{text} (certificate {depth} of the path, subject {subject})")]
struct PathError {
    text: &'static str,
    depth: u32,
    subject: String,
}

/// Whom a peer has to be.
#[derive(Debug, Clone)]
pub(crate) enum Expectation {
    /// Admitted by a rule.
    Rules(PeerRules),
    /// A server with this name.
    Name(String),
    /// Anybody, without even a chain.
    Anybody,
}

/// What a context demands of its peers' certificates.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// The part that the peer plays.
    pub(crate) role: PeerRole,
    /// The protocol, for the slots and for the alert table; none for standard TLS of either version.
    pub(crate) protocol: Option<Protocol>,
    /// Identity.
    pub(crate) expectation: Expectation,
}

/// Tongsuo verifies the two certificates of a TLCP peer one after the other, the enc certificate first.
#[derive(Debug, Clone, Copy)]
enum Turn {
    First,
    Last,
}

/// What was learned of the peer of one connection.
#[derive(Debug, Default)]
struct Findings {
    /// The leaf that passed; in TLCP the sign certificate.
    leaf: Option<Certificate>,
    /// TLCP: the enc certificate that passed.
    enc: Option<Certificate>,
    /// The rule that admitted the peer.
    rule: Option<PeerRule>,
    /// The first thing that was wrong.
    refusal: Option<Refusal>,
}

type Shared = Mutex<Findings>;

fn index() -> Result<Index<Ssl, Shared>, ErrorStack> {
    static INDEX: OnceLock<Index<Ssl, Shared>> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    let made = Ssl::new_ex_index()?;
    Ok(*INDEX.get_or_init(|| made))
}

/// Gives a connection room for what will be found.
pub(crate) fn attach(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    ssl.set_ex_data(index()?, Shared::default());
    Ok(())
}

/// Takes what is wrong with the peer's certificates, if anything was found.
pub(super) fn refusal(ssl: &SslRef) -> Option<Refusal> {
    with_findings(ssl, |findings| findings.refusal.take()).flatten()
}

/// What was verified of a peer.
#[derive(Debug, Default)]
pub(super) struct Verified {
    pub(super) leaf: Option<Certificate>,
    pub(super) enc: Option<Certificate>,
    pub(super) rule: Option<PeerRule>,
}

/// Takes the verified certificates and the rule that admitted them.
pub(super) fn verified(ssl: &SslRef) -> Verified {
    let take = |findings: &mut Findings| Verified {
        leaf: findings.leaf.take(),
        enc: findings.enc.take(),
        rule: findings.rule.take(),
    };
    with_findings(ssl, take).unwrap_or_default()
}

fn with_findings<T>(ssl: &SslRef, read: impl FnOnce(&mut Findings) -> T) -> Option<T> {
    let findings = ssl.ex_data(index().ok()?)?;
    Some(read(&mut findings.lock().unwrap_or_else(PoisonError::into_inner)))
}

impl Verifier {
    /// The library's verify callback: at each certificate of the path, and at each error.
    pub(crate) fn step(&self, sound: bool, context: &mut X509StoreContextRef) -> bool {
        if matches!(self.expectation, Expectation::Anybody) {
            return true;
        }
        if !sound {
            let refusal = self.explain(of_library(context), context);
            return self.refuse(context, refusal);
        }
        if context.error_depth() != 0 {
            return true;
        }
        match self.judge(context) {
            Ok(()) => true,
            Err(refusal) => self.refuse(context, refusal),
        }
    }

    /// The rules for a resumed connection, whose certificate was verified when the session began: its validity in time
    /// and the identity may have changed since, the chain cannot have (the session is bound to the trust).
    pub(crate) fn resumed(&self, leaf: &Certificate) -> Result<Option<PeerRule>, Refusal> {
        rules::check_leaf(leaf, self.slot(Turn::Last), self.role, UnixTime::now())?;
        self.identify(leaf)
    }

    /// The library finds no issuer for a certificate that is malformed in ways of which it does not speak; our rules do.
    fn explain(&self, refusal: Refusal, context: &X509StoreContextRef) -> Refusal {
        if refusal.fault != PeerFault::Untrusted || context.error_depth() != 0 {
            return refusal;
        }
        let leaf = context.current_cert().and_then(|certificate| read(certificate).ok());
        let judged = leaf.map(|leaf| rules::check_leaf(&leaf, Slot::Single, self.role, UnixTime::now()));
        match judged {
            Some(Err(fault)) if PeerFault::from(&fault) == PeerFault::Malformed => fault.into(),
            _ => refusal,
        }
    }

    fn judge(&self, context: &mut X509StoreContextRef) -> Result<(), Refusal> {
        let enc =
            Self::connection(context).and_then(|ssl| with_findings(ssl, |findings| findings.enc.clone())).flatten();
        let slot = self.slot(if enc.is_none() { Turn::First } else { Turn::Last });
        let chain: Vec<Certificate> = context
            .chain()
            .map(|chain| chain.iter().map(read).collect::<Result<_, _>>())
            .transpose()?
            .unwrap_or_default();
        let Some((leaf, issuers)) = chain.split_first() else { return Err(PeerFault::Absent.into()) };
        let now = UnixTime::now();
        rules::check_leaf(leaf, slot, self.role, now)?;
        // The last one is the trust anchor: the operator vouches for it.
        for issuer in issuers.iter().take(issuers.len().saturating_sub(1)) {
            rules::check_issuer(issuer, now)?;
        }
        if self.protocol.is_some_and(Protocol::is_national) {
            check_sm2_leaf(leaf, slot)?;
            for issuer in issuers {
                rules::check_sm2_issuer(issuer)?;
            }
        }
        if let (Slot::Enc, Some(exchange)) = (slot, Self::connection(context).and_then(exchange)) {
            rules::check_enc_usage(leaf, exchange)?;
        }
        if let Some(enc) = &enc {
            rules::check_pair(leaf, enc)?;
        }
        // The enc certificate has the names of the sign certificate: the pair rule sees to that.
        let rule = if slot == Slot::Enc { None } else { self.identify(leaf)? };
        let leaf = leaf.clone();
        if let Some(ssl) = Self::connection(context) {
            with_findings(ssl, |findings| match slot {
                Slot::Enc => findings.enc = Some(leaf),
                Slot::Single | Slot::Sign => (findings.leaf, findings.rule) = (Some(leaf), rule),
            });
        }
        Ok(())
    }

    fn identify(&self, leaf: &Certificate) -> Result<Option<PeerRule>, Refusal> {
        // An identity that does not parse refuses the peer, whether or not anybody asks for it.
        rules::spiffe_id(leaf)?;
        match &self.expectation {
            Expectation::Anybody => Ok(None),
            Expectation::Rules(rules) => Ok(rules.check(leaf)?),
            Expectation::Name(name) if rules::matches_server_name(leaf, name) => Ok(None),
            Expectation::Name(_) => Err(PeerFault::WrongIdentity.into()),
        }
    }

    fn slot(&self, turn: Turn) -> Slot {
        match (self.protocol, turn) {
            (Some(Protocol::Tlcp), Turn::First) => Slot::Enc,
            (Some(Protocol::Tlcp), Turn::Last) => Slot::Sign,
            _ => Slot::Single,
        }
    }

    /// Notes the fault and chooses the library error whose alert is the one for the fault.
    fn refuse(&self, context: &mut X509StoreContextRef, mut refusal: Refusal) -> bool {
        let leaf = context.chain().and_then(|chain| chain.get(0)).or_else(|| context.current_cert());
        let leaf = leaf.and_then(|leaf| read(leaf).ok());
        refusal.certificate = leaf.map(|leaf| Box::new(RefusedCertificate::from(&leaf)));
        verification::set_error(context, faults::library_error(refusal.fault.alert(self.protocol)));
        if let Some(ssl) = Self::connection(context) {
            with_findings(ssl, |findings| {
                (findings.leaf, findings.enc) = (None, None);
                findings.refusal.get_or_insert(refusal);
            });
        }
        false
    }

    fn connection(context: &X509StoreContextRef) -> Option<&SslRef> {
        context.ex_data(X509StoreContext::ssl_idx().ok()?)
    }
}

/// In a national handshake the leaf, like the rest of its chain, is SM2 throughout.
fn check_sm2_leaf(leaf: &Certificate, slot: Slot) -> Result<(), CertificateFault> {
    match leaf.key_kind() {
        Some(KeyKind::Sm2) => {}
        Some(found) => return Err(CertificateFault::NotSm2 { slot, found }),
        // The leaf rules refused an unknown kind before.
        None => {}
    }
    match leaf.signature_algorithm() {
        SignatureAlgorithm::Sm2Sm3 => Ok(()),
        other => Err(CertificateFault::NotSm2Signed(other.to_string())),
    }
}

/// What the suite will do with the enc certificate.
fn exchange(ssl: &SslRef) -> Option<EncExchange> {
    let suite = Suite(u16::from_be_bytes(ssl.current_cipher()?.protocol_id()));
    Some(if is_ephemeral(suite) { EncExchange::Ecdhe } else { EncExchange::Ecc })
}

fn of_library(context: &X509StoreContextRef) -> Refusal {
    let error = context.error();
    let subject = context.current_cert().and_then(|certificate| read(certificate).ok());
    let source = PathError {
        text: error.error_string(),
        depth: context.error_depth(),
        subject: subject.map_or_else(|| "unreadable".to_owned(), |certificate| certificate.subject().to_owned()),
    };
    Refusal { fault: faults::of_library(error), certificate: None, source: Some(Box::new(source)) }
}

fn read(certificate: &X509Ref) -> Result<Certificate, PeerFault> {
    let der = certificate.to_der().map_err(|_| PeerFault::Malformed)?;
    Certificate::from_der(&der).map_err(|_| PeerFault::Malformed)
}
