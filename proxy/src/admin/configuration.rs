//! `/config`: the running configuration with every default applied. Paths are shown, inline keys are not.

use std::time::Duration;

use jadegate_certs::rules::{PeerRule, PeerRules};
use jadegate_config::{
    AccessFormat, AccessTarget, Backend, Chain, ClientAuthMode, ClientProtocol, Config, Cores, EngineChoice, Listener,
    ListenerProtocol, LogFormat, Resume, RevocationDepth, SecretId, ServerVerification, SessionIds, StrictSni,
    TicketKeys, TlsClient, TlsServer,
};
use serde_json::{Value, json};

use super::View;
use super::certificates::source;

/// The document.
pub(super) fn document(view: &View) -> Value {
    let snapshot = view.snapshot.load();
    let config = &snapshot.config;
    let secrets: serde_json::Map<String, Value> =
        config.secrets.iter().map(|secret| (secret.name.to_string(), source(&secret.spec))).collect();
    json!({
        "generation": snapshot.generation,
        "cores": match config.cores { Cores::All => json!("all"), Cores::Exactly(count) => json!(count) },
        "log": {
            "level": config.log.level.as_str(),
            "format": match config.log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            },
            "access": {
                "path": match &config.log.access.target {
                    AccessTarget::Stdout => "-".to_owned(),
                    AccessTarget::File(path) => path.display().to_string(),
                    AccessTarget::Off => "off".to_owned(),
                },
                "format": match &config.log.access.format {
                    AccessFormat::Json => "json",
                    AccessFormat::Template(text) => text,
                },
            },
        },
        "admin": config.admin.as_ref().map(|admin| json!({ "bind": admin.bind.to_string() })),
        "shutdown": { "drain": duration(config.shutdown.drain) },
        "limits": { "connections": config.limits.connections, "handshakes": config.limits.handshakes },
        "listeners": config.listeners.iter().map(|one| listener(config, one)).collect::<Vec<_>>(),
        "backends": config.backends.iter().map(|one| backend(config, one)).collect::<Vec<_>>(),
        "secrets": secrets,
    })
}

fn duration(duration: Duration) -> String {
    format!("{duration:?}")
}

fn timeout(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "off".to_owned(), self::duration)
}

fn names<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn secret(config: &Config, id: SecretId) -> String {
    config.secret(id).name.to_string()
}

fn listener(config: &Config, listener: &Listener) -> Value {
    let (timeouts, limits) = (&listener.timeouts, &listener.limits);
    json!({
        "name": listener.name,
        "bind": names(&listener.binds),
        "protocol": match listener.protocol { ListenerProtocol::Http => "http", ListenerProtocol::Tcp => "tcp" },
        "timeouts": {
            "handshake": duration(timeouts.handshake),
            "header": duration(timeouts.header),
            "idle": timeout(timeouts.idle),
            "request": timeout(timeouts.request),
            "lifetime": timeout(timeouts.lifetime),
        },
        "limits": {
            "connections": limits.connections,
            "header_bytes": limits.header_bytes,
            "headers": limits.headers,
            "concurrent_streams": limits.concurrent_streams,
        },
        "chains": listener.chains.iter().map(|one| chain(config, one)).collect::<Vec<_>>(),
    })
}

fn chain(config: &Config, chain: &Chain) -> Value {
    let matcher = &chain.matcher;
    json!({
        "name": chain.name,
        "match": {
            "ports": matcher.ports,
            "destinations": names(&matcher.destinations),
            "sni": names(&matcher.server_names),
            "protocol": names(&matcher.protocols),
            "alpn": matcher.alpn,
            "source": names(&matcher.sources),
        },
        "tls": chain.tls.as_ref().map(|tls| tls_server(config, tls)),
        "backend": config.backend(chain.backend).name,
    })
}

