//! Tongsuo contexts from options: one per set of certificates, fully made at load, shared by all workers.

use std::sync::Arc;

use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_tongsuo::context::{self as tongsuo, Role};
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::ssl::{
    AlpnError, SslContextBuilder, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion, cipher_name,
    select_next_proto,
};
use jadegate_tongsuo::openssl::stack::Stack;
use jadegate_tongsuo::openssl::x509::verify::X509VerifyFlags;
use jadegate_tongsuo::openssl::x509::{X509, X509Name};
use jadegate_tongsuo::{sessions, store, tickets, trace};

use super::tickets::RingKeys;
use super::verify::Verifier;
use crate::policy::Family;
use crate::protocol::{Engine, Group, Protocol, Suite, Version};
use crate::server::{ClientAuth, ContextError, Resumption, RevocationDepth};
use crate::tickets::BoundSecrets;
use crate::trust::Trust;

/// Sessions that one connector remembers.
const CLIENT_SESSIONS: usize = 8;

/// Library error to context error.
pub(super) fn engine(error: ErrorStack) -> ContextError {
    ContextError::Engine { engine: Engine::Tongsuo, source: Box::new(error) }
}

/// What one connection's handshake is about, as far as a context is concerned.
#[derive(Debug, Clone)]
pub(super) struct Parameters {
    pub(super) family: Family,
    pub(super) suites: Vec<Suite>,
    pub(super) groups: Vec<Group>,
    /// Lowest and highest version; of use to the standard family only.
    pub(super) versions: (Version, Version),
}

/// The certificates of one context.
#[derive(Debug, Clone)]
pub(super) enum Presented<'a> {
    Nothing,
    /// One per key kind.
    Single(Vec<&'a Credential>),
    Pair(&'a CredentialPair),
}

impl Presented<'_> {
    pub(super) fn serials(&self) -> Vec<String> {
        match self {
            Presented::Nothing => Vec::new(),
            Presented::Single(credentials) => {
                credentials.iter().map(|credential| credential.leaf().serial().to_owned()).collect()
            }
            Presented::Pair(pair) => {
                vec![pair.sign.leaf().serial().to_owned(), pair.enc.leaf().serial().to_owned()]
            }
        }
    }
}

/// A context of the family with its parameters, without certificates or trust.
pub(super) fn begin(role: Role, parameters: &Parameters) -> Result<SslContextBuilder, ContextError> {
    let mut builder = match parameters.family {
        Family::Tlcp => tongsuo::tlcp(role),
        Family::Tls13Sm | Family::Standard => tongsuo::tls(role),
    }
    .map_err(engine)?;
    negotiation(&mut builder, role, parameters).map_err(engine)?;
    trace::observe(&mut builder);
    Ok(builder)
}

fn negotiation(builder: &mut SslContextBuilder, role: Role, parameters: &Parameters) -> Result<(), ErrorStack> {
    let groups: Vec<String> = parameters.groups.iter().map(Group::to_string).collect();
    if role == Role::Server {
        builder.set_options(SslOptions::CIPHER_SERVER_PREFERENCE);
    }
    match parameters.family {
        Family::Tlcp => {
            builder.set_cipher_list(&names(&parameters.suites, tlcp_name).join(":"))?;
        }
        Family::Tls13Sm => {
            // The library's strict mode knows curveSM2 alone and refuses its hybrid. The context allows nothing but
            // SM suites, SM groups, sm2sig_sm3 and an SM2 certificate anyway, and `outcome` holds every handshake to it.
            if parameters.groups == [Group::CURVE_SM2] {
                tongsuo::strict_sm(builder);
            }
            builder.set_min_proto_version(Some(SslVersion::TLS1_3))?;
            builder.set_max_proto_version(Some(SslVersion::TLS1_3))?;
            builder.set_ciphersuites(&names(&parameters.suites, |suite| suite.to_string()).join(":"))?;
            //= RFC 8998 3.2: a client sends a key share for curveSM2; a star asks the library for one of each group
            let share = if role == Role::Client { "*" } else { "" };
            let groups: Vec<String> = groups.iter().map(|group| format!("{share}{group}")).collect();
            builder.set_groups_list(&groups.join(":"))?;
            builder.set_sigalgs_list("sm2sig_sm3")?;
        }
        Family::Standard => {
            let (min, max) = parameters.versions;
            builder.set_min_proto_version(Some(version(min)))?;
            builder.set_max_proto_version(Some(version(max)))?;
            let (tls13, tls12): (Vec<Suite>, Vec<Suite>) =
                parameters.suites.iter().partition(|suite| suite.0 >> 8 == 0x13);
            if !tls13.is_empty() {
                builder.set_ciphersuites(&names(&tls13, |suite| suite.to_string()).join(":"))?;
            }
            if !tls12.is_empty() {
                let names = names(&tls12, |suite| cipher_name(&suite.to_string()).to_owned());
                builder.set_cipher_list(&names.join(":"))?;
            }
            builder.set_groups_list(&groups.join(":"))?;
            builder.set_sigalgs_list(STANDARD_SCHEMES)?;
        }
    }
    Ok(())
}

