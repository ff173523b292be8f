//! What a listener or a client presents: a key with its chain, or the pair of them that TLCP wants.
//!
//! A value of these types has been checked: the key made a signature that the leaf's public key verified, the leaf is
//! within its validity, and for a pair sign and enc belong together. [`CredentialPair`] is checked by us because
//! Tongsuo lets a mixed pair pass.

use std::fmt;
use std::sync::Arc;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::pkey::PKeyRef;
use jadegate_tongsuo::openssl::sign::{Signer, Verifier};

use crate::certificate::Certificate;
use crate::chain::{self, ChainError};
use crate::clock::UnixTime;
use crate::key::{KeyKind, PrivateKey};
use crate::residue::without_residue;
use crate::rules::{self, CertificateFault, PairFault, Slot};

/// A private key and the chain that vouches for it.
#[derive(Clone)]
pub struct Credential {
    /// Leaf first, each issuer behind, no self-signed root.
    pub chain: Vec<Certificate>,
    /// The leaf's private key.
    pub key: PrivateKey,
    /// A DER OCSP response to staple.
    pub ocsp: Option<Arc<[u8]>>,
}

/// The two credentials of TLCP. `enc.chain` may be the leaf alone: the issuers are those of `sign`.
#[derive(Clone)]
pub struct CredentialPair {
    /// Authenticates.
    pub sign: Credential,
    /// Receives the pre-master secret, or takes part in the key exchange.
    pub enc: Credential,
}

/// Why key and certificates are not a usable credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// They do not make one chain.
    #[error("certificates and key do not make a chain")]
    Chain(#[from] ChainError),
    /// A certificate of the chain may not be served.
    #[error("certificate {subject:?} (serial {serial}) may not be used")]
    Certificate {
        /// Its subject.
        subject: String,
        /// Its serial number.
        serial: String,
        /// What is wrong with it.
        source: CertificateFault,
    },
    /// The key's signature does not verify under the leaf.
    #[error("a signature by the {kind} key does not verify under the certificate {subject:?}")]
    SelfTest {
        /// Kind of the key.
        kind: KeyKind,
        /// Subject of the leaf.
        subject: String,
    },
    /// libcrypto cannot read the certificate or use the key.
    #[error("libcrypto refused the certificate or the key")]
    Engine(#[from] ErrorStack),
}

impl CredentialError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Chain(source) => source.reason(),
            Self::Certificate { source, .. } => source.reason(),
            Self::SelfTest { .. } => "credential_self_test",
            Self::Engine(_) => "credential_engine",
        }
    }
}

impl Credential {
    /// Orders the chain behind the key's leaf, judges each certificate and proves that the key works.
    pub fn new(certificates: Vec<Certificate>, key: PrivateKey, now: UnixTime) -> Result<Self, CredentialError> {
        let chain = chain::order(certificates, &key)?.certificates;
        for (position, certificate) in chain.iter().enumerate() {
            let verdict = if position == 0 {
                rules::check_own_leaf(certificate, now)
            } else {
                rules::check_issuer(certificate, now)
            };
            verdict.map_err(|source| CredentialError::of(certificate, source))?;
        }
        // Also proves that libcrypto reads every certificate that it will be told to serve.
        for certificate in &chain {
            certificate.engine_certificate()?;
        }
        let credential = Self { chain, key, ocsp: None };
        without_residue(|| credential.prove())?;
        Ok(credential)
    }

    /// The certificate of the key.
    pub fn leaf(&self) -> &Certificate {
        self.chain.first().expect("a chain begins with its leaf")
    }

    /// Kind of the key.
    pub fn kind(&self) -> KeyKind {
        self.key.kind()
    }

    /// Signs with the key and verifies with the leaf.
    fn prove(&self) -> Result<(), CredentialError> {
        let public = self.leaf().engine_certificate()?.public_key()?;
        let proof = || -> Result<bool, ErrorStack> {
            let message = b"jadegate: does this key belong to this certificate?";
            let signature = sign(self.kind(), self.key.engine_key(), message)?;
            let mut verifier = match digest(self.kind()) {
                Some(digest) => Verifier::new(digest, &public)?,
                None => Verifier::new_without_digest(&public)?,
            };
            verifier.verify_oneshot(&signature, message)
        };
        // An error here has the same meaning as a no: this key does not speak for this certificate.
        if proof().unwrap_or(false) {
            Ok(())
        } else {
            Err(CredentialError::SelfTest { kind: self.kind(), subject: self.leaf().subject().to_owned() })
        }
    }
}

