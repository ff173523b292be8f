//! Named policies, and the checks that a restricted one can be met.
//!
//! `suites` and `groups` are the whole truth: what they do not name is not negotiated. A list of suites without any of
//! TLCP, or without any of RFC 8998, switches that protocol off; a standard version cannot be switched off that way,
//! because `min` and `max` say that it is on.

use std::collections::HashSet;
use std::hash::Hash;
use std::str::FromStr;

use super::error::{PolicyError, PolicyField};
use super::{Policy, PolicyName, PolicySpec, SmPolicy, StandardPolicy, TlcpPolicy};
use crate::protocol::{Group, Protocol, Suite, UnknownName, Version};

/// Groups that are negotiated unless others are named: all but P-256 with ML-KEM, which nobody needs beside X25519's.
fn default_groups() -> Vec<Group> {
    Group::SUPPORTED.into_iter().filter(|group| *group != Group::SECP256R1_MLKEM768).collect()
}

pub(super) fn defaults(name: PolicyName) -> Policy {
    assemble(name, Version::Tls12, Version::Tls13, &Suite::SUPPORTED, &default_groups())
}

pub(super) fn build(spec: &PolicySpec) -> Result<Policy, Vec<PolicyError>> {
    let mut errors = Vec::new();
    let (min, max) = versions(spec, &mut errors);
    let scope = Scope { name: spec.name, min, max };

    let suites = listed(&spec.suites, PolicyField::Suite, &mut errors, |suite: Suite, field, given| {
        let protocols = suite.protocol();
        scope.check(field, given, protocols.as_slice(), &Suite::SUPPORTED)
    });
    let groups = listed(&spec.groups, PolicyField::Group, &mut errors, |group: Group, field, given| {
        let protocols: Vec<Protocol> = Protocol::ALL.into_iter().filter(|protocol| group.serves(*protocol)).collect();
        scope.check(field, given, &protocols, &Group::SUPPORTED)
    });
    if !errors.is_empty() {
        return Err(errors);
    }

    let policy = assemble(
        spec.name,
        min,
        max,
        suites.as_deref().unwrap_or(&Suite::SUPPORTED),
        groups.as_deref().unwrap_or(&default_groups()),
    );
    let national_group = groups.iter().flatten().any(|group| group.serves(Protocol::Tls13Sm));
    left(&policy, national_group, &mut errors);
    if errors.is_empty() { Ok(policy) } else { Err(errors) }
}

fn versions(spec: &PolicySpec, errors: &mut Vec<PolicyError>) -> (Version, Version) {
    if !spec.name.has_standard() {
        for (field, _) in
            [(PolicyField::Min, spec.min), (PolicyField::Max, spec.max)].iter().filter(|pair| pair.1.is_some())
        {
            errors.push(PolicyError::NoStandardVersions { field: *field, policy: spec.name });
        }
        return (Version::Tls12, Version::Tls13);
    }
    let (min, max) = (spec.min.unwrap_or(Version::Tls12), spec.max.unwrap_or(Version::Tls13));
    if min > max {
        errors.push(PolicyError::MinAboveMax { min, max });
        return (Version::Tls12, Version::Tls13);
    }
    (min, max)
}

/// Reads a list of names. `None` means that none was given.
fn listed<T: FromStr<Err = UnknownName> + Copy + Eq + Hash>(
    names: &[String],
    field: fn(usize) -> PolicyField,
    errors: &mut Vec<PolicyError>,
    check: impl Fn(T, PolicyField, &str) -> Result<(), PolicyError>,
) -> Option<Vec<T>> {
    let mut seen = HashSet::new();
    let mut values = Vec::with_capacity(names.len());
    for (index, given) in names.iter().enumerate() {
        let field = field(index);
        let value = given.parse::<T>().map_err(|name| PolicyError::Unknown { field, name });
        let checked = value.and_then(|value| check(value, field, given).map(|()| value));
        match checked {
            Ok(value) if seen.insert(value) => values.push(value),
            Ok(_) => errors.push(PolicyError::Twice { field, given: given.clone() }),
            Err(error) => errors.push(error),
        }
    }
    (!names.is_empty()).then_some(values)
}

/// What a name may belong to.
struct Scope {
    name: PolicyName,
    min: Version,
    max: Version,
}

