//! Sessions that a client context remembers and offers again.
//!
//! They are kept in their encoded form. A live session is shared with the connection that it came from, and the library
//! marks it as not resumable when that connection ends without a proper close, as cut connections do.

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{SslContext, SslContextBuilder, SslRef, SslSession, SslSessionCacheMode, SslVersion};
use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// A session as DER, wiped when forgotten: it holds a secret. TLS 1.3 sessions are for one use.
#[derive(Clone)]
struct Encoded {
    der: Zeroizing<Vec<u8>>,
    once: bool,
}

struct Remembered {
    sessions: Mutex<VecDeque<Encoded>>,
    capacity: usize,
}

fn index() -> Result<Index<SslContext, Remembered>, ErrorStack> {
    static INDEX: OnceLock<Index<SslContext, Remembered>> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    let made = SslContext::new_ex_index()?;
    Ok(*INDEX.get_or_init(|| made))
}

/// Makes a client context remember its newest sessions, `capacity` of them.
///
/// # Errors
/// The library's, when it has no memory for the slot.
pub fn remember(builder: &mut SslContextBuilder, capacity: usize) -> Result<(), ErrorStack> {
    let index = index()?;
    builder.set_ex_data(index, Remembered { sessions: Mutex::new(VecDeque::new()), capacity });
    builder.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
    builder.set_new_session_callback(move |ssl, session| {
        let (Some(remembered), Ok(der)) = (ssl.ssl_context().ex_data(index), session.to_der()) else { return };
        let session = Encoded { der: Zeroizing::new(der), once: session.protocol_version() == SslVersion::TLS1_3 };
        let mut sessions = remembered.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push_front(session);
        sessions.truncate(remembered.capacity);
    });
    Ok(())
}

/// Offers the newest session of the connection's own context, if there is one. Call before the handshake.
///
/// A TLS 1.3 session is offered once only (RFC 8446 appendix C.4); older kinds stay.
///
/// # Errors
/// The library's, when it refuses the session.
pub fn offer(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    let Some(remembered) = ssl.ssl_context().ex_data(index()?) else { return Ok(()) };
    let session = {
        let mut sessions = remembered.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match sessions.front() {
            Some(newest) if newest.once => sessions.pop_front(),
            newest => newest.cloned(),
        }
    };
    let Some(session) = session else { return Ok(()) };
    let session = SslSession::from_der(&session.der)?;
    // SAFETY: a decoded session belongs to no context and is used for this connection alone; the context it is offered
    // under is the one that it came from, because it was kept there.
    unsafe { ssl.set_session(&session) }
}
