//! The client's side: one [`Connector`] per backend and generation of its material.
//!
//! A connector is immutable. Its session store lives and dies with it, so nothing resumes under a trust, a revocation
//! list or a client certificate that has been replaced: the replacement is a new connector. The deadline is inside
//! [`Connector::connect`].

use std::sync::Arc;
use std::time::Duration;

use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::rules::PeerRules;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::error::HandshakeError;
use crate::negotiated::Negotiated;
use crate::prefixed::Prefixed;
use crate::protocol::{Group, Suite, Version};
use crate::server::{ContextError, EngineChoice, RevocationDepth, attributed};
use crate::stream::Stream;
use crate::trust::Trust;
use crate::{sm, standard};

/// What the client speaks. There is no fallback from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientProtocol {
    /// TLS 1.2 to 1.3 with the usual suites.
    Standard {
        /// Lowest version.
        min: Version,
        /// Highest version.
        max: Version,
    },
    /// RFC 8998, strict.
    Tls13Sm,
    /// GB/T 38636.
    Tlcp,
}

/// What a server has to prove besides a chain to the trust.
#[derive(Debug, Clone)]
pub enum ServerVerification {
    /// That it bears this DNS name or IP address.
    Name(String),
    /// That a rule admits it.
    Rules(PeerRules),
    /// Nothing, not even a chain: whoever answers is taken, and the connection has no verified peer.
    Insecure,
}

/// Whether a client resumes earlier sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionReuse {
    /// Sessions are remembered by the connector.
    #[default]
    On,
    /// Every handshake is a full one.
    Off,
}

/// Everything that decides how a backend is spoken to.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Protocol.
    pub protocol: ClientProtocol,
    /// Cipher suites, preferred first; empty: the engine's defaults for the protocol.
    pub suites: Vec<Suite>,
    /// Groups, preferred first; empty: the engine's defaults for the protocol.
    pub groups: Vec<Group>,
    /// Our certificate, shown when the server asks (an SM2 one for RFC 8998).
    pub credential: Option<Credential>,
    /// Our TLCP pair.
    pub pair: Option<CredentialPair>,
    /// What vouches for servers; required unless verification is [`ServerVerification::Insecure`].
    pub trust: Option<Arc<Trust>>,
    /// What the server has to prove.
    pub verify: ServerVerification,
    /// Use of the trust's revocation lists.
    pub revocation: RevocationDepth,
    /// Server name to send; none is sent when absent.
    pub sni: Option<String>,
    /// Application protocols, preferred first; empty: not negotiated.
    pub alpn: Vec<Vec<u8>>,
    /// Session resumption.
    pub resume: SessionReuse,
    /// Engine of the standard protocols.
    pub engine: EngineChoice,
    /// Generation of the material, carried into [`Negotiated`].
    pub generation: u64,
}

/// A connected stream.
#[derive(Debug)]
pub struct Connected<IO> {
    /// The plaintext side.
    pub stream: Stream<IO>,
    /// What was agreed.
    pub negotiated: Box<Negotiated>,
}

#[derive(Debug)]
enum Engine {
    Standard(standard::ClientSide),
    Tongsuo(sm::ClientSide),
}

/// Connects to the servers of one backend.
#[derive(Debug)]
pub struct Connector {
    engine: Engine,
}

impl Connector {
    /// Checks the options and prepares the engine.
    pub fn new(options: ClientOptions) -> Result<Self, ContextError> {
        if !matches!(options.verify, ServerVerification::Insecure) {
            let trust = options.trust.as_ref().ok_or(ContextError::TrustMissing)?;
            if options.revocation != RevocationDepth::Off && trust.bundle().crls.is_empty() {
                return Err(ContextError::RevocationListMissing);
            }
        }
        let engine = match (options.protocol, options.engine) {
            (ClientProtocol::Standard { min, max }, EngineChoice::Auto) => {
                Engine::Standard(standard::ClientSide::new(&options, min, max)?)
            }
            _ => Engine::Tongsuo(sm::ClientSide::new(&options)?),
        };
        Ok(Self { engine })
    }

    /// Does the handshake over `io` within `deadline`.
    pub async fn connect<IO>(&self, io: IO, deadline: Duration) -> Result<Connected<IO>, HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let deadline = Instant::now() + deadline;
        let io = Prefixed::new(Vec::new(), io);
        let outcome = match &self.engine {
            Engine::Standard(engine) => engine.connect(io, deadline).await,
            Engine::Tongsuo(engine) => engine.connect(io, deadline).await,
        };
        let (stream, negotiated) = outcome.map_err(attributed)?;
        Ok(Connected { stream, negotiated: Box::new(negotiated) })
    }
}
