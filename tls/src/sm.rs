//! The Tongsuo engine: TLCP, TLS 1.3 after RFC 8998, and standard TLS where a listener or backend asks for it.
//!
//! A [`ServerSide`] holds one finished context per certificate (pair) and protocol family; the hello, which was read
//! before, decides which one a connection is made from, so no callback of the library chooses anything. A
//! [`ClientSide`] holds one. Contexts are immutable and shared by all workers.
//!
//! Peers are verified in [`verify`]: the library builds the path, our rules judge the leaf and the pair, and only that
//! code makes a [`crate::negotiated::Peer`].

mod client;
mod context;
mod faults;
mod outcome;
mod server;
mod tickets;
mod verify;

pub(crate) use client::ClientSide;
pub(crate) use server::ServerSide;

use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::ssl::{Ssl, SslContext};
use jadegate_tongsuo::trace;

use crate::protocol::{Suite, Version};

/// Families with a single version do not look at this.
const ANY_VERSION: (Version, Version) = (Version::Tls12, Version::Tls13);

/// A connection of the context, ready to remember what happens to it.
fn prepared(context: &SslContext) -> Result<Ssl, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    trace::attach(&mut ssl)?;
    verify::attach(&mut ssl)?;
    Ok(ssl)
}

/// Suites whose key exchange needs the client's pair too (GB/T 38636 6.4.5.8).
fn is_ephemeral(suite: Suite) -> bool {
    matches!(suite, Suite::ECDHE_SM4_GCM_SM3 | Suite::ECDHE_SM4_CBC_SM3)
}
