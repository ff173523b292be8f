//! CRLs of both key families.

use std::time::{Duration, SystemTime};

use super::extensions::{self, Extension};
use super::{DEFAULT_DISTINGUISHING_ID, MintError, Minted, SignatureAlgorithm};
use crate::development::der;
use crate::pem;

const LIFETIME: Duration = Duration::from_secs(7 * 86400);

/// A certificate revocation list in the making: version 2, numbered, issued an hour ago and good for a week.
#[derive(Clone, Debug)]
pub struct MintCrl {
    this_update: SystemTime,
    next_update: Option<SystemTime>,
    number: u64,
    revoked: Vec<Vec<u8>>,
    algorithm: Option<SignatureAlgorithm>,
    distinguishing_id: Vec<u8>,
    corrupted: bool,
}

impl Default for MintCrl {
    fn default() -> Self {
        Self::new()
    }
}

impl MintCrl {
    /// An empty list, number 1.
    pub fn new() -> Self {
        let now = SystemTime::now();
        Self {
            this_update: now - Duration::from_secs(3600),
            next_update: Some(now + LIFETIME),
            number: 1,
            revoked: Vec::new(),
            algorithm: None,
            distinguishing_id: DEFAULT_DISTINGUISHING_ID.to_vec(),
            corrupted: false,
        }
    }

    /// Revokes one certificate.
    #[must_use]
    pub fn revoke(self, certificate: &Minted) -> Self {
        self.revoke_serial(certificate.serial())
    }

    /// Revokes a serial number, given by its content octets.
    #[must_use]
    pub fn revoke_serial(mut self, serial: &[u8]) -> Self {
        self.revoked.push(serial.to_vec());
        self
    }

    /// The CRL number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// thisUpdate and nextUpdate.
    #[must_use]
    pub fn valid(mut self, this_update: SystemTime, next_update: Option<SystemTime>) -> Self {
        (self.this_update, self.next_update) = (this_update, next_update);
        self
    }

    /// nextUpdate is an hour ago.
    #[must_use]
    pub fn stale(self) -> Self {
        let now = SystemTime::now();
        self.valid(now - LIFETIME, Some(now - Duration::from_secs(3600)))
    }

    /// Another signature algorithm than the issuer's key suggests.
    #[must_use]
    pub fn algorithm(mut self, algorithm: SignatureAlgorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// The SM2 identifier under which the issuer signs.
    #[must_use]
    pub fn distinguishing_id(mut self, id: &[u8]) -> Self {
        self.distinguishing_id = id.to_vec();
        self
    }

    /// Turns over one bit of the signature value.
    #[must_use]
    pub fn corrupted_signature(mut self) -> Self {
        self.corrupted = true;
        self
    }

    /// Signs; the result is DER.
    pub fn issue(&self, issuer: &Minted) -> Result<Vec<u8>, MintError> {
        let algorithm = self.algorithm.unwrap_or_else(|| issuer.key.usual_algorithm());
        let mut parts =
            vec![der::small_integer(1), algorithm.identifier(), issuer.subject.der(), der::time(self.this_update)];
        parts.extend(self.next_update.map(der::time));
        if !self.revoked.is_empty() {
            let at = der::time(self.this_update);
            parts.push(der::sequence(
                self.revoked.iter().map(|serial| der::sequence([&der::integer_octets(serial), &at])),
            ));
        }
        let number = Extension::new(&[2, 5, 29, 20], false, der::small_integer(self.number));
        let list = der::sequence([extensions::authority_key_id(&issuer.key_id).der(), number.der()]);
        parts.push(der::constructed(der::context(0), [list]));
        let tbs = der::sequence(parts);
        let mut signature = algorithm.sign(&issuer.key, &tbs, &self.distinguishing_id)?;
        if let Some(last) = signature.last_mut().filter(|_| self.corrupted) {
            *last ^= 1;
        }
        Ok(der::sequence([tbs, algorithm.identifier(), der::bit_string(&signature)]))
    }

    /// Signs; the result is PEM.
    pub fn issue_pem(&self, issuer: &Minted) -> Result<String, MintError> {
        Ok(pem::encode("X509 CRL", &self.issue(issuer)?))
    }
}
