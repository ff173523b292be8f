//! The first message of a TLS or TLCP client, read without any TLS library.
//!
//! The hello decides which engine, credential and filter chain serve a connection, so it is read before any of them
//! sees a byte, and it is read strictly: every length must fit, no extension may come twice. What is read here is a
//! claim of an unauthenticated peer. Nothing in this module does IO; see `sniff`.

mod error;
mod fields;
mod reader;
mod records;
mod server_name;

pub use error::{HelloError, Part, Problem};
pub(crate) use fields::{ALPN, SERVER_NAME};
pub use records::{HelloReader, MAX_HELLO, MAX_RECEIVED, Progress};

use crate::protocol::{Group, Scheme, Suite, Version, is_grease};

/// The version number of TLCP, in the record and in the hello.
pub const TLCP_VERSION: u16 = 0x0101;

/// What a client offers. Lists are in the client's order and hold GREASE values as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientHello {
    /// The version in the header of the first record: 0x0101 for TLCP, 0x0300 to 0x0304 for TLS.
    pub record_version: u16,
    /// The version in the message itself; TLS 1.3 clients say 0x0303 here.
    pub legacy_version: u16,
    /// The versions of `supported_versions`, empty without that extension.
    pub versions: Vec<u16>,
    /// Cipher suites.
    pub suites: Vec<u16>,
    /// Key exchange groups of `supported_groups`.
    pub groups: Vec<u16>,
    /// The groups for which a key share came along.
    pub key_shares: Vec<u16>,
    /// Signature schemes of `signature_algorithms`.
    pub schemes: Vec<u16>,
    /// The server's name, in lower case, without a final dot.
    pub sni: Option<String>,
    /// Application protocols.
    pub alpn: Vec<Vec<u8>>,
    /// Every extension's number.
    pub extensions: Vec<u16>,
    /// Whether a session id came along (TLS 1.3 clients send one without meaning).
    pub has_session_id: bool,
    /// Whether a TLS 1.2 or TLCP session ticket came along; an empty one only asks for a ticket.
    pub has_session_ticket: bool,
    /// Whether a TLS 1.3 pre-shared key (a resumption) is offered.
    pub has_pre_shared_key: bool,
    /// Whether data follows before the handshake is done.
    pub has_early_data: bool,
}

impl ClientHello {
    /// Reads the body of a ClientHello: what follows the four bytes of the handshake header. The record's version
    /// decides between TLCP and TLS and is checked against the message's own.
    pub fn parse(record_version: u16, body: &[u8]) -> Result<Self, HelloError> {
        fields::client_hello(record_version, body)
    }

    /// Whether it is a TLCP hello.
    pub fn is_tlcp(&self) -> bool {
        self.record_version == TLCP_VERSION
    }

    /// Whether it is a TLS hello that names TLCP suites all the same: a client that would also take a TLCP answer.
    pub fn hints_tlcp(&self) -> bool {
        !self.is_tlcp() && self.suites.iter().any(|suite| suite >> 8 == 0xe0 && Suite(*suite).name().is_some())
    }

    /// Whether it offers all that RFC 8998 asks of a client.
    ///
    //= RFC 8998 3.3.1: TLS 1.3, an SM suite, sm2sig_sm3 and an SM2 group
    pub fn offers_tls13_sm(&self) -> bool {
        self.offers(Version::Tls13)
            && [Suite::TLS_SM4_GCM_SM3, Suite::TLS_SM4_CCM_SM3].iter().any(|suite| self.suites.contains(&suite.0))
            && [Group::CURVE_SM2, Group::CURVE_SM2_MLKEM768].iter().any(|group| self.groups.contains(&group.0))
            && self.schemes.contains(&Scheme::SM2SIG_SM3.0)
    }

    /// Whether it offers a version of standard TLS. Before `supported_versions`, a client's version is its upper end.
    pub fn offers(&self, version: Version) -> bool {
        if self.is_tlcp() {
            false
        } else if self.has_extension(fields::SUPPORTED_VERSIONS) {
            self.versions.contains(&version.code())
        } else {
            version <= Version::Tls12 && version.code() <= self.legacy_version
        }
    }

    /// The versions that the client can speak as far as its hello tells, GREASE left out.
    pub fn offered_versions(&self) -> impl Iterator<Item = u16> {
        let legacy = (!self.has_extension(fields::SUPPORTED_VERSIONS)).then_some(self.legacy_version);
        self.versions.iter().copied().filter(|version| !is_grease(*version)).chain(legacy)
    }

    pub(crate) fn has_extension(&self, number: u16) -> bool {
        self.extensions.contains(&number)
    }
}

#[cfg(test)]
mod tests;
