//! Identities that rules speak of: SPIFFE ids and DNS names.
//!
//! Parsing is strict, after the SPIFFE-ID specification: what does not parse is an error, never "no identity".

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Longest SPIFFE id, from its specification.
const MAX_SPIFFE_ID: usize = 2048;
/// Longest trust domain, from its specification.
const MAX_TRUST_DOMAIN: usize = 255;
const SCHEME: &str = "spiffe://";

/// Why a text is not a SPIFFE id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdError {
    /// Does not begin with `spiffe://`.
    #[error("does not begin with spiffe://")]
    Scheme,
    /// Longer than 2048 octets.
    #[error("longer than {MAX_SPIFFE_ID} octets")]
    TooLong,
    /// The trust domain is empty, too long or has a character other than a-z, 0-9, dot, dash and underscore.
    #[error("trust domain is empty, too long or has a character other than a-z, 0-9, '.', '-' and '_'")]
    TrustDomain,
    /// The path ends with a slash or has an empty segment.
    #[error("path has an empty segment or a trailing slash")]
    EmptySegment,
    /// The path has a `.` or `..` segment.
    #[error("path has a '.' or '..' segment")]
    DotSegment,
    /// The path has a character other than letters, digits, dot, dash and underscore (so no query, fragment or escape).
    #[error("path has a character other than letters, digits, '.', '-' and '_'")]
    PathCharacter,
}

/// A SPIFFE trust domain: the part of an id that names who issued it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Parses the bare name, `example.org`, or an id that has no path, `spiffe://example.org`.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        let name = text.strip_prefix(SCHEME).unwrap_or(text);
        let allowed = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b".-_".contains(&octet);
        if name.is_empty() || name.len() > MAX_TRUST_DOMAIN || !name.bytes().all(allowed) {
            return Err(SpiffeIdError::TrustDomain);
        }
        Ok(Self(name.to_owned()))
    }

    /// The bare name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `spiffe://trust-domain/path`, valid by the specification.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    path: String,
}

impl SpiffeId {
    /// Parses a whole id.
    pub fn parse(text: &str) -> Result<Self, SpiffeIdError> {
        if text.len() > MAX_SPIFFE_ID {
            return Err(SpiffeIdError::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(SpiffeIdError::Scheme)?;
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let trust_domain = TrustDomain::parse(domain)?;
        if !path.is_empty() {
            // The first piece is what stands before the leading slash.
            path.split('/').skip(1).try_for_each(check_segment)?;
        }
        Ok(Self { trust_domain, path: path.to_owned() })
    }

    /// Who issued it.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// The workload: empty, or a slash and segments.
    pub fn path(&self) -> &str {
        &self.path
    }
}

fn check_segment(segment: &str) -> Result<(), SpiffeIdError> {
    match segment {
        "" => Err(SpiffeIdError::EmptySegment),
        "." | ".." => Err(SpiffeIdError::DotSegment),
        _ if segment.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet)) => Ok(()),
        _ => Err(SpiffeIdError::PathCharacter),
    }
}

/// Why a text is not a DNS name that a rule can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DnsNameError {
    /// Empty, over 253 octets, or with an empty or over-long label.
    #[error("name or one of its labels is empty or too long")]
    Length,
    /// A character that host names do not have; names beyond ASCII are written in their `xn--` form.
    #[error("only letters, digits, '-' and '_' may stand in a label (write other scripts in their xn-- form)")]
    Character,
    /// `*` anywhere but as the whole left-most label of at least three.
    #[error("'*' may stand only for the whole left-most label, with two labels behind it")]
    Wildcard,
}

/// A host name, or `*.` and the host names one label below a domain. Kept in lower case, without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsName(String);

