//! A development certificate authority: everything that a first try, an example or a test needs, in memory or in a
//! directory. Not for production: keys are protected by file permissions alone, and nothing is recorded.
//!
//! The standard side is made by rcgen (P-256 unless a key is given), the SM2 side by [`mint`].

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

mod der;
mod directory;
pub mod mint;
mod standard;

pub use directory::{DirectoryOptions, Overwrite, write_directory};
pub use mint::AltName;
use mint::{Mint, MintError, MintKey, Minted, Name, Purpose, Usage};

/// The longest life that browsers give a server certificate, in days.
const LEAF_DAYS: u64 = 397;
const ORGANIZATION: &str = "Jadegate development";

/// Why the development CA could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevelopmentError {
    /// The SM2 side failed.
    #[error("cannot mint an SM2 certificate")]
    Mint(#[from] MintError),
    /// The standard side failed.
    #[error("cannot issue a standard certificate")]
    Standard(#[from] rcgen::Error),
    /// A pair has two SM2 certificates; a standard authority has none to give.
    #[error("a standard authority cannot issue a TLCP pair")]
    PairNeedsSm2,
    /// The key is of the other family.
    #[error("a key of this kind cannot be certified by this authority")]
    ForeignKey,
    /// The text is neither an address nor a URI nor a DNS name.
    #[error("{0:?} is neither an IP address nor a URI nor a DNS name")]
    BadName(String),
    /// A file is already there.
    #[error("{} exists already", .0.display())]
    Exists(std::path::PathBuf),
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DevelopmentError {
    /// A stable word for logs and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Mint(_) | Self::Standard(_) => "issue_failed",
            Self::PairNeedsSm2 => "pair_needs_sm2",
            Self::ForeignKey => "foreign_key",
            Self::BadName(_) => "bad_name",
            Self::Exists(_) => "exists",
            Self::Write { .. } => "write_failed",
        }
    }
}

/// The two worlds of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ECDSA or RSA with SHA-2.
    Standard,
    /// SM2 with SM3.
    Sm2,
}

/// What the holder of a leaf does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Accepts connections.
    Server,
    /// Opens connections.
    Client,
    /// Both, as a workload in a mesh.
    Both,
}

impl Role {
    fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::Server => &[Purpose::ServerAuth],
            Self::Client => &[Purpose::ClientAuth],
            Self::Both => &[Purpose::ServerAuth, Purpose::ClientAuth],
        }
    }
}

/// Reads an address, a URI or a DNS name, in this order.
impl FromStr for AltName {
    type Err = DevelopmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address));
        }
        let printable = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
        if printable && text.contains("://") {
            return Ok(Self::Uri(text.to_owned()));
        }
        let dns = |octet: u8| octet.is_ascii_alphanumeric() || b"-._*".contains(&octet);
        if printable && text.bytes().all(dns) {
            return Ok(Self::Dns(text.to_owned()));
        }
        Err(DevelopmentError::BadName(text.to_owned()))
    }
}

/// What a leaf shall say.
#[derive(Clone, Debug)]
pub struct LeafRequest {
    /// Common name of the subject; the identity is in `names`.
    pub common_name: String,
    /// subjectAltName.
    pub names: Vec<AltName>,
    /// Decides extendedKeyUsage.
    pub role: Role,
    /// From an hour ago until so long from now.
    pub lifetime: Duration,
}

impl LeafRequest {
    /// A leaf with these names, named after the first, for 397 days.
    pub fn new(role: Role, names: &[&str]) -> Result<Self, DevelopmentError> {
        Ok(Self {
            common_name: names.first().copied().unwrap_or("anonymous").chars().take(64).collect(),
            names: names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            role,
            lifetime: Duration::from_secs(LEAF_DAYS * 86400),
        })
    }
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Unencrypted PKCS#8, PEM.
    pub key_pem: Zeroizing<String>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// The two certificates of a TLCP end, with their keys.
#[derive(Clone, Debug)]
pub struct IssuedPair {
    /// For signatures; alone it is also the certificate for TLS 1.3 with SM suites.
    pub sign: Issued,
    /// For key exchange.
    pub enc: Issued,
}

/// A root that issues leaves directly.
pub struct DevelopmentCa {
    issuer: Issuer,
    root: Issued,
}

enum Issuer {
    Standard(Box<standard::Root>),
    Sm2(Box<Minted>),
}

impl fmt::Debug for DevelopmentCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentCa").field("family", &self.family()).field("root", &self.root).finish()
    }
}

