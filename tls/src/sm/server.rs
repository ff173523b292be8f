//! The server's side: one finished context per certificate (pair) and protocol family.

use std::pin::Pin;
use std::sync::Arc;

use jadegate_certs::credential::Credential;
use jadegate_certs::key::KeyKind;
use jadegate_certs::rules::PeerRole;
use jadegate_tongsuo::context::Role;
use jadegate_tongsuo::openssl::ssl::SslContext;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_openssl::SslStream;

use super::context::{self, Parameters, Presented};
use super::verify::{Expectation, Verifier};
use super::{ANY_VERSION, is_ephemeral, outcome, prepared};
use crate::error::{Failure, HandshakeError, Side, Stage};
use crate::farewell::farewell;
use crate::hello::ClientHello;
use crate::negotiated::Negotiated;
use crate::policy::Family;
use crate::prefixed::Prefixed;
use crate::protocol::{Engine, Suite};
use crate::server::names::NameTable;
use crate::server::{ClientAuth, ContextError, EngineChoice, ServerOptions};
use crate::stream::Stream;

/// Every context of one server chain that Tongsuo serves.
#[derive(Debug)]
pub(crate) struct ServerSide {
    tlcp: Option<Arm>,
    sm: Option<Arm>,
    standard: Option<Arm>,
    generation: u64,
}

/// The contexts of one family, by server name.
#[derive(Debug)]
struct Arm {
    contexts: Vec<Ready>,
    names: NameTable,
    strict_sni: bool,
    verifier: Arc<Verifier>,
}

impl Arm {
    /// The context for a name.
    fn of(&self, name: Option<&str>) -> Option<&Ready> {
        let matching = name.map_or(&[] as &[usize], |name| self.names.matching(name));
        let positions = if matching.is_empty() && !self.strict_sni { self.names.fallback() } else { matching };
        self.contexts.get(*positions.first()?)
    }
}

/// A finished context and what it presents.
struct Ready {
    context: SslContext,
    serials: Vec<String>,
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").field("serials", &self.serials).finish_non_exhaustive()
    }
}

impl ServerSide {
    /// Makes the contexts for all that the options give to Tongsuo; `None` when that is nothing. `binding` ties
    /// resumption to credential, trust and policy.
    pub(crate) fn new(options: &ServerOptions, binding: [u8; 32]) -> Result<Option<Self>, ContextError> {
        let tlcp = Self::tlcp(options, binding)?;
        let sm = Self::tls13_sm(options, binding)?;
        let standard = Self::standard(options, binding)?;
        let nothing = tlcp.is_none() && sm.is_none() && standard.is_none();
        Ok((!nothing).then_some(Self { tlcp, sm, standard, generation: options.generation }))
    }

    fn tlcp(options: &ServerOptions, binding: [u8; 32]) -> Result<Option<Arm>, ContextError> {
        let Some(policy) = &options.policy.tlcp else { return Ok(None) };
        // Where clients are not asked for certificates, nothing vouches for the pair that such a suite needs.
        let asks = options.client_auth != ClientAuth::Ignore;
        let suites: Vec<Suite> = policy.suites.iter().copied().filter(|suite| asks || !is_ephemeral(*suite)).collect();
        if suites.is_empty() && !options.pairs.is_empty() {
            return Err(ContextError::NothingToNegotiate);
        }
        let parameters = Parameters { family: Family::Tlcp, suites, groups: Vec::new(), versions: ANY_VERSION };
        let presented = options.pairs.iter().map(|pair| (&pair.sign, Presented::Pair(pair)));
        Self::arm(options, binding, &parameters, presented)
    }

    fn tls13_sm(options: &ServerOptions, binding: [u8; 32]) -> Result<Option<Arm>, ContextError> {
        let Some(policy) = &options.policy.tls13_sm else { return Ok(None) };
        let (suites, groups) = (policy.suites.clone(), policy.groups.clone());
        let parameters = Parameters { family: Family::Tls13Sm, suites, groups, versions: ANY_VERSION };
        let single = options.credentials.iter().filter(|credential| credential.kind() == KeyKind::Sm2);
        // The sign certificate of a TLCP pair is an SM2 certificate for signatures: RFC 8998 asks for no more.
        let presented = single
            .chain(options.pairs.iter().map(|pair| &pair.sign))
            .map(|credential| (credential, Presented::Single(vec![credential])));
        Self::arm(options, binding, &parameters, presented)
    }

