//! The server side of the standard engine.

use std::sync::Arc;

use jadegate_certs::rules::PeerRole;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::{DistinguishedName, HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::attempt::{Attempt, Findings};
use super::certificates::{Certificates, Chosen, Usable};
use super::failure::Handshake;
use super::provider;
use super::sessions::Sessions;
use super::verification::{Identity, Verification};
use super::verifier::ClientVerifier;
use crate::error::{Failure, HandshakeError, PeerFault, Side, Stage};
use crate::farewell::farewell;
use crate::hello::ClientHello;
use crate::negotiated::{Negotiated, Peer};
use crate::prefixed::Prefixed;
use crate::protocol::{Engine, Group, Protocol, Suite, Version};
use crate::server::{ClientAuth, ContextError, EngineChoice, ServerOptions};
use crate::stream::Stream;
use crate::tickets::sealed::SealedTickets;

/// Subjects of roots named to clients at most; a longer list is left out, which lets clients choose freely.
const HINTS_MAX: usize = 64;

/// One context's server side, shared by all handshakes.
#[derive(Debug)]
pub(crate) struct ServerSide {
    acceptor: Acceptor,
    provider: Arc<CryptoProvider>,
    certificates: Certificates,
    client_auth: ClientAuth,
    verification: Option<Arc<Verification>>,
    max: Version,
    generation: u64,
}

/// `TlsAcceptor` without a `Debug` of its own.
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

impl ServerSide {
    /// The engine for these options; none when they give it nothing to do. `fingerprint` binds the tickets.
    pub(crate) fn new(options: &ServerOptions, fingerprint: [u8; 32]) -> Result<Option<Self>, ContextError> {
        let Some(policy) = options.policy.standard.as_ref().filter(|_| options.engine == EngineChoice::Auto) else {
            return Ok(None);
        };
        let certificates = Certificates::new(&options.credentials, options.strict_sni)?;
        if certificates.is_empty() {
            return Ok(None);
        }
        let provider = provider::provider(&policy.suites, &policy.groups)?;
        let versions = provider::versions(&provider, policy.min, policy.max)?;
        let verification = verification(options)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(|error| ContextError::Engine { engine: Engine::Rustls, source: error.into() })?;
        let builder = match &verification {
            None => builder.with_no_client_auth(),
            Some(verification) => builder.with_client_cert_verifier(client_verifier(options, verification, &provider)),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Chosen));
        config.ignore_client_order = true;
        config.alpn_protocols = options.alpn.clone();
        config.max_early_data_size = 0;
        resumption(&mut config, options, fingerprint);
        Ok(Some(Self {
            acceptor: Acceptor(TlsAcceptor::from(Arc::new(config))),
            provider,
            certificates,
            client_auth: options.client_auth,
            verification,
            max: policy.max,
            generation: options.generation,
        }))
    }

    /// The certificate to serve, or why none of ours suits the client.
    pub(crate) fn choose(&self, hello: &ClientHello) -> Result<&Usable, Failure> {
        self.certificates.choose(hello, self.version(hello), &self.provider)
    }

    /// The version that rustls will choose.
    fn version(&self, hello: &ClientHello) -> Version {
        if self.max >= Version::Tls13 && hello.offers(Version::Tls13) { Version::Tls13 } else { Version::Tls12 }
    }

    /// Runs the handshake that `hello` begins, serving `usable`; the hello's bytes are still in `io`.
    pub(crate) async fn accept<IO>(
        &self,
        io: Prefixed<IO>,
        hello: &ClientHello,
        usable: &Usable,
        deadline: Instant,
    ) -> Result<(Stream<IO>, Negotiated), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let started = Instant::now();
        let protocol = Some(self.version(hello).protocol());
        let handshake = Handshake { side: Side::Downstream, protocol };
        let stage = match self.client_auth {
            ClientAuth::Ignore => Stage::Finished,
            ClientAuth::Request | ClientAuth::Require => Stage::Certificate,
        };
        let accept = self.acceptor.0.accept(io).into_fallible();
        let attempt = Attempt::new(stage, Some(usable.key.clone()));
        let (outcome, findings) = attempt.run(timeout_at(deadline, accept)).await;
        let stream = match outcome {
            Ok(Ok(stream)) => stream,
            Ok(Err((error, io))) => {
                let error = handshake.describe(error, findings);
                if error.alert_sent.is_some() {
                    farewell(io, deadline).await;
                }
                return Err(error);
            }
            Err(_elapsed) => return Err(handshake.failed(Failure::TimedOut, findings.stage)),
        };
        match self.negotiated(stream.get_ref().1, usable, findings, hello, started) {
            Ok(negotiated) => Ok((Stream::RustlsServer(Box::new(stream)), negotiated)),
            Err(failure) => Err(handshake.failed(failure, Stage::Certificate)),
        }
    }

    fn negotiated(
        &self,
        connection: &ServerConnection,
        usable: &Usable,
        findings: Findings,
        hello: &ClientHello,
        started: Instant,
    ) -> Result<Negotiated, Failure> {
        let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        let peer = self.peer(connection, findings.peer, resumed)?;
        let local_serials = if resumed { Vec::new() } else { vec![usable.serial.clone()] };
        let protocol = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => Protocol::Tls13,
            _ => Protocol::Tls12,
        };
        Ok(Negotiated {
            protocol,
            engine: Engine::Rustls,
            suite: connection.negotiated_cipher_suite().map_or(Suite(0), |suite| Suite(suite.suite().into())),
            group: connection.negotiated_key_exchange_group().map(|group| Group(group.name().into())),
            scheme: findings.scheme.filter(|_| !resumed),
            sni: hello.sni.clone(),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            resumed,
            peer,
            local_serials,
            generation: self.generation,
            ja4: Some(hello.ja4()),
            handshake: started.elapsed(),
        })
    }

    /// The peer of a finished handshake. On a resumed connection rustls takes the client's certificates from the
    /// session without asking; they are judged again, because time has passed and lists may have expired.
    fn peer(
        &self,
        connection: &ServerConnection,
        verified: Option<Peer>,
        resumed: bool,
    ) -> Result<Option<Peer>, Failure> {
        let Some(verification) = &self.verification else { return Ok(None) };
        let peer = match (connection.peer_certificates(), resumed) {
            (Some([leaf, intermediates @ ..]), true) => {
                let verified = verification.verify(leaf, intermediates, UnixTime::now());
                Some(verified.map_err(|refusal| Failure::PeerCertificate(refusal.fault))?)
            }
            _ => verified,
        };
        match (&peer, self.client_auth) {
            (None, ClientAuth::Require) => Err(Failure::PeerCertificate(PeerFault::Absent)),
            _ => Ok(peer),
        }
    }
}

