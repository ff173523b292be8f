//! Password-based decryption, PBES2 of RFC 8018, with the SM3 and SM4 identifiers that GmSSL writes.
//!
//! Ours because Tongsuo refuses the SM3 PRF. The work is bounded: the iteration count comes from the file.

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::pkcs5::pbkdf2_hmac;
use jadegate_tongsuo::openssl::symm::{Cipher, Crypter, Mode};
use zeroize::Zeroizing;

use super::{KeyError, Password};
use crate::der::{self, DerError, Reader};

/// The most rounds of PBKDF2 that are run: several times what password managers use.
pub(crate) const MAX_ITERATIONS: u32 = 5_000_000;
/// The most rounds that all passwords of one input ask for together: three derivations of the largest size, which is what
/// the integrity, the key and the certificates of one archive take.
pub(crate) const MAX_ITERATIONS_IN_ALL: u64 = 15_000_000;
/// The longest salt that is read.
pub(crate) const MAX_SALT: usize = 1024;

const PBES2: &str = "1.2.840.113549.1.5.13";
const PBKDF2: &str = "1.2.840.113549.1.5.12";

/// The rounds of key derivation that one input may still ask for: each block is bounded, and so are all of them.
#[derive(Debug)]
pub(crate) struct Allowance(u64);

impl Allowance {
    /// The allowance of one input.
    pub(crate) const fn of_one_input() -> Self {
        Self(MAX_ITERATIONS_IN_ALL)
    }

    #[cfg(test)]
    pub(crate) const fn of(rounds: u64) -> Self {
        Self(rounds)
    }

    /// Takes so many rounds before they are run.
    pub(crate) fn take(&mut self, rounds: u64) -> Result<(), Spent> {
        self.0 = self.0.checked_sub(rounds).ok_or(Spent { asked: rounds, left: self.0 })?;
        Ok(())
    }
}

/// The allowance does not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Rounds that were asked for.
    pub(crate) asked: u64,
    /// Rounds that are left.
    pub(crate) left: u64,
}

