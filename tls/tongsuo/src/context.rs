//! Contexts that the openssl crate cannot make: forced TLCP, and strict TLS 1.3-SM.

use foreign_types_shared::{ForeignType, ForeignTypeRef};
use jadegate_tongsuo_sys as ffi;
use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private};
use openssl::ssl::{SslContextBuilder, SslMethod, SslMode, SslOptions};
use openssl::x509::{X509, X509Ref};
use std::time::Duration;

/// Which end of the connection a context serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Accepts connections.
    Server,
    /// Opens connections.
    Client,
}

/// A context that speaks TLCP (GB/T 38636) and nothing else.
///
/// # Errors
/// The library's, when it cannot allocate the context.
pub fn tlcp(role: Role) -> Result<SslContextBuilder, ErrorStack> {
    let method = match role {
        // SAFETY: takes nothing and returns a pointer to a static table.
        Role::Server => unsafe { ffi::NTLS_server_method() },
        // SAFETY: as above.
        Role::Client => unsafe { ffi::NTLS_client_method() },
    };
    // SAFETY: the pointer is one of the library's own static method tables, never null.
    let method = unsafe { SslMethod::from_ptr(method) };
    let mut builder = SslContextBuilder::new(method)?;
    // SAFETY: the builder owns a live SSL_CTX that no connection uses yet.
    unsafe { ffi::SSL_CTX_enable_ntls(builder.as_ptr()) };
    // Forced on both sides. On a server it replaces Tongsuo's detection, which pushes a BIO over ours; on a client,
    // without it, SSL_get_error reports WANT_READ for an end of file in the handshake and the task waits for ever.
    // SAFETY: as above.
    unsafe { ffi::SSL_CTX_enable_force_ntls(builder.as_ptr()) };
    // The record layer takes 0x0101 for "at most TLS 1.0" and would put an empty fragment before each record; the
    // buffer is then too small for the explicit IV and the first write fails.
    builder.set_options(SslOptions::DONT_INSERT_EMPTY_FRAGMENTS);
    common(&mut builder);
    Ok(builder)
}

/// A context for TLS by Tongsuo. [`strict_sm`] turns it into one for RFC 8998 alone.
///
/// # Errors
/// The library's, when it cannot allocate the context.
pub fn tls(role: Role) -> Result<SslContextBuilder, ErrorStack> {
    let mut builder = SslContextBuilder::new(match role {
        Role::Server => SslMethod::tls_server(),
        Role::Client => SslMethod::tls_client(),
    })?;
    common(&mut builder);
    Ok(builder)
}

/// Demands RFC 8998 whole: with an SM4 suite only SM2 certificates, `sm2sig_sm3` and curveSM2 (or its hybrid).
///
/// Without it one context that holds an SM2 and a P-256 certificate answers TLS_SM4_GCM_SM3 with the P-256 one.
pub fn strict_sm(builder: &mut SslContextBuilder) {
    // SAFETY: the builder owns a live SSL_CTX that no connection uses yet.
    unsafe { ffi::SSL_CTX_enable_sm_tls13_strict(builder.as_ptr()) };
}

fn common(builder: &mut SslContextBuilder) {
    builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
    // The chain to send is always given. Otherwise the library builds and verifies its own chain at every handshake
    // (+64 % TLCP, +46 % TLS 1.3-SM handshakes without) and appends the root, which some TLCP clients refuse.
    builder.set_mode(
        SslMode::NO_AUTO_CHAIN
            | SslMode::RELEASE_BUFFERS
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER,
    );
}

/// Sets the sign certificate of a TLCP pair and its key.
///
/// # Errors
/// The library's. It reports a wrong key usage as "called a function you should not call": check usages first.
pub fn set_sign(
    builder: &mut SslContextBuilder,
    certificate: &X509Ref,
    key: &PKeyRef<Private>,
) -> Result<(), ErrorStack> {
    // SAFETY: both pointers are live for the call; the library takes its own reference to the certificate.
    checked(unsafe { ffi::SSL_CTX_use_sign_certificate(builder.as_ptr(), certificate.as_ptr()) })?;
    // SAFETY: as above, for the key.
    checked(unsafe { ffi::SSL_CTX_use_sign_PrivateKey(builder.as_ptr(), key.as_ptr()) })
}

/// Sets the enc certificate of a TLCP pair and its key.
///
/// # Errors
/// As [`set_sign`].
pub fn set_enc(
    builder: &mut SslContextBuilder,
    certificate: &X509Ref,
    key: &PKeyRef<Private>,
) -> Result<(), ErrorStack> {
    // SAFETY: both pointers are live for the call; the library takes its own reference to the certificate.
    checked(unsafe { ffi::SSL_CTX_use_enc_certificate(builder.as_ptr(), certificate.as_ptr()) })?;
    // SAFETY: as above, for the key.
    checked(unsafe { ffi::SSL_CTX_use_enc_PrivateKey(builder.as_ptr(), key.as_ptr()) })
}

/// Sets the issuers that go out behind the certificate set last, in this order.
///
/// # Errors
/// The library's, when it has no memory or no certificate was set.
pub fn set_chain(builder: &mut SslContextBuilder, issuers: Vec<X509>) -> Result<(), ErrorStack> {
    // SAFETY: the builder owns a live SSL_CTX; no argument but the command.
    unsafe { ffi::SSL_CTX_ctrl(builder.as_ptr(), ffi::SSL_CTRL_CHAIN, 0, std::ptr::null_mut()) };
    for issuer in issuers {
        let issuer = issuer.as_ptr().cast();
        // SAFETY: the certificate is live for the call; with argument 1 the library takes its own reference.
        let status = unsafe { ffi::SSL_CTX_ctrl(builder.as_ptr(), ffi::SSL_CTRL_CHAIN_CERT, 1, issuer) };
        if status != 1 {
            return Err(ErrorStack::get());
        }
    }
    Ok(())
}

/// How long a session may be resumed.
pub fn set_session_lifetime(builder: &mut SslContextBuilder, lifetime: Duration) {
    let seconds = std::ffi::c_long::try_from(lifetime.as_secs()).unwrap_or(std::ffi::c_long::MAX);
    // SAFETY: the builder owns a live SSL_CTX; the call stores a number in it.
    unsafe { ffi::SSL_CTX_set_timeout(builder.as_ptr(), seconds) };
}

fn checked(status: std::ffi::c_int) -> Result<(), ErrorStack> {
    if status > 0 { Ok(()) } else { Err(ErrorStack::get()) }
}
