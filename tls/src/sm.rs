//! The Tongsuo engine: TLCP, RFC 8998, and standard TLS where a listener asks for it.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::connector::ClientOptions;
use crate::error::{Failure, HandshakeError, NeededCredential, Side, Stage};
use crate::hello::ClientHello;
use crate::negotiated::Negotiated;
use crate::policy::Family;
use crate::prefixed::Prefixed;
use crate::server::{ContextError, ServerOptions};
use crate::stream::Stream;

/// One context's server side, shared by all handshakes.
#[derive(Debug)]
pub(crate) struct ServerSide {}

impl ServerSide {
    /// The engine for these options; none when they give it nothing to do. `fingerprint` binds tickets and session ids.
    pub(crate) fn new(_options: &ServerOptions, _fingerprint: [u8; 32]) -> Result<Option<Self>, ContextError> {
        Ok(None)
    }

    /// Runs the handshake that `hello` begins; its bytes are still in `io`.
    pub(crate) async fn accept<IO>(
        &self,
        _io: Prefixed<IO>,
        hello: &ClientHello,
        family: Family,
        _deadline: Instant,
    ) -> Result<(Stream<IO>, Negotiated), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let needed = match family {
            Family::Tlcp => NeededCredential::TlcpPair,
            Family::Tls13Sm => NeededCredential::Sm2,
            Family::Standard => NeededCredential::Standard,
        };
        let failure = Failure::LocalCredentialMissing(needed);
        let mut error = HandshakeError::new(failure, Stage::Negotiation, Side::Downstream);
        error.hello = Some(Box::new(hello.clone()));
        Err(error)
    }
}

/// One connector's client side.
#[derive(Debug)]
pub(crate) struct ClientSide {}

impl ClientSide {
    /// The engine for these options.
    pub(crate) fn new(_options: &ClientOptions) -> Result<Self, ContextError> {
        Ok(Self {})
    }

    /// Runs a handshake with the server at the other end of `io`.
    pub(crate) async fn connect<IO>(
        &self,
        _io: Prefixed<IO>,
        _deadline: Instant,
    ) -> Result<(Stream<IO>, Negotiated), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let failure = Failure::LocalCredentialMissing(NeededCredential::TlcpPair);
        Err(HandshakeError::new(failure, Stage::Negotiation, Side::Upstream))
    }
}
