//! Writes the seeds of the fuzz targets that read certificates, keys and lists: `cargo run -p jadegate-certs --example
//! fuzz_seeds -- tests/fuzz/seeds`. Every run makes other keys, so run it only when the forms below change.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jadegate_certs::development::mint::{Mint, MintCrl, MintKey, Minted, Usage};
use jadegate_certs::pem;
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::nid::Nid;
use jadegate_tongsuo::openssl::pkcs12::Pkcs12;
use jadegate_tongsuo::openssl::pkey::PKey;
use jadegate_tongsuo::openssl::symm::Cipher;
use jadegate_tongsuo::openssl::x509::{X509, X509Req};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The targets look at the seeds at this time, in January 2027.
const NOW: u64 = 1_800_000_000;
const PASSWORD: &str = "secret";

fn main() -> Outcome<()> {
    let seeds = PathBuf::from(std::env::args().nth(1).ok_or("usage: fuzz_seeds DIRECTORY")?);
    let family = Family::new(MintKey::sm2)?;
    let standard = Family::new(MintKey::p256)?;
    let files = [pair(&family, &standard)?, files(&family, &standard)?];
    for (target, name, content) in files.into_iter().flatten() {
        let directory = seeds.join(target);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(name), content)?;
    }
    Ok(())
}

struct Family {
    root: Minted,
    sign: Minted,
    enc: Minted,
}

impl Family {
    fn new(key: impl Fn() -> Result<MintKey, jadegate_certs::development::mint::MintError>) -> Outcome<Self> {
        let root = long(Mint::authority("root")).self_signed(&key()?)?;
        let leaf = |usage| long(Mint::leaf("site").dns("site.example")).usage(usage).issue(&key()?, &root);
        Ok(Self { sign: leaf(Usage::SIGN)?, enc: leaf(Usage::ENC)?, root })
    }
}

fn long(mint: Mint) -> Mint {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    mint.valid(at(NOW - 86_400 * 90), at(NOW + 86_400 * 275))
}

type Seeds = Vec<(&'static str, &'static str, Vec<u8>)>;

/// What a listener presents: a byte for the kind, then the inputs with a line `%%` between them.
fn pair(family: &Family, standard: &Family) -> Outcome<Seeds> {
    let seed = |kind: u8, parts: &[&[u8]]| [&[kind][..], &parts.join(&b"\n%%\n"[..])].concat();
    let (sign, enc) = (&family.sign, &family.enc);
    let [sign_key, enc_key] = [sign.key_pem()?, enc.key_pem()?];
    let chain = sign.pem() + &family.root.pem();
    Ok(vec![
        ("pair", "sm2", seed(0, &[chain.as_bytes(), sign_key.as_bytes()])),
        ("pair", "p256", seed(0, &[standard.sign.der(), &standard.sign.key().pkcs8_der()?])),
        ("pair", "pair", seed(1, &[sign.der(), sign_key.as_bytes(), enc.der(), enc_key.as_bytes()])),
        ("pair", "pair-swapped", seed(1, &[enc.der(), enc_key.as_bytes(), sign.der(), sign_key.as_bytes()])),
        ("pair", "pkcs12", seed(2, &[&archive(standard)?, PASSWORD.as_bytes()])),
        ("pair", "ticket-keys", seed(3, &[&[7; 160]])),
    ])
}

fn files(family: &Family, standard: &Family) -> Outcome<Seeds> {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let list = MintCrl::new().revoke(&family.sign).revoke(&family.enc).valid(at(NOW - 60), Some(at(NOW + 86_400)));
    let key = PKey::private_key_from_der(&standard.sign.key().pkcs8_der()?)?;
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), PASSWORD.as_bytes())?;
    let sec1 = key.ec_key()?.private_key_to_pem()?;
    let ed25519 = MintKey::ed25519()?.pkcs8_pem()?;
    let rsa = MintKey::rsa(2048)?.as_pkey().rsa()?.private_key_to_pem()?;
    let mixture = family.sign.pem() + &family.root.pem() + &family.sign.key_pem()? + &list.issue_pem(&family.root)?;
    let mut request = X509Req::builder()?;
    request.set_pubkey(&key)?;
    request.sign(&key, MessageDigest::sha256())?;
    let request = request.build().to_pem()?;
    let with = |flag: u8, file: &[u8]| [&[flag][..], file].concat();
    Ok(vec![
        ("pem", "certificate", family.sign.pem().into_bytes()),
        ("pem", "certificate-der", standard.sign.der().to_vec()),
        ("pem", "key-sm2", family.sign.key_pem()?.as_bytes().to_vec()),
        ("pem", "key-p256-sec1", sec1),
        ("pem", "key-ed25519", ed25519.as_bytes().to_vec()),
        ("pem", "key-rsa", rsa),
        ("pem", "key-encrypted", encrypted.clone()),
        (
            "pem",
            "headers",
            b"text\r\n-----BEGIN X-----\r\nProc-Type: 4,ENCRYPTED\r\n\r\nAAAA\r\n-----END X-----".to_vec(),
        ),
        ("pem", "glued", (pem::encode("A", b"one").trim_end().to_owned() + &pem::encode("B", b"two")).into_bytes()),
        ("crl", "list", list.issue(&family.root)?),
        ("crl", "list-pem", list.issue_pem(&standard.root)?.into_bytes()),
        ("crl", "roots-and-list", (family.root.pem() + &list.issue_pem(&family.root)?).into_bytes()),
        ("inspect", "mixture", with(0, mixture.as_bytes())),
        ("inspect", "encrypted", with(1, &encrypted)),
        ("inspect", "archive", with(1, &archive(family)?)),
        ("inspect", "request", with(0, &request)),
    ])
}

fn archive(family: &Family) -> Outcome<Vec<u8>> {
    let mut builder = Pkcs12::builder();
    let leaf = X509::from_der(family.sign.der())?;
    builder.key_algorithm(Nid::AES_256_CBC).cert_algorithm(Nid::AES_256_CBC).key_iter(10).mac_iter(10);
    Ok(builder.pkey(family.sign.key().as_pkey()).cert(&leaf).build2(PASSWORD)?.to_der()?)
}