/// The schemes of standard TLS: what rustls takes, so that both engines agree.
const STANDARD_SCHEMES: &str = "ecdsa_secp384r1_sha384:ecdsa_secp256r1_sha256:ed25519:rsa_pss_rsae_sha512:\
     rsa_pss_rsae_sha384:rsa_pss_rsae_sha256:rsa_pkcs1_sha512:rsa_pkcs1_sha384:rsa_pkcs1_sha256";

fn names(suites: &[Suite], name: impl Fn(&Suite) -> String) -> Vec<String> {
    suites.iter().map(name).collect()
}

/// Tongsuo's names of the TLCP suites.
fn tlcp_name(suite: &Suite) -> String {
    match *suite {
        Suite::ECC_SM4_GCM_SM3 => "ECC-SM2-SM4-GCM-SM3".to_owned(),
        Suite::ECC_SM4_CBC_SM3 => "ECC-SM2-SM4-CBC-SM3".to_owned(),
        Suite::ECDHE_SM4_GCM_SM3 => "ECDHE-SM2-SM4-GCM-SM3".to_owned(),
        Suite::ECDHE_SM4_CBC_SM3 => "ECDHE-SM2-SM4-CBC-SM3".to_owned(),
        other => other.to_string(),
    }
}

fn version(version: Version) -> SslVersion {
    match version {
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    }
}

/// Loads certificates and keys; a chain goes out exactly as given.
pub(super) fn present(builder: &mut SslContextBuilder, presented: &Presented<'_>) -> Result<(), ContextError> {
    let load = |builder: &mut SslContextBuilder| -> Result<(), ErrorStack> {
        match presented {
            Presented::Nothing => Ok(()),
            Presented::Single(credentials) => {
                for credential in credentials {
                    let leaf = leaf(credential)?;
                    builder.set_certificate(&leaf)?;
                    builder.set_private_key(credential.key.engine_key())?;
                    tongsuo::set_chain(builder, issuers(credential)?)?;
                }
                Ok(())
            }
            Presented::Pair(pair) => {
                let (sign, enc) = (leaf(&pair.sign)?, leaf(&pair.enc)?);
                tongsuo::set_sign(builder, &sign, pair.sign.key.engine_key())?;
                tongsuo::set_enc(builder, &enc, pair.enc.key.engine_key())?;
                for issuer in issuers(&pair.sign)? {
                    builder.add_extra_chain_cert(issuer)?;
                }
                Ok(())
            }
        }
    };
    load(builder).map_err(|error| {
        let subject = match presented {
            Presented::Single(credentials) => credentials.first().map(|credential| credential.leaf().subject()),
            Presented::Pair(pair) => Some(pair.sign.leaf().subject()),
            Presented::Nothing => None,
        };
        ContextError::Credential { subject: subject.unwrap_or_default().to_owned(), source: Box::new(error) }
    })
}

fn leaf(credential: &Credential) -> Result<X509, ErrorStack> {
    X509::from_der(credential.leaf().der())
}

fn issuers(credential: &Credential) -> Result<Vec<X509>, ErrorStack> {
    credential.chain.iter().skip(1).map(|certificate| X509::from_der(certificate.der())).collect()
}

/// Sets whom the context trusts and what it demands of a peer.
pub(super) fn verify(
    builder: &mut SslContextBuilder,
    mode: SslVerifyMode,
    verifier: Arc<Verifier>,
    trust: Option<&Trust>,
    revocation: RevocationDepth,
) -> Result<(), ContextError> {
    if let Some(trust) = trust {
        store::share(builder, trust.tongsuo()?);
    }
    let parameters = builder.verify_param_mut();
    let flags = X509VerifyFlags::PARTIAL_CHAIN
        | match revocation {
            RevocationDepth::Off => X509VerifyFlags::empty(),
            RevocationDepth::Leaf => X509VerifyFlags::CRL_CHECK,
            RevocationDepth::Chain => X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL,
        };
    parameters.set_flags(flags).map_err(engine)?;
    parameters.set_depth(MAX_INTERMEDIATES);
    builder.set_verify_callback(mode, move |sound, context| verifier.step(sound, context));
    Ok(())
}