impl CredentialError {
    fn of(certificate: &Certificate, source: CertificateFault) -> Self {
        Self::Certificate { subject: certificate.subject().to_owned(), serial: certificate.serial().to_owned(), source }
    }
}

fn digest(kind: KeyKind) -> Option<MessageDigest> {
    match kind {
        KeyKind::Rsa { .. } | KeyKind::P256 => Some(MessageDigest::sha256()),
        KeyKind::P384 => Some(MessageDigest::sha384()),
        KeyKind::Sm2 => Some(MessageDigest::sm3()),
        KeyKind::Ed25519 => None,
    }
}

fn sign<T: jadegate_tongsuo::openssl::pkey::HasPrivate>(
    kind: KeyKind,
    key: &PKeyRef<T>,
    message: &[u8],
) -> Result<Vec<u8>, ErrorStack> {
    let mut signer = match digest(kind) {
        Some(digest) => Signer::new(digest, key)?,
        None => Signer::new_without_digest(key)?,
    };
    signer.sign_oneshot_to_vec(message)
}

/// Why two credentials are not a TLCP pair.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PairError {
    /// One half may not stand in its slot.
    #[error("the {slot} certificate {subject:?} (serial {serial}) may not be used")]
    Half {
        /// Which half.
        slot: Slot,
        /// Its subject.
        subject: String,
        /// Its serial number.
        serial: String,
        /// What is wrong with it.
        source: CertificateFault,
    },
    /// The halves do not belong together.
    #[error("sign and enc certificate do not belong together")]
    Mismatch(#[from] PairFault),
    /// An issuer in the chain is not SM2.
    #[error("an issuer of the pair may not be used: {subject:?}")]
    Issuer {
        /// Its subject.
        subject: String,
        /// What is wrong with it.
        source: CertificateFault,
    },
    /// keyUsage does not tell which is which.
    #[error("keyUsage does not tell sign from enc: {first} and {second}")]
    Undecided {
        /// keyUsage of the first.
        first: String,
        /// keyUsage of the second.
        second: String,
    },
}

impl PairError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Half { source, .. } | Self::Issuer { source, .. } => source.reason(),
            Self::Mismatch(source) => source.reason(),
            Self::Undecided { .. } => "pair_undecided",
        }
    }
}

impl CredentialPair {
    /// Judges each half in its slot and then both together.
    pub fn new(sign: Credential, enc: Credential, now: UnixTime) -> Result<Self, PairError> {
        for (slot, half) in [(Slot::Sign, &sign), (Slot::Enc, &enc)] {
            rules::check_own_half(half.leaf(), slot, now).map_err(|source| PairError::Half {
                slot,
                subject: half.leaf().subject().to_owned(),
                serial: half.leaf().serial().to_owned(),
                source,
            })?;
            for issuer in half.chain.iter().skip(1) {
                rules::check_sm2_issuer(issuer)
                    .map_err(|source| PairError::Issuer { subject: issuer.subject().to_owned(), source })?;
            }
        }
        rules::check_pair(sign.leaf(), enc.leaf())?;
        Ok(Self { sign, enc })
    }

    /// Two credentials of one list, told apart by keyUsage.
    pub fn from_unordered(a: Credential, b: Credential, now: UnixTime) -> Result<Self, PairError> {
        match (rules::slot_by_usage(a.leaf()), rules::slot_by_usage(b.leaf())) {
            (Some(Slot::Sign), Some(Slot::Enc)) => Self::new(a, b, now),
            (Some(Slot::Enc), Some(Slot::Sign)) => Self::new(b, a, now),
            _ => Err(PairError::Undecided { first: usage_text(a.leaf()), second: usage_text(b.leaf()) }),
        }
    }
}

fn usage_text(certificate: &Certificate) -> String {
    certificate.key_usage().map_or_else(|| "no keyUsage".to_owned(), |usage| usage.to_string())
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("chain", &self.chain).field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for CredentialPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialPair").field("sign", &self.sign).field("enc", &self.enc).finish()
    }
}

#[cfg(test)]
mod tests;
