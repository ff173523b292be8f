//! Private keys: every common container in, one canonical form out.
//!
//! Accepted containers: PKCS#1, SEC1 with a named curve, PKCS#8, encrypted PKCS#8 (PBES2), as PEM or DER, in a PEM file
//! alone or beside certificates. Accepted kinds: RSA from 2048 bits, P-256, P-384, Ed25519, SM2; any other is refused
//! by name. A key that leaves this module has been checked (its scalar is in range, its public half fits).
//!
//! Secret octets live in buffers that are wiped when dropped, are never copied into an error and never printed. Parsing
//! is ours because libcrypto's decoders leave unwiped copies behind, and because it refuses the SM3 PRF of GmSSL.

mod container;
mod decode;
mod pbes2;
mod public;

use std::fmt;
use std::sync::Arc;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::pkey::{PKey, PKeyRef, Private};
use jadegate_tongsuo::openssl::sha::sha256;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

pub use self::public::KeyProblem;
pub(crate) use self::{
    container::{KeyForm, form},
    pbes2::{Allowance, MAX_ITERATIONS, MAX_SALT, Pbes2Error, Spent, decrypt as decrypt_pbes2, open_cbc},
    public::PublicKey,
};
use crate::der::DerError;
use crate::pem::{Block, PemError};
use crate::residue::without_residue;

/// The smallest RSA modulus that is accepted.
pub const MIN_RSA_BITS: u32 = 2048;
/// The largest RSA modulus that is accepted: beyond it a handshake costs more than it protects.
pub const MAX_RSA_BITS: u32 = 8192;

/// Algorithm and size of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of this size.
    Rsa {
        /// Size of the modulus.
        bits: u32,
    },
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// SM2 on the curve of GB/T 32918.5.
    Sm2,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Sm2 => f.write_str("SM2"),
        }
    }
}

impl Serialize for KeyKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What opens an encrypted key. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Takes the octets as they are.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    /// Takes the first line of a password file, without its line end.
    pub fn from_first_line(file: &[u8]) -> Self {
        let line = file.split(|octet| *octet == b'\n').next().unwrap_or_default();
        Self::new(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The octets, for a key derivation.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// A checked private key. Clones share one copy, which is wiped with the last of them.
#[derive(Clone)]
pub struct PrivateKey(Arc<Inner>);

struct Inner {
    kind: KeyKind,
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
    /// libcrypto's view of the same key; it clears its numbers when freed.
    engine: PKey<Private>,
}

impl PrivateKey {
    /// Reads a key from any accepted container. A PEM input may hold certificates beside the key, but only one key.
    pub fn from_pem_or_der(bytes: &[u8], password: Option<&Password>) -> Result<Self, KeyError> {
        Self::from_pem_or_der_within(bytes, password, &mut Allowance::of_one_input())
    }

    /// As [`Self::from_pem_or_der`], for an input that is a part of another.
    pub(crate) fn from_pem_or_der_within(
        bytes: &[u8],
        password: Option<&Password>,
        allowance: &mut Allowance,
    ) -> Result<Self, KeyError> {
        without_residue(|| container::read(bytes, password, allowance))
    }

    /// Reads one PEM block whose label ends with `PRIVATE KEY`.
    pub fn from_block(block: &Block, password: Option<&Password>) -> Result<Self, KeyError> {
        Self::from_block_within(block, password, &mut Allowance::of_one_input())
    }

    /// As [`Self::from_block`], for one block among others.
    pub(crate) fn from_block_within(
        block: &Block,
        password: Option<&Password>,
        allowance: &mut Allowance,
    ) -> Result<Self, KeyError> {
        without_residue(|| container::read_block(block, password, allowance))
    }

    /// Reads an unencrypted PKCS#8 structure.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        without_residue(|| decode::pkcs8(der))
    }

    /// Algorithm and size.
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// The key as canonical, unencrypted PKCS#8: version 0, no attributes, public key inside for elliptic curves.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.0.pkcs8
    }

    /// SubjectPublicKeyInfo of the public half.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// SHA-256 over [`Self::spki_der`]: the name of this key for people and logs.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(&self.0.spki)
    }

    /// The key as libcrypto holds it.
    pub fn engine_key(&self) -> &PKeyRef<Private> {
        &self.0.engine
    }

    /// Whether a SubjectPublicKeyInfo holds the public half of this key, also when it spells the algorithm otherwise.
    pub fn matches_spki(&self, spki_der: &[u8]) -> bool {
        match (PublicKey::parse(&self.0.spki), PublicKey::parse(spki_der)) {
            (Ok(own), Ok(other)) => own == other,
            _ => false,
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, spki sha256 {})", self.kind(), hex::encode(self.spki_sha256()))
    }
}

