//! Names and extensions, encoded.

use std::net::IpAddr;

use crate::development::der;

/// Bits of the keyUsage extension (RFC 5280 §4.2.1.3), in their order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Usage {
    /// digitalSignature
    DigitalSignature = 0,
    /// nonRepudiation (contentCommitment)
    NonRepudiation = 1,
    /// keyEncipherment
    KeyEncipherment = 2,
    /// dataEncipherment
    DataEncipherment = 3,
    /// keyAgreement
    KeyAgreement = 4,
    /// keyCertSign
    CertificateSigning = 5,
    /// cRLSign
    CrlSigning = 6,
    /// encipherOnly
    EncipherOnly = 7,
    /// decipherOnly
    DecipherOnly = 8,
}

impl Usage {
    /// A leaf that signs: every standard leaf, and the sign certificate of a TLCP pair.
    pub const SIGN: &[Self] = &[Self::DigitalSignature, Self::NonRepudiation];
    /// The enc certificate of a TLCP pair.
    pub const ENC: &[Self] = &[Self::KeyEncipherment, Self::DataEncipherment, Self::KeyAgreement];
    /// A certificate authority.
    pub const AUTHORITY: &[Self] = &[Self::CertificateSigning, Self::CrlSigning];
}

/// Purposes of the extendedKeyUsage extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// id-kp-serverAuth
    ServerAuth,
    /// id-kp-clientAuth
    ClientAuth,
    /// id-kp-codeSigning: a purpose that has no place in TLS
    CodeSigning,
    /// anyExtendedKeyUsage
    Any,
}

/// A distinguished name, one attribute per RDN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(Vec<(&'static [u64], String)>);

impl Name {
    /// A name of a common name alone.
    pub fn common(name: impl Into<String>) -> Self {
        Self(vec![(&[2, 5, 4, 3], name.into())])
    }

    /// No attribute at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The same name under an organization.
    #[must_use]
    pub fn organization(mut self, organization: impl Into<String>) -> Self {
        self.0.insert(0, (&[2, 5, 4, 10], organization.into()));
        self
    }

    pub(super) fn der(&self) -> Vec<u8> {
        der::sequence(self.0.iter().map(|(attribute, text)| {
            der::constructed(der::SET, [der::sequence([der::oid(attribute), der::utf8_string(text)])])
        }))
    }
}

/// One entry of subjectAltName, or the base of a name constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// dNSName
    Dns(String),
    /// iPAddress
    Ip(IpAddr),
    /// uniformResourceIdentifier
    Uri(String),
    /// rfc822Name
    Email(String),
}

impl AltName {
    fn der(&self) -> Vec<u8> {
        match self {
            Self::Email(text) => der::element(der::context_primitive(1), text.as_bytes()),
            Self::Dns(text) => der::element(der::context_primitive(2), text.as_bytes()),
            Self::Uri(text) => der::element(der::context_primitive(6), text.as_bytes()),
            Self::Ip(IpAddr::V4(address)) => der::element(der::context_primitive(7), &address.octets()),
            Self::Ip(IpAddr::V6(address)) => der::element(der::context_primitive(7), &address.octets()),
        }
    }
}

/// One extension, ready for the list.
#[derive(Clone, Debug)]
pub(super) struct Extension {
    pub(super) oid: Vec<u64>,
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
}

impl Extension {
    pub(super) fn new(oid: &[u64], critical: bool, value: Vec<u8>) -> Self {
        Self { oid: oid.to_vec(), critical, value }
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let mut parts = vec![der::oid(&self.oid)];
        if self.critical {
            parts.push(der::boolean_true());
        }
        parts.push(der::octet_string(&self.value));
        der::sequence(parts)
    }
}

pub(super) fn basic_constraints(authority: bool, path_length: Option<u8>) -> Extension {
    let mut parts = Vec::new();
    if authority {
        parts.push(der::boolean_true());
    }
    if let Some(path_length) = path_length {
        parts.push(der::small_integer(path_length.into()));
    }
    Extension::new(&[2, 5, 29, 19], true, der::sequence(parts))
}

pub(super) fn key_usage(usages: &[Usage]) -> Extension {
    Extension::new(&[2, 5, 29, 15], true, der::named_bits(usages.iter().map(|usage| *usage as u8)))
}

pub(super) fn extended_key_usage(purposes: &[Purpose]) -> Extension {
    let purposes = purposes.iter().map(|purpose| {
        der::oid(match purpose {
            Purpose::ServerAuth => &[1, 3, 6, 1, 5, 5, 7, 3, 1],
            Purpose::ClientAuth => &[1, 3, 6, 1, 5, 5, 7, 3, 2],
            Purpose::CodeSigning => &[1, 3, 6, 1, 5, 5, 7, 3, 3],
            Purpose::Any => &[2, 5, 29, 37, 0],
        })
    });
    Extension::new(&[2, 5, 29, 37], false, der::sequence(purposes))
}

/// Critical when the subject is empty (RFC 5280 §4.2.1.6).
pub(super) fn subject_alt_names(names: &[AltName], subject: &Name) -> Extension {
    Extension::new(&[2, 5, 29, 17], subject.0.is_empty(), der::sequence(names.iter().map(AltName::der)))
}

pub(super) fn name_constraints(permitted: &[AltName], excluded: &[AltName]) -> Extension {
    let subtrees = |tag, names: &[AltName]| {
        if names.is_empty() {
            return Vec::new();
        }
        der::constructed(der::context(tag), names.iter().map(|name| der::sequence([name.der()])))
    };
    Extension::new(&[2, 5, 29, 30], true, der::sequence([subtrees(0, permitted), subtrees(1, excluded)]))
}

pub(super) fn subject_key_id(id: &[u8]) -> Extension {
    Extension::new(&[2, 5, 29, 14], false, der::octet_string(id))
}

pub(super) fn authority_key_id(id: &[u8]) -> Extension {
    Extension::new(&[2, 5, 29, 35], false, der::sequence([der::element(der::context_primitive(0), id)]))
}