fn tls_server(config: &Config, tls: &TlsServer) -> Value {
    let policy = &tls.policy;
    json!({
        "policy": policy.name.as_str(),
        "protocols": policy.protocols().map(|protocol| protocol.as_str()).collect::<Vec<_>>(),
        "engine": engine(tls.engine),
        "certificates": tls.certificates.iter().map(|id| secret(config, *id)).collect::<Vec<_>>(),
        "strict_sni": tls.strict_sni == StrictSni::On,
        "alpn": tls.alpn,
        "client_auth": {
            "mode": match tls.client_auth.mode {
                ClientAuthMode::Ignore => "ignore",
                ClientAuthMode::Request => "request",
                ClientAuthMode::Require => "require",
            },
            "trust": tls.client_auth.trust.map(|id| secret(config, id)),
            "revocation": revocation(tls.client_auth.revocation),
            "allow": rules(&tls.client_auth.allow),
        },
        "resumption": {
            "tickets": tls.sessions.tickets != TicketKeys::Off,
            "ticket_keys": match tls.sessions.tickets {
                TicketKeys::Shared(id) => Some(secret(config, id)),
                TicketKeys::Off | TicketKeys::Generated => None,
            },
            "session_ids": tls.sessions.ids == SessionIds::On,
            "lifetime": duration(tls.sessions.lifetime),
        },
    })
}

fn backend(config: &Config, backend: &Backend) -> Value {
    let (timeouts, pool) = (&backend.timeouts, &backend.pool);
    json!({
        "name": backend.name,
        "endpoints": names(&backend.endpoints),
        "protocol": format!("{:?}", backend.protocol).to_lowercase(),
        "tls": backend.tls.as_ref().map(|tls| tls_client(config, tls)),
        "timeouts": {
            "connect": duration(timeouts.connect),
            "idle": timeout(timeouts.idle),
            "response": timeout(timeouts.response),
        },
        "pool": {
            "max_connections": pool.max_connections,
            "max_idle": pool.max_idle,
            "max_pending": pool.max_pending,
        },
    })
}

fn tls_client(config: &Config, tls: &TlsClient) -> Value {
    let (protocol, versions) = match tls.protocol {
        ClientProtocol::Standard { min, max } => ("standard", Some((min.to_string(), max.to_string()))),
        ClientProtocol::Tls13Sm => ("tls1.3-sm", None),
        ClientProtocol::Tlcp => ("tlcp", None),
    };
    json!({
        "protocol": protocol,
        "min": versions.as_ref().map(|(min, _)| min),
        "max": versions.as_ref().map(|(_, max)| max),
        "suites": names(&tls.suites),
        "groups": names(&tls.groups),
        "engine": engine(tls.engine),
        "sni": tls.sni,
        "alpn": tls.alpn,
        "verify": match &tls.verify {
            ServerVerification::Name(name) => json!({ "name": name }),
            ServerVerification::Rules(allow) => json!({ "allow": rules(allow) }),
            ServerVerification::Insecure => json!("insecure"),
        },
        "trust": tls.trust.map(|id| secret(config, id)),
        "revocation": revocation(tls.revocation),
        "certificate": tls.certificate.map(|id| secret(config, id)),
        "resume": tls.resume == Resume::On,
    })
}

const fn engine(engine: EngineChoice) -> &'static str {
    match engine {
        EngineChoice::Auto => "auto",
        EngineChoice::Tongsuo => "tongsuo",
    }
}

const fn revocation(depth: RevocationDepth) -> &'static str {
    match depth {
        RevocationDepth::Off => "off",
        RevocationDepth::Leaf => "leaf",
        RevocationDepth::Chain => "chain",
    }
}

fn rules(rules: &PeerRules) -> Vec<String> {
    rules
        .any_of
        .iter()
        .map(|rule| match rule {
            PeerRule::Dns(name) => format!("dns {name}"),
            PeerRule::Ip(address) => format!("ip {address}"),
            PeerRule::Spiffe(id) => format!("spiffe {id}"),
            PeerRule::SpiffePrefix(prefix) => format!("spiffe_prefix {prefix}"),
            PeerRule::TrustDomain(domain) => format!("trust_domain {domain}"),
            PeerRule::SpkiSha256(hash) => {
                let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("spki_sha256 {hex}")
            }
        })
        .collect()
}
