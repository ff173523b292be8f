//! Numbers of the library's path validation errors (`x509_vfy.h`), of which the openssl crate names almost none.

use openssl::x509::{X509StoreContextRef, X509VerifyResult};
use std::ffi::c_int;

/// The error numbers, without their prefix `X509_V_ERR_`.
#[expect(missing_docs, reason = "the manual page X509_STORE_CTX_get_error(3) describes each")]
pub mod number {
    use std::ffi::c_int;

    pub const UNABLE_TO_GET_ISSUER_CERT: c_int = 2;
    pub const UNABLE_TO_GET_CRL: c_int = 3;
    pub const UNABLE_TO_DECRYPT_CERT_SIGNATURE: c_int = 4;
    pub const UNABLE_TO_DECRYPT_CRL_SIGNATURE: c_int = 5;
    pub const CERT_SIGNATURE_FAILURE: c_int = 7;
    pub const CRL_SIGNATURE_FAILURE: c_int = 8;
    pub const CERT_NOT_YET_VALID: c_int = 9;
    pub const CERT_HAS_EXPIRED: c_int = 10;
    pub const CRL_NOT_YET_VALID: c_int = 11;
    pub const CRL_HAS_EXPIRED: c_int = 12;
    pub const ERROR_IN_CRL_LAST_UPDATE_FIELD: c_int = 15;
    pub const ERROR_IN_CRL_NEXT_UPDATE_FIELD: c_int = 16;
    pub const DEPTH_ZERO_SELF_SIGNED_CERT: c_int = 18;
    pub const SELF_SIGNED_CERT_IN_CHAIN: c_int = 19;
    pub const UNABLE_TO_GET_ISSUER_CERT_LOCALLY: c_int = 20;
    pub const UNABLE_TO_VERIFY_LEAF_SIGNATURE: c_int = 21;
    pub const CERT_CHAIN_TOO_LONG: c_int = 22;
    pub const CERT_REVOKED: c_int = 23;
    pub const PATH_LENGTH_EXCEEDED: c_int = 25;
    pub const INVALID_PURPOSE: c_int = 26;
    pub const CERT_UNTRUSTED: c_int = 27;
    pub const CERT_REJECTED: c_int = 28;
    pub const KEYUSAGE_NO_CERTSIGN: c_int = 32;
    pub const UNABLE_TO_GET_CRL_ISSUER: c_int = 33;
    pub const KEYUSAGE_NO_CRL_SIGN: c_int = 35;
    pub const UNHANDLED_CRITICAL_CRL_EXTENSION: c_int = 36;
    pub const DIFFERENT_CRL_SCOPE: c_int = 44;
    pub const PERMITTED_VIOLATION: c_int = 47;
    pub const EXCLUDED_VIOLATION: c_int = 48;
    pub const APPLICATION_VERIFICATION: c_int = 50;
    pub const CRL_PATH_VALIDATION_ERROR: c_int = 54;
    pub const EE_KEY_TOO_SMALL: c_int = 66;
    pub const CA_KEY_TOO_SMALL: c_int = 67;
    pub const CA_MD_TOO_WEAK: c_int = 68;
    pub const UNSUPPORTED_SIGNATURE_ALGORITHM: c_int = 76;
    pub const INVALID_CA: c_int = 79;
    pub const PATHLEN_WITHOUT_KU_KEY_CERT_SIGN: c_int = 81;
    pub const RPK_UNTRUSTED: c_int = 95;
}

/// Makes a verification fail with this error; the library chooses the alert by it (`certificate_unknown` for
/// [`number::RPK_UNTRUSTED`], which has no alert of its own).
pub fn set_error(context: &mut X509StoreContextRef, error: c_int) {
    // SAFETY: the number is a valid one for the library's error texts, or one that they answer with a static buffer
    // only when it is unknown; all of `number` are known to the supported version.
    let result = unsafe { X509VerifyResult::from_raw(error) };
    context.set_error(result);
}
