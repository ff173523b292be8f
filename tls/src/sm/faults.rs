//! Between the library's verification errors and our words.

use std::ffi::c_int;

use jadegate_tongsuo::openssl::x509::X509VerifyResult;
use jadegate_tongsuo::verification::number::{
    APPLICATION_VERIFICATION, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK, CERT_CHAIN_TOO_LONG, CERT_HAS_EXPIRED,
    CERT_NOT_YET_VALID, CERT_REJECTED, CERT_REVOKED, CERT_SIGNATURE_FAILURE, CERT_UNTRUSTED, CRL_HAS_EXPIRED,
    CRL_NOT_YET_VALID, CRL_PATH_VALIDATION_ERROR, CRL_SIGNATURE_FAILURE, DEPTH_ZERO_SELF_SIGNED_CERT,
    DIFFERENT_CRL_SCOPE, EE_KEY_TOO_SMALL, ERROR_IN_CRL_LAST_UPDATE_FIELD, ERROR_IN_CRL_NEXT_UPDATE_FIELD,
    EXCLUDED_VIOLATION, INVALID_CA, INVALID_PURPOSE, KEYUSAGE_NO_CERTSIGN, KEYUSAGE_NO_CRL_SIGN, PATH_LENGTH_EXCEEDED,
    PATHLEN_WITHOUT_KU_KEY_CERT_SIGN, PERMITTED_VIOLATION, RPK_UNTRUSTED, SELF_SIGNED_CERT_IN_CHAIN,
    UNABLE_TO_DECRYPT_CERT_SIGNATURE, UNABLE_TO_DECRYPT_CRL_SIGNATURE, UNABLE_TO_GET_CRL, UNABLE_TO_GET_CRL_ISSUER,
    UNABLE_TO_GET_ISSUER_CERT, UNABLE_TO_GET_ISSUER_CERT_LOCALLY, UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    UNHANDLED_CRITICAL_CRL_EXTENSION, UNSUPPORTED_SIGNATURE_ALGORITHM,
};

use crate::error::PeerFault;

/// Our word for an error of the library's path validation.
pub(super) fn of_library(error: X509VerifyResult) -> PeerFault {
    match error.as_raw() {
        CERT_HAS_EXPIRED => PeerFault::Expired,
        CERT_NOT_YET_VALID => PeerFault::NotYetValid,
        CERT_REVOKED => PeerFault::Revoked,
        UNABLE_TO_GET_CRL
        | UNABLE_TO_DECRYPT_CRL_SIGNATURE
        | CRL_SIGNATURE_FAILURE
        | CRL_NOT_YET_VALID
        | CRL_HAS_EXPIRED
        | ERROR_IN_CRL_LAST_UPDATE_FIELD
        | ERROR_IN_CRL_NEXT_UPDATE_FIELD
        | UNABLE_TO_GET_CRL_ISSUER
        | KEYUSAGE_NO_CRL_SIGN
        | UNHANDLED_CRITICAL_CRL_EXTENSION
        | DIFFERENT_CRL_SCOPE
        | CRL_PATH_VALIDATION_ERROR => PeerFault::RevocationUnknown,
        CERT_SIGNATURE_FAILURE | UNABLE_TO_DECRYPT_CERT_SIGNATURE => PeerFault::BadSignature,
        INVALID_PURPOSE => PeerFault::WrongUsage,
        EE_KEY_TOO_SMALL | CA_KEY_TOO_SMALL => PeerFault::WeakKey,
        CA_MD_TOO_WEAK | UNSUPPORTED_SIGNATURE_ALGORITHM => PeerFault::WeakSignature,
        // A certificate that must not issue, or not so deep, or not such names, makes no path either.
        UNABLE_TO_GET_ISSUER_CERT
        | DEPTH_ZERO_SELF_SIGNED_CERT
        | SELF_SIGNED_CERT_IN_CHAIN
        | UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | UNABLE_TO_VERIFY_LEAF_SIGNATURE
        | CERT_CHAIN_TOO_LONG
        | CERT_UNTRUSTED
        | CERT_REJECTED
        | INVALID_CA
        | PATH_LENGTH_EXCEEDED
        | PATHLEN_WITHOUT_KU_KEY_CERT_SIGN
        | KEYUSAGE_NO_CERTSIGN
        | PERMITTED_VIOLATION
        | EXCLUDED_VIOLATION => PeerFault::Untrusted,
        // Critical extensions that nobody understands, fields that do not parse, X.509's own rules.
        _ => PeerFault::Malformed,
    }
}

/// The error of the library whose alert is `alert`. Neither of its tables has `access_denied`.
pub(super) fn library_error(alert: u8) -> c_int {
    match alert {
        40 => APPLICATION_VERIFICATION,
        42 => CERT_REJECTED,
        43 => INVALID_PURPOSE,
        44 => CERT_REVOKED,
        45 => CERT_HAS_EXPIRED,
        48 => UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        51 => CERT_SIGNATURE_FAILURE,
        _ => RPK_UNTRUSTED,
    }
}
