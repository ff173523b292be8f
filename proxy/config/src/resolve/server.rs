//! TLS towards clients.

use jadegate_tls::policy::{PolicyError, PolicyField};
use jadegate_tls::{Policy, PolicyName, PolicySpec, Protocol, Suite, Version};

use super::Resolver;
use super::secret::CertificateKind;
use crate::document;
use crate::model::{
    ClientAuth, ClientAuthMode, EngineChoice, ListenerProtocol, SecretId, SessionIds, Sessions, StrictSni, TicketKeys,
    TlsServer,
};
use crate::path::Path;
use crate::suggest;
use crate::yaml::quote;

/// RFC 8446 4.6.1: no ticket is used longer than seven days.
const LONGEST_SESSION: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

impl Resolver<'_> {
    pub(super) fn tls_server(
        &mut self,
        at: &Path,
        given: &document::TlsServer,
        protocol: ListenerProtocol,
    ) -> Option<TlsServer> {
        let listed = given.certificates.as_deref().unwrap_or_default();
        let certificates_at = at.key("certificates");
        let mut certificates: Vec<SecretId> = Vec::with_capacity(listed.len());
        let mut kinds = Vec::with_capacity(listed.len());
        for (index, certificate) in listed.iter().enumerate() {
            let at = certificates_at.index(index);
            let Some((id, kind)) = self.certificate(&at, certificate) else { continue };
            if certificates.contains(&id) {
                self.wrong(&at, "the same certificate is listed twice", "remove one of the two");
            } else {
                certificates.push(id);
                kinds.push(kind);
            }
        }
        let whole = kinds.len() == listed.len() && !self.is_damaged(&certificates_at) && !listed.is_empty();
        let policy = self.policy(at, given, &kinds);
        let client_auth = self.client_auth(&at.key("client_auth"), given.client_auth.as_ref());
        let policy = policy.filter(|policy| !whole || self.can_be_met(at, given, policy, &kinds));
        if let Some(policy) = &policy {
            self.ephemeral_needs_clients(at, policy, client_auth.mode);
        }
        let sessions = self.sessions(&at.key("resumption"), given.resumption.as_ref());
        let alpn = self.downstream_alpn(&at.key("alpn"), given.alpn.as_deref(), protocol);
        Some(TlsServer {
            policy: policy?,
            engine: engine(given.engine),
            certificates,
            strict_sni: if given.strict_sni == Some(true) { StrictSni::On } else { StrictSni::Off },
            alpn,
            client_auth,
            sessions,
        })
    }

    fn policy(&mut self, at: &Path, given: &document::TlsServer, kinds: &[CertificateKind]) -> Option<Policy> {
        let name = match given.policy {
            Some(document::Policy::Standard) => PolicyName::Standard,
            Some(document::Policy::GmPreferred) => PolicyName::GmPreferred,
            Some(document::Policy::GmOnly) => PolicyName::GmOnly,
            None if !kinds.contains(&CertificateKind::Pair) => PolicyName::Standard,
            None if kinds.contains(&CertificateKind::Single) => PolicyName::GmPreferred,
            None => PolicyName::GmOnly,
        };
        let spec = PolicySpec {
            name,
            min: given.min.map(version),
            max: given.max.map(version),
            suites: given.suites.clone().unwrap_or_default(),
            groups: given.groups.clone().unwrap_or_default(),
        };
        self.built(at, &spec)
    }

    /// Builds a policy and reports what speaks against it.
    pub(super) fn built(&mut self, at: &Path, spec: &PolicySpec) -> Option<Policy> {
        match Policy::build(spec) {
            Ok(policy) => Some(policy),
            Err(errors) => {
                for error in errors {
                    let at = match error.field() {
                        PolicyField::Min if spec.min.is_none() => at.key("max"),
                        PolicyField::Min => at.key("min"),
                        PolicyField::Max => at.key("max"),
                        PolicyField::Suites => at.key("suites"),
                        PolicyField::Suite(index) => at.key("suites").index(index),
                        PolicyField::Groups => at.key("groups"),
                        PolicyField::Group(index) => at.key("groups").index(index),
                    };
                    let (what, todo) = described(&error);
                    self.wrong(&at, what, todo);
                }
                None
            }
        }
    }

    /// Whether the kinds of certificates that are there can serve the protocols of the policy.
    fn can_be_met(
        &mut self,
        at: &Path,
        given: &document::TlsServer,
        policy: &Policy,
        kinds: &[CertificateKind],
    ) -> bool {
        let at = if given.policy.is_some() { at.key("policy") } else { at.key("certificates") };
        let (pair, single) = (kinds.contains(&CertificateKind::Pair), kinds.contains(&CertificateKind::Single));
        let name = policy.name;
        if policy.tlcp.is_some() && !pair {
            self.wrong(
                &at,
                format!("the policy {name} serves TLCP, and no SM2 certificate pair is listed"),
                "add { sign: {cert, key}, enc: {cert, key} } to certificates, or choose the policy standard",
            );
            return false;
        }
        if policy.standard.is_some() && !single {
            self.wrong(
                &at,
                format!("the policy {name} serves standard TLS, and no certificate for it is listed"),
                "add { cert, key } with an RSA or ECDSA certificate to certificates, or choose the policy gm-only",
            );
            return false;
        }
        if name == PolicyName::Standard && pair {
            self.wrong(
                &at,
                "an SM2 certificate pair is listed, and the policy standard never uses one",
                "choose the policy gm-preferred, or remove the pair",
            );
            return false;
        }
        true
    }

    /// TLCP's ephemeral suites do not work without a certificate of the client.
    fn ephemeral_needs_clients(&mut self, at: &Path, policy: &Policy, mode: ClientAuthMode) {
        let Some(tlcp) = &policy.tlcp else { return };
        let ephemeral = |suite: &Suite| [Suite::ECDHE_SM4_GCM_SM3, Suite::ECDHE_SM4_CBC_SM3].contains(suite);
        if mode != ClientAuthMode::Require && tlcp.suites.iter().all(ephemeral) {
            self.missing(
                &at.key("suites"),
                "only ECDHE suites are left for TLCP, and these need a certificate pair of every client",
                "add client_auth with mode: require and trust, or an ECC suite such as ECC-SM2-SM4-GCM-SM3",
            );
        }
    }

    fn downstream_alpn(&mut self, at: &Path, given: Option<&[String]>, protocol: ListenerProtocol) -> Vec<String> {
        match (given, protocol) {
            (Some(names), _) => {
                if protocol == ListenerProtocol::Http {
                    for (index, name) in
                        names.iter().enumerate().filter(|(_, name)| !["h2", "http/1.1"].contains(&name.as_str()))
                    {
                        let what = format!("an http listener does not speak {}", quote(name));
                        self.wrong(&at.index(index), what, "write h2 or http/1.1, or protocol: tcp for the listener");
                    }
                }
                self.alpn(at, names)
            }
            (None, ListenerProtocol::Http) => vec!["h2".to_owned(), "http/1.1".to_owned()],
            (None, ListenerProtocol::Tcp) => Vec::new(),
        }
    }

    fn client_auth(&mut self, at: &Path, given: Option<&document::ClientAuth>) -> ClientAuth {
        let Some(given) = given else { return ClientAuth::default() };
        let mode = match given.mode {
            Some(document::ClientAuthMode::Ignore) => ClientAuthMode::Ignore,
            Some(document::ClientAuthMode::Request) => ClientAuthMode::Request,
            Some(document::ClientAuthMode::Require) | None => ClientAuthMode::Require,
        };
        let trust = given.trust.as_ref().and_then(|trust| self.trust(&at.key("trust"), trust));
        let allow = self.peer_rules(&at.key("allow"), given.allow.as_deref().unwrap_or_default());
        if mode == ClientAuthMode::Ignore {
            for (key, present) in [("trust", given.trust.is_some()), ("allow", given.allow.is_some())] {
                if present {
                    let what = format!("{key} is here, and mode: ignore asks no client for a certificate");
                    self.wrong(&at.key(key), what, format!("remove {key}, or choose mode: require"));
                }
            }
        } else if given.trust.is_none() {
            self.missing(
                at,
                "clients are to show certificates, and nothing says who vouches for them",
                "add trust: { ca: roots.pem }",
            );
        }
        ClientAuth {
            mode,
            trust: trust.map(|(id, _)| id),
            revocation: trust.map_or_else(Default::default, |(_, depth)| depth),
            allow,
        }
    }

    fn sessions(&mut self, at: &Path, given: Option<&document::Resumption>) -> Sessions {
        let default = Sessions::default();
        let Some(given) = given else { return default };
        let shared = given.ticket_keys.as_deref().and_then(|path| self.ticket_keys(&at.key("ticket_keys"), path));
        if given.tickets == Some(false) && given.ticket_keys.is_some() {
            let what = "ticket_keys is here, and tickets: false issues none";
            self.wrong(&at.key("ticket_keys"), what, "remove one of the two");
        }
        let lifetime = self.period(at, "lifetime", given.lifetime, default.lifetime);
        if lifetime > LONGEST_SESSION {
            let what = "no session may be resumed after more than 7 days (RFC 8446 4.6.1)";
            self.wrong(&at.key("lifetime"), what, "write 7d or less");
        }
        Sessions {
            tickets: match (given.tickets, shared) {
                (Some(false), _) => TicketKeys::Off,
                (_, Some(id)) => TicketKeys::Shared(id),
                (_, None) => TicketKeys::Generated,
            },
            ids: if given.session_ids == Some(false) { SessionIds::Off } else { SessionIds::On },
            lifetime,
        }
    }

    /// A chain's criteria against what its policy can negotiate.
    pub(super) fn policy_serves(&mut self, at: &Path, policy: &Policy, wanted: Protocol) {
        if policy.protocols().all(|protocol| protocol != wanted) {
            let spoken: Vec<&str> = policy.protocols().map(|protocol| protocol.as_str()).collect();
            let what = format!("the chain takes {wanted}, which its policy {} does not serve", policy.name);
            self.wrong(at, what, format!("remove it, or change the policy (served now: {})", spoken.join(", ")));
        }
    }
}

