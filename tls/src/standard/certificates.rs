//! The certificates of a server, and the choice among them for one hello.

use std::sync::Arc;

use jadegate_certs::credential::Credential;
use jadegate_certs::key::KeyKind;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello as RustlsHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};

use super::attempt;
use crate::error::{Failure, Mismatch};
use crate::hello::ClientHello;
use crate::protocol::{Scheme, Suite, Version};
use crate::server::ContextError;
use crate::server::names::NameTable;

/// A certificate that the standard engine can serve or show.
#[derive(Debug, Clone)]
pub(crate) struct Usable {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) serial: String,
    rank: u8,
}

impl Usable {
    /// Prepares a credential; SM2 keys are not for this engine and give an error like any other unusable key.
    pub(super) fn new(credential: &Credential) -> Result<Self, ContextError> {
        let leaf = credential.leaf();
        let unusable = |error: rustls::Error| ContextError::Credential {
            subject: leaf.subject().to_owned(),
            source: error.into(),
        };
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(credential.key.pkcs8_der()));
        let key = any_supported_type(&der).map_err(unusable)?;
        let chain =
            credential.chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
        if !credential.key.matches_spki(leaf.spki_der()) {
            return Err(unusable(rustls::InconsistentKeys::KeyMismatch.into()));
        }
        let mut key = CertifiedKey::new(chain, Arc::new(Observed(key)));
        key.ocsp = credential.ocsp.as_ref().map(|response| response.to_vec());
        Ok(Self { key: Arc::new(key), serial: leaf.serial().to_owned(), rank: rank(credential.kind()) })
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.key.algorithm()
    }
}

/// Lower is preferred among certificates that fit equally: what costs the server least, unless clients seldom take it.
fn rank(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::P256 => 0,
        KeyKind::Ed25519 => 1,
        KeyKind::P384 => 2,
        KeyKind::Rsa { .. } => 3,
        KeyKind::Sm2 => 4,
    }
}

/// A signing key that notes which scheme it signs with.
#[derive(Debug)]
struct Observed(Arc<dyn SigningKey>);

impl SigningKey for Observed {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.0.choose_scheme(offered)?;
        attempt::note(|findings| {
            findings.shown = true;
            // A client that shows a certificate has noted the server's scheme before.
            findings.scheme.get_or_insert_with(|| Scheme(signer.scheme().into()));
        });
        Some(signer)
    }

    fn public_key(&self) -> Option<rustls::pki_types::SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

/// All certificates of a server context.
#[derive(Debug)]
pub(super) struct Certificates {
    usable: Vec<Usable>,
    names: NameTable,
    strict: bool,
}

impl Certificates {
    /// Takes the credentials that are for this engine, in their order.
    pub(super) fn new(credentials: &[Credential], strict: bool) -> Result<Self, ContextError> {
        let standard = || credentials.iter().filter(|credential| credential.kind() != KeyKind::Sm2);
        let usable = standard().map(Usable::new).collect::<Result<_, _>>()?;
        let names = NameTable::new(standard().map(Credential::leaf).enumerate());
        Ok(Self { usable, names, strict })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.usable.is_empty()
    }

    /// The certificate for a hello: by name, then by what the client can verify, then by what is cheapest.
    pub(super) fn choose(
        &self,
        hello: &ClientHello,
        version: Version,
        provider: &CryptoProvider,
    ) -> Result<&Usable, Failure> {
        let matching = hello.sni.as_deref().map_or(&[] as &[usize], |name| self.names.matching(name));
        let positions = match (matching, self.strict) {
            ([], true) => return Err(Failure::NoCertificateForName(hello.sni.clone())),
            ([], false) => self.names.fallback(),
            (matching, _) => matching,
        };
        let candidates = || positions.iter().filter_map(|position| self.usable.get(*position));
        let suites: Vec<_> = provider
            .cipher_suites
            .iter()
            .filter(|suite| suite.version().version == rustls_version(version))
            .filter(|suite| hello.suites.contains(&suite.suite().into()))
            .collect();
        let has_suite =
            |usable: &&Usable| suites.iter().any(|suite| suite.usable_for_signature_algorithm(usable.algorithm()));
        if !candidates().any(|usable| has_suite(&usable)) {
            let accepted =
                provider.cipher_suites.iter().map(SupportedCipherSuite::suite).map(|suite| Suite(suite.into()));
            return Err(Failure::NoCommonSuite(Mismatch::new(hello.suites.iter().copied().map(Suite), accepted)));
        }
        let schemes: Vec<SignatureScheme> = hello
            .schemes
            .iter()
            .copied()
            .map(SignatureScheme::from)
            .filter(|scheme| version == Version::Tls12 || signs_tls13(*scheme))
            .collect();
        // Asked before the handshake's own attempt is in place, so the question is not noted as a signature.
        let has_scheme = |usable: &&Usable| usable.key.key.choose_scheme(&schemes).is_some();
        let chosen = candidates().filter(has_suite).filter(has_scheme).min_by_key(|usable| usable.rank);
        chosen.ok_or_else(|| {
            let offered = hello.schemes.iter().copied().map(Scheme);
            let kinds = candidates().map(|usable| format!("signatures by {:?} keys", usable.algorithm()));
            Failure::NoCommonScheme(Mismatch::new(offered, kinds))
        })
    }
}

fn rustls_version(version: Version) -> rustls::ProtocolVersion {
    match version {
        Version::Tls12 => rustls::ProtocolVersion::TLSv1_2,
        Version::Tls13 => rustls::ProtocolVersion::TLSv1_3,
    }
}

//= RFC 8446 4.2.3: no PKCS#1 v1.5 and no SHA-1 in handshake signatures
fn signs_tls13(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::ECDSA_NISTP256_SHA256
            | SignatureScheme::ECDSA_NISTP384_SHA384
            | SignatureScheme::ECDSA_NISTP521_SHA512
            | SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
            | SignatureScheme::ED25519
    )
}

/// Serves the certificate that was chosen before rustls ran.
#[derive(Debug)]
pub(super) struct Chosen;

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _hello: RustlsHello<'_>) -> Option<Arc<CertifiedKey>> {
        attempt::certificate()
    }
}
