//! The client's side: the one context of a connector.

use std::pin::Pin;
use std::sync::Arc;

use jadegate_certs::rules::PeerRole;
use jadegate_tongsuo::context::Role;
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::ssl::{Ssl, SslContext, SslOptions, SslVerifyMode};
use jadegate_tongsuo::{parameters, sessions};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_openssl::SslStream;

use super::context::{self, Parameters, Presented};
use super::verify::{Expectation, Verifier};
use super::{ANY_VERSION, is_ephemeral, outcome, prepared};
use crate::connector::{ClientOptions, ClientProtocol, ServerVerification, SessionReuse};
use crate::error::{HandshakeError, Side};
use crate::farewell::farewell;
use crate::negotiated::Negotiated;
use crate::policy::{Family, Policy, PolicyName};
use crate::prefixed::Prefixed;
use crate::protocol::{Engine, Suite};
use crate::server::ContextError;
use crate::stream::Stream;

/// The one context of a connector that speaks through Tongsuo.
pub(crate) struct ClientSide {
    context: SslContext,
    family: Family,
    verifier: Arc<Verifier>,
    sni: Option<String>,
    resume: SessionReuse,
    serials: Vec<String>,
    generation: u64,
}

impl ClientSide {
    /// The engine for these options.
    pub(crate) fn new(options: &ClientOptions) -> Result<Self, ContextError> {
        let defaults = Policy::named(PolicyName::GmPreferred);
        let (family, suites, groups, versions) = match options.protocol {
            ClientProtocol::Standard { min, max } => {
                let standard = defaults.standard.ok_or(ContextError::NothingToNegotiate)?;
                (Family::Standard, standard.suites, standard.groups, (min, max))
            }
            ClientProtocol::Tls13Sm => {
                let sm = defaults.tls13_sm.ok_or(ContextError::NothingToNegotiate)?;
                (Family::Tls13Sm, sm.suites, sm.groups, ANY_VERSION)
            }
            ClientProtocol::Tlcp => {
                let tlcp = defaults.tlcp.ok_or(ContextError::NothingToNegotiate)?;
                (Family::Tlcp, tlcp.suites, Vec::new(), ANY_VERSION)
            }
        };
        let suites = if options.suites.is_empty() { suites } else { options.suites.clone() };
        let groups = if options.groups.is_empty() { groups } else { options.groups.clone() };
        // Without a pair of our own an ephemeral exchange cannot be finished: it is not offered.
        let suites: Vec<Suite> = suites
            .into_iter()
            .filter(|suite| family != Family::Tlcp || options.pair.is_some() || !is_ephemeral(*suite))
            .collect();
        if suites.is_empty() {
            return Err(ContextError::NothingToNegotiate);
        }
        let presented = match (family, &options.pair, &options.credential) {
            (Family::Tlcp, Some(pair), _) => Presented::Pair(pair),
            (Family::Tlcp, None, _) => Presented::Nothing,
            (_, _, Some(credential)) => Presented::Single(vec![credential]),
            (Family::Tls13Sm, Some(pair), None) => Presented::Single(vec![&pair.sign]),
            _ => Presented::Nothing,
        };
        let expectation = match &options.verify {
            ServerVerification::Name(name) => Expectation::Name(name.clone()),
            ServerVerification::Rules(rules) => Expectation::Rules(rules.clone()),
            ServerVerification::Insecure => Expectation::Anybody,
        };
        let verifier =
            Arc::new(Verifier { role: PeerRole::Server, protocol: context::protocol_of(family), expectation });
        let mut builder = context::begin(Role::Client, &Parameters { family, suites, groups, versions })?;
        context::present(&mut builder, &presented)?;
        let trust = options.trust.as_deref();
        context::verify(&mut builder, SslVerifyMode::PEER, verifier.clone(), trust, options.revocation)?;
        if !options.alpn.is_empty() {
            builder.set_alpn_protos(&context::wire(&options.alpn)).map_err(context::engine)?;
        }
        match options.resume {
            SessionReuse::On => context::resume_client(&mut builder)?,
            // Then the offer of a ticket is left out too: some TLCP servers (GmSSL) refuse every extension.
            SessionReuse::Off => {
                builder.set_options(SslOptions::NO_TICKET);
            }
        }
        Ok(Self {
            context: builder.build(),
            family,
            verifier,
            sni: options.sni.clone(),
            resume: options.resume,
            serials: presented.serials(),
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
        let ssl = self.prepared().map_err(|error| outcome::unprepared(error, Side::Upstream))?;
        let mut stream = SslStream::new(ssl, io).map_err(|error| outcome::unprepared(error, Side::Upstream))?;
        let finished = timeout_at(deadline, Pin::new(&mut stream).connect()).await;
        let facts = match outcome::of(stream.ssl(), finished, self.family, Side::Upstream, &self.verifier) {
            Ok(facts) => facts,
            Err(error) => {
                farewell(stream.get_mut(), deadline).await;
                return Err(error);
            }
        };
        let shown = !facts.resumed && parameters::certificate_requested(stream.ssl());
        let negotiated = Negotiated {
            protocol: facts.protocol,
            engine: Engine::Tongsuo,
            suite: facts.suite,
            group: facts.group,
            scheme: facts.scheme,
            sni: self.sni.clone(),
            alpn: facts.alpn,
            resumed: facts.resumed,
            peer: facts.peer,
            local_serials: if shown { self.serials.clone() } else { Vec::new() },
            generation: self.generation,
            ja4: None,
            handshake: started.elapsed(),
        };
        Ok((Stream::Tongsuo(Box::new(stream)), negotiated))
    }

    fn prepared(&self) -> Result<Ssl, ErrorStack> {
        let mut ssl = prepared(&self.context)?;
        if let Some(name) = &self.sni {
            ssl.set_hostname(name)?;
        }
        if self.resume == SessionReuse::On {
            sessions::offer(&mut ssl)?;
        }
        Ok(ssl)
    }
}

impl std::fmt::Debug for ClientSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSide").field("family", &self.family).field("sni", &self.sni).finish_non_exhaustive()
    }
}
