//! The server side of one listener chain: its options, checked once, and the engines made from them.
//!
//! A [`ServerContext`] is immutable and shared by all workers. New material or a new configuration makes a new
//! context; connections keep the one they started with. What cannot be met (a policy without a credential for it,
//! a required client certificate without trust, revocation without a list) is an error here, not at a handshake.

mod fingerprint;
pub(crate) mod names;

use std::sync::Arc;
use std::time::Duration;

use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::key::KeyKind;
use jadegate_certs::rules::PeerRules;

use self::names::NameTable;
use crate::error::{Failure, HandshakeError, Mismatch, NeededCredential, Stage};
use crate::hello::ClientHello;
use crate::policy::{Available, Family, Policy, PolicyName};
use crate::protocol::{Protocol, Version};
use crate::tickets::{TicketRing, TicketRingError, TicketRotation};
use crate::trust::{Trust, TrustError};
use crate::{sm, standard};

/// Whether a client has to show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Not asked for.
    #[default]
    Ignore,
    /// Asked for; a client without one is served, a client with a bad one is not.
    Request,
    /// No service without a valid one.
    Require,
}

/// How deep revocation lists are consulted. Where they are, an unknown status or an expired list is a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RevocationDepth {
    /// Not at all.
    #[default]
    Off,
    /// For the peer's own certificate.
    Leaf,
    /// For every certificate of the chain below the trust anchor.
    Chain,
}

/// Which engine serves the standard protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// rustls for standard protocols, Tongsuo for TLCP and RFC 8998.
    #[default]
    Auto,
    /// Tongsuo for everything.
    Tongsuo,
}

/// How sessions may be resumed.
#[derive(Debug, Clone)]
pub struct Resumption {
    /// Ticket keys, shared by every context that should accept the same tickets; none switches tickets off.
    pub tickets: Option<Arc<TicketRing>>,
    /// How long a session may be resumed.
    pub lifetime: Duration,
    /// Sessions that each context remembers for clients that resume by session id; zero switches them off.
    pub session_ids: usize,
}

impl Resumption {
    /// Tickets under keys of our own that rotate, two hours of life, 4,096 session ids.
    pub fn new() -> Result<Self, TicketRingError> {
        let tickets = Some(TicketRing::generated(TicketRotation::default())?);
        Ok(Self { tickets, lifetime: Duration::from_secs(2 * 3600), session_ids: 4096 })
    }

    /// No resumption of any kind.
    pub fn off() -> Self {
        Self { tickets: None, lifetime: Duration::ZERO, session_ids: 0 }
    }
}

/// Everything that decides how a chain of a listener answers a handshake.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Protocols, suites, groups, versions.
    pub policy: Policy,
    /// Certificates of the standard protocols and of RFC 8998 (SM2). The first is the fallback.
    pub credentials: Vec<Credential>,
    /// TLCP pairs. The first is the fallback.
    pub pairs: Vec<CredentialPair>,
    /// A name without a certificate is refused instead of getting the first certificate.
    pub strict_sni: bool,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// What vouches for clients.
    pub trust: Option<Arc<Trust>>,
    /// Use of the trust's revocation lists.
    pub revocation: RevocationDepth,
    /// Which of the clients that the trust vouches for are admitted.
    pub peer_rules: PeerRules,
    /// Application protocols, preferred first; empty: not negotiated.
    pub alpn: Vec<Vec<u8>>,
    /// Session resumption.
    pub resumption: Resumption,
    /// Engine of the standard protocols.
    pub engine: EngineChoice,
    /// Generation of the material, carried into [`crate::negotiated::Negotiated`].
    pub generation: u64,
}

