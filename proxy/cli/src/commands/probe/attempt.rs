//! One handshake per protocol and suite.

use std::net::SocketAddr;
use std::time::Duration;

use jadegate_certs::certificate::Certificate;
use jadegate_tls::connector::{ClientOptions, ClientProtocol, Connector, ServerVerification, SessionReuse};
use jadegate_tls::negotiated::Negotiated;
use jadegate_tls::server::{EngineChoice, RevocationDepth};
use jadegate_tls::{Group, Policy, PolicyName, Protocol, Suite, Version};
use serde::Serialize;
use tokio::net::TcpStream;

use super::ClientCertificates;

/// What is tried.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) sni: Option<String>,
    pub(super) timeout: Duration,
}

/// One try and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    pub(super) protocol: &'static str,
    pub(super) suite: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    /// What was agreed, when the server took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) taken: Option<Taken>,
    /// Why the server did not take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
}

/// An agreement.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    pub(super) suite: String,
    pub(super) group: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) alpn: Option<String>,
    /// Subjects of the certificates as shown; not verified.
    pub(super) certificates: Vec<String>,
    pub(super) handshake_microseconds: u128,
}

/// A refusal.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    /// A stable word.
    pub(super) reason: &'static str,
    /// The same for people.
    pub(super) text: String,
}

struct Try {
    protocol: Protocol,
    suite: Suite,
    /// Only this group, when the group is what is tried.
    group: Option<Group>,
}

/// Everything we know to try, the national protocols first.
fn tries() -> Vec<Try> {
    let all = Policy::named(PolicyName::GmPreferred);
    let mut tries = Vec::new();
    let mut add = |protocol, suites: Vec<Suite>, group| {
        tries.extend(suites.into_iter().map(|suite| Try { protocol, suite, group }));
    };
    if let Some(tlcp) = &all.tlcp {
        add(Protocol::Tlcp, tlcp.suites.clone(), None);
    }
    if let Some(sm) = &all.tls13_sm {
        add(Protocol::Tls13Sm, sm.suites.clone(), Some(Group::CURVE_SM2));
        add(Protocol::Tls13Sm, sm.suites.iter().take(1).copied().collect(), Some(Group::CURVE_SM2_MLKEM768));
    }
    if let Some(standard) = &all.standard {
        add(Protocol::Tls13, standard.suites_of(Version::Tls13).collect(), None);
        add(Protocol::Tls12, standard.suites_of(Version::Tls12).collect(), None);
    }
    tries
}

/// Tries everything, one after the other.
pub(super) async fn all(target: &Target, client: &ClientCertificates) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for one in tries() {
        let (taken, refused) = match attempt(target, client, &one).await {
            Ok(taken) => (Some(taken), None),
            Err(refused) => (None, Some(refused)),
        };
        attempts.push(Attempt {
            protocol: one.protocol.as_str(),
            suite: one.suite.to_string(),
            group: one.group.map(|group| group.to_string()),
            taken,
            refused,
        });
        if unreachable(&attempts).is_some() {
            break;
        }
    }
    attempts
}

/// Why nothing listens there, if that is what the only try came to: then the others are spared.
pub(super) fn unreachable(attempts: &[Attempt]) -> Option<&str> {
    let [Attempt { refused: Some(refused), .. }] = attempts else { return None };
    refused.reason.starts_with("connect_").then_some(refused.text.as_str())
}

/// A protocol, and the certificates that a server shows in it, as DER.
pub(in crate::commands) type Shown = (&'static str, Vec<Vec<u8>>);

/// For each protocol that the server speaks, the certificates it shows.
pub(super) async fn shown(target: &Target, client: &ClientCertificates) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    for one in tries() {
        let protocol = one.protocol.as_str();
        if found.iter().any(|(known, _)| *known == protocol) {
            continue;
        }
        match handshake(target, client, &one).await {
            Ok((_, shown)) => found.push((protocol, shown)),
            Err(refused) if found.is_empty() && refused.reason.starts_with("connect_") => break,
            Err(_) => {}
        }
    }
    found
}

async fn attempt(target: &Target, client: &ClientCertificates, one: &Try) -> Result<Taken, Refused> {
    let (agreed, shown) = handshake(target, client, one).await?;
    Ok(Taken {
        suite: agreed.suite.to_string(),
        group: agreed.group.map(|group| group.to_string()),
        scheme: agreed.scheme.map(|scheme| scheme.to_string()),
        alpn: agreed.alpn.map(|alpn| String::from_utf8_lossy(&alpn).into_owned()),
        certificates: shown.iter().map(|der| subject(der)).collect(),
        handshake_microseconds: agreed.handshake.as_micros(),
    })
}

/// What was agreed, and the certificates that the server showed.
async fn handshake(
    target: &Target,
    client: &ClientCertificates,
    one: &Try,
) -> Result<(Box<Negotiated>, Vec<Vec<u8>>), Refused> {
    let refused = |reason, text: String| Refused { reason, text };
    let connector =
        Connector::new(options(target, client, one)).map_err(|error| refused(error.reason(), error.to_string()))?;
    let stream = tokio::time::timeout(target.timeout, TcpStream::connect(target.address))
        .await
        .map_err(|_elapsed| refused("connect_timed_out", "no connection in time".to_owned()))?
        .map_err(|error| refused("connect_failed", format!("no connection: {error}")))?;
    let connected = connector
        .connect(stream, target.timeout)
        .await
        .map_err(|error| refused(error.reason(), error.failure.to_string()))?;
    let shown = connected.stream.shown_certificates();
    Ok((connected.negotiated, shown))
}

fn subject(der: &[u8]) -> String {
    Certificate::from_der(der).map_or_else(|error| format!("unreadable: {error}"), |read| read.subject().to_owned())
}

/// TLCP's ECDHE suites cannot be tried without a client's pair (GB/T 38636 6.4.5.8).
fn needs_client_pair(suite: Suite) -> bool {
    matches!(suite, Suite::ECDHE_SM4_GCM_SM3 | Suite::ECDHE_SM4_CBC_SM3)
}

fn options(target: &Target, client: &ClientCertificates, one: &Try) -> ClientOptions {
    let version = |version| ClientProtocol::Standard { min: version, max: version };
    let national = one.protocol.is_national();
    ClientOptions {
        protocol: match one.protocol {
            Protocol::Tlcp => ClientProtocol::Tlcp,
            Protocol::Tls13Sm => ClientProtocol::Tls13Sm,
            Protocol::Tls13 => version(Version::Tls13),
            Protocol::Tls12 => version(Version::Tls12),
        },
        suites: vec![one.suite],
        groups: one.group.into_iter().collect(),
        credential: if national { None } else { client.standard.clone() },
        pair: (national && (client.known || needs_client_pair(one.suite))).then(|| client.pair.clone()),
        trust: None,
        verify: ServerVerification::Insecure,
        revocation: RevocationDepth::Off,
        sni: target.sni.clone(),
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        resume: SessionReuse::Off,
        engine: EngineChoice::Auto,
        generation: 0,
    }
}
