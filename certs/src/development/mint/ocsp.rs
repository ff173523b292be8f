//! OCSP responses of both key families, signed by the issuer itself.

use std::time::{Duration, SystemTime};

use jadegate_tongsuo::openssl::hash::{MessageDigest, hash};
use jadegate_tongsuo::openssl::sha::sha1;

use super::{DEFAULT_DISTINGUISHING_ID, MintError, Minted};
use crate::development::der;

const LIFETIME: Duration = Duration::from_secs(7 * 86400);
const OCSP_BASIC: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
const SHA1: &[u64] = &[1, 3, 14, 3, 2, 26];
const SM3: &[u64] = &[1, 2, 156, 10197, 1, 401];

/// What the response says of the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked a while ago.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

/// The digest that identifies the issuer inside a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspDigest {
    /// What nearly every responder uses.
    Sha1,
    /// What responders for SM2 use.
    Sm3,
}

/// An OCSP response in the making: good, about an hour old, and valid for a week.
#[derive(Clone, Debug)]
pub struct MintOcsp {
    status: OcspStatus,
    this_update: SystemTime,
    next_update: SystemTime,
    digest: OcspDigest,
}

impl Default for MintOcsp {
    fn default() -> Self {
        Self::new(OcspStatus::Good)
    }
}

impl MintOcsp {
    /// A response with this status.
    pub fn new(status: OcspStatus) -> Self {
        let now = SystemTime::now();
        Self {
            status,
            this_update: now - Duration::from_secs(3600),
            next_update: now + LIFETIME,
            digest: OcspDigest::Sha1,
        }
    }

    /// nextUpdate is an hour ago.
    #[must_use]
    pub fn stale(mut self) -> Self {
        let now = SystemTime::now();
        (self.this_update, self.next_update) = (now - LIFETIME, now - Duration::from_secs(3600));
        self
    }

    /// Identifies the issuer by another digest.
    #[must_use]
    pub fn digest(mut self, digest: OcspDigest) -> Self {
        self.digest = digest;
        self
    }

    /// Signs a response about `certificate` with the key of its issuer; the result is DER.
    pub fn issue(&self, certificate: &Minted, issuer: &Minted) -> Result<Vec<u8>, MintError> {
        let (algorithm, digest) = match self.digest {
            OcspDigest::Sha1 => (SHA1, MessageDigest::sha1()),
            OcspDigest::Sm3 => (SM3, MessageDigest::sm3()),
        };
        let public_bits = issuer.key.public_bits()?;
        let id = der::sequence([
            der::sequence([der::oid(algorithm), der::null()]),
            der::octet_string(&hash(digest, &issuer.subject.der())?),
            der::octet_string(&hash(digest, &public_bits)?),
            der::integer_octets(&certificate.serial),
        ]);
        let single = der::sequence([
            id,
            self.status(),
            der::generalized_time(self.this_update),
            der::constructed(der::context(0), [der::generalized_time(self.next_update)]),
        ]);
        let responder = der::constructed(der::context(2), [der::octet_string(&sha1(&public_bits))]);
        let data = der::sequence([responder, der::generalized_time(self.this_update), der::sequence([single])]);
        let algorithm = issuer.key.usual_algorithm();
        let signature = algorithm.sign(&issuer.key, &data, DEFAULT_DISTINGUISHING_ID)?;
        let basic = der::sequence([data, algorithm.identifier(), der::bit_string(&signature)]);
        let bytes = der::sequence([der::oid(OCSP_BASIC), der::octet_string(&basic)]);
        Ok(der::sequence([der::enumerated(0), der::constructed(der::context(0), [bytes])]))
    }

    fn status(&self) -> Vec<u8> {
        match self.status {
            OcspStatus::Good => der::element(der::context_primitive(0), &[]),
            OcspStatus::Revoked => der::constructed(der::context(1), [der::generalized_time(self.this_update)]),
            OcspStatus::Unknown => der::element(der::context_primitive(2), &[]),
        }
    }
}
