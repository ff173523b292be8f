//! Certificate stores: revocation lists in them, and one store for many contexts.

use foreign_types_shared::ForeignTypeRef;
use jadegate_tongsuo_sys as ffi;
use openssl::error::ErrorStack;
use openssl::ssl::SslContextBuilder;
use openssl::x509::X509CrlRef;
use openssl::x509::store::{X509StoreBuilderRef, X509StoreRef};

/// Adds a revocation list. It is consulted only where the verify flags say so.
///
/// # Errors
/// The library's, when it has no memory for the list.
pub fn add_crl(builder: &mut X509StoreBuilderRef, crl: &X509CrlRef) -> Result<(), ErrorStack> {
    // SAFETY: both are live for the call; the store takes its own reference to the list.
    let status = unsafe { ffi::X509_STORE_add_crl(builder.as_ptr(), crl.as_ptr()) };
    if status == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// Makes the context trust what the store holds. The store is shared, not copied: a large revocation list is in memory
/// once, however many contexts use it.
pub fn share(builder: &mut SslContextBuilder, store: &X509StoreRef) {
    // SAFETY: both are live for the call; the context takes its own reference, and a finished store is only read.
    unsafe { ffi::SSL_CTX_set1_cert_store(builder.as_ptr(), store.as_ptr()) };
}