impl Scope {
    /// Whether one of `protocols`, to which the named thing belongs, is within the policy and its versions.
    fn check<T: Named>(
        &self,
        field: PolicyField,
        given: &str,
        protocols: &[Protocol],
        supported: &[T],
    ) -> Result<(), PolicyError> {
        let given = given.to_owned();
        let Some(&first) = protocols.first() else {
            let supported = supported.iter().filter_map(Named::name).collect();
            return Err(PolicyError::Unsupported { field, given, supported });
        };
        let allowed = if first.is_national() { self.name.has_national() } else { self.name.has_standard() };
        if !allowed {
            return Err(PolicyError::OutsidePolicy { field, given, protocol: first, policy: self.name });
        }
        let within = |version: Version| (self.min..=self.max).contains(&version);
        let standard = Version::ALL.into_iter().find(|version| protocols.contains(&version.protocol()));
        match standard {
            Some(version) if !Version::ALL.into_iter().any(|v| within(v) && protocols.contains(&v.protocol())) => {
                Err(PolicyError::OutsideVersions { field, given, version })
            }
            _ => Ok(()),
        }
    }
}

/// A code point with a registered name.
trait Named {
    fn name(&self) -> Option<&'static str>;
}

impl Named for Suite {
    fn name(&self) -> Option<&'static str> {
        Self::name(*self)
    }
}

impl Named for Group {
    fn name(&self) -> Option<&'static str> {
        Self::name(*self)
    }
}

fn assemble(name: PolicyName, min: Version, max: Version, suites: &[Suite], groups: &[Group]) -> Policy {
    let suites_of = |wanted: &dyn Fn(Protocol) -> bool| -> Vec<Suite> {
        suites.iter().copied().filter(|suite| suite.protocol().is_some_and(wanted)).collect()
    };
    let groups_of = |wanted: &dyn Fn(Protocol) -> bool| -> Vec<Group> {
        groups.iter().copied().filter(|group| Protocol::ALL.into_iter().any(|p| wanted(p) && group.serves(p))).collect()
    };
    let national = |protocol: Protocol| {
        Some(suites_of(&|p| p == protocol)).filter(|suites| name.has_national() && !suites.is_empty())
    };
    let in_range = |p: Protocol| Version::ALL.into_iter().any(|v| v.protocol() == p && (min..=max).contains(&v));
    Policy {
        name,
        tlcp: national(Protocol::Tlcp).map(|suites| TlcpPolicy { suites }),
        tls13_sm: national(Protocol::Tls13Sm)
            .map(|suites| SmPolicy { suites, groups: groups_of(&|p| p == Protocol::Tls13Sm) }),
        standard: name.has_standard().then(|| StandardPolicy {
            min,
            max,
            suites: suites_of(&in_range),
            groups: groups_of(&in_range),
        }),
        prefer_sm: name.has_national(),
    }
}

/// Whether every protocol that the policy promises has something left to negotiate.
fn left(policy: &Policy, national_group: bool, errors: &mut Vec<PolicyError>) {
    let name = policy.name;
    let mut nothing = |field, protocol| errors.push(PolicyError::NothingLeft { field, protocol, policy: name });
    if name.has_national() {
        match (&policy.tlcp, &policy.tls13_sm) {
            (None, None) => nothing(PolicyField::Suites, Protocol::Tlcp),
            // Whoever names an SM2 group wants the protocol that uses it.
            (Some(_), None) if national_group => nothing(PolicyField::Suites, Protocol::Tls13Sm),
            (_, Some(sm)) if sm.groups.is_empty() => nothing(PolicyField::Groups, Protocol::Tls13Sm),
            _ => {}
        }
    }
    let Some(standard) = &policy.standard else { return };
    for version in Version::ALL.into_iter().filter(|version| standard.takes(*version)) {
        if standard.suites_of(version).next().is_none() {
            nothing(PolicyField::Suites, version.protocol());
        }
        if standard.groups_of(version).next().is_none() {
            nothing(PolicyField::Groups, version.protocol());
        }
    }
    if policy.tls13_sm.is_some() && standard.max < Version::Tls13 {
        errors.push(PolicyError::MaxExcludesSm { max: standard.max, policy: name });
    }
}
