//! What a handshake negotiated, as far as the openssl crate does not tell.

use foreign_types_shared::ForeignTypeRef;
use jadegate_tongsuo_sys as ffi;
use openssl::ssl::SslRef;
use std::ffi::{CStr, c_char, c_int};

/// Name of the key exchange group, such as `curveSM2`.
#[must_use]
pub fn group_name(ssl: &SslRef) -> Option<String> {
    // The library asserts nothing about a session that is not there yet.
    ssl.session()?;
    // SAFETY: the connection is live for the call; the result is null or a string that the library keeps.
    let name = unsafe { ffi::SSL_get0_group_name(ssl.as_ptr()) };
    owned(name)
}

/// Name of the scheme with which this side signed the handshake.
#[must_use]
pub fn signature_name(ssl: &SslRef) -> Option<String> {
    name_by(ssl, ffi::SSL_CTRL_GET_SIGNATURE_NAME)
}

/// Name of the scheme with which the peer signed the handshake.
#[must_use]
pub fn peer_signature_name(ssl: &SslRef) -> Option<String> {
    name_by(ssl, ffi::SSL_CTRL_GET_PEER_SIGNATURE_NAME)
}

/// Whether the server asked this client for a certificate.
#[must_use]
pub fn certificate_requested(ssl: &SslRef) -> bool {
    // SAFETY: the connection is live; with a null pointer the command only counts the kinds that the server named.
    let kinds = unsafe { ffi::SSL_ctrl(ssl.as_ptr(), ffi::SSL_CTRL_GET_CLIENT_CERT_TYPES, 0, std::ptr::null_mut()) };
    // TLS 1.3 names none; there the client has signed, if it was asked and had a certificate.
    kinds > 0 || signature_name(ssl).is_some()
}

fn name_by(ssl: &SslRef, command: c_int) -> Option<String> {
    let mut name: *const c_char = std::ptr::null();
    // SAFETY: both commands take a pointer to a string pointer, which is live and writable for the call.
    let found = unsafe { ffi::SSL_ctrl(ssl.as_ptr(), command, 0, (&raw mut name).cast()) };
    if found == 1 { owned(name) } else { None }
}

fn owned(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, and the library's names are NUL-terminated and outlive this call.
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned())
}
