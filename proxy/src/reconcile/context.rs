//! From the configuration's words and loaded secrets to TLS contexts.

use std::sync::Arc;

use jadegate_certs::material::{Published, Secret};
use jadegate_certs::{Credential, CredentialPair};
use jadegate_config as model;
use jadegate_config::{SecretId, TlsClient, TlsServer};
use jadegate_tls::connector::{ClientOptions, ClientProtocol, Connector, ServerVerification, SessionReuse};
use jadegate_tls::server::{ClientAuth, EngineChoice, Resumption, RevocationDepth, ServerContext, ServerOptions};
use jadegate_tls::tickets::{TicketRing, TicketRotation};
use jadegate_tls::trust::Trust;

use super::error::ContextFault;
use super::secrets::States;

/// Sessions that a context remembers for clients that resume by id.
const SESSION_IDS: usize = 4096;

/// Everything a context is made of, in an order that does not depend on where secrets stand in the configuration.
/// Equal inputs make equal contexts, so that a reload that does not touch a chain keeps its context and sessions.
#[derive(Clone, Debug)]
pub(crate) struct Inputs<T> {
    /// The words, with secrets numbered by their place in `material`.
    words: T,
    pub(crate) material: Vec<NamedMaterial>,
}

/// A version of a secret, with the secret's name.
pub(crate) type NamedMaterial = (Arc<str>, Arc<Published>);

impl<T: PartialEq> PartialEq for Inputs<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(ours, theirs): (&NamedMaterial, &NamedMaterial)| Arc::ptr_eq(&ours.1, &theirs.1);
        self.words == other.words
            && self.material.len() == other.material.len()
            && self.material.iter().zip(&other.material).all(same)
    }
}

/// A secret that is not usable now, and why.
#[derive(Clone, Debug)]
pub(crate) struct Unusable {
    pub(crate) secret: Arc<str>,
    pub(crate) why: String,
}

/// Collects secrets and renumbers them.
struct Collector<'a> {
    states: &'a States,
    material: Vec<NamedMaterial>,
    unusable: Vec<Unusable>,
}

impl<'a> Collector<'a> {
    const fn new(states: &'a States) -> Self {
        Self { states, material: Vec::new(), unusable: Vec::new() }
    }

    fn take(&mut self, id: &mut SecretId) {
        let secret = self.states.name(*id);
        match self.states.usable(*id) {
            Ok(published) => {
                *id = SecretId(self.material.len());
                self.material.push((secret, published));
            }
            Err(why) => self.unusable.push(Unusable { secret, why }),
        }
    }

    fn finish<T>(self, words: T) -> Result<Inputs<T>, Vec<Unusable>> {
        if self.unusable.is_empty() { Ok(Inputs { words, material: self.material }) } else { Err(self.unusable) }
    }
}

/// The inputs of a chain's context, or the secrets that are missing.
pub(crate) fn server_inputs(tls: &TlsServer, states: &States) -> Result<Inputs<TlsServer>, Vec<Unusable>> {
    let mut words = tls.clone();
    let mut collector = Collector::new(states);
    words.certificates.iter_mut().for_each(|id| collector.take(id));
    words.client_auth.trust.iter_mut().for_each(|id| collector.take(id));
    if let model::TicketKeys::Shared(id) = &mut words.sessions.tickets {
        collector.take(id);
    }
    collector.finish(words)
}

/// The inputs of a backend's connector, or the secrets that are missing.
pub(crate) fn client_inputs(tls: &TlsClient, states: &States) -> Result<Inputs<TlsClient>, Vec<Unusable>> {
    let mut words = tls.clone();
    let mut collector = Collector::new(states);
    words.trust.iter_mut().for_each(|id| collector.take(id));
    words.certificate.iter_mut().for_each(|id| collector.take(id));
    collector.finish(words)
}

/// What contexts share: parsed trust and ticket keys, once per secret and version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    trusts: Vec<(Arc<Published>, Arc<Trust>)>,
    rings: Vec<(Arc<Published>, Arc<TicketRing>)>,
    generated: Option<Arc<TicketRing>>,
}

impl Parts {
    /// Forgets what no secret stands for any more.
    pub(crate) fn retain(&mut self, states: &States) {
        let in_use = |published: &Arc<Published>| {
            states.iter().any(|state| state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, published)))
        };
        self.trusts.retain(|(published, _)| in_use(published));
        self.rings.retain(|(published, _)| in_use(published));
    }

    fn trust(&mut self, (name, published): &NamedMaterial) -> Result<Arc<Trust>, ContextFault> {
        if let Some((_, trust)) = self.trusts.iter().find(|(of, _)| Arc::ptr_eq(of, published)) {
            return Ok(Arc::clone(trust));
        }
        let Secret::Trust(bundle) = &published.secret else { return Err(wrong_kind(name, "a trust bundle")) };
        let trust = Trust::new(Arc::clone(bundle))
            .map_err(|source| ContextFault::Trust { secret: name.to_string(), source })?;
        let trust = Arc::new(trust);
        self.trusts.push((Arc::clone(published), Arc::clone(&trust)));
        Ok(trust)
    }

    fn ring(&mut self, (name, published): &NamedMaterial) -> Result<Arc<TicketRing>, ContextFault> {
        if let Some((_, ring)) = self.rings.iter().find(|(of, _)| Arc::ptr_eq(of, published)) {
            return Ok(Arc::clone(ring));
        }
        let Secret::TicketKeys(file) = &published.secret else { return Err(wrong_kind(name, "a ticket key file")) };
        let keys: Vec<&[u8]> = file.keys().iter().map(|key| key.as_slice()).collect();
        let ring = TicketRing::given(&keys).map_err(ContextFault::Tickets)?;
        self.rings.push((Arc::clone(published), Arc::clone(&ring)));
        Ok(ring)
    }

    /// One ring for all contexts of the process: a ticket is bound to its context, not to its ring.
    fn generated(&mut self) -> Result<Arc<TicketRing>, ContextFault> {
        if let Some(ring) = &self.generated {
            return Ok(Arc::clone(ring));
        }
        let ring = TicketRing::generated(TicketRotation::default()).map_err(ContextFault::Tickets)?;
        Ok(Arc::clone(self.generated.insert(ring)))
    }
}

