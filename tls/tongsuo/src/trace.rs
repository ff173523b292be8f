//! The alerts of a handshake, which the library tells to a callback only.

use foreign_types_shared::ForeignTypeRef;
use jadegate_tongsuo_sys as ffi;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContextBuilder, SslRef};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Value of an alert slot that was never written; descriptions are one octet.
const NONE: u16 = u16::MAX;

/// The fatal alerts of one connection.
#[derive(Debug)]
struct Alerts {
    sent: AtomicU16,
    received: AtomicU16,
}

fn index() -> Result<Index<Ssl, Alerts>, ErrorStack> {
    static INDEX: OnceLock<Index<Ssl, Alerts>> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    let made = Ssl::new_ex_index()?;
    Ok(*INDEX.get_or_init(|| made))
}

/// Makes every connection of the context remember its alerts, once [`attach`] was called for it.
pub fn observe(builder: &mut SslContextBuilder) {
    // SAFETY: the builder owns a live SSL_CTX; the callback is a plain function that fits the type.
    unsafe { ffi::SSL_CTX_set_info_callback(builder.as_ptr(), Some(record)) };
}

/// Gives a connection room to remember its alerts.
///
/// # Errors
/// The library's, when it has no memory for the slot.
pub fn attach(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    ssl.set_ex_data(index()?, Alerts { sent: AtomicU16::new(NONE), received: AtomicU16::new(NONE) });
    Ok(())
}

/// Description of the alert with which this side ended the handshake.
#[must_use]
pub fn alert_sent(ssl: &SslRef) -> Option<u8> {
    alert(ssl, |alerts| &alerts.sent)
}

/// Description of the alert with which the peer ended the handshake.
#[must_use]
pub fn alert_received(ssl: &SslRef) -> Option<u8> {
    alert(ssl, |alerts| &alerts.received)
}

fn alert(ssl: &SslRef, slot: impl Fn(&Alerts) -> &AtomicU16) -> Option<u8> {
    let alerts = ssl.ex_data(index().ok()?)?;
    u8::try_from(slot(alerts).load(Ordering::Relaxed)).ok()
}

/// The library calls this for every step; only alerts matter here.
unsafe extern "C" fn record(ssl: *const ffi::SSL, kind: c_int, value: c_int) {
    if kind & ffi::SSL_CB_ALERT == 0 || ssl.is_null() {
        return;
    }
    // Nothing below panics by intent; a panic must not cross into C in any case.
    drop(catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the library passes a live connection for the time of the call, and only shared access is taken.
        let ssl = unsafe { SslRef::from_ptr(ssl.cast_mut()) };
        let Some(alerts) = index().ok().and_then(|index| ssl.ex_data(index)) else { return };
        let level = value >> 8 & 0xff;
        let description = u16::try_from(value & 0xff).unwrap_or(NONE);
        // Level 1 is a warning; close_notify among them ends a connection, not a handshake.
        if level == 2 {
            let slot = if kind & ffi::SSL_CB_WRITE != 0 { &alerts.sent } else { &alerts.received };
            slot.store(description, Ordering::Relaxed);
        }
    })));
}
