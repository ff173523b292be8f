//! The start-up check of the linked library.

use foreign_types_shared::ForeignTypeRef;
use jadegate_tongsuo_sys as ffi;
use openssl::ec::{EcGroup, EcGroupRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use std::ffi::CStr;

/// The one Tongsuo line that the declarations, the traps and the tests are written for.
pub const SUPPORTED_VERSION: &str = "8.5.0";

/// Why the linked library must not be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Another Tongsuo, or none.
    #[error(
        "the linked TLS library is {found:?}, but only Tongsuo {SUPPORTED_VERSION} is supported; \
         build with the workspace's openssl-src patch in force"
    )]
    Version {
        /// What the library says of itself.
        found: String,
    },
    /// SM2 runs on the generic arithmetic: a fifth of the speed.
    #[error("the linked Tongsuo was built without enable-ec_sm2p_64_gcc_128, so SM2 is five times slower; rebuild it")]
    SlowSm2,
    /// The library does not know the SM2 curve at all.
    #[error("the linked TLS library does not know the SM2 curve")]
    NoSm2(#[source] ErrorStack),
}

/// Version of the linked library as it reports it, such as `Tongsuo 8.5.0 30 Sep 2026`.
#[must_use]
pub fn version() -> String {
    text(ffi::TONGSUO_VERSION)
}

/// Version of the OpenSSL code that the linked Tongsuo is based on.
#[must_use]
pub fn base_version() -> String {
    // SAFETY: takes nothing, returns a number.
    let number = unsafe { ffi::OpenSSL_version_num() };
    format!("{}.{}.{}", number >> 28 & 0xf, number >> 20 & 0xff, number >> 4 & 0xff)
}

/// Refuses another libssl than the supported one and a build without the fast SM2 path.
///
/// # Errors
/// [`LibraryError`], with what was found.
pub fn check() -> Result<(), LibraryError> {
    check_version(&version())?;
    let sm2 = EcGroup::from_curve_name(Nid::SM2).map_err(LibraryError::NoSm2)?;
    if has_generic_arithmetic(&sm2) { Err(LibraryError::SlowSm2) } else { Ok(()) }
}

fn check_version(found: &str) -> Result<(), LibraryError> {
    if found.split_whitespace().any(|word| word == SUPPORTED_VERSION) && found.contains("Tongsuo") {
        Ok(())
    } else {
        Err(LibraryError::Version { found: found.to_owned() })
    }
}

fn has_generic_arithmetic(group: &EcGroupRef) -> bool {
    // SAFETY: the group is live for the call; the result points to a static table.
    let method = unsafe { ffi::EC_GROUP_method_of(group.as_ptr()) };
    let generic = [
        // SAFETY: takes nothing and returns a pointer to a static table.
        unsafe { ffi::EC_GFp_mont_method() },
        // SAFETY: as above.
        unsafe { ffi::EC_GFp_simple_method() },
        // SAFETY: as above.
        unsafe { ffi::EC_GFp_nist_method() },
    ];
    generic.contains(&method)
}

fn text(kind: std::ffi::c_int) -> String {
    // SAFETY: returns a static C string for every argument, "not available" for one that it does not know.
    let pointer = unsafe { ffi::OpenSSL_version(kind) };
    // SAFETY: a static, NUL-terminated string, see above.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_library_is_the_supported_one() {
        check().expect("the workspace links Tongsuo with the fast SM2 path");
        assert_eq!(base_version(), "3.5.4");
    }

    #[test]
    fn another_library_is_refused_by_name() {
        for other in ["OpenSSL 3.5.4 30 Sep 2025", "Tongsuo 8.4.0 1 Dec 2023", "not available"] {
            let error = check_version(other).expect_err("unsupported version");
            assert!(error.to_string().contains(other), "{error}");
        }
    }

    #[test]
    fn a_curve_on_generic_arithmetic_is_recognised() {
        // secp256k1 has no fast path in any build: it stands for an SM2 that lost its build flag.
        let slow = EcGroup::from_curve_name(Nid::SECP256K1).expect("known curve");
        assert!(has_generic_arithmetic(&slow));
    }
}
