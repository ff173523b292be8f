//! Certificate revocation lists: the octets and the facts that operators ask for. Signature, scope and freshness are
//! judged by the engines at verification.

use std::fmt;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::sha::sha256;
use jadegate_tongsuo::openssl::x509::X509Crl;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::certificate::Certificate;
use crate::clock::UnixTime;
use crate::pem::{self, PemError};
use crate::text::printable;

/// The largest input of revocation lists, 32 MiB in DER: large public authorities publish lists of several.
pub const MAX_CRL_INPUT: usize = 32 << 20;

/// One revocation list.
#[derive(Clone)]
pub struct Crl {
    /// The list as it was read.
    pub der: Vec<u8>,
    /// Issuer for people.
    pub issuer: String,
    /// Issuer as a DER Name.
    pub issuer_der: Vec<u8>,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one is due; beyond it this one is stale.
    pub next_update: Option<UnixTime>,
    /// Its number in lower-case hex, if it has one.
    pub number: Option<String>,
    /// How many certificates it revokes.
    pub revoked_count: usize,
}

/// Why octets are not a readable revocation list.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CrlError {
    /// The input is not well-formed PEM.
    #[error("revocation list is not well-formed PEM")]
    Pem(#[from] PemError),
    /// More octets than [`MAX_CRL_INPUT`].
    #[error("revocation list of {0} bytes is too large (limit {MAX_CRL_INPUT})")]
    TooLarge(usize),
    /// No revocation list in the input.
    #[error("no revocation list in this input (found: {})", if .found.is_empty() { "nothing".to_owned() } else { .found.join(", ") })]
    Absent {
        /// Labels of the blocks that are there.
        found: Vec<String>,
    },
    /// The structure cannot be read.
    #[error("not a revocation list: {0}")]
    Malformed(String),
    /// Octets follow the list.
    #[error("{0} bytes follow the revocation list")]
    TrailingBytes(usize),
}

impl CrlError {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Pem(source) => source.reason(),
            Self::TooLarge(_) => "crl_too_large",
            Self::Absent { .. } => "crl_absent",
            Self::Malformed(_) => "crl_malformed",
            Self::TrailingBytes(_) => "crl_trailing_bytes",
        }
    }
}

impl Crl {
    /// Reads every `X509 CRL` block of a PEM input, or the one list of a DER input.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, CrlError> {
        if bytes.len() > MAX_CRL_INPUT {
            return Err(CrlError::TooLarge(bytes.len()));
        }
        if bytes.first() == Some(&0x30) && !pem::is_pem(bytes) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let mut lists = Vec::new();
        let mut found = Vec::new();
        for block in pem::parse(bytes)? {
            match block.label.as_str() {
                "X509 CRL" | "CRL" => lists.push(Self::from_der(&block.der)?),
                _ => found.push(block.label),
            }
        }
        if lists.is_empty() { Err(CrlError::Absent { found }) } else { Ok(lists) }
    }

    /// Reads one DER list that fills the input.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        let (rest, parsed) =
            CertificateRevocationList::from_der(der).map_err(|error| CrlError::Malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(CrlError::TrailingBytes(rest.len()));
        }
        let number = parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLNumber(number) => Some(number.to_str_radix(16)),
            _ => None,
        });
        Ok(Self {
            der: der.to_vec(),
            issuer: printable(&parsed.issuer().to_string()),
            issuer_der: parsed.issuer().as_raw().to_vec(),
            this_update: UnixTime(parsed.last_update().timestamp()),
            next_update: parsed.next_update().map(|at| UnixTime(at.timestamp())),
            number,
            revoked_count: parsed.iter_revoked_certificates().count(),
        })
    }

    /// Whether the signature on this list was made by the key in `issuer`. Any failure is a no.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let key = issuer.engine_certificate()?.public_key()?;
            X509Crl::from_der(&self.der)?.verify(&key)
        };
        verify().unwrap_or(false)
    }

    /// SHA-256 over the whole list.
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&self.der)
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({:?}, {} revoked, this update {})", self.issuer, self.revoked_count, self.this_update)
    }
}
