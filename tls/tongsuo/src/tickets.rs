//! Session tickets protected with SM4-CBC and HMAC-SM3 under keys that the caller rotates.
//!
//! Tongsuo would protect tickets with AES-256 and HMAC-SHA-256 under keys that live as long as the context. Both are
//! wrong here: a national-crypto session must not rest on other algorithms, and keys must rotate.

use foreign_types_shared::ForeignTypeRef;
use jadegate_tongsuo_sys as ffi;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{SslContext, SslContextBuilder, SslRef, SslVersion};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Octets of a key's public name, at the head of each ticket.
pub const NAME_LENGTH: usize = 16;
/// Octets of the SM4 key.
pub const CIPHER_KEY_LENGTH: usize = 16;
/// Octets of the HMAC-SM3 key.
pub const MAC_KEY_LENGTH: usize = 32;
/// Octets of the SM4-CBC initialisation vector.
const IV_LENGTH: c_int = 16;

/// One ticket key.
pub struct TicketKey {
    /// Public name, by which a returning ticket finds its key.
    pub name: [u8; NAME_LENGTH],
    /// SM4 key.
    pub cipher: Zeroizing<[u8; CIPHER_KEY_LENGTH]>,
    /// HMAC-SM3 key.
    pub mac: Zeroizing<[u8; MAC_KEY_LENGTH]>,
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a key that opened a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It still seals new tickets.
    Current,
    /// It only opens old ones: the client gets a fresh ticket.
    Retired,
}

/// Where a context finds its ticket keys. Called at each handshake; must not block.
pub trait TicketKeys: Send + Sync + 'static {
    /// The key for a new ticket; none sends no ticket.
    fn sealing_key(&self) -> Option<TicketKey>;
    /// The key of that name; none means a full handshake.
    fn opening_key(&self, name: &[u8; NAME_LENGTH]) -> Option<(TicketKey, Standing)>;
}

type Slot = Box<dyn TicketKeys>;

fn index() -> Result<Index<SslContext, Slot>, ErrorStack> {
    static INDEX: OnceLock<Index<SslContext, Slot>> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    let made = SslContext::new_ex_index()?;
    Ok(*INDEX.get_or_init(|| made))
}

/// Makes the context protect its tickets with `keys`.
///
/// # Errors
/// The library's, when it has no memory for the slot.
pub fn set_keys(builder: &mut SslContextBuilder, keys: impl TicketKeys) -> Result<(), ErrorStack> {
    builder.set_ex_data(index()?, Box::new(keys) as Slot);
    // SAFETY: the builder owns a live SSL_CTX; the callback is a plain function that fits the type.
    let status = unsafe { ffi::SSL_CTX_set_tlsext_ticket_key_evp_cb(builder.as_ptr(), Some(protect)) };
    if status == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// Answers of the callback, `SSL_CTX_set_tlsext_ticket_key_evp_cb(3)`.
const FAILED: c_int = -1;
const NO_TICKET: c_int = 0;
const DONE: c_int = 1;
const DONE_RENEW: c_int = 2;

unsafe extern "C" fn protect(
    ssl: *mut ffi::SSL,
    name: *mut u8,
    iv: *mut u8,
    cipher: *mut ffi::EVP_CIPHER_CTX,
    mac: *mut ffi::EVP_MAC_CTX,
    encrypt: c_int,
) -> c_int {
    if ssl.is_null() || name.is_null() || iv.is_null() || cipher.is_null() || mac.is_null() {
        return FAILED;
    }
    let answer = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the library passes a live connection for the time of the call, and only shared access is taken.
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        let Some(keys) = index().ok().and_then(|index| ssl.ssl_context().ex_data(index)) else { return FAILED };
        // SAFETY: the library hands a name buffer of 16 octets (`TLSEXT_KEYNAME_LENGTH`) to itself alone.
        let name = unsafe { &mut *name.cast::<[u8; NAME_LENGTH]>() };
        if encrypt == 1 {
            let Some(key) = keys.sealing_key() else { return NO_TICKET };
            *name = key.name;
            seal(&key, iv, cipher, mac)
        } else {
            let Some((key, mut standing)) = keys.opening_key(name) else { return NO_TICKET };
            //= RFC 8446 C.4: clients use a ticket once, so each resumption has to leave them a new one
            if ssl.version2() == Some(SslVersion::TLS1_3) {
                standing = Standing::Retired;
            }
            open(&key, standing, iv, cipher, mac)
        }
    }));
    answer.unwrap_or(FAILED)
}

fn seal(key: &TicketKey, iv: *mut u8, cipher: *mut ffi::EVP_CIPHER_CTX, mac: *mut ffi::EVP_MAC_CTX) -> c_int {
    // SAFETY: the library's iv buffer has EVP_MAX_IV_LENGTH (16) octets.
    if unsafe { ffi::RAND_bytes(iv, IV_LENGTH) } != 1 {
        return FAILED;
    }
    // SAFETY: takes nothing and returns a static table.
    let sm4 = unsafe { ffi::EVP_sm4_cbc() };
    let key_octets = key.cipher.as_ptr();
    // SAFETY: a live cipher context; key and iv have the 16 octets that SM4-CBC reads.
    if unsafe { ffi::EVP_EncryptInit_ex(cipher, sm4, std::ptr::null_mut(), key_octets, iv) } != 1 {
        return FAILED;
    }
    if authenticate(key, mac) { DONE } else { FAILED }
}

fn open(
    key: &TicketKey,
    standing: Standing,
    iv: *mut u8,
    cipher: *mut ffi::EVP_CIPHER_CTX,
    mac: *mut ffi::EVP_MAC_CTX,
) -> c_int {
    if !authenticate(key, mac) {
        return FAILED;
    }
    // SAFETY: takes nothing and returns a static table.
    let sm4 = unsafe { ffi::EVP_sm4_cbc() };
    let key_octets = key.cipher.as_ptr();
    // SAFETY: a live cipher context; key and iv have the 16 octets that SM4-CBC reads.
    if unsafe { ffi::EVP_DecryptInit_ex(cipher, sm4, std::ptr::null_mut(), key_octets, iv) } != 1 {
        return FAILED;
    }
    match standing {
        Standing::Current => DONE,
        Standing::Retired => DONE_RENEW,
    }
}

fn authenticate(key: &TicketKey, mac: *mut ffi::EVP_MAC_CTX) -> bool {
    let mut digest = *b"SM3\0";
    // SAFETY: two live strings; size 0 makes the library take the length of the NUL-terminated value.
    let digest = unsafe { ffi::OSSL_PARAM_construct_utf8_string(c"digest".as_ptr(), digest.as_mut_ptr().cast(), 0) };
    // SAFETY: takes nothing, returns the end mark.
    let end = unsafe { ffi::OSSL_PARAM_construct_end() };
    let parameters = [digest, end];
    let key_octets = key.mac.as_ptr();
    // SAFETY: a live MAC context, a key of the stated length and a parameter list with its end mark, all of which
    // outlive the call; the library copies what it keeps.
    unsafe { ffi::EVP_MAC_init(mac, key_octets, MAC_KEY_LENGTH, parameters.as_ptr()) == 1 }
}
