//! OCSP responses to staple.
//!
//! A response is an extra: a stale or foreign one is left out with a warning, and the credential is served without it.
//! Refusing the credential would be worse, since a renewed certificate always arrives before the first response for it.

use std::sync::Arc;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::hash::MessageDigest;
use jadegate_tongsuo::openssl::ocsp::{OcspCertId, OcspCertStatus, OcspResponse, OcspResponseStatus};

use super::spec::Input;
use crate::certificate::Certificate;

/// Clocks that disagree by less are no fault, in seconds.
const SKEW: u32 = 300;

#[derive(Debug, thiserror::Error)]
enum StapleError {
    #[error("not an OCSP response")]
    Malformed(#[from] ErrorStack),
    #[error("the responder gave no answer")]
    Unsuccessful,
    #[error("the answer is about another certificate")]
    Foreign,
    #[error("the answer is not valid now")]
    Stale,
    #[error("the certificate is not good according to the answer")]
    NotGood,
}

/// The response, if it can serve this chain now.
pub(super) fn staple(der: &[u8], chain: &[Certificate], input: &Input) -> Option<Arc<[u8]>> {
    match check(der, chain) {
        Ok(()) => Some(Arc::from(der)),
        Err(error) => {
            tracing::warn!(ocsp = %input, %error, "OCSP response is not stapled");
            None
        }
    }
}

fn check(der: &[u8], chain: &[Certificate]) -> Result<(), StapleError> {
    let response = OcspResponse::from_der(der)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Err(StapleError::Unsuccessful);
    }
    let basic = response.basic()?;
    // Without the issuer in the chain there is nothing to compare with; peers will check the answer themselves.
    let [leaf, issuer, ..] = chain else { return Ok(()) };
    let (leaf, issuer) = (leaf.engine_certificate()?, issuer.engine_certificate()?);
    for digest in [MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sm3()] {
        let id = OcspCertId::from_cert(digest, leaf, issuer)?;
        let Some(status) = basic.find_status(&id) else { continue };
        status.check_validity(SKEW, None).map_err(|_| StapleError::Stale)?;
        return if status.status == OcspCertStatus::GOOD { Ok(()) } else { Err(StapleError::NotGood) };
    }
    Err(StapleError::Foreign)
}