impl DnsName {
    /// Parses an exact name or `*.example.org`.
    pub fn parse(text: &str) -> Result<Self, DnsNameError> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let host = match name.strip_prefix("*.") {
            Some(rest) if rest.contains('.') => rest,
            Some(_) => return Err(DnsNameError::Wildcard),
            None => &name,
        };
        if host.contains('*') {
            return Err(DnsNameError::Wildcard);
        }
        if name.is_empty() || name.len() > 253 {
            return Err(DnsNameError::Length);
        }
        for label in host.split('.') {
            if label.is_empty() || label.len() > 63 {
                return Err(DnsNameError::Length);
            }
            if !label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet)) {
                return Err(DnsNameError::Character);
            }
        }
        Ok(Self(name))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it begins with `*.`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether this pattern covers the name (RFC 9525 section 6.3): equal, or the wildcard stands for exactly one
    /// left-most label.
    pub fn covers(&self, name: &Self) -> bool {
        if self.0 == name.0 {
            return true;
        }
        match (self.0.strip_prefix("*."), name.0.split_once('.')) {
            (Some(parent), Some((first, rest))) => first != "*" && parent == rest,
            _ => false,
        }
    }
}

macro_rules! text_type {
    ($type:ty, $error:ty, |$value:ident, $f:ident| $show:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = self;
                $show
            }
        }

        impl FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

text_type!(TrustDomain, SpiffeIdError, |domain, f| f.write_str(&domain.0));
text_type!(SpiffeId, SpiffeIdError, |id, f| write!(f, "{SCHEME}{}{}", id.trust_domain, id.path));
text_type!(DnsName, DnsNameError, |name, f| f.write_str(&name.0));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_of_the_mesh_is_read() {
        let id = SpiffeId::parse("spiffe://cluster.local/ns/default/sa/bookinfo-reviews").expect("valid id");
        assert_eq!(id.trust_domain().as_str(), "cluster.local");
        assert_eq!(id.path(), "/ns/default/sa/bookinfo-reviews");
        assert_eq!(id.to_string(), "spiffe://cluster.local/ns/default/sa/bookinfo-reviews");
        assert_eq!(SpiffeId::parse("spiffe://td").expect("an id may have no path").path(), "");
    }

    #[test]
    fn anything_outside_the_specification_is_refused_by_kind() {
        use SpiffeIdError::*;
        let long = format!("spiffe://td/{}", "a".repeat(2048));
        for (text, error) in [
            ("https://td/a", Scheme),
            ("SPIFFE://td/a", Scheme),
            ("spiffe:/td/a", Scheme),
            ("spiffe://", TrustDomain),
            ("spiffe:///a", TrustDomain),
            ("spiffe://TD/a", TrustDomain),
            ("spiffe://td:8443/a", TrustDomain),
            ("spiffe://user@td/a", TrustDomain),
            ("spiffe://td?x/a", TrustDomain),
            ("spiffe://td%2e/a", TrustDomain),
            ("spiffe://td/", EmptySegment),
            ("spiffe://td/a/", EmptySegment),
            ("spiffe://td/a//b", EmptySegment),
            ("spiffe://td/a/../b", DotSegment),
            ("spiffe://td/./b", DotSegment),
            ("spiffe://td/a?q", PathCharacter),
            ("spiffe://td/a#f", PathCharacter),
            ("spiffe://td/a%2Fb", PathCharacter),
            ("spiffe://td/ä", PathCharacter),
            (long.as_str(), TooLong),
        ] {
            assert_eq!(SpiffeId::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_whole_label() {
        let pattern = DnsName::parse("*.Example.org").expect("wildcard");
        let covers = |name: &str| pattern.covers(&DnsName::parse(name).expect("name"));
        assert!(covers("a.example.org") && covers("A.EXAMPLE.ORG."));
        assert!(!covers("example.org") && !covers("a.b.example.org") && !covers("a.example.com"));
        for bad in ["*", "*.org", "a*.example.org", "a.*.example.org", "**.example.org", "*.*.example.org"] {
            assert_eq!(DnsName::parse(bad), Err(DnsNameError::Wildcard), "{bad}");
        }
        for bad in ["", ".", "a..b", ".a", "ex ample.org", "münchen.example", "a/b"] {
            assert!(DnsName::parse(bad).is_err(), "{bad}");
        }
    }
}
