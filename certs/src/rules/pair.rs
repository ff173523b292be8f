//! The relation between the sign and the enc certificate of TLCP, which no library checks in full.

use crate::certificate::Certificate;
use crate::key::PublicKey;

/// Why two certificates are not one pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairFault {
    /// One certificate in both slots.
    #[error("the same certificate (serial {serial}) stands in both slots")]
    SameCertificate {
        /// Its serial number.
        serial: String,
    },
    /// Two certificates with one public key.
    #[error("sign and enc certificate hold the same public key")]
    SameKey,
    /// The subjects differ.
    #[error("subject of sign ({sign:?}) and enc ({enc:?}) differ")]
    SubjectDiffers {
        /// Subject of the sign certificate.
        sign: String,
        /// Subject of the enc certificate.
        enc: String,
    },
    /// The issuers differ.
    #[error("issuer of sign ({sign:?}) and enc ({enc:?}) differ")]
    IssuerDiffers {
        /// Issuer of the sign certificate.
        sign: String,
        /// Issuer of the enc certificate.
        enc: String,
    },
    /// The issuers have one name, and two keys.
    #[error(
        "authority key identifier of sign ({sign}) and enc ({enc}) differ: two issuers of one name; have both issued by \
         the same"
    )]
    AuthorityKeyDiffers {
        /// Authority key identifier of the sign certificate, hex.
        sign: String,
        /// Authority key identifier of the enc certificate, hex.
        enc: String,
    },
    /// The subjectAltNames differ.
    #[error("subjectAltName of sign and enc differ")]
    NamesDiffer,
}

impl PairFault {
    /// Stable word for logs, metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SameCertificate { .. } => "pair_same_certificate",
            Self::SameKey => "pair_same_key",
            Self::SubjectDiffers { .. } => "pair_subject_differs",
            Self::IssuerDiffers { .. } => "pair_issuer_differs",
            Self::AuthorityKeyDiffers { .. } => "pair_authority_key_differs",
            Self::NamesDiffer => "pair_names_differ",
        }
    }
}

/// Judges whether two certificates belong together. Each must have passed the rules of its slot already.
pub fn check_pair(sign: &Certificate, enc: &Certificate) -> Result<(), PairFault> {
    if sign == enc {
        return Err(PairFault::SameCertificate { serial: sign.serial().to_owned() });
    }
    if same_key(sign, enc) {
        return Err(PairFault::SameKey);
    }
    if sign.subject_der() != enc.subject_der() {
        return Err(PairFault::SubjectDiffers { sign: sign.subject().to_owned(), enc: enc.subject().to_owned() });
    }
    if sign.issuer_der() != enc.issuer_der() {
        return Err(PairFault::IssuerDiffers { sign: sign.issuer().to_owned(), enc: enc.issuer().to_owned() });
    }
    // Where one of them does not say which key signed it, the issuer's name decides alone.
    if let (Some(of_sign), Some(of_enc)) = (sign.authority_key_id(), enc.authority_key_id())
        && of_sign != of_enc
    {
        return Err(PairFault::AuthorityKeyDiffers { sign: hex::encode(of_sign), enc: hex::encode(of_enc) });
    }
    if !sign.names().same_set(enc.names()) {
        return Err(PairFault::NamesDiffer);
    }
    Ok(())
}

/// One key may be spelt in two ways, so the octets of its description do not decide.
fn same_key(sign: &Certificate, enc: &Certificate) -> bool {
    match (PublicKey::parse(sign.spki_der()), PublicKey::parse(enc.spki_der())) {
        (Ok(sign), Ok(enc)) => sign == enc,
        _ => sign.spki_der() == enc.spki_der(),
    }
}
