//! What a listener or a backend connection may negotiate: named policies, and the decision which family serves a client.
//!
//! A [`Policy`] is complete and consistent by construction: what cannot be met is an error when it is built, never a
//! surprise in a handshake. [`Policy::decide`] is pure; both engines are told what it decided and nothing weaker.

mod build;
mod decide;
mod error;

use std::fmt;
use std::str::FromStr;

pub use decide::{Available, Family};
pub use error::{PolicyError, PolicyField};

use crate::protocol::{Group, Protocol, Suite, UnknownName, Version};

/// The policies an operator chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyName {
    /// TLS 1.2 and 1.3 with the usual suites; nothing national.
    Standard,
    /// National protocols for whoever speaks them, standard TLS for the others.
    GmPreferred,
    /// National protocols only.
    GmOnly,
}

impl PolicyName {
    /// Every name.
    pub const ALL: [Self; 3] = [Self::Standard, Self::GmPreferred, Self::GmOnly];

    /// The name used in configuration and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::GmPreferred => "gm-preferred",
            Self::GmOnly => "gm-only",
        }
    }

    const fn has_national(self) -> bool {
        !matches!(self, Self::Standard)
    }

    const fn has_standard(self) -> bool {
        !matches!(self, Self::GmOnly)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PolicyName {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| UnknownName::new("policy", text, Self::ALL.map(Self::as_str)))
    }
}

/// What may be negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name it was built from.
    pub name: PolicyName,
    /// TLCP, if allowed.
    pub tlcp: Option<TlcpPolicy>,
    /// TLS 1.3 after RFC 8998, if allowed.
    pub tls13_sm: Option<SmPolicy>,
    /// Standard TLS, if allowed.
    pub standard: Option<StandardPolicy>,
    /// Whether a client that offers both standard and SM suites gets the latter.
    pub prefer_sm: bool,
}

/// What may be negotiated in TLCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlcpPolicy {
    /// Suites in our order of preference; never empty.
    pub suites: Vec<Suite>,
}

/// What may be negotiated in TLS 1.3 after RFC 8998. The signature scheme is always sm2sig_sm3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmPolicy {
    /// Suites in our order of preference; never empty.
    pub suites: Vec<Suite>,
    /// Groups in our order of preference; never empty.
    pub groups: Vec<Group>,
}

/// What may be negotiated in standard TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardPolicy {
    /// The oldest version.
    pub min: Version,
    /// The newest version.
    pub max: Version,
    /// Suites in our order of preference, TLS 1.3's and TLS 1.2's; each version from `min` to `max` has one at least.
    pub suites: Vec<Suite>,
    /// Groups in our order of preference; each version from `min` to `max` has one at least.
    pub groups: Vec<Group>,
}

impl StandardPolicy {
    /// The suites of one version, in our order of preference.
    pub fn suites_of(&self, version: Version) -> impl Iterator<Item = Suite> + Clone {
        self.suites.iter().copied().filter(move |suite| suite.protocol() == Some(version.protocol()))
    }

    /// The groups of one version, in our order of preference.
    pub fn groups_of(&self, version: Version) -> impl Iterator<Item = Group> + Clone {
        self.groups.iter().copied().filter(move |group| group.serves(version.protocol()))
    }

    /// Whether a version lies between `min` and `max`.
    pub fn takes(&self, version: Version) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

/// What an operator writes: a name, and restrictions of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySpec {
    /// The policy to begin with.
    pub name: PolicyName,
    /// The oldest standard version, if not the policy's own.
    pub min: Option<Version>,
    /// The newest standard version, if not the policy's own.
    pub max: Option<Version>,
    /// The only suites, by name and in order of preference; empty means the policy's own.
    pub suites: Vec<String>,
    /// The only groups, by name and in order of preference; empty means the policy's own.
    pub groups: Vec<String>,
}

impl PolicySpec {
    /// A policy without restrictions.
    pub fn named(name: PolicyName) -> Self {
        Self { name, min: None, max: None, suites: Vec::new(), groups: Vec::new() }
    }
}

impl Policy {
    /// A named policy without restrictions.
    pub fn named(name: PolicyName) -> Self {
        build::defaults(name)
    }

    /// A policy from what an operator wrote; every problem is reported, not the first.
    pub fn build(spec: &PolicySpec) -> Result<Self, Vec<PolicyError>> {
        build::build(spec)
    }

    /// The protocols that can come out of a handshake, the national ones first.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> {
        let standard = |version| self.standard.as_ref().is_some_and(|standard| standard.takes(version));
        Protocol::ALL.into_iter().filter(move |protocol| match protocol {
            Protocol::Tlcp => self.tlcp.is_some(),
            Protocol::Tls13Sm => self.tls13_sm.is_some(),
            Protocol::Tls13 => standard(Version::Tls13),
            Protocol::Tls12 => standard(Version::Tls12),
        })
    }
}

#[cfg(test)]
mod tests;
