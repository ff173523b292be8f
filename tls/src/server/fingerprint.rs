//! What a resumed session depends on, as one hash.
//!
//! Tickets and session ids are bound to it. Whatever was decided in the original handshake and is not decided again in
//! a resumed one has to be in here: credential, trust, revocation, client authentication, rules, protocols, policy.
//! The generation is not: replicas and reloads without a change accept each other's tickets.

use aws_lc_rs::digest;

use super::ServerOptions;

/// A hash over labelled, length-prefixed fields, so that no two different option sets feed the same bytes.
struct Fields(digest::Context);

impl Fields {
    fn add(&mut self, label: &str, value: &[u8]) {
        for part in [label.as_bytes(), value] {
            self.0.update(&(part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }
}

/// Hashes the options. Debug forms are stable within a build; another build merely makes full handshakes.
pub(super) fn of(options: &ServerOptions) -> [u8; 32] {
    let mut fields = Fields(digest::Context::new(&digest::SHA256));
    fields.add("jadegate server context", b"1");
    for credential in &options.credentials {
        fields.add("credential", &credential.leaf().sha256());
    }
    for pair in &options.pairs {
        fields.add("sign", &pair.sign.leaf().sha256());
        fields.add("enc", &pair.enc.leaf().sha256());
    }
    if let Some(trust) = &options.trust {
        fields.add("trust", &trust.fingerprint());
    }
    fields.add("revocation", format!("{:?}", options.revocation).as_bytes());
    fields.add("client auth", format!("{:?}", options.client_auth).as_bytes());
    fields.add("strict sni", &[u8::from(options.strict_sni)]);
    for rule in &options.peer_rules.any_of {
        fields.add("peer rule", format!("{rule:?}").as_bytes());
    }
    for protocol in &options.alpn {
        fields.add("alpn", protocol);
    }
    fields.add("policy", format!("{:?}", options.policy).as_bytes());
    fields.add("engine", format!("{:?}", options.engine).as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(fields.0.finish().as_ref());
    hash
}