/// Options that cannot be met.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A credential cannot be used by the engine it is for.
    #[error("the credential of {subject} cannot be used")]
    Credential {
        /// Subject of its leaf.
        subject: String,
        /// What the engine says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No credential serves any protocol of the policy.
    #[error("policy {policy} has no certificate that serves any of its protocols")]
    NoUsableCredential {
        /// The policy.
        policy: PolicyName,
    },
    /// The policy promises a family of protocols that no credential serves.
    #[error(
        "policy {policy} promises {family}, and no {needed} is configured for it; add one or choose policy {instead}"
    )]
    PolicyUnmet {
        /// The policy.
        policy: PolicyName,
        /// What it promises.
        family: &'static str,
        /// What is missing.
        needed: &'static str,
        /// The policy that the credentials do meet.
        instead: PolicyName,
    },
    /// Client certificates are asked for, but nothing vouches for them.
    #[error("peer certificates are verified, but no trust is configured")]
    TrustMissing,
    /// Revocation is to be checked without any revocation list.
    #[error("revocation is to be checked, but the trust has no revocation list")]
    RevocationListMissing,
    /// The trust is unusable.
    #[error("the trust cannot be used")]
    Trust(#[from] TrustError),
    /// The policy's suites, groups and versions leave nothing to negotiate.
    #[error("suites, groups and versions leave nothing to negotiate")]
    NothingToNegotiate,
    /// A server name is not one.
    #[error("{name:?} is not a server name")]
    ServerName {
        /// What was configured.
        name: String,
    },
    /// The engine refused the options.
    #[error("the {engine} engine refused the options")]
    Engine {
        /// Which engine.
        engine: crate::protocol::Engine,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ContextError {
    /// A stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Credential { .. } => "credential_unusable",
            Self::NoUsableCredential { .. } => "no_usable_credential",
            Self::PolicyUnmet { .. } => "policy_unmet",
            Self::TrustMissing => "trust_missing",
            Self::RevocationListMissing => "revocation_list_missing",
            Self::Trust(error) => error.reason(),
            Self::NothingToNegotiate => "nothing_to_negotiate",
            Self::ServerName { .. } => "server_name_invalid",
            Self::Engine { .. } => "engine_refused",
        }
    }
}

/// The checked options of one chain, with the engines ready.
#[derive(Debug)]
pub struct ServerContext {
    policy: Policy,
    strict_sni: bool,
    alpn: Vec<Vec<u8>>,
    names: Names,
    standard: Option<standard::ServerSide>,
    sm: Option<sm::ServerSide>,
    fingerprint: [u8; 32],
    generation: u64,
}

/// Names by the kind of credential that a family of protocols needs.
#[derive(Debug)]
struct Names {
    standard: NameTable,
    sm2: NameTable,
    pairs: NameTable,
}

/// A handshake that the hello alone lets an engine begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan<'a> {
    Standard(&'a standard::ServerSide, &'a standard::Usable),
    Tongsuo(&'a sm::ServerSide, Family),
}

/// A policy that offers national and standard protocols needs credentials for both: what is promised and cannot be
/// served is an error of the configuration, not a surprise for half of the clients.
fn promises_kept(options: &ServerOptions) -> Result<(), ContextError> {
    let policy = options.policy.name;
    let is_sm2 = |credential: &Credential| credential.kind() == KeyKind::Sm2;
    let national = !options.pairs.is_empty() || options.credentials.iter().any(is_sm2);
    let standard = options.credentials.iter().any(|credential| !is_sm2(credential));
    if options.policy.standard.is_some() && !standard {
        let (family, needed) = ("standard TLS", "RSA, ECDSA or Ed25519 certificate");
        return Err(ContextError::PolicyUnmet { policy, family, needed, instead: PolicyName::GmOnly });
    }
    let promises_national = options.policy.tlcp.is_some() || options.policy.tls13_sm.is_some();
    if promises_national && !national {
        let (family, needed) = ("TLCP and TLS 1.3-SM", "SM2 certificate or pair");
        return Err(ContextError::PolicyUnmet { policy, family, needed, instead: PolicyName::Standard });
    }
    Ok(())
}

impl ServerContext {
    /// Checks the options and builds what the engines need.
    pub fn new(options: ServerOptions) -> Result<Self, ContextError> {
        if options.client_auth != ClientAuth::Ignore {
            let trust = options.trust.as_ref().ok_or(ContextError::TrustMissing)?;
            if options.revocation != RevocationDepth::Off && trust.bundle().crls.is_empty() {
                return Err(ContextError::RevocationListMissing);
            }
        }
        let fingerprint = fingerprint::of(&options);
        let standard = standard::ServerSide::new(&options, fingerprint)?;
        let sm = sm::ServerSide::new(&options, fingerprint)?;
        if standard.is_none() && sm.is_none() {
            return Err(ContextError::NoUsableCredential { policy: options.policy.name });
        }
        promises_kept(&options)?;
        let of_kind = |sm2: bool| {
            let leaves = options.credentials.iter().map(Credential::leaf);
            leaves.filter(move |leaf| (leaf.key_kind() == Some(KeyKind::Sm2)) == sm2)
        };
        let signing = || options.pairs.iter().map(|pair| pair.sign.leaf());
        let names = Names {
            standard: NameTable::new(of_kind(false).enumerate()),
            // The sign certificate of a pair serves RFC 8998 too.
            sm2: NameTable::new(of_kind(true).chain(signing()).enumerate()),
            pairs: NameTable::new(signing().enumerate()),
        };
        let ServerOptions { policy, strict_sni, alpn, generation, .. } = options;
        Ok(Self { policy, strict_sni, alpn, names, standard, sm, fingerprint, generation })
    }