/// Why octets are not a usable private key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The input is not well-formed PEM.
    #[error("key file is not well-formed PEM")]
    Pem(#[from] PemError),
    /// No private key in the input.
    #[error("no private key in this input (found: {})", if .found.is_empty() { "nothing".to_owned() } else { .found.join(", ") })]
    NoKey {
        /// What is there instead.
        found: Vec<String>,
    },
    /// More than one private key.
    #[error("{0} private keys in one input; one is wanted")]
    SeveralKeys(usize),
    /// A key in the encryption of old OpenSSL versions, which is derived by one round of MD5.
    #[error(
        "key is encrypted in the traditional PEM form (Proc-Type: 4,ENCRYPTED), which is too weak to be read; \
         convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key"
    )]
    TraditionalEncryption,
    /// The key is encrypted and no password was given.
    #[error("key is encrypted and no password is configured")]
    PasswordMissing,
    /// The password does not open the key.
    #[error("wrong password for the encrypted key")]
    WrongPassword,
    /// The encryption of the key is not one that we read.
    #[error("encryption of the key is not supported: {what} {oid}")]
    UnsupportedEncryption {
        /// Which part of the scheme.
        what: &'static str,
        /// Its identifier.
        oid: String,
    },
    /// The key derivation is told to work longer than any honest file asks.
    #[error("key derivation asks for {0} iterations (limit {limit})", limit = pbes2::MAX_ITERATIONS)]
    TooManyIterations(u64),
    /// The key derivations of all that one input holds take longer than any honest file asks.
    #[error(
        "key derivation asks for {asked} iterations, and the blocks before it in this input have left {left} of {limit}; \
         give it a file of its own", limit = pbes2::MAX_ITERATIONS_IN_ALL
    )]
    AllowanceSpent {
        /// Iterations that this one asks for.
        asked: u64,
        /// Iterations that are left for it.
        left: u64,
    },
    /// The structure cannot be read.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// An elliptic key that does not say which curve.
    #[error("SEC1 key does not name its curve; write it again with its parameters, or as PKCS#8")]
    MissingCurve,
    /// An elliptic key with explicit curve parameters.
    #[error("key carries explicit curve parameters instead of a curve's name")]
    ExplicitCurve,
    /// A curve that we do not use.
    #[error("curve {0} is not supported (P-256, P-384 and SM2 are)")]
    UnsupportedCurve(String),
    /// An algorithm that we do not use.
    #[error("key algorithm {0} is not supported (RSA, P-256, P-384, Ed25519 and SM2 are)")]
    UnsupportedAlgorithm(String),
    /// An RSA modulus outside the accepted sizes.
    #[error("RSA key of {bits} bits is not accepted ({MIN_RSA_BITS} to {MAX_RSA_BITS} are)")]
    RsaSize {
        /// Size of the modulus.
        bits: u32,
    },
    /// The private number is not in the range of its curve.
    #[error("private number of the {0} key is out of range")]
    OutOfRange(KeyKind),
    /// The public half inside the container is not that of the private half.
    #[error("public half of the {0} key does not belong to its private half")]
    PublicHalfDiffers(KeyKind),
    /// The numbers of an RSA key do not fit together.
    #[error("the numbers of the RSA key do not fit together")]
    InconsistentRsa,
    /// libcrypto refused an operation that should work.
    #[error("libcrypto refused the key")]
    Engine(#[from] ErrorStack),
}

impl KeyError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Pem(source) => source.reason(),
            Self::NoKey { .. } => "key_absent",
            Self::SeveralKeys(_) => "key_several",
            Self::TraditionalEncryption => "key_traditional_encryption",
            Self::PasswordMissing => "key_password_missing",
            Self::WrongPassword => "key_password_wrong",
            Self::UnsupportedEncryption { .. } => "key_encryption_unsupported",
            Self::TooManyIterations(_) => "key_iterations",
            Self::AllowanceSpent { .. } => "key_iterations_in_all",
            Self::Malformed(_) => "key_malformed",
            Self::MissingCurve => "key_curve_missing",
            Self::ExplicitCurve => "key_curve_explicit",
            Self::UnsupportedCurve(_) => "key_curve_unsupported",
            Self::UnsupportedAlgorithm(_) => "key_algorithm_unsupported",
            Self::RsaSize { .. } => "key_rsa_size",
            Self::OutOfRange(_) => "key_out_of_range",
            Self::PublicHalfDiffers(_) => "key_public_differs",
            Self::InconsistentRsa => "key_rsa_inconsistent",
            Self::Engine(_) => "key_engine",
        }
    }
}

impl KeyError {
    /// Names the structure that a [`DerError`] was found in.
    fn malformed(what: &'static str) -> impl Fn(DerError) -> Self {
        move |_| Self::Malformed(what)
    }
}

#[cfg(test)]
mod tests;
