//! What a chain terminates and what a backend is reached with.

use std::time::Duration;

use jadegate_certs::rules::PeerRules;

use jadegate_tls::{Group, Policy, Suite, Version};

use super::SecretId;

/// TLS of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsServer {
    /// What may be negotiated. Every protocol in it has a certificate that can serve it.
    pub policy: Policy,
    /// Which engine serves standard suites.
    pub engine: EngineChoice,
    /// Single credentials and TLCP pairs; at least one.
    pub certificates: Vec<SecretId>,
    /// What happens to a client that asks for a name no certificate has.
    pub strict_sni: StrictSni,
    /// Application protocols, best first; empty = the extension is not answered.
    pub alpn: Vec<String>,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// Resumption.
    pub sessions: Sessions,
}

/// Which engine serves standard suites. TLCP and RFC 8998 are always Tongsuo's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// rustls.
    #[default]
    Auto,
    /// Tongsuo.
    Tongsuo,
}

/// What happens to a client that asks for a name no certificate has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StrictSni {
    /// It gets the first certificate of the kind that it can use.
    #[default]
    Off,
    /// Its handshake is refused.
    On,
}

/// Client authentication of a chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientAuth {
    /// Whether a certificate is asked for.
    pub mode: ClientAuthMode,
    /// Who vouches for clients. Always there unless the mode is [`ClientAuthMode::Ignore`].
    pub trust: Option<SecretId>,
    /// How far up the chain revocation lists are consulted.
    pub revocation: RevocationDepth,
    /// Which identities may enter; empty = every one that the trust vouches for.
    pub allow: PeerRules,
}

/// Whether a client certificate is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuthMode {
    /// Not asked for.
    #[default]
    Ignore,
    /// Asked for; absent is fine, present and bad is not.
    Request,
    /// Asked for; absent is refused.
    Require,
}

/// How far up a chain revocation lists are consulted. A certificate whose list is missing is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationDepth {
    /// Not at all: no list is configured.
    #[default]
    Off,
    /// The leaf.
    Leaf,
    /// Every certificate below the root.
    Chain,
}

/// Resumption of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// Where the keys of session tickets come from.
    pub tickets: TicketKeys,
    /// Whether sessions are also kept by id (TLCP and TLS 1.2).
    pub ids: SessionIds,
    /// How long a session may be resumed.
    pub lifetime: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { tickets: TicketKeys::Generated, ids: SessionIds::On, lifetime: Duration::from_secs(2 * 3600) }
    }
}

/// Where the keys of session tickets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketKeys {
    /// No tickets are issued.
    Off,
    /// Made and rotated by this process.
    Generated,
    /// A file of 80-byte keys shared with other processes; the first encrypts.
    Shared(SecretId),
}

/// Whether sessions are kept by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionIds {
    /// Not kept.
    Off,
    /// Kept, in a bounded cache.
    On,
}

/// TLS towards a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsClient {
    /// Which family of protocols to speak; never anything else.
    pub protocol: ClientProtocol,
    /// Suites, best first; empty = those of the protocol.
    pub suites: Vec<Suite>,
    /// Groups, best first; empty = those of the protocol.
    pub groups: Vec<Group>,
    /// Which engine speaks standard suites.
    pub engine: EngineChoice,
    /// Server name to ask for; `None` = the extension is not sent.
    pub sni: Option<String>,
    /// Application protocols to offer.
    pub alpn: Vec<String>,
    /// Whom the backend must be.
    pub verify: ServerVerification,
    /// Who vouches for the backend. Always there unless `verify` is [`ServerVerification::Insecure`].
    pub trust: Option<SecretId>,
    /// How far up the chain revocation lists are consulted.
    pub revocation: RevocationDepth,
    /// What to show when asked for a certificate: single, or a pair for TLCP.
    pub certificate: Option<SecretId>,
    /// Whether sessions are resumed.
    pub resume: Resume,
}

/// Family of protocols to speak to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProtocol {
    /// TLS 1.2 and 1.3 with standard suites.
    Standard {
        /// The oldest version.
        min: Version,
        /// The newest version; not below `min`.
        max: Version,
    },
    /// TLS 1.3 with the suites of RFC 8998.
    Tls13Sm,
    /// TLCP.
    Tlcp,
}

/// Whom a backend must be.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerVerification {
    /// Its certificate must name this host or address.
    Name(String),
    /// Its certificate must satisfy one of these.
    Rules(PeerRules),
    /// Anyone: no verification at all.
    Insecure,
}

/// Whether upstream sessions are resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// Every connection is a full handshake.
    Off,
    /// Within one generation of trust and credential.
    #[default]
    On,
}
