//! Declarations of the Tongsuo functions that openssl-sys does not know.
//!
//! Only what the `tongsuo` crate calls is declared, so that a reviewer can read the file whole beside Tongsuo's
//! `ssl.h`, `tls1.h`, `evp.h`, `ec.h` and `crypto.h` (8.5.0). No `links` key: the library itself is built and linked
//! through openssl-sys. No wrappers, no logic.

#![expect(unsafe_code, reason = "declarations of C functions are unsafe by nature")]
#![expect(non_camel_case_types, reason = "the names are the C library's")]
#![expect(missing_docs, reason = "the C library's manual pages describe these")]

use std::ffi::{c_char, c_int, c_long, c_ulong, c_void};

pub use openssl_sys::{
    EC_GROUP, EVP_CIPHER, EVP_CIPHER_CTX, EVP_DecryptInit_ex, EVP_EncryptInit_ex, EVP_MAC_CTX, EVP_PKEY, EVP_sm4_cbc,
    OSSL_PARAM, RAND_bytes, SSL, SSL_CTX, SSL_METHOD, X509, X509_CRL, X509_STORE,
};

/// The methods behind an elliptic curve group.
pub enum EC_METHOD {}

pub const SSL_CB_ALERT: c_int = 0x4000;
pub const SSL_CB_READ: c_int = 0x04;
pub const SSL_CB_WRITE: c_int = 0x08;

pub const SSL_CTRL_CHAIN: c_int = 88;
pub const SSL_CTRL_CHAIN_CERT: c_int = 89;
pub const SSL_CTRL_GET_CLIENT_CERT_TYPES: c_int = 103;
pub const SSL_CTRL_GET_SIGNATURE_NAME: c_int = 140;
pub const SSL_CTRL_GET_PEER_SIGNATURE_NAME: c_int = 141;

/// Argument of `OpenSSL_version` for Tongsuo's own version.
pub const TONGSUO_VERSION: c_int = 11;

pub type InfoCallback = unsafe extern "C" fn(ssl: *const SSL, kind: c_int, value: c_int);

pub type TicketKeyCallback = unsafe extern "C" fn(
    ssl: *mut SSL,
    key_name: *mut u8,
    iv: *mut u8,
    cipher: *mut EVP_CIPHER_CTX,
    mac: *mut EVP_MAC_CTX,
    encrypt: c_int,
) -> c_int;

unsafe extern "C" {
    // TLCP (the library says NTLS) and RFC 8998, ssl.h
    pub fn NTLS_server_method() -> *const SSL_METHOD;
    pub fn NTLS_client_method() -> *const SSL_METHOD;
    pub fn SSL_CTX_enable_ntls(context: *mut SSL_CTX);
    pub fn SSL_CTX_enable_force_ntls(context: *mut SSL_CTX);
    pub fn SSL_CTX_enable_sm_tls13_strict(context: *mut SSL_CTX);
    pub fn SSL_CTX_use_sign_certificate(context: *mut SSL_CTX, certificate: *mut X509) -> c_int;
    pub fn SSL_CTX_use_enc_certificate(context: *mut SSL_CTX, certificate: *mut X509) -> c_int;
    pub fn SSL_CTX_use_sign_PrivateKey(context: *mut SSL_CTX, key: *mut EVP_PKEY) -> c_int;
    pub fn SSL_CTX_use_enc_PrivateKey(context: *mut SSL_CTX, key: *mut EVP_PKEY) -> c_int;

    pub fn SSL_CTX_ctrl(context: *mut SSL_CTX, command: c_int, long_argument: c_long, pointer: *mut c_void) -> c_long;

    // Observation, ssl.h
    pub fn SSL_CTX_set_info_callback(context: *mut SSL_CTX, callback: Option<InfoCallback>);
    pub fn SSL_ctrl(ssl: *mut SSL, command: c_int, long_argument: c_long, pointer: *mut c_void) -> c_long;
    pub fn SSL_get0_group_name(ssl: *mut SSL) -> *const c_char;

    // Sessions, ssl.h and tls1.h
    pub fn SSL_CTX_set_timeout(context: *mut SSL_CTX, seconds: c_long) -> c_long;
    pub fn SSL_CTX_set_tlsext_ticket_key_evp_cb(context: *mut SSL_CTX, callback: Option<TicketKeyCallback>) -> c_int;

    // Ticket protection, evp.h and params.h
    pub fn EVP_MAC_init(mac: *mut EVP_MAC_CTX, key: *const u8, length: usize, parameters: *const OSSL_PARAM) -> c_int;
    pub fn OSSL_PARAM_construct_utf8_string(key: *const c_char, value: *mut c_char, size: usize) -> OSSL_PARAM;
    pub fn OSSL_PARAM_construct_end() -> OSSL_PARAM;

    // Certificate stores, x509_vfy.h
    pub fn SSL_CTX_set1_cert_store(context: *mut SSL_CTX, store: *mut X509_STORE);
    pub fn X509_STORE_add_crl(store: *mut X509_STORE, crl: *mut X509_CRL) -> c_int;

    // Versions and curve methods, crypto.h and ec.h
    pub fn OpenSSL_version(kind: c_int) -> *const c_char;
    pub fn OpenSSL_version_num() -> c_ulong;
    pub fn EC_GROUP_method_of(group: *const EC_GROUP) -> *const EC_METHOD;
    pub fn EC_GFp_mont_method() -> *const EC_METHOD;
    pub fn EC_GFp_simple_method() -> *const EC_METHOD;
    pub fn EC_GFp_nist_method() -> *const EC_METHOD;
}
