//! New certificates in the place of the server's, good ones and broken ones.

use super::{Pki, Single, Writer, server};
use anyhow::{Context as _, Result};
use jadegate_certs::certificate::Certificate;
use jadegate_certs::development::mint::{Mint, MintKey, Minted, Usage};
use std::fs;
use std::path::Path;

/// What the server's files become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// New certificates with new keys.
    Good,
    /// New certificates, the old keys.
    Mismatch,
    /// A new signing certificate with its key, of another subject than the encryption certificate.
    HalfPair,
    /// Certificates that ended an hour ago, with their keys.
    Expired,
    /// Bytes that are no PEM at all.
    Garbage,
    /// The first half of each new certificate.
    Truncated,
}

impl Replacement {
    /// Every fifth round is broken, each kind in turn.
    #[must_use]
    pub fn of_round(round: usize) -> Self {
        let broken = [Self::Mismatch, Self::HalfPair, Self::Expired, Self::Garbage, Self::Truncated];
        if round % 5 == 4 { broken[round / 5 % broken.len()] } else { Self::Good }
    }
}

impl Pki {
    /// Serial numbers that the server's files hold: of the pair, the RFC 8998 and the ECDSA certificate.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn server_serials(&self) -> Result<Vec<String>> {
        self.replaced().into_iter().map(|single| serial(&single.cert)).collect()
    }

    /// The files that take part.
    fn replaced(&self) -> [&Single; 4] {
        [&self.server_pair.sign, &self.server_pair.enc, &self.server_sm2, &self.server_p256]
    }

    /// Replaces the server's files, each by an atomic rename, the key before its certificate. Gives the new serials.
    ///
    /// # Errors
    /// When libcrypto fails or the disk is full.
    pub fn replace_server(&self, replacement: Replacement) -> Result<Vec<String>> {
        let made = [
            self.fresh(replacement, server().usage(Usage::SIGN), &MintKey::sm2()?, &self.sm2)?,
            self.fresh(replacement, server().usage(Usage::ENC), &MintKey::sm2()?, &self.sm2)?,
            self.fresh(replacement, server(), &MintKey::sm2()?, &self.sm2)?,
            self.fresh(replacement, server(), &MintKey::p256()?, &self.standard)?,
        ];
        for (place, (single, minted)) in self.replaced().into_iter().zip(&made).enumerate() {
            let pem = minted.pem();
            match replacement {
                Replacement::Good | Replacement::Expired => {
                    self.rename(&single.key, minted.key_pem()?.as_bytes())?;
                    self.rename(&single.cert, pem.as_bytes())?;
                }
                Replacement::Mismatch => self.rename(&single.cert, pem.as_bytes())?,
                Replacement::HalfPair if place == 0 => {
                    let other = Mint::leaf("other").dns("other.example").usage(Usage::SIGN);
                    let other = other.issue(&MintKey::sm2()?, &self.sm2)?;
                    self.rename(&single.key, other.key_pem()?.as_bytes())?;
                    self.rename(&single.cert, other.pem().as_bytes())?;
                }
                Replacement::HalfPair => {}
                Replacement::Garbage => self.rename(&single.cert, b"\0\x01\x02 this is no certificate \xff")?,
                Replacement::Truncated => self.rename(&single.cert, &pem.as_bytes()[..pem.len() / 2])?,
            }
        }
        Ok(made.iter().map(|minted| hex(minted.serial())).collect())
    }

    fn fresh(&self, replacement: Replacement, leaf: Mint, key: &MintKey, issuer: &Minted) -> Result<Minted> {
        let leaf = if replacement == Replacement::Expired { leaf.expired() } else { leaf };
        Ok(leaf.issue(key, issuer)?)
    }

    fn rename(&self, place: &Path, bytes: &[u8]) -> Result<()> {
        let beside = Writer { directory: self.directory() }.bytes("replacement.tmp", bytes)?;
        Ok(fs::rename(beside, place)?)
    }
}

fn serial(cert: &Path) -> Result<String> {
    let certificates = Certificate::from_pem_or_der(&fs::read(cert)?)?;
    let leaf = certificates.first().with_context(|| format!("no certificate in {}", cert.display()))?;
    Ok(leaf.serial().to_owned())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
