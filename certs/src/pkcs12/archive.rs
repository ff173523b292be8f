//! The nested structures of an archive.

use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::memcmp;
use jadegate_tongsuo::openssl::pkey::PKey;
use jadegate_tongsuo::openssl::sign::Signer;
use jadegate_tongsuo::openssl::symm::Cipher;
use zeroize::Zeroizing;

use super::Pkcs12Error;
use super::derive::{Purpose, Stretch, derive, wide};
use crate::certificate::Certificate;
use crate::der::{self, Reader};
use crate::key::{Allowance, MAX_ITERATIONS, MAX_SALT, Password, PrivateKey, decrypt_pbes2, open_cbc};

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const KEY_BAG: &str = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
const NESTED_BAG: &str = "1.2.840.113549.1.12.10.1.6";
const X509_CERTIFICATE: &str = "1.2.840.113549.1.9.22.1";
const PBE_SHA1_3DES: &str = "1.2.840.113549.1.12.1.3";
const PBMAC1: &str = "1.2.840.113549.1.5.14";

/// The most parts and bags of one archive: each may cost a key derivation.
const MAX_PARTS: usize = 64;

/// How the password enters the key derivation of PKCS#12: in UTF-16 with a closing zero, or, when it is empty, as
/// nothing at all. Tools disagree about the empty one; the integrity check tells.
pub(super) type WidePassword = Zeroizing<Vec<u8>>;

/// What opens the parts of an archive, and what has been read so far.
pub(super) struct Found<'a> {
    password: &'a Password,
    form: WidePassword,
    allowance: &'a mut Allowance,
    pub(super) keys: Vec<PrivateKey>,
    pub(super) certificates: Vec<Certificate>,
    parts: usize,
}

impl<'a> Found<'a> {
    pub(super) fn new(password: &'a Password, form: WidePassword, allowance: &'a mut Allowance) -> Self {
        Self { password, form, allowance, keys: Vec::new(), certificates: Vec::new(), parts: 0 }
    }

    fn count(&mut self) -> Result<(), Pkcs12Error> {
        self.parts += 1;
        if self.parts > MAX_PARTS { Err(Pkcs12Error::Malformed("too many parts")) } else { Ok(()) }
    }
}

/// Verifies the MAC and gives the content that it covers.
pub(super) fn authenticated<'a>(
    der: &'a [u8],
    password: &Password,
    allowance: &mut Allowance,
) -> Result<(&'a [u8], WidePassword), Pkcs12Error> {
    let mut outer = der::whole_sequence(der)?;
    if outer.small()? != 3 {
        return Err(Pkcs12Error::Malformed("version"));
    }
    let mut content = outer.sequence()?;
    if dotted(content.expect(der::OID)?)? != DATA {
        return Err(Pkcs12Error::NoIntegrity);
    }
    let safe = Reader::new(content.expect(der::context(0))?).expect(der::OCTET_STRING)?;
    if outer.is_empty() {
        return Err(Pkcs12Error::NoIntegrity);
    }
    let mut mac = outer.sequence()?;
    outer.end()?;
    let mut digest_info = mac.sequence()?;
    let digest = digest(&dotted(digest_info.sequence()?.expect(der::OID)?)?)?;
    let expected = digest_info.expect(der::OCTET_STRING)?;
    let salt = salt(&mut mac)?;
    let iterations = if mac.is_empty() { 1 } else { iterations(&mut mac)? };

    let mut forms = vec![wide(password)];
    if password.octets().is_empty() {
        forms.push(WidePassword::default());
    }
    for form in forms {
        allowance.take(iterations.into())?;
        let stretch = Stretch { digest, password: &form, salt, iterations };
        let key = derive(&stretch, Purpose::Integrity, digest.size())?;
        let key = PKey::hmac(&key)?;
        let found = Signer::new(digest, &key)?.sign_oneshot_to_vec(safe)?;
        if found.len() == expected.len() && memcmp::eq(&found, expected) {
            return Ok((safe, form));
        }
    }
    Err(Pkcs12Error::WrongPassword)
}

/// Reads an AuthenticatedSafe: parts in the clear and encrypted parts.
pub(super) fn read_safe(safe: &[u8], found: &mut Found<'_>) -> Result<(), Pkcs12Error> {
    let mut parts = der::whole_sequence(safe)?;
    while !parts.is_empty() {
        found.count()?;
        let mut part = parts.sequence()?;
        let kind = dotted(part.expect(der::OID)?)?;
        let mut content = Reader::new(part.expect(der::context(0))?);
        part.end()?;
        match kind.as_str() {
            DATA => read_bags(content.expect(der::OCTET_STRING)?, found)?,
            ENCRYPTED_DATA => {
                let mut encrypted = content.sequence()?;
                encrypted.small()?;
                let mut inner = encrypted.sequence()?;
                inner.expect(der::OID)?;
                let algorithm = inner.sequence()?;
                let ciphertext = inner.expect(0x80)?;
                let plain = open(algorithm, ciphertext, found)?;
                read_bags(&plain, found)?;
            }
            _ => return Err(Pkcs12Error::Unsupported { what: "content", oid: kind }),
        }
    }
    Ok(())
}