fn verification(options: &ServerOptions) -> Result<Option<Arc<Verification>>, ContextError> {
    if options.client_auth == ClientAuth::Ignore {
        return Ok(None);
    }
    let trust = options.trust.clone().ok_or(ContextError::TrustMissing)?;
    let identity = Identity::Rules(options.peer_rules.clone());
    Verification::new(trust, options.revocation, PeerRole::Client, identity).map(Arc::new).map(Some)
}

fn client_verifier(
    options: &ServerOptions,
    verification: &Arc<Verification>,
    provider: &CryptoProvider,
) -> Arc<dyn ClientCertVerifier> {
    let roots = options.trust.iter().flat_map(|trust| &trust.bundle().roots);
    let hints: Vec<_> = roots.map(|root| DistinguishedName::from(root.subject_der().to_vec())).collect();
    Arc::new(ClientVerifier {
        verification: verification.clone(),
        mode: options.client_auth,
        algorithms: provider.signature_verification_algorithms,
        hints: if hints.len() > HINTS_MAX { Vec::new() } else { hints },
    })
}

fn resumption(config: &mut ServerConfig, options: &ServerOptions, fingerprint: [u8; 32]) {
    let resumption = &options.resumption;
    config.session_storage = match resumption.session_ids {
        0 => Arc::new(NoServerSessionStorage {}),
        most => Arc::new(Sessions::new(most, resumption.lifetime)),
    };
    match &resumption.tickets {
        Some(ring) => {
            config.ticketer = Arc::new(SealedTickets::new(ring.clone(), fingerprint, resumption.lifetime));
        }
        // TLS 1.3 would fall back to tickets that point into the session store.
        None => config.send_tls13_tickets = 0,
    }
}