impl DevelopmentCa {
    /// A fresh P-256 root.
    pub fn new_standard() -> Result<Self, DevelopmentError> {
        let root = standard::Root::new(ORGANIZATION, "Jadegate development root")?;
        let issued = root.issued();
        Ok(Self { issuer: Issuer::Standard(Box::new(root)), root: issued })
    }

    /// A fresh SM2 root.
    pub fn new_sm2() -> Result<Self, DevelopmentError> {
        let name = Name::common("Jadegate development SM2 root").organization(ORGANIZATION);
        let root = Mint::authority("").subject(name).self_signed(&MintKey::sm2()?)?;
        let issued = issued(&root)?;
        Ok(Self { issuer: Issuer::Sm2(Box::new(root)), root: issued })
    }

    /// Which family this root belongs to.
    pub fn family(&self) -> Family {
        match self.issuer {
            Issuer::Standard(_) => Family::Standard,
            Issuer::Sm2(_) => Family::Sm2,
        }
    }

    /// The root itself.
    pub fn root(&self) -> &Issued {
        &self.root
    }

    /// A leaf with a fresh key: P-256, or SM2 as the sign certificate of a pair would be.
    pub fn issue(&self, request: &LeafRequest) -> Result<Issued, DevelopmentError> {
        match &self.issuer {
            Issuer::Standard(_) => self.issue_for(&MintKey::p256()?, request),
            Issuer::Sm2(_) => self.issue_for(&MintKey::sm2()?, request),
        }
    }

    /// A leaf for a key that is already at hand, RSA for instance.
    pub fn issue_for(&self, key: &MintKey, request: &LeafRequest) -> Result<Issued, DevelopmentError> {
        let sm2_key = key.usual_algorithm() == mint::SignatureAlgorithm::Sm2Sm3;
        match &self.issuer {
            Issuer::Standard(root) if !sm2_key => root.issue(key, request),
            Issuer::Sm2(root) if sm2_key => issued(&sm2_leaf(request, Usage::SIGN).issue(key, root)?),
            _ => Err(DevelopmentError::ForeignKey),
        }
    }

    /// A TLCP pair with fresh keys: one subject, one issuer, the same names.
    pub fn issue_pair(&self, request: &LeafRequest) -> Result<IssuedPair, DevelopmentError> {
        let Issuer::Sm2(root) = &self.issuer else {
            return Err(DevelopmentError::PairNeedsSm2);
        };
        Ok(IssuedPair {
            sign: issued(&sm2_leaf(request, Usage::SIGN).issue(&MintKey::sm2()?, root)?)?,
            enc: issued(&sm2_leaf(request, Usage::ENC).issue(&MintKey::sm2()?, root)?)?,
        })
    }
}

fn sm2_leaf(request: &LeafRequest, usage: &[Usage]) -> Mint {
    let now = SystemTime::now();
    let mint = Mint::leaf("")
        // GmSSL refuses a leaf whose basicConstraints is the empty default; leaving it out says the same (RFC 5280 4.2.1.9).
        .without_basic_constraints()
        .subject(Name::common(&request.common_name).organization(ORGANIZATION))
        .valid(now - mint::BACKDATED, now + request.lifetime)
        .usage(usage)
        .purposes(request.role.purposes());
    request.names.iter().cloned().fold(mint, Mint::name)
}

fn issued(minted: &Minted) -> Result<Issued, DevelopmentError> {
    Ok(Issued { certificate_pem: minted.pem(), key_pem: minted.key_pem()? })
}

#[cfg(test)]
mod tests;