/// Why a PBES2 structure did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Pbes2Error {
    #[error("malformed encryption parameters")]
    Malformed,
    #[error("unsupported {what} {oid}")]
    Unsupported { what: &'static str, oid: String },
    #[error("{0} iterations")]
    TooManyIterations(u64),
    #[error("{} iterations, and {} are left", .0.asked, .0.left)]
    AllowanceSpent(Spent),
    #[error("wrong password")]
    WrongPassword,
    #[error("libcrypto refused the decryption")]
    Engine(#[from] ErrorStack),
}

impl From<Spent> for Pbes2Error {
    fn from(spent: Spent) -> Self {
        Self::AllowanceSpent(spent)
    }
}

impl From<DerError> for Pbes2Error {
    fn from(_: DerError) -> Self {
        Self::Malformed
    }
}

impl From<Pbes2Error> for KeyError {
    fn from(error: Pbes2Error) -> Self {
        match error {
            Pbes2Error::Malformed => Self::Malformed("encryption parameters of the key"),
            Pbes2Error::Unsupported { what, oid } => Self::UnsupportedEncryption { what, oid },
            Pbes2Error::TooManyIterations(count) => Self::TooManyIterations(count),
            Pbes2Error::AllowanceSpent(Spent { asked, left }) => Self::AllowanceSpent { asked, left },
            Pbes2Error::WrongPassword => Self::WrongPassword,
            Pbes2Error::Engine(source) => Self::Engine(source),
        }
    }
}

/// Opens `ciphertext` under the AlgorithmIdentifier whose content `algorithm` reads.
///
/// A wrong password shows as bad padding; one time in 256 the padding looks right and the caller meets octets that are
/// no structure, which it must report as [`Pbes2Error::WrongPassword`] too.
pub(crate) fn decrypt(
    mut algorithm: Reader<'_>,
    ciphertext: &[u8],
    password: &Password,
    allowance: &mut Allowance,
) -> Result<Zeroizing<Vec<u8>>, Pbes2Error> {
    let scheme = dotted(algorithm.expect(der::OID)?)?;
    if scheme != PBES2 {
        return Err(Pbes2Error::Unsupported { what: "scheme", oid: named(scheme) });
    }
    let mut parameters = algorithm.sequence()?;
    algorithm.end()?;
    let mut derivation = parameters.sequence()?;
    let mut encryption = parameters.sequence()?;
    parameters.end()?;

    let (cipher, iv) = cipher(&mut encryption)?;
    let key = derive(&mut derivation, cipher.key_len(), password, allowance)?;

    open_cbc(cipher, &key, iv, ciphertext)
}

/// Decrypts and takes the padding off.
pub(crate) fn open_cbc(
    cipher: Cipher,
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Pbes2Error> {
    let mut opener = Crypter::new(cipher, Mode::Decrypt, key, Some(iv))?;
    let mut plain = Zeroizing::new(vec![0; ciphertext.len() + cipher.block_size()]);
    let body = opener.update(ciphertext, &mut plain)?;
    let tail = opener.finalize(&mut plain[body..]).map_err(|_| Pbes2Error::WrongPassword)?;
    plain.truncate(body + tail);
    Ok(plain)
}

/// The cipher and its initialisation vector.
fn cipher<'a>(encryption: &mut Reader<'a>) -> Result<(Cipher, &'a [u8]), Pbes2Error> {
    let oid = dotted(encryption.expect(der::OID)?)?;
    let cipher = match oid.as_str() {
        "2.16.840.1.101.3.4.1.2" => Cipher::aes_128_cbc(),
        "2.16.840.1.101.3.4.1.22" => Cipher::aes_192_cbc(),
        "2.16.840.1.101.3.4.1.42" => Cipher::aes_256_cbc(),
        "1.2.156.10197.1.104.2" => Cipher::sm4_cbc(),
        "1.2.840.113549.3.7" => Cipher::des_ede3_cbc(),
        _ => return Err(Pbes2Error::Unsupported { what: "cipher", oid }),
    };
    let iv = encryption.expect(der::OCTET_STRING)?;
    if cipher.iv_len() != Some(iv.len()) {
        return Err(Pbes2Error::Malformed);
    }
    Ok((cipher, iv))
}

/// PBKDF2 with the PRF that the structure names.
fn derive(
    derivation: &mut Reader<'_>,
    length: usize,
    password: &Password,
    allowance: &mut Allowance,
) -> Result<Zeroizing<Vec<u8>>, Pbes2Error> {
    let oid = dotted(derivation.expect(der::OID)?)?;
    if oid != PBKDF2 {
        return Err(Pbes2Error::Unsupported { what: "key derivation", oid });
    }
    let mut parameters = derivation.sequence()?;
    let salt = parameters.expect(der::OCTET_STRING)?;
    if salt.len() > MAX_SALT {
        return Err(Pbes2Error::Malformed);
    }
    let iterations = parameters.small().map_err(|_| Pbes2Error::TooManyIterations(u64::MAX))?;
    if iterations == 0 {
        return Err(Pbes2Error::Malformed);
    }
    if iterations > MAX_ITERATIONS {
        return Err(Pbes2Error::TooManyIterations(iterations.into()));
    }
    if parameters.peek() == Some(der::INTEGER) && usize::try_from(parameters.small()?) != Ok(length) {
        return Err(Pbes2Error::Malformed);
    }
    let digest = match parameters.optional(der::SEQUENCE)? {
        // The default of RFC 8018.
        None => MessageDigest::sha1(),
        Some(prf) => prf_digest(&dotted(Reader::new(prf).expect(der::OID)?)?)?,
    };
    parameters.end()?;

    allowance.take(iterations.into())?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2_hmac(password.octets(), salt, iterations as usize, digest, &mut key)?;
    Ok(key)
}

fn prf_digest(oid: &str) -> Result<MessageDigest, Pbes2Error> {
    Ok(match oid {
        "1.2.840.113549.2.7" => MessageDigest::sha1(),
        "1.2.840.113549.2.8" => MessageDigest::sha224(),
        "1.2.840.113549.2.9" => MessageDigest::sha256(),
        "1.2.840.113549.2.10" => MessageDigest::sha384(),
        "1.2.840.113549.2.11" => MessageDigest::sha512(),
        "1.2.156.10197.1.401.2" => MessageDigest::sm3(),
        _ => return Err(Pbes2Error::Unsupported { what: "PRF", oid: oid.to_owned() }),
    })
}

fn dotted(oid: &[u8]) -> Result<String, Pbes2Error> {
    der::oid_text(oid).ok_or(Pbes2Error::Malformed)
}

/// Older schemes by the names that people know.
fn named(oid: String) -> String {
    let known = match oid.as_str() {
        "1.2.840.113549.1.5.3" => "pbeWithMD5AndDES-CBC",
        "1.2.840.113549.1.12.1.3" => "pbeWithSHA1And3-KeyTripleDES-CBC",
        "1.2.840.113549.1.12.1.6" => "pbeWithSHA1And40BitRC2-CBC",
        _ => return oid,
    };
    format!("{known} ({oid})")
}
