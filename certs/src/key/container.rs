//! Finds the one private key in an input and opens what it is wrapped in.

use super::{Allowance, KeyError, Password, PrivateKey, decode, pbes2};
use crate::der::{self, Reader};
use crate::pem::{self, Block};

/// The structure that a DER input looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    Pkcs1,
    Sec1,
    Pkcs8,
    EncryptedPkcs8,
    Pkcs12,
}

/// Tells key containers apart by their first elements, without decoding them.
pub(crate) fn form(input: &[u8]) -> Option<KeyForm> {
    let mut outer = der::whole_sequence(input).ok()?;
    if outer.peek() == Some(der::SEQUENCE) {
        let algorithm = outer.expect(der::SEQUENCE).ok()?;
        let encrypted = Reader::new(algorithm).peek() == Some(der::OID) && outer.expect(der::OCTET_STRING).is_ok();
        return (encrypted && outer.is_empty()).then_some(KeyForm::EncryptedPkcs8);
    }
    let version = outer.small().ok()?;
    match (version, outer.peek()?) {
        (0, der::INTEGER) => Some(KeyForm::Pkcs1),
        (1, der::OCTET_STRING) => Some(KeyForm::Sec1),
        // A CSR begins with version 0 and a name; a PKCS#8 with version and an algorithm, whose first part is an OID.
        (0 | 1, der::SEQUENCE) => {
            let algorithm = outer.expect(der::SEQUENCE).ok()?;
            let is_key = Reader::new(algorithm).peek() == Some(der::OID) && outer.peek() == Some(der::OCTET_STRING);
            is_key.then_some(KeyForm::Pkcs8)
        }
        (3, der::SEQUENCE) => Some(KeyForm::Pkcs12),
        _ => None,
    }
}

pub(super) fn read(
    bytes: &[u8],
    password: Option<&Password>,
    allowance: &mut Allowance,
) -> Result<PrivateKey, KeyError> {
    if let Some(form) = form(bytes) {
        return open(form, bytes, password, allowance);
    }
    if !pem::is_pem(bytes) {
        return Err(KeyError::NoKey { found: Vec::new() });
    }
    let blocks = pem::parse(bytes)?;
    let keys: Vec<&Block> = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY")).collect();
    match keys.as_slice() {
        [block] => read_block(block, password, allowance),
        [] => {
            let mut found = Vec::new();
            blocks.into_iter().for_each(|block| pem::note(&mut found, block.label));
            Err(KeyError::NoKey { found })
        }
        several => Err(KeyError::SeveralKeys(several.len())),
    }
}

/// Reads one PEM block whose label ends with `PRIVATE KEY`.
pub(super) fn read_block(
    block: &Block,
    password: Option<&Password>,
    allowance: &mut Allowance,
) -> Result<PrivateKey, KeyError> {
    let traditional = |(name, value): &(String, String)| name == "Proc-Type" && value.contains("ENCRYPTED");
    if block.headers.iter().any(traditional) {
        return Err(KeyError::TraditionalEncryption);
    }
    match block.label.as_str() {
        "PRIVATE KEY" => decode::pkcs8(&block.der),
        "ENCRYPTED PRIVATE KEY" => open(KeyForm::EncryptedPkcs8, &block.der, password, allowance),
        "RSA PRIVATE KEY" => decode::rsa(&block.der),
        "EC PRIVATE KEY" => decode::sec1(&block.der, None),
        // Some national tools write SM2 keys under this label, in either form.
        "SM2 PRIVATE KEY" => match form(&block.der) {
            Some(KeyForm::Pkcs8) => decode::pkcs8(&block.der),
            _ => decode::sec1(&block.der, None),
        },
        other => Err(KeyError::UnsupportedAlgorithm(other.trim_end_matches(" PRIVATE KEY").to_owned())),
    }
}

fn open(
    form: KeyForm,
    input: &[u8],
    password: Option<&Password>,
    allowance: &mut Allowance,
) -> Result<PrivateKey, KeyError> {
    match form {
        KeyForm::Pkcs1 => decode::rsa(input),
        KeyForm::Sec1 => decode::sec1(input, None),
        KeyForm::Pkcs8 => decode::pkcs8(input),
        KeyForm::EncryptedPkcs8 => encrypted(input, password.ok_or(KeyError::PasswordMissing)?, allowance),
        KeyForm::Pkcs12 => Err(KeyError::NoKey { found: vec!["PKCS#12 archive".to_owned()] }),
    }
}

/// Opens EncryptedPrivateKeyInfo.
fn encrypted(input: &[u8], password: &Password, allowance: &mut Allowance) -> Result<PrivateKey, KeyError> {
    let bad = KeyError::malformed("encrypted PKCS#8 structure");
    let mut outer = der::whole_sequence(input).map_err(&bad)?;
    let algorithm = outer.sequence().map_err(&bad)?;
    let ciphertext = outer.expect(der::OCTET_STRING).map_err(&bad)?;
    outer.end().map_err(&bad)?;
    let plain = pbes2::decrypt(algorithm, ciphertext, password, allowance)?;
    // Padding that looks right by chance leaves octets that are no structure.
    if form(&plain) != Some(KeyForm::Pkcs8) {
        return Err(KeyError::WrongPassword);
    }
    decode::pkcs8(&plain)
}
