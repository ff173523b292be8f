//! Suites, groups and versions in rustls' terms.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::protocol::{Group, Suite, Version};
use crate::server::ContextError;

/// aws-lc-rs restricted to `suites` and `groups`, in that order; an empty list means rustls' defaults.
pub(super) fn provider(suites: &[Suite], groups: &[Group]) -> Result<Arc<CryptoProvider>, ContextError> {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        let find = |suite: &Suite| {
            let mut all = aws_lc_rs::ALL_CIPHER_SUITES.iter().copied();
            all.find(|supported| u16::from(supported.suite()) == suite.0)
        };
        provider.cipher_suites = suites.iter().filter_map(find).collect();
    }
    if !groups.is_empty() {
        let find = |group: &Group| {
            let mut all = aws_lc_rs::ALL_KX_GROUPS.iter().copied();
            all.find(|supported| u16::from(supported.name()) == group.0)
        };
        provider.kx_groups = groups.iter().filter_map(find).collect();
    }
    if provider.cipher_suites.is_empty() || provider.kx_groups.is_empty() {
        return Err(ContextError::NothingToNegotiate);
    }
    Ok(Arc::new(provider))
}

/// The versions from `min` to `max` for which the provider has a suite.
pub(super) fn versions(
    provider: &CryptoProvider,
    min: Version,
    max: Version,
) -> Result<Vec<&'static SupportedProtocolVersion>, ContextError> {
    let has_suite = |version: &SupportedProtocolVersion| {
        provider.cipher_suites.iter().any(|suite| suite.version().version == version.version)
    };
    let versions: Vec<_> = [(Version::Tls13, &rustls::version::TLS13), (Version::Tls12, &rustls::version::TLS12)]
        .into_iter()
        .filter(|(version, supported)| (min..=max).contains(version) && has_suite(supported))
        .map(|(_, supported)| supported)
        .collect();
    if versions.is_empty() { Err(ContextError::NothingToNegotiate) } else { Ok(versions) }
}
