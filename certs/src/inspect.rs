//! Says what a file holds: certificates, keys, requests, revocation lists, PKCS#12 archives, in any mixture.
//!
//! The description is data (for `--json` and the admin page) and text (for a person). It never holds a private key,
//! only its kind and the fingerprint of its public half. One unreadable entry does not hide the others.

mod read;
mod relations;
mod show;

use serde::Serialize;

use crate::certificate::{Certificate, ExtendedKeyUsage, KeyUsage, SignatureAlgorithm, SubjectAltNames};
use crate::clock::UnixTime;
use crate::key::{Allowance, KeyKind, Password};
use crate::pem::PemError;
use crate::rules::Slot;

/// What an input holds.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The entries in the order of the input.
    pub entries: Vec<Entry>,
    /// How the entries belong together, by their positions from 1.
    pub relations: Vec<Relation>,
}

/// One entry and where it stands.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Line of its `BEGIN` in a PEM input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What it is.
    #[serde(flatten)]
    pub content: Content,
}

/// What an entry is.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// An X.509 certificate.
    Certificate(Box<CertificateFacts>),
    /// A private key that was opened.
    PrivateKey(KeyFacts),
    /// A private key that is encrypted, and no password was given.
    EncryptedKey,
    /// A PKCS#12 archive whose contents could not be opened, for want of a password.
    EncryptedArchive,
    /// A certificate signing request.
    Request(Box<RequestFacts>),
    /// A certificate revocation list.
    RevocationList(CrlFacts),
    /// Something that should be readable and is not.
    Unreadable {
        /// What it claims to be.
        label: String,
        /// Stable word for what is wrong.
        reason: &'static str,
        /// What is wrong.
        error: String,
    },
    /// A PEM block that this program has no use for.
    Other {
        /// Its label.
        label: String,
    },
}

/// Where `now` lies in a span of validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Inside.
    Valid,
    /// Behind the end.
    Expired,
    /// Before the beginning.
    NotYetValid,
}

/// Facts of a certificate.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateFacts {
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Serial number in hex.
    pub serial: String,
    /// X.509 version.
    pub version: u32,
    /// Begin of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    /// Whether it is valid now.
    pub validity: Validity,
    /// Seconds until the end of validity; negative when it has passed.
    pub seconds_left: i64,
    /// Kind of the public key, when it is one that we use.
    pub key: Option<KeyKind>,
    /// Why the public key is none that we use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_problem: Option<String>,
    /// keyUsage, if present.
    pub key_usage: Option<KeyUsage>,
    /// extendedKeyUsage, if present.
    pub extended_key_usage: Option<ExtendedKeyUsage>,
    /// subjectAltName.
    pub names: SubjectAltNames,
    /// Whether it is an authority.
    pub is_ca: bool,
    /// Whether subject and issuer are the same.
    pub is_self_issued: bool,
    /// How it is signed.
    pub signature: SignatureAlgorithm,
    /// SHA-256 over the certificate, hex.
    pub sha256: String,
    /// SHA-256 over the public key, hex.
    pub spki_sha256: String,
    /// Why we would refuse it, as a leaf or as an authority, whatever its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// A refusal by the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Stable word.
    pub reason: &'static str,
    /// In words.
    pub text: String,
}

/// Facts of a private key.
#[derive(Debug, Clone, Serialize)]
pub struct KeyFacts {
    /// Algorithm and size.
    pub key: KeyKind,
    /// SHA-256 over its public half, hex.
    pub spki_sha256: String,
    /// Whether it came out of an encrypted container.
    pub was_encrypted: bool,
}

/// Facts of a certificate signing request.
#[derive(Debug, Clone, Serialize)]
pub struct RequestFacts {
    /// Subject.
    pub subject: String,
    /// Kind of the public key, when it is one that we use.
    pub key: Option<KeyKind>,
    /// How it is signed.
    pub signature: SignatureAlgorithm,
    /// Whether the signature is by its own key.
    pub signature_verifies: bool,
    /// subjectAltName that it asks for.
    pub names: SubjectAltNames,
    /// SHA-256 over the public key, hex.
    pub spki_sha256: String,
}

/// Facts of a revocation list.
#[derive(Debug, Clone, Serialize)]
pub struct CrlFacts {
    /// Issuer.
    pub issuer: String,
    /// Its number in hex.
    pub number: Option<String>,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one is due.
    pub next_update: Option<UnixTime>,
    /// Whether the next one is overdue.
    pub is_stale: bool,
    /// How many certificates it revokes.
    pub revoked_count: usize,
    /// SHA-256 over the list, hex.
    pub sha256: String,
}

/// How entries belong together; numbers are positions from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "relation", rename_all = "snake_case")]
pub enum Relation {
    /// The key is that of the certificate or request.
    KeyOf {
        /// The private key.
        key: usize,
        /// What holds its public half.
        entry: usize,
    },
    /// The key is that of no certificate or request at hand.
    KeyOfNone {
        /// The private key.
        key: usize,
    },
    /// There is no certificate or request that the key could belong to.
    KeyAlone {
        /// The private key.
        key: usize,
    },
    /// One certificate is signed by another; verified.
    SignedBy {
        /// The signed one.
        certificate: usize,
        /// The signer.
        issuer: usize,
    },
    /// A revocation list is signed by a certificate; verified.
    ListSignedBy {
        /// The list.
        list: usize,
        /// The signer.
        issuer: usize,
    },
    /// Sign and enc certificate of one TLCP pair, or what keeps them from being one.
    Pair {
        /// The sign certificate.
        sign: usize,
        /// The enc certificate.
        enc: usize,
        /// Why they are not a pair.
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<Fault>,
    },
}

/// Why an input cannot be described at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InspectError {
    /// The input is not well-formed PEM.
    #[error("input is not well-formed PEM")]
    Pem(#[from] PemError),
    /// Nothing that this program knows.
    #[error("neither PEM nor a DER certificate, key, request, revocation list or PKCS#12 archive")]
    Unrecognised,
}

impl InspectError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Pem(source) => source.reason(),
            Self::Unrecognised => "inspect_unrecognised",
        }
    }
}

/// Describes a file's contents. Encrypted entries are opened when a password is given.
pub fn describe_bytes(bytes: &[u8], password: Option<&Password>, now: UnixTime) -> Result<Description, InspectError> {
    let opener = read::Opener { password, allowance: Allowance::of_one_input() };
    Ok(describe(read::entries(bytes, opener)?, now))
}

/// Describes certificates that came otherwise than from a file, for example those that a server presented.
pub fn describe_certificates(certificates: &[Certificate], now: UnixTime) -> Description {
    let found = certificates.iter().map(|certificate| (None, read::Found::Certificate(certificate.clone())));
    describe(found.collect(), now)
}

fn describe(found: Vec<(Option<usize>, read::Found)>, now: UnixTime) -> Description {
    let relations = relations::between(&found);
    let entries = found.into_iter().map(|(line, found)| Entry { line, content: read::facts(found, now) }).collect();
    Description { entries, relations }
}

/// The slot in words, for [`Content`]'s readers.
pub(crate) fn slot_of(certificate: &Certificate) -> Option<Slot> {
    match certificate.key_kind() {
        Some(KeyKind::Sm2) if !certificate.is_ca() => crate::rules::slot_by_usage(certificate),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
