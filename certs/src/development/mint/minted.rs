//! What comes out of the mint.

use zeroize::Zeroizing;

use super::{MintError, MintKey, Name};
use crate::pem;

/// A minted certificate with its key, able to issue in turn.
#[derive(Clone, Debug)]
pub struct Minted {
    pub(super) der: Vec<u8>,
    pub(super) key: MintKey,
    pub(super) subject: Name,
    pub(super) serial: Vec<u8>,
    pub(super) key_id: Vec<u8>,
}

impl Minted {
    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate, PEM.
    pub fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// The key that the certificate is for.
    pub fn key(&self) -> &MintKey {
        &self.key
    }

    /// The key, unencrypted PKCS#8 PEM.
    pub fn key_pem(&self) -> Result<Zeroizing<String>, MintError> {
        self.key.pkcs8_pem()
    }

    /// The content octets of the serial number.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }
}