/// Intermediates between leaf and anchor that a peer may send, as many as the standard engine takes.
const MAX_INTERMEDIATES: i32 = 6;

/// Server: which clients are asked for what.
pub(super) fn verify_mode(client_auth: ClientAuth) -> SslVerifyMode {
    match client_auth {
        ClientAuth::Ignore => SslVerifyMode::NONE,
        ClientAuth::Request => SslVerifyMode::PEER,
        ClientAuth::Require => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
    }
}

/// Server: names of the roots, for clients that choose their certificate by them (GB/T 38636 6.4.5.5, and GmSSL
/// insists on them).
pub(super) fn name_authorities(builder: &mut SslContextBuilder, trust: &Trust) -> Result<(), ContextError> {
    let names = || {
        let mut names = Stack::<X509Name>::new()?;
        for root in &trust.bundle().roots {
            names.push(X509::from_der(root.der())?.subject_name().to_owned()?)?;
        }
        Ok(names)
    };
    builder.set_client_ca_list(names().map_err(engine)?);
    Ok(())
}

/// Server: application protocols by our preference; no common one ends the handshake (RFC 7301 3.2).
pub(super) fn offer_alpn(builder: &mut SslContextBuilder, protocols: &[Vec<u8>]) {
    if protocols.is_empty() {
        return;
    }
    let ours = wire(protocols);
    builder.set_alpn_select_callback(move |_, theirs| {
        select_next_proto(&ours, theirs)
            .and_then(|chosen| {
                // The answer must borrow from the client's list.
                let start = theirs.windows(chosen.len()).position(|window| window == chosen)?;
                theirs.get(start..start + chosen.len())
            })
            .ok_or(AlpnError::ALERT_FATAL)
    });
}

/// The protocol list as it goes over the wire: each name behind its length.
pub(super) fn wire(protocols: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for protocol in protocols {
        if let Ok(length) = u8::try_from(protocol.len()) {
            list.push(length);
            list.extend_from_slice(protocol);
        }
    }
    list
}

/// Server: the stapled OCSP answer of the certificate, for clients that ask.
pub(super) fn staple(builder: &mut SslContextBuilder, answer: Option<Arc<[u8]>>) -> Result<(), ContextError> {
    let Some(answer) = answer else { return Ok(()) };
    builder.set_status_callback(move |ssl| ssl.set_ocsp_status(&answer).map(|()| true)).map_err(engine)
}

/// Server: what may be resumed. `binding` is the hash of credential, trust and policy.
pub(super) fn resume_server(
    builder: &mut SslContextBuilder,
    resumption: &Resumption,
    binding: [u8; 32],
    family: Family,
) -> Result<(), ContextError> {
    builder.set_session_id_context(&binding).map_err(engine)?;
    tongsuo::set_session_lifetime(builder, resumption.lifetime);
    match &resumption.tickets {
        Some(ring) => {
            let label = match family {
                Family::Tlcp => "tongsuo tlcp",
                Family::Tls13Sm => "tongsuo tls1.3-sm",
                Family::Standard => "tongsuo standard",
            };
            let keys = RingKeys(BoundSecrets::new(ring.clone(), binding, label));
            tickets::set_keys(builder, keys).map_err(engine)?;
        }
        None => {
            builder.set_options(SslOptions::NO_TICKET);
            builder.set_num_tickets(0).map_err(engine)?;
        }
    }
    if resumption.session_ids == 0 {
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    } else {
        builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
        builder.set_session_cache_size(i32::try_from(resumption.session_ids).unwrap_or(i32::MAX));
    }
    Ok(())
}

/// Client: sessions are remembered in the context, which lives as long as the connector.
pub(super) fn resume_client(builder: &mut SslContextBuilder) -> Result<(), ContextError> {
    sessions::remember(builder, CLIENT_SESSIONS).map_err(engine)
}

/// The protocol that rules and alerts go by; which standard version it is shows only later.
pub(super) fn protocol_of(family: Family) -> Option<Protocol> {
    match family {
        Family::Tlcp => Some(Protocol::Tlcp),
        Family::Tls13Sm => Some(Protocol::Tls13Sm),
        Family::Standard => None,
    }
}
