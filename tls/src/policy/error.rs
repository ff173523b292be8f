//! Why a policy cannot be met as written.

use std::fmt;

use super::PolicyName;
use crate::protocol::{Protocol, UnknownName, Version};

/// The part of a policy that a problem is about; an index counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyField {
    /// `min`
    Min,
    /// `max`
    Max,
    /// `suites` as a whole.
    Suites,
    /// One entry of `suites`.
    Suite(usize),
    /// `groups` as a whole.
    Groups,
    /// One entry of `groups`.
    Group(usize),
}

/// The path below the policy's own, as `suites[1]`.
impl fmt::Display for PolicyField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Suites => f.write_str("suites"),
            Self::Suite(index) => write!(f, "suites[{index}]"),
            Self::Groups => f.write_str("groups"),
            Self::Group(index) => write!(f, "groups[{index}]"),
        }
    }
}

/// A problem of a policy: what is wrong, and in [`todo`](Self::todo) what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A suite or group by a name that nobody knows.
    #[error("{name}")]
    Unknown {
        /// Which entry.
        field: PolicyField,
        /// The name, with those that are known.
        name: UnknownName,
    },
    /// A suite or group that exists, but is not spoken here under any policy.
    #[error("{given} is known, but not supported")]
    Unsupported {
        /// Which entry.
        field: PolicyField,
        /// The name as given.
        given: String,
        /// What could be named instead.
        supported: Vec<&'static str>,
    },
    /// A suite or group of a protocol that the policy does not allow.
    #[error("{given} belongs to {protocol}, which the policy {policy} does not allow")]
    OutsidePolicy {
        /// Which entry.
        field: PolicyField,
        /// The name as given.
        given: String,
        /// Its protocol.
        protocol: Protocol,
        /// The policy.
        policy: PolicyName,
    },
    /// A suite or group of a version that `min` and `max` exclude.
    #[error("{given} serves {version} only, which min and max exclude")]
    OutsideVersions {
        /// Which entry.
        field: PolicyField,
        /// The name as given.
        given: String,
        /// Its version.
        version: Version,
    },
    /// The same suite or group a second time.
    #[error("{given} is listed twice")]
    Twice {
        /// The second entry.
        field: PolicyField,
        /// The name as given.
        given: String,
    },
    /// `min` above `max`.
    #[error("min {min} is above max {max}")]
    MinAboveMax {
        /// The lower end as resolved.
        min: Version,
        /// The upper end as resolved.
        max: Version,
    },
    /// `min` or `max` in a policy without standard TLS.
    #[error("{field} bounds standard TLS, which the policy {policy} does not allow")]
    NoStandardVersions {
        /// `min` or `max`.
        field: PolicyField,
        /// The policy.
        policy: PolicyName,
    },
    /// `max: tls1.2` while TLS 1.3 with SM suites stays on.
    #[error("max {max} excludes tls1.3, yet the policy {policy} serves tls1.3-sm")]
    MaxExcludesSm {
        /// The upper end.
        max: Version,
        /// The policy.
        policy: PolicyName,
    },
    /// A list that leaves a protocol without anything to negotiate.
    #[error("{field} leaves nothing for {protocol}, which the policy {policy} serves")]
    NothingLeft {
        /// `suites` or `groups`.
        field: PolicyField,
        /// The protocol.
        protocol: Protocol,
        /// The policy.
        policy: PolicyName,
    },
}

impl PolicyError {
    /// Where the problem is.
    pub fn field(&self) -> PolicyField {
        match self {
            Self::Unknown { field, .. }
            | Self::Unsupported { field, .. }
            | Self::OutsidePolicy { field, .. }
            | Self::OutsideVersions { field, .. }
            | Self::Twice { field, .. }
            | Self::NoStandardVersions { field, .. }
            | Self::NothingLeft { field, .. } => *field,
            Self::MinAboveMax { .. } => PolicyField::Min,
            Self::MaxExcludesSm { .. } => PolicyField::Max,
        }
    }

    /// The stable label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_name",
            Self::Unsupported { .. } => "unsupported",
            Self::OutsidePolicy { .. } => "outside_policy",
            Self::OutsideVersions { .. } => "outside_versions",
            Self::Twice { .. } => "listed_twice",
            Self::MinAboveMax { .. } => "min_above_max",
            Self::NoStandardVersions { .. } => "no_standard_versions",
            Self::MaxExcludesSm { .. } => "max_excludes_sm",
            Self::NothingLeft { .. } => "nothing_left",
        }
    }

    /// What to do about it.
    pub fn todo(&self) -> String {
        match self {
            Self::Unknown { .. } => "use one of the known names".to_owned(),
            Self::Unsupported { supported, .. } => format!("use one of {}", supported.join(", ")),
            Self::OutsidePolicy { protocol, .. } if protocol.is_national() => {
                "remove it, or choose the policy gm-preferred or gm-only".to_owned()
            }
            Self::OutsidePolicy { .. } => "remove it, or choose the policy gm-preferred or standard".to_owned(),
            Self::OutsideVersions { version, .. } => format!("remove it, or let min and max include {version}"),
            Self::Twice { .. } => "remove one of the two".to_owned(),
            Self::MinAboveMax { .. } => "raise max or lower min".to_owned(),
            Self::NoStandardVersions { field, .. } => {
                format!("remove {field}, or choose the policy gm-preferred or standard")
            }
            Self::MaxExcludesSm { .. } => {
                "remove max, or name TLCP and standard suites only in suites, which switches tls1.3-sm off".to_owned()
            }
            Self::NothingLeft { field, protocol: Protocol::Tls12, .. } => {
                format!("add one for tls1.2 to {field}, or set min: tls1.3")
            }
            Self::NothingLeft { field, protocol: Protocol::Tls13, .. } => {
                format!("add one for tls1.3 to {field}, or set max: tls1.2")
            }
            Self::NothingLeft { field, protocol, .. } => {
                format!("add one for {protocol} to {field}, or choose another policy")
            }
        }
    }
}
