//! `/certs`: every secret with its source, version, validity and refusals. Keys are not part of any of it.

use std::time::{Duration, SystemTime};

use jadegate_certs::Certificate;
use jadegate_certs::material::{Rejection, SecretState};
use jadegate_certs::source::{CredentialInput, CredentialSpec, Input, SecretSpec};
use serde_json::{Value, json};

use super::View;
use crate::access_log::rfc3339;
use crate::metrics::certificates;
use crate::status::Held;

/// The document.
pub(super) fn document(view: &View) -> Value {
    let snapshot = view.snapshot.load();
    let status = view.status.load();
    let secrets: Vec<Value> = status
        .secrets
        .iter()
        .map(|receiver| {
            let state = receiver.borrow().clone();
            let spec = snapshot.config.secrets.iter().find(|secret| secret.name == state.name).map(|named| &named.spec);
            let held: Vec<&Held> = status.held.iter().filter(|held| held.secrets.contains(&state.name)).collect();
            secret(&state, spec, &held)
        })
        .collect();
    json!({ "generation": snapshot.generation, "secrets": secrets })
}

fn secret(state: &SecretState, spec: Option<&SecretSpec>, held: &[&Held]) -> Value {
    let current = state.current.as_ref();
    let list: Vec<Value> = current
        .map(|published| certificates(&published.secret).map(|(role, one)| certificate(role, one)).collect())
        .unwrap_or_default();
    let held: Vec<Value> =
        held.iter().map(|held| json!({ "owner": held.owner, "reason": held.reason, "text": held.text })).collect();
    json!({
        "name": &*state.name,
        "source": spec.map(source),
        "usable": current.is_some(),
        "generation": current.map(|published| published.generation.0),
        "version": current.map(|published| published.version.as_str()),
        "updated": current.map(|published| rfc3339(published.at)),
        "certificates": list,
        "updates": state.updates,
        "rejections": state.rejections,
        "waiting": state.waiting,
        "last_rejection": state.last_error.as_ref().map(rejection),
        "recent_rejections": state.history.iter().map(rejection).collect::<Vec<_>>(),
        "not_in_use": held,
    })
}

fn rejection(rejection: &Rejection) -> Value {
    json!({ "reason": rejection.reason, "text": rejection.text, "at": rfc3339(rejection.at) })
}

fn certificate(role: &str, certificate: &Certificate) -> Value {
    let names = certificate.names();
    json!({
        "role": role,
        "subject": certificate.subject(),
        "issuer": certificate.issuer(),
        "serial": certificate.serial(),
        "not_before": certificate.not_before().to_string(),
        "not_after": certificate.not_after().to_string(),
        "seconds_left": seconds_left(certificate),
        "key": certificate.key_kind().map(|kind| kind.to_string()),
        "dns": names.dns,
        "ip": names.ip,
        "uri": names.uri,
    })
}

/// Seconds to the end of validity; negative after it.
pub(super) fn seconds_left(certificate: &Certificate) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    certificate.not_after().0.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
}

/// Where a secret comes from: paths are shown, inline bytes are not.
pub(super) fn source(spec: &SecretSpec) -> Value {
    match spec {
        SecretSpec::Credential(spec) => credential(spec),
        SecretSpec::Pair(pair) => json!({ "sign": credential(&pair.sign), "enc": credential(&pair.enc) }),
        SecretSpec::Trust(trust) => json!({
            "ca": trust.roots.iter().map(input).collect::<Vec<_>>(),
            "crl": trust.crls.iter().map(input).collect::<Vec<_>>(),
        }),
        SecretSpec::TicketKeys(spec) => json!({ "ticket_keys": input(&spec.keys) }),
    }
}

fn credential(spec: &CredentialSpec) -> Value {
    let mut value = match &spec.material {
        CredentialInput::Pem { certificate, key } => json!({ "cert": input(certificate), "key": input(key) }),
        CredentialInput::Pkcs12(container) => json!({ "pkcs12": input(container) }),
    };
    for (name, extra) in [("password_file", &spec.password), ("ocsp", &spec.ocsp)] {
        if let Some(extra) = extra {
            value[name] = input(extra);
        }
    }
    value
}

fn input(input: &Input) -> Value {
    match input {
        Input::File(path) => Value::String(path.display().to_string()),
        Input::Inline(bytes) => Value::String(format!("(inline, {} bytes)", bytes.len())),
    }
}
