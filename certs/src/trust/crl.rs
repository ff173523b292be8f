//! Certificate revocation lists: the octets and the facts that operators ask for. Signature, scope and freshness are
//! judged by the engines at verification.

use std::fmt;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::sha::sha256;
use jadegate_tongsuo::openssl::x509::X509Crl;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use crate::certificate::Certificate;
use crate::clock::UnixTime;
use crate::der::{self, DerError, Reader};
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
    #[error("not a revocation list in DER")]
    Malformed,
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
            Self::Malformed => "crl_malformed",
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
        if der::is_der(bytes) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let mut lists = Vec::new();
        let mut found = Vec::new();
        for block in pem::parse(bytes)? {
            match block.label.as_str() {
                "X509 CRL" | "CRL" => lists.push(Self::from_der(&block.der)?),
                _ => pem::note(&mut found, block.label),
            }
        }
        if lists.is_empty() { Err(CrlError::Absent { found }) } else { Ok(lists) }
    }

    /// Reads one DER list that fills the input. The entries are counted, not kept: lists of a million exist.
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        let mut outer = Reader::new(der);
        let mut list = outer.sequence()?;
        if !outer.is_empty() {
            return Err(CrlError::TrailingBytes(outer.remaining()));
        }
        let mut signed = list.sequence()?;
        list.expect(der::SEQUENCE)?;
        list.bits()?;
        list.end()?;

        signed.optional(der::INTEGER)?;
        signed.expect(der::SEQUENCE)?;
        let issuer = signed.any()?;
        let (_, name) = X509Name::from_der(issuer.raw).map_err(|_| CrlError::Malformed)?;
        let this_update = time(signed.any()?.raw)?;
        let next_update = match signed.peek() {
            Some(UTC_TIME | GENERALIZED_TIME) => Some(time(signed.any()?.raw)?),
            _ => None,
        };
        let mut revoked_count = 0;
        if let Some(entries) = signed.optional(der::SEQUENCE)? {
            let mut entries = Reader::new(entries);
            while !entries.is_empty() {
                entries.expect(der::SEQUENCE)?;
                revoked_count += 1;
            }
        }
        let number = match signed.optional(der::context(0))? {
            Some(extensions) => number(extensions)?,
            None => None,
        };
        signed.end()?;
        Ok(Self {
            der: der.to_vec(),
            issuer: printable(&name.to_string()),
            issuer_der: issuer.raw.to_vec(),
            this_update,
            next_update,
            number,
            revoked_count,
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

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// id-ce-cRLNumber, 2.5.29.20
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];

fn time(raw: &[u8]) -> Result<UnixTime, CrlError> {
    match ASN1Time::from_der(raw) {
        Ok((_, at)) => Ok(UnixTime(at.timestamp())),
        Err(_) => Err(CrlError::Malformed),
    }
}

fn number(extensions: &[u8]) -> Result<Option<String>, CrlError> {
    let mut extensions = der::whole_sequence(extensions)?;
    while !extensions.is_empty() {
        let mut extension = extensions.sequence()?;
        if extension.expect(der::OID)? == CRL_NUMBER {
            extension.optional(der::BOOLEAN)?;
            let number = Reader::new(extension.expect(der::OCTET_STRING)?).unsigned()?;
            return Ok(Some(hex::encode(number)));
        }
    }
    Ok(None)
}

impl From<DerError> for CrlError {
    fn from(_: DerError) -> Self {
        Self::Malformed
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({:?}, {} revoked, this update {})", self.issuer, self.revoked_count, self.this_update)
    }
}
