//! Which family of protocols serves a client, or why none does.

use std::fmt;

use super::Policy;
use crate::error::{Failure, Mismatch, NeededCredential};
use crate::hello::ClientHello;
use crate::protocol::{Group, Scheme, Suite, Version, is_grease, version_name};

/// What a handshake is run as. The engine behind it is told to take nothing of another family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// TLCP.
    Tlcp,
    /// TLS 1.3 after RFC 8998.
    Tls13Sm,
    /// Standard TLS.
    Standard,
}

/// Which credentials are ready for the name that the client asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Available {
    /// An SM2 sign and enc certificate pair.
    pub tlcp: bool,
    /// A single SM2 certificate.
    pub sm2: bool,
    /// An RSA, ECDSA or Ed25519 certificate.
    pub standard: bool,
}

impl Policy {
    /// Decides which family serves a client, or says why none does.
    ///
    /// A client that asks for SM suites without all that RFC 8998 demands is served by standard TLS where the policy
    /// has it, never by a half-national handshake.
    pub fn decide(&self, hello: &ClientHello, available: Available) -> Result<Family, Failure> {
        if hello.is_tlcp() {
            return self.decide_tlcp(hello, available).map(|()| Family::Tlcp);
        }
        let national = self.decide_national(hello, available);
        let standard = self.decide_standard(hello, available);
        match (national, standard) {
            (Some(Ok(())), Err(_)) => Ok(Family::Tls13Sm),
            (Some(Ok(())), Ok(())) if self.prefer_sm => Ok(Family::Tls13Sm),
            (_, Ok(())) => Ok(Family::Standard),
            (Some(Err(failure)), Err(_)) if !self.has_standard_suite_of(hello) => Err(failure),
            (_, Err(failure)) => Err(failure),
        }
    }

    fn decide_tlcp(&self, hello: &ClientHello, available: Available) -> Result<(), Failure> {
        let tlcp = self.tlcp.as_ref().ok_or_else(|| self.no_common_protocol(hello))?;
        if !available.tlcp {
            return Err(Failure::LocalCredentialMissing(NeededCredential::TlcpPair));
        }
        common_suite(hello, tlcp.suites.iter().copied())
    }

    /// `None` when the client does not ask for it, or the policy does not allow it.
    fn decide_national(&self, hello: &ClientHello, available: Available) -> Option<Result<(), Failure>> {
        let sm = self.tls13_sm.as_ref()?;
        let asks = [Suite::TLS_SM4_GCM_SM3, Suite::TLS_SM4_CCM_SM3].iter().any(|suite| hello.suites.contains(&suite.0));
        let decided = || {
            if !hello.offers(Version::Tls13) {
                return Err(self.no_common_protocol(hello));
            }
            common_suite(hello, sm.suites.iter().copied())?;
            if !hello.schemes.contains(&Scheme::SM2SIG_SM3.0) {
                let offered = without_grease(&hello.schemes).map(Scheme);
                return Err(Failure::NoCommonScheme(Mismatch::new(offered, [Scheme::SM2SIG_SM3])));
            }
            common_group(hello, sm.groups.iter().copied())?;
            if !available.sm2 {
                return Err(Failure::LocalCredentialMissing(NeededCredential::Sm2));
            }
            Ok(())
        };
        asks.then(decided)
    }

    fn decide_standard(&self, hello: &ClientHello, available: Available) -> Result<(), Failure> {
        let standard = self.standard.as_ref().ok_or_else(|| self.no_common_protocol(hello))?;
        let common = Version::ALL.into_iter().rev().find(|version| standard.takes(*version) && hello.offers(*version));
        let version = common.ok_or_else(|| self.no_common_protocol(hello))?;
        //= RFC 7507 3: a fallback below what both sides speak is refused
        if version < standard.max && hello.suites.contains(&Suite::TLS_FALLBACK_SCSV.0) {
            let (offered, common) = (version.as_str(), standard.max.as_str());
            return Err(Failure::InappropriateFallback { offered, common });
        }
        if !available.standard {
            return Err(Failure::LocalCredentialMissing(NeededCredential::Standard));
        }
        common_suite(hello, standard.suites_of(version))?;
        // Without the extension a TLS 1.2 client leaves the choice to the server (RFC 8422 4).
        if version == Version::Tls12 && hello.groups.is_empty() {
            return Ok(());
        }
        common_group(hello, standard.groups_of(version))
    }

    fn has_standard_suite_of(&self, hello: &ClientHello) -> bool {
        let suites = self.standard.iter().flat_map(|standard| &standard.suites);
        suites.into_iter().any(|suite| hello.suites.contains(&suite.0))
    }

    fn no_common_protocol(&self, hello: &ClientHello) -> Failure {
        Failure::NoCommonProtocol(Mismatch::new(hello.offered_versions().map(VersionNumber), self.protocols()))
    }
}

struct VersionNumber(u16);

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match version_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

fn without_grease(codes: &[u16]) -> impl Iterator<Item = u16> {
    codes.iter().copied().filter(|code| !is_grease(*code))
}

fn common_suite(hello: &ClientHello, accepted: impl Iterator<Item = Suite> + Clone) -> Result<(), Failure> {
    if accepted.clone().any(|suite| hello.suites.contains(&suite.0)) {
        return Ok(());
    }
    Err(Failure::NoCommonSuite(Mismatch::new(without_grease(&hello.suites).map(Suite), accepted)))
}

fn common_group(hello: &ClientHello, accepted: impl Iterator<Item = Group> + Clone) -> Result<(), Failure> {
    if accepted.clone().any(|group| hello.groups.contains(&group.0)) {
        return Ok(());
    }
    Err(Failure::NoCommonGroup(Mismatch::new(without_grease(&hello.groups).map(Group), accepted)))
}
