//! Who the peer says it is, and whether that is who it should be. Identities come from subjectAltName alone.

use std::fmt;
use std::net::IpAddr;

use crate::certificate::Certificate;
use crate::identity::{DnsName, SpiffeId, SpiffeIdError, TrustDomain};

/// One identity, or a set of them, that a peer may have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerRule {
    /// A dNSName, exact or `*.` one label below.
    Dns(DnsName),
    /// An iPAddress.
    Ip(IpAddr),
    /// This SPIFFE id.
    Spiffe(SpiffeId),
    /// Every SPIFFE id that begins with this text. The text ends at a segment: `spiffe://td/ns/a` covers
    /// `spiffe://td/ns/a/sa/b` but not `spiffe://td/ns/ab`.
    SpiffePrefix(String),
    /// Every SPIFFE id of this trust domain.
    TrustDomain(TrustDomain),
    /// SHA-256 over SubjectPublicKeyInfo.
    SpkiSha256([u8; 32]),
}

impl fmt::Display for PeerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns {name}"),
            Self::Ip(address) => write!(f, "ip {address}"),
            Self::Spiffe(id) => write!(f, "{id}"),
            Self::SpiffePrefix(prefix) => write!(f, "{prefix}*"),
            Self::TrustDomain(domain) => write!(f, "trust domain {domain}"),
            Self::SpkiSha256(hash) => write!(f, "spki sha256 {}", hex::encode(hash)),
        }
    }
}

/// Whom we accept, among those that the trust vouches for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PeerRules {
    /// One match suffices. Empty: any identity that the trust vouches for.
    pub any_of: Vec<PeerRule>,
}

/// Why a peer's identity is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// A SPIFFE id among several URIs: a SPIFFE certificate has exactly one.
    #[error("{0} URIs in subjectAltName; a SPIFFE certificate has one")]
    SeveralUris(usize),
    /// A `spiffe:` URI that does not parse.
    #[error("{uri:?} is not a SPIFFE id")]
    BadSpiffeId {
        /// The URI.
        uri: String,
        /// What is wrong with it.
        source: SpiffeIdError,
    },
    /// The certificate is well-formed and none of the rules covers it.
    #[error("identity is not among those allowed (it has: {0})")]
    NotAllowed(String),
    /// A rule wants a SPIFFE id and the certificate has none.
    #[error("no SPIFFE id where one is required (it has: {0})")]
    NoSpiffeId(String),
}

impl IdentityFault {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SeveralUris(_) => "identity_several_uris",
            Self::BadSpiffeId { .. } => "identity_bad_spiffe_id",
            Self::NotAllowed(_) => "identity_not_allowed",
            Self::NoSpiffeId(_) => "identity_no_spiffe_id",
        }
    }
}

impl PeerRules {
    /// The rule that covers this leaf; `None` when there are no rules. A leaf whose SPIFFE id cannot be read is refused
    /// even without rules, so that nobody downstream takes it for a peer without an id.
    pub fn check(&self, leaf: &Certificate) -> Result<Option<PeerRule>, IdentityFault> {
        let id = spiffe_id(leaf)?;
        if self.any_of.is_empty() {
            return Ok(None);
        }
        if let Some(rule) = self.any_of.iter().find(|rule| rule.covers(leaf, id.as_ref())) {
            return Ok(Some(rule.clone()));
        }
        let found = identities(leaf);
        if id.is_none() && self.any_of.iter().all(PeerRule::wants_spiffe) {
            return Err(IdentityFault::NoSpiffeId(found));
        }
        Err(IdentityFault::NotAllowed(found))
    }
}

impl PeerRule {
    fn wants_spiffe(&self) -> bool {
        matches!(self, Self::Spiffe(_) | Self::SpiffePrefix(_) | Self::TrustDomain(_))
    }

    fn covers(&self, leaf: &Certificate, id: Option<&SpiffeId>) -> bool {
        match self {
            Self::Dns(wanted) => leaf.names().dns.iter().any(|presented| dns_covers(wanted, presented)),
            Self::Ip(wanted) => leaf.names().ip.contains(wanted),
            Self::Spiffe(wanted) => id == Some(wanted),
            Self::SpiffePrefix(prefix) => id.is_some_and(|id| begins_with(&id.to_string(), prefix)),
            Self::TrustDomain(wanted) => id.is_some_and(|id| id.trust_domain() == wanted),
            Self::SpkiSha256(wanted) => leaf.spki_sha256() == *wanted,
        }
    }
}

/// Either side may hold the wildcard: the rule of the operator or the name in the certificate. A wildcard name is
/// covered by a wildcard rule only when they are equal.
fn dns_covers(rule: &DnsName, presented: &str) -> bool {
    DnsName::parse(presented)
        .is_ok_and(|presented| rule.covers(&presented) || (!rule.is_wildcard() && presented.covers(rule)))
}

/// Prefix that ends at a segment.
fn begins_with(id: &str, prefix: &str) -> bool {
    match id.strip_prefix(prefix) {
        Some(rest) => prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

/// What the certificate says it is, for a log line.
fn identities(leaf: &Certificate) -> String {
    let names = leaf.names();
    let all: Vec<String> = names
        .uri
        .iter()
        .cloned()
        .chain(names.dns.iter().map(|name| format!("dns {name}")))
        .chain(names.ip.iter().map(|address| format!("ip {address}")))
        .collect();
    if all.is_empty() { "no subjectAltName".to_owned() } else { all.join(", ") }
}

/// Whether a server's certificate is for the name that the client wanted (RFC 9525): subjectAltName only, never CN; an
/// IP literal against iPAddress only.
pub fn matches_server_name(leaf: &Certificate, name: &str) -> bool {
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = literal.parse::<IpAddr>() {
        return leaf.names().ip.contains(&address);
    }
    match DnsName::parse(name) {
        Ok(wanted) if !wanted.is_wildcard() => leaf
            .names()
            .dns
            .iter()
            .any(|presented| DnsName::parse(presented).is_ok_and(|presented| presented.covers(&wanted))),
        _ => false,
    }
}

/// The SPIFFE id of a leaf. A `spiffe:` URI that does not parse, or that stands beside any other URI, is an error; URIs
/// of other schemes alone are no SPIFFE id.
pub fn spiffe_id(leaf: &Certificate) -> Result<Option<SpiffeId>, IdentityFault> {
    let uris = &leaf.names().uri;
    let is_spiffe = |uri: &String| uri.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe:"));
    match (uris.iter().find(|uri| is_spiffe(uri)), uris.len()) {
        (None, _) => Ok(None),
        (Some(uri), 1) => {
            SpiffeId::parse(uri).map(Some).map_err(|source| IdentityFault::BadSpiffeId { uri: uri.clone(), source })
        }
        (Some(_), several) => Err(IdentityFault::SeveralUris(several)),
    }
}