fn read_bags(bags: &[u8], found: &mut Found<'_>) -> Result<(), Pkcs12Error> {
    let mut bags = der::whole_sequence(bags)?;
    while !bags.is_empty() {
        found.count()?;
        let mut bag = bags.sequence()?;
        let kind = dotted(bag.expect(der::OID)?)?;
        let value = bag.expect(der::context(0))?;
        match kind.as_str() {
            KEY_BAG => found.keys.push(PrivateKey::from_pkcs8(value)?),
            SHROUDED_KEY_BAG => {
                let mut info = der::whole_sequence(value)?;
                let algorithm = info.sequence()?;
                let ciphertext = info.expect(der::OCTET_STRING)?;
                let plain = open(algorithm, ciphertext, found)?;
                found.keys.push(PrivateKey::from_pkcs8(&plain)?);
            }
            CERTIFICATE_BAG => {
                let mut certificate = der::whole_sequence(value)?;
                if dotted(certificate.expect(der::OID)?)? == X509_CERTIFICATE {
                    let der = Reader::new(certificate.expect(der::context(0))?).expect(der::OCTET_STRING)?;
                    found.certificates.push(Certificate::from_der(der)?);
                }
            }
            // Recursion is bounded by the count of parts.
            NESTED_BAG => read_bags(value, found)?,
            // Revocation lists and secrets of other programs.
            _ => {}
        }
    }
    Ok(())
}

/// Decrypts one part under PBES2 or under the triple DES scheme of PKCS#12.
fn open(algorithm: Reader<'_>, ciphertext: &[u8], found: &mut Found<'_>) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut scheme = algorithm.clone();
    if dotted(scheme.expect(der::OID)?)? != PBE_SHA1_3DES {
        return Ok(decrypt_pbes2(algorithm, ciphertext, found.password, found.allowance)?);
    }
    let mut parameters = scheme.sequence()?;
    let salt = salt(&mut parameters)?;
    let iterations = iterations(&mut parameters)?;
    // The key takes two rounds of the derivation's digest, the vector one.
    found.allowance.take(3 * u64::from(iterations))?;
    let stretch = Stretch { digest: MessageDigest::sha1(), password: &found.form, salt, iterations };
    let key = derive(&stretch, Purpose::Encryption, 24)?;
    let iv = derive(&stretch, Purpose::InitialVector, 8)?;
    Ok(open_cbc(Cipher::des_ede3_cbc(), &key, &iv, ciphertext)?)
}

fn salt<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Pkcs12Error> {
    let salt = reader.expect(der::OCTET_STRING)?;
    if salt.len() > MAX_SALT { Err(Pkcs12Error::Malformed("salt")) } else { Ok(salt) }
}

fn iterations(reader: &mut Reader<'_>) -> Result<u32, Pkcs12Error> {
    match reader.small().map_err(|_| Pkcs12Error::TooManyIterations(u64::MAX))? {
        0 => Err(Pkcs12Error::Malformed("iteration count")),
        count if count > MAX_ITERATIONS => Err(Pkcs12Error::TooManyIterations(count.into())),
        count => Ok(count),
    }
}

fn digest(oid: &str) -> Result<MessageDigest, Pkcs12Error> {
    Ok(match oid {
        "1.3.14.3.2.26" => MessageDigest::sha1(),
        "2.16.840.1.101.3.4.2.4" => MessageDigest::sha224(),
        "2.16.840.1.101.3.4.2.1" => MessageDigest::sha256(),
        "2.16.840.1.101.3.4.2.2" => MessageDigest::sha384(),
        "2.16.840.1.101.3.4.2.3" => MessageDigest::sha512(),
        "1.2.156.10197.1.401" => MessageDigest::sm3(),
        PBMAC1 => return Err(Pkcs12Error::Unsupported { what: "integrity check", oid: "PBMAC1".to_owned() }),
        _ => return Err(Pkcs12Error::Unsupported { what: "digest", oid: oid.to_owned() }),
    })
}

fn dotted(oid: &[u8]) -> Result<String, Pkcs12Error> {
    der::oid_text(oid).ok_or(Pkcs12Error::Malformed("identifier"))
}
