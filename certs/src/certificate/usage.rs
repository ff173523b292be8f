//! keyUsage and extendedKeyUsage.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::der::{self, DerError};

/// The keyUsage bits of RFC 5280 section 4.2.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Signs protocol messages.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// Signs content (nonRepudiation, contentCommitment).
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    /// Encrypts keys.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encrypts data.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Agrees on keys.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signs certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signs revocation lists.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// Key agreement for encryption only.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// Key agreement for decryption only.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::DIGITAL_SIGNATURE, "digitalSignature"),
        (Self::NON_REPUDIATION, "nonRepudiation"),
        (Self::KEY_ENCIPHERMENT, "keyEncipherment"),
        (Self::DATA_ENCIPHERMENT, "dataEncipherment"),
        (Self::KEY_AGREEMENT, "keyAgreement"),
        (Self::KEY_CERT_SIGN, "keyCertSign"),
        (Self::CRL_SIGN, "cRLSign"),
        (Self::ENCIPHER_ONLY, "encipherOnly"),
        (Self::DECIPHER_ONLY, "decipherOnly"),
    ];

    /// From bits numbered as in the standard, bit 0 lowest.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `wanted` are set.
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether at least one bit of `wanted` is set.
    pub const fn any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Names of the bits that are set.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.iter().filter(|(bit, _)| self.contains(*bit)).map(|(_, name)| *name).collect()
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl Serialize for KeyUsage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

/// The purposes of extendedKeyUsage, as dotted identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedKeyUsage(Vec<String>);

impl ExtendedKeyUsage {
    /// TLS server authentication.
    pub const SERVER_AUTH: &'static str = "1.3.6.1.5.5.7.3.1";
    /// TLS client authentication.
    pub const CLIENT_AUTH: &'static str = "1.3.6.1.5.5.7.3.2";
    /// Any purpose.
    pub const ANY: &'static str = "2.5.29.37.0";

    pub(super) fn read(value: &[u8]) -> Result<Self, DerError> {
        let mut entries = der::whole_sequence(value)?;
        let mut purposes = Vec::new();
        while !entries.is_empty() {
            purposes.push(der::oid_text(entries.expect(der::OID)?).ok_or(DerError)?);
        }
        // The standard wants at least one; an empty list would allow nothing.
        if purposes.is_empty() { Err(DerError) } else { Ok(Self(purposes)) }
    }

    /// The purposes as dotted identifiers.
    pub fn purposes(&self) -> &[String] {
        &self.0
    }

    /// Whether this purpose, or any purpose, is listed.
    pub fn allows(&self, purpose: &str) -> bool {
        self.0.iter().any(|listed| listed == purpose || listed == Self::ANY)
    }

    /// The purposes by name where they have one.
    pub fn names(&self) -> Vec<&str> {
        let name = |purpose: &'_ String| match purpose.as_str() {
            Self::SERVER_AUTH => "serverAuth",
            Self::CLIENT_AUTH => "clientAuth",
            Self::ANY => "anyExtendedKeyUsage",
            "1.3.6.1.5.5.7.3.3" => "codeSigning",
            "1.3.6.1.5.5.7.3.4" => "emailProtection",
            "1.3.6.1.5.5.7.3.8" => "timeStamping",
            "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
            _ => "",
        };
        self.0.iter().map(|purpose| Some(name(purpose)).filter(|name| !name.is_empty()).unwrap_or(purpose)).collect()
    }
}

impl Serialize for ExtendedKeyUsage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}