    fn standard(options: &ServerOptions, binding: [u8; 32]) -> Result<Option<Arm>, ContextError> {
        let (Some(policy), EngineChoice::Tongsuo) = (&options.policy.standard, options.engine) else { return Ok(None) };
        let versions = (policy.min, policy.max);
        let (suites, groups) = (policy.suites.clone(), policy.groups.clone());
        let parameters = Parameters { family: Family::Standard, suites, groups, versions };
        let standard: Vec<&Credential> =
            options.credentials.iter().filter(|credential| credential.kind() != KeyKind::Sm2).collect();
        // Certificates of another key kind for the same names go into one context: RSA and ECDSA side by side.
        let presented = standard.iter().map(|credential| {
            let mut together = vec![*credential];
            for other in &standard {
                let taken = together
                    .iter()
                    .any(|one| std::mem::discriminant(&one.kind()) == std::mem::discriminant(&other.kind()));
                if !taken && other.leaf().names().dns == credential.leaf().names().dns {
                    together.push(other);
                }
            }
            (*credential, Presented::Single(together))
        });
        Self::arm(options, binding, &parameters, presented)
    }

    /// One context for each certificate to present.
    fn arm<'a>(
        options: &ServerOptions,
        binding: [u8; 32],
        parameters: &Parameters,
        presented: impl Iterator<Item = (&'a Credential, Presented<'a>)>,
    ) -> Result<Option<Arm>, ContextError> {
        let verifier = Arc::new(Verifier {
            role: PeerRole::Client,
            protocol: context::protocol_of(parameters.family),
            expectation: Expectation::Rules(options.peer_rules.clone()),
        });
        let (mut contexts, mut leafs) = (Vec::new(), Vec::new());
        for (credential, presented) in presented {
            let mut builder = context::begin(Role::Server, parameters)?;
            context::present(&mut builder, &presented)?;
            let mode = context::verify_mode(options.client_auth);
            let trust = options.trust.as_deref().filter(|_| options.client_auth != ClientAuth::Ignore);
            context::verify(&mut builder, mode, verifier.clone(), trust, options.revocation)?;
            if let Some(trust) = trust {
                context::name_authorities(&mut builder, trust)?;
            }
            context::offer_alpn(&mut builder, &options.alpn);
            context::staple(&mut builder, credential.ocsp.clone())?;
            context::resume_server(&mut builder, &options.resumption, binding, parameters.family)?;
            contexts.push(Ready { context: builder.build(), serials: presented.serials() });
            leafs.push(credential.leaf());
        }
        let names = NameTable::new(leafs.into_iter().enumerate());
        let strict_sni = options.strict_sni;
        Ok((!contexts.is_empty()).then_some(Arm { contexts, names, strict_sni, verifier }))
    }

    /// Runs the handshake that `hello` begins; its bytes are still in `io`.
    pub(crate) async fn accept<IO>(
        &self,
        io: Prefixed<IO>,
        hello: &ClientHello,
        family: Family,
        deadline: Instant,
    ) -> Result<(Stream<IO>, Negotiated), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let started = Instant::now();
        let name = hello.sni.as_deref();
        let chosen = self.arm_of(family).and_then(|arm| Some((arm, arm.of(name)?)));
        let Some((arm, ready)) = chosen else {
            return Err(HandshakeError::new(
                Failure::NoCertificateForName(hello.sni.clone()),
                Stage::Negotiation,
                Side::Downstream,
            ));
        };
        let ssl = prepared(&ready.context).map_err(|error| outcome::unprepared(error, Side::Downstream))?;
        let mut stream = SslStream::new(ssl, io).map_err(|error| outcome::unprepared(error, Side::Downstream))?;
        let finished = timeout_at(deadline, Pin::new(&mut stream).accept()).await;
        let facts = match outcome::of(stream.ssl(), finished, family, Side::Downstream, &arm.verifier) {
            Ok(facts) => facts,
            Err(error) => {
                farewell(stream.get_mut(), deadline).await;
                return Err(error);
            }
        };
        let negotiated = Negotiated {
            protocol: facts.protocol,
            engine: Engine::Tongsuo,
            suite: facts.suite,
            group: facts.group,
            scheme: facts.scheme,
            sni: hello.sni.clone(),
            alpn: facts.alpn,
            resumed: facts.resumed,
            peer: facts.peer,
            local_serials: if facts.resumed { Vec::new() } else { ready.serials.clone() },
            generation: self.generation,
            ja4: Some(hello.ja4()),
            handshake: started.elapsed(),
        };
        Ok((Stream::Tongsuo(Box::new(stream)), negotiated))
    }

    fn arm_of(&self, family: Family) -> Option<&Arm> {
        match family {
            Family::Tlcp => self.tlcp.as_ref(),
            Family::Tls13Sm => self.sm.as_ref(),
            Family::Standard => self.standard.as_ref(),
        }
    }
}