    /// What resumption is bound to: contexts of equal fingerprint accept each other's tickets under the same keys.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Generation of the material.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Chooses engine and certificate for a hello, or says why no handshake can follow.
    pub(crate) fn plan(&self, hello: &ClientHello) -> Result<Plan<'_>, Failure> {
        let family = self.policy.decide(hello, self.available(hello)?)?;
        self.check_alpn(hello)?;
        match (family, &self.standard, &self.sm) {
            (Family::Standard, Some(standard), _) => Ok(Plan::Standard(standard, standard.choose(hello)?)),
            (family, _, Some(sm)) => Ok(Plan::Tongsuo(sm, family)),
            (family, _, None) => Err(Failure::LocalCredentialMissing(match family {
                Family::Tlcp => NeededCredential::TlcpPair,
                Family::Tls13Sm => NeededCredential::Sm2,
                Family::Standard => NeededCredential::Standard,
            })),
        }
    }

    /// An engine's error with what is known without the engine: the hello, and the protocol that it led to.
    pub(crate) fn completed(&self, error: HandshakeError, plan: Plan<'_>, hello: Box<ClientHello>) -> HandshakeError {
        let standard = || {
            let takes = |version: &Version| self.policy.standard.as_ref().is_some_and(|policy| policy.takes(*version));
            let common = Version::ALL.into_iter().rev().find(|version| takes(version) && hello.offers(*version));
            common.map(Version::protocol)
        };
        let planned = match plan {
            Plan::Tongsuo(_, Family::Tlcp) => Some(Protocol::Tlcp),
            Plan::Tongsuo(_, Family::Tls13Sm) => Some(Protocol::Tls13Sm),
            Plan::Tongsuo(_, Family::Standard) | Plan::Standard(..) => standard(),
        };
        let mut error = attributed(error);
        error.protocol = error.protocol.or(planned);
        error.hello = error.hello.or(Some(hello));
        error
    }

    /// A client that offers application protocols is served one of them or none (RFC 7301 3.2), in either engine.
    fn check_alpn(&self, hello: &ClientHello) -> Result<(), Failure> {
        let common = || hello.alpn.iter().any(|offered| self.alpn.contains(offered));
        if self.alpn.is_empty() || hello.alpn.is_empty() || common() {
            return Ok(());
        }
        let text = |protocol: &Vec<u8>| protocol.escape_ascii().to_string();
        Err(Failure::NoCommonAlpn(Mismatch::new(hello.alpn.iter().map(text), self.alpn.iter().map(text))))
    }

    /// Which kinds of credential are there for the name. A certificate of another name stands in only when names are
    /// not strict, and for a client that could be served either way only when neither kind bears the name.
    fn available(&self, hello: &ClientHello) -> Result<Available, Failure> {
        let bears = |table: &NameTable| hello.sni.as_deref().is_some_and(|name| !table.matching(name).is_empty());
        let Names { standard, sm2, pairs } = &self.names;
        let exact = Available { tlcp: bears(pairs), sm2: bears(sm2), standard: bears(standard) };
        if self.strict_sni {
            return match exact {
                Available { tlcp: false, sm2: false, standard: false } => {
                    Err(Failure::NoCertificateForName(hello.sni.clone()))
                }
                exact => Ok(exact),
            };
        }
        let exists = |table: &NameTable| !table.fallback().is_empty();
        let mut standard_suites = self.policy.standard.iter().flat_map(|policy| &policy.suites);
        let takes_standard = standard_suites.any(|suite| hello.suites.contains(&suite.0));
        Ok(Available {
            tlcp: exists(pairs),
            sm2: exact.sm2 || (exists(sm2) && !(exact.standard && takes_standard)),
            standard: exact.standard || (exists(standard) && !(exact.sm2 && hello.offers_tls13_sm())),
        })
    }
}

/// An engine's error with stage and blame set right, whichever engine reported it.
pub(crate) fn attributed(error: HandshakeError) -> HandshakeError {
    match error.failure {
        // A refused certificate belongs to its own stage, wherever the state machine stood when it came out.
        Failure::PeerCertificate(_) => HandshakeError { stage: Stage::Certificate, ..error },
        // A library that answers with another alert than internal_error found the peer at fault, not itself.
        Failure::Engine(text) if error.alert_sent.is_some_and(|alert| alert != INTERNAL_ERROR) => {
            HandshakeError { failure: Failure::PeerMisbehaved(text), ..error }
        }
        _ => error,
    }
}

const INTERNAL_ERROR: u8 = 80;