fn wrong_kind(secret: &str, expected: &'static str) -> ContextFault {
    ContextFault::WrongKind { secret: secret.to_owned(), expected }
}

/// A chain's context.
pub(crate) fn server(
    inputs: &Inputs<TlsServer>,
    parts: &mut Parts,
    generation: u64,
) -> Result<ServerContext, ContextFault> {
    let Inputs { words, material } = inputs;
    let (mut credentials, mut pairs) = (Vec::<Credential>::new(), Vec::<CredentialPair>::new());
    for id in &words.certificates {
        let (name, published) = &material[id.0];
        match &published.secret {
            Secret::Credential(credential) => credentials.push(credential.clone()),
            Secret::Pair(pair) => pairs.push(pair.clone()),
            Secret::Trust(_) | Secret::TicketKeys(_) => return Err(wrong_kind(name, "a certificate")),
        }
    }
    let trust = words.client_auth.trust.map(|id| parts.trust(&material[id.0])).transpose()?;
    let tickets = match words.sessions.tickets {
        model::TicketKeys::Off => None,
        model::TicketKeys::Generated => Some(parts.generated()?),
        model::TicketKeys::Shared(id) => Some(parts.ring(&material[id.0])?),
    };
    let session_ids = match words.sessions.ids {
        model::SessionIds::On => SESSION_IDS,
        model::SessionIds::Off => 0,
    };
    let options = ServerOptions {
        policy: words.policy.clone(),
        credentials,
        pairs,
        strict_sni: words.strict_sni == model::StrictSni::On,
        client_auth: match words.client_auth.mode {
            model::ClientAuthMode::Ignore => ClientAuth::Ignore,
            model::ClientAuthMode::Request => ClientAuth::Request,
            model::ClientAuthMode::Require => ClientAuth::Require,
        },
        trust,
        revocation: revocation(words.client_auth.revocation),
        peer_rules: words.client_auth.allow.clone(),
        alpn: alpn(&words.alpn),
        resumption: Resumption { tickets, lifetime: words.sessions.lifetime, session_ids },
        engine: engine(words.engine),
        generation,
    };
    ServerContext::new(options).map_err(ContextFault::Context)
}

/// A backend's connector.
pub(crate) fn client(
    inputs: &Inputs<TlsClient>,
    parts: &mut Parts,
    generation: u64,
) -> Result<Connector, ContextFault> {
    let Inputs { words, material } = inputs;
    let trust = words.trust.map(|id| parts.trust(&material[id.0])).transpose()?;
    let (mut credential, mut pair) = (None, None);
    if let Some(id) = words.certificate {
        let (name, published) = &material[id.0];
        match &published.secret {
            Secret::Credential(single) => credential = Some(single.clone()),
            Secret::Pair(both) => pair = Some(both.clone()),
            Secret::Trust(_) | Secret::TicketKeys(_) => return Err(wrong_kind(name, "a certificate")),
        }
    }
    let options = ClientOptions {
        protocol: match words.protocol {
            model::ClientProtocol::Standard { min, max } => ClientProtocol::Standard { min, max },
            model::ClientProtocol::Tls13Sm => ClientProtocol::Tls13Sm,
            model::ClientProtocol::Tlcp => ClientProtocol::Tlcp,
        },
        suites: words.suites.clone(),
        groups: words.groups.clone(),
        credential,
        pair,
        trust,
        verify: match &words.verify {
            model::ServerVerification::Name(name) => ServerVerification::Name(name.clone()),
            model::ServerVerification::Rules(rules) => ServerVerification::Rules(rules.clone()),
            model::ServerVerification::Insecure => ServerVerification::Insecure,
        },
        revocation: revocation(words.revocation),
        sni: words.sni.clone(),
        alpn: alpn(&words.alpn),
        resume: match words.resume {
            model::Resume::On => SessionReuse::On,
            model::Resume::Off => SessionReuse::Off,
        },
        engine: engine(words.engine),
        generation,
    };
    Connector::new(options).map_err(ContextFault::Context)
}

const fn revocation(depth: model::RevocationDepth) -> RevocationDepth {
    match depth {
        model::RevocationDepth::Off => RevocationDepth::Off,
        model::RevocationDepth::Leaf => RevocationDepth::Leaf,
        model::RevocationDepth::Chain => RevocationDepth::Chain,
    }
}

const fn engine(choice: model::EngineChoice) -> EngineChoice {
    match choice {
        model::EngineChoice::Auto => EngineChoice::Auto,
        model::EngineChoice::Tongsuo => EngineChoice::Tongsuo,
    }
}

fn alpn(names: &[String]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.clone().into_bytes()).collect()
}
