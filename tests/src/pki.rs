//! Certificates of both sides of every test, made at run time.
//!
//! One SM2 root and one P-256 root, and leaves directly below them: some peers (gmtls, GmSSL) cannot build a longer
//! chain. Chains with intermediates are tested where they are built, in `certs` and `tls`.

mod replacement;

pub use replacement::Replacement;

use anyhow::Result;
use jadegate_certs::development::mint::{Mint, MintKey, Minted, Purpose, Usage};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// The name that every server certificate carries.
pub const SERVER_NAME: &str = "site.example";

/// A certificate file and its key file.
#[derive(Debug, Clone)]
pub struct Single {
    /// The leaf alone, PEM.
    pub cert: PathBuf,
    /// Its PKCS#8 key, PEM.
    pub key: PathBuf,
}

/// The two certificates of one TLCP party.
#[derive(Debug, Clone)]
pub struct Pair {
    /// For signatures.
    pub sign: Single,
    /// For key exchange.
    pub enc: Single,
}

/// A directory of certificates that vanishes with the value.
#[derive(Debug)]
pub struct Pki {
    directory: tempfile::TempDir,
    sm2: Minted,
    standard: Minted,
    /// Root of everything SM2.
    pub sm2_root: PathBuf,
    /// TLCP server.
    pub server_pair: Pair,
    /// TLCP client.
    pub client_pair: Pair,
    /// TLCP client of a root that nobody trusts.
    pub stranger_pair: Pair,
    /// RFC 8998 server.
    pub server_sm2: Single,
    /// RFC 8998 client.
    pub client_sm2: Single,
    /// Root of everything that is not SM2.
    pub standard_root: PathBuf,
    /// Server of the standard protocols, ECDSA.
    pub server_p256: Single,
    /// Server of the standard protocols, RSA.
    pub server_rsa: Single,
    /// Client of the standard protocols.
    pub client_p256: Single,
    /// Client of the standard protocols, of a root that nobody trusts.
    pub stranger_p256: Single,
}

impl Pki {
    /// Makes all of it.
    ///
    /// # Errors
    /// When the disk is full, or libcrypto fails.
    pub fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let write = Writer { directory: directory.path() };
        let sm2 = Mint::authority("Jadegate test root SM2").self_signed(&MintKey::sm2()?)?;
        let standard = Mint::authority("Jadegate test root P-256").self_signed(&MintKey::p256()?)?;
        let stranger_sm2 = Mint::authority("Stranger root SM2").self_signed(&MintKey::sm2()?)?;
        let stranger = Mint::authority("Stranger root P-256").self_signed(&MintKey::p256()?)?;
        Ok(Self {
            sm2_root: write.text("sm2-root.pem", &sm2.pem())?,
            server_pair: write.pair("server", &server(), &sm2)?,
            client_pair: write.pair("client", &client(), &sm2)?,
            stranger_pair: write.pair("stranger", &client(), &stranger_sm2)?,
            server_sm2: write.single("server-sm2", &server(), &MintKey::sm2()?, &sm2)?,
            client_sm2: write.single("client-sm2", &client(), &MintKey::sm2()?, &sm2)?,
            standard_root: write.text("standard-root.pem", &standard.pem())?,
            server_p256: write.single("server-p256", &server(), &MintKey::p256()?, &standard)?,
            server_rsa: write.single("server-rsa", &server(), &MintKey::rsa(2048)?, &standard)?,
            client_p256: write.single("client-p256", &client(), &MintKey::p256()?, &standard)?,
            stranger_p256: write.single("stranger-p256", &client(), &MintKey::p256()?, &stranger)?,
            sm2,
            standard,
            directory,
        })
    }

    /// Where the files lie.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Puts one more file beside the others.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        Writer { directory: self.directory() }.text(name, text)
    }

    /// A server's pair of certificates, PEM, for keys whose private halves only a peer has.
    ///
    /// # Errors
    /// When libcrypto fails.
    pub fn certify_server_pair(&self, sign_spki: Vec<u8>, enc_spki: Vec<u8>) -> Result<[String; 2]> {
        // The mint wants some key; the certificate carries the peer's.
        let unused = MintKey::sm2()?;
        let sign = server().usage(Usage::SIGN).spki(sign_spki).issue(&unused, &self.sm2)?;
        let enc = server().usage(Usage::ENC).spki(enc_spki).issue(&unused, &self.sm2)?;
        Ok([sign.pem(), enc.pem()])
    }
}

/// GmSSL refuses a leaf whose basicConstraints is empty, which is how DER says "not a CA"; so leaves have none.
fn leaf(common_name: &str, purpose: Purpose) -> Mint {
    Mint::leaf(common_name).without_basic_constraints().purposes(&[purpose])
}

fn server() -> Mint {
    leaf(SERVER_NAME, Purpose::ServerAuth).dns(SERVER_NAME).ip(Ipv4Addr::LOCALHOST.into())
}

fn client() -> Mint {
    leaf("client", Purpose::ClientAuth).dns("client.example").uri("spiffe://example.org/client")
}

struct Writer<'a> {
    directory: &'a Path,
}

impl Writer<'_> {
    fn text(&self, name: &str, text: &str) -> Result<PathBuf> {
        self.bytes(name, text.as_bytes())
    }

    fn bytes(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn minted(&self, name: &str, minted: &Minted) -> Result<Single> {
        let key = self.directory.join(format!("{name}.key"));
        fs::write(&key, minted.key_pem()?.as_bytes())?;
        Ok(Single { cert: self.text(&format!("{name}.pem"), &minted.pem())?, key })
    }

    fn single(&self, name: &str, leaf: &Mint, key: &MintKey, issuer: &Minted) -> Result<Single> {
        self.minted(name, &leaf.issue(key, issuer)?)
    }

    fn pair(&self, name: &str, leaf: &Mint, issuer: &Minted) -> Result<Pair> {
        let sign = leaf.clone().usage(Usage::SIGN).issue(&MintKey::sm2()?, issuer)?;
        let enc = leaf.clone().usage(Usage::ENC).issue(&MintKey::sm2()?, issuer)?;
        Ok(Pair { sign: self.minted(&format!("{name}-sign"), &sign)?, enc: self.minted(&format!("{name}-enc"), &enc)? })
    }
}
