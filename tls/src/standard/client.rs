//! The client side of the standard engine.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jadegate_certs::rules::PeerRole;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::attempt::{Attempt, Findings};
use super::certificates::Usable;
use super::failure::Handshake;
use super::provider;
use super::verification::{Identity, Verification};
use super::verifier::ServerVerifier;
use crate::connector::{ClientOptions, ServerVerification, SessionReuse};
use crate::error::{Failure, HandshakeError, PeerFault, Side, Stage};
use crate::farewell::farewell;
use crate::negotiated::{Negotiated, Peer};
use crate::prefixed::Prefixed;
use crate::protocol::{Engine, Group, Protocol, Suite, Version};
use crate::server::ContextError;
use crate::stream::Stream;

/// Servers whose sessions are remembered. A connector has one, under one name.
const SESSIONS: usize = 8;

/// One connector's client side.
pub(crate) struct ClientSide {
    connector: TlsConnector,
    name: ServerName<'static>,
    sni: Option<String>,
    serial: Option<String>,
    verification: Option<Arc<Verification>>,
    generation: u64,
}

impl ClientSide {
    /// The engine for these options, with TLS versions from `min` to `max`.
    pub(crate) fn new(options: &ClientOptions, min: Version, max: Version) -> Result<Self, ContextError> {
        let provider = provider::provider(&options.suites, &options.groups)?;
        let versions = provider::versions(&provider, min, max)?;
        let verification = verification(options)?;
        let usable = options.credential.as_ref().map(Usable::new).transpose()?;
        let verifier = ServerVerifier {
            verification: verification.clone(),
            algorithms: provider.signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| ContextError::Engine { engine: Engine::Rustls, source: error.into() })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &usable {
            Some(usable) => builder.with_client_cert_resolver(Arc::new(OwnCertificate(usable.key.clone()))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = options.alpn.clone();
        config.enable_sni = options.sni.is_some();
        config.enable_early_data = false;
        config.resumption = match options.resume {
            SessionReuse::On => Resumption::in_memory_sessions(SESSIONS),
            SessionReuse::Off => Resumption::disabled(),
        };
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name: server_name(options.sni.as_deref())?,
            sni: options.sni.clone(),
            serial: usable.map(|usable| usable.serial),
            verification,
            generation: options.generation,
        })
    }

    /// Runs a handshake with the server at the other end of `io`.
    pub(crate) async fn connect<IO>(
        &self,
        io: Prefixed<IO>,
        deadline: Instant,
    ) -> Result<(Stream<IO>, Negotiated), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let started = Instant::now();
        let handshake = Handshake { side: Side::Upstream, protocol: None };
        let connect = self.connector.connect(self.name.clone(), io).into_fallible();
        let attempt = Attempt::new(Stage::Negotiation, None);
        let (outcome, findings) = attempt.run(timeout_at(deadline, connect)).await;
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
        match self.negotiated(stream.get_ref().1, findings, started) {
            Ok(negotiated) => Ok((Stream::RustlsClient(Box::new(stream)), negotiated)),
            Err(failure) => Err(handshake.failed(failure, Stage::Certificate)),
        }
    }

    fn negotiated(
        &self,
        connection: &ClientConnection,
        findings: Findings,
        started: Instant,
    ) -> Result<Negotiated, Failure> {
        let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        let peer = self.peer(connection, findings.peer, resumed)?;
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
            sni: self.sni.clone(),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            resumed,
            peer,
            local_serials: self.serial.iter().filter(|_| findings.shown).cloned().collect(),
            generation: self.generation,
            ja4: None,
            handshake: started.elapsed(),
        })
    }

    /// The server of a finished handshake; certificates that a resumed session brings along are judged again.
    fn peer(
        &self,
        connection: &ClientConnection,
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
        peer.map(Some).ok_or(Failure::PeerCertificate(PeerFault::Absent))
    }
}

impl std::fmt::Debug for ClientSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSide")
            .field("name", &self.name)
            .field("verification", &self.verification)
            .finish_non_exhaustive()
    }
}

fn verification(options: &ClientOptions) -> Result<Option<Arc<Verification>>, ContextError> {
    let identity = match &options.verify {
        ServerVerification::Name(name) => Identity::Name(name.clone()),
        ServerVerification::Rules(rules) => Identity::Rules(rules.clone()),
        ServerVerification::Insecure => return Ok(None),
    };
    let trust = options.trust.clone().ok_or(ContextError::TrustMissing)?;
    Verification::new(trust, options.revocation, PeerRole::Server, identity).map(Arc::new).map(Some)
}

/// The name under which rustls sends SNI and keeps sessions. Without SNI it is never sent, and the connector's store
/// has one server only.
fn server_name(sni: Option<&str>) -> Result<ServerName<'static>, ContextError> {
    let Some(name) = sni else { return Ok(ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))) };
    match ServerName::try_from(name.to_owned()) {
        //= RFC 6066 3: no IP literals in SNI
        Ok(server_name @ ServerName::DnsName(_)) => Ok(server_name),
        _ => Err(ContextError::ServerName { name: name.to_owned() }),
    }
}

/// Shows our certificate to whichever server asks and can verify it. The server's list of authorities is a hint that
/// is often incomplete, so it does not decide.
#[derive(Debug)]
struct OwnCertificate(Arc<CertifiedKey>);

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], sigschemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(sigschemes).map(|_signer| self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