pub(super) fn engine(given: Option<document::Engine>) -> EngineChoice {
    match given {
        Some(document::Engine::Tongsuo) => EngineChoice::Tongsuo,
        Some(document::Engine::Auto) | None => EngineChoice::Auto,
    }
}

pub(super) fn version(given: document::StandardVersion) -> Version {
    match given {
        document::StandardVersion::Tls12 => Version::Tls12,
        document::StandardVersion::Tls13 => Version::Tls13,
    }
}

fn described(error: &PolicyError) -> (String, String) {
    match error {
        PolicyError::Unknown { field, name } => {
            let usable: Vec<&str> = match field {
                PolicyField::Group(_) | PolicyField::Groups => usable_groups(),
                _ => usable_suites(),
            };
            unknown_name(name.what, &name.given, &usable)
        }
        error => (error.to_string(), error.todo()),
    }
}

/// The message for a suite or group that is not known.
pub(super) fn unknown_name(kind: &str, given: &str, usable: &[&str]) -> (String, String) {
    let listed = format!("known here: {}", usable.join(", "));
    let todo = match suggest::nearest(given, usable.iter().copied()) {
        Some(near) => format!("did you mean {near}? ({listed})"),
        None => listed,
    };
    (format!("unknown {kind} {}", quote(given)), todo)
}

pub(super) fn usable_suites() -> Vec<&'static str> {
    Suite::SUPPORTED.into_iter().filter_map(Suite::name).collect()
}

pub(super) fn usable_groups() -> Vec<&'static str> {
    jadegate_tls::Group::SUPPORTED.into_iter().filter_map(jadegate_tls::Group::name).collect()
}
