//! Identities that a peer may have.

use jadegate_certs::identity::{DnsName, SpiffeId, TrustDomain};
use jadegate_certs::rules::{PeerRule, PeerRules};

use super::Resolver;
use crate::document;
use crate::path::Path;
use crate::yaml::quote;

impl Resolver<'_> {
    /// Any-of rules.
    pub(super) fn peer_rules(&mut self, at: &Path, rules: &[document::PeerRule]) -> PeerRules {
        let checked = rules.iter().enumerate().filter_map(|(index, rule)| self.peer_rule(&at.index(index), rule));
        PeerRules { any_of: checked.collect() }
    }

    fn peer_rule(&mut self, at: &Path, rule: &document::PeerRule) -> Option<PeerRule> {
        match rule {
            document::PeerRule::Dns(text) => {
                self.parsed(&at.key("dns"), text, DnsName::parse(text), "a DNS name").map(PeerRule::Dns)
            }
            document::PeerRule::Ip(text) => {
                self.parsed(&at.key("ip"), text, text.parse(), "an IP address").map(PeerRule::Ip)
            }
            document::PeerRule::Spiffe(text) => {
                self.parsed(&at.key("spiffe"), text, SpiffeId::parse(text), "a SPIFFE id").map(PeerRule::Spiffe)
            }
            document::PeerRule::SpiffePrefix(text) => {
                let start = text.strip_suffix('/').unwrap_or(text);
                let parsed = SpiffeId::parse(start);
                self.parsed(&at.key("spiffe_prefix"), text, parsed, "the start of a SPIFFE id")?;
                Some(PeerRule::SpiffePrefix(text.clone()))
            }
            document::PeerRule::TrustDomain(text) => {
                let parsed = TrustDomain::parse(text);
                self.parsed(&at.key("trust_domain"), text, parsed, "a trust domain").map(PeerRule::TrustDomain)
            }
            document::PeerRule::SpkiSha256(text) => {
                let at = at.key("spki_sha256");
                let hash = sha256(text);
                if hash.is_none() {
                    let what = format!("{} is not a SHA-256 hash", quote(text));
                    let todo = "write 64 hexadecimal digits, as `jadegate certs inspect` shows them";
                    self.wrong(&at, what, todo);
                }
                hash.map(PeerRule::SpkiSha256)
            }
        }
    }

    fn parsed<T, E: std::fmt::Display>(
        &mut self,
        at: &Path,
        text: &str,
        parsed: Result<T, E>,
        kind: &str,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(at, format!("{} is not {kind}: {error}", quote(text)), format!("write {kind}"));
                None
            }
        }
    }
}

/// 64 hexadecimal digits; colons between bytes, as other tools print them, are skipped.
fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok()).flatten()
}
