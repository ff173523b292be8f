//! TLS as written, downstream and upstream.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Certificate, Period, Trust, word};

/// TLS, or `none` for plaintext.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TlsChoice {
    /// Plaintext.
    None(NoneWord),
    /// TLS.
    Tls(Box<TlsServer>),
}

word! {
    /// Plaintext.
    pub(crate) enum NoneWord {
        /// Plaintext.
        None = "none",
    }
}

/// TLS towards clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsServer {
    /// Which protocols are served and which come first. Default: gm-preferred with a TLCP pair, else standard.
    pub(crate) policy: Option<Policy>,
    /// Oldest standard version. Default: tls1.2.
    pub(crate) min: Option<StandardVersion>,
    /// Newest standard version. Default: tls1.3.
    pub(crate) max: Option<StandardVersion>,
    /// Cipher suites by their IANA or TLCP names; those of each protocol replace that protocol's own list.
    #[schemars(length(min = 1))]
    pub(crate) suites: Option<Vec<String>>,
    /// Key exchange groups by name, best first.
    #[schemars(length(min = 1))]
    pub(crate) groups: Option<Vec<String>>,
    /// Which engine serves standard suites. Default: auto.
    pub(crate) engine: Option<Engine>,
    /// Single certificates and TLCP pairs; each client gets the one for its protocol and server name.
    #[schemars(required, length(min = 1, max = 20_000))]
    pub(crate) certificates: Option<Vec<Certificate>>,
    /// Refuse clients that ask for a name no certificate has. Default: false.
    pub(crate) strict_sni: Option<bool>,
    /// Application protocols, best first. Default: h2 and http/1.1 for http listeners, none for tcp listeners.
    pub(crate) alpn: Option<Vec<String>>,
    /// Certificates of clients. Default: not asked for.
    pub(crate) client_auth: Option<ClientAuth>,
    /// Resumption of sessions.
    pub(crate) resumption: Option<Resumption>,
}

word! {
    /// A named choice of protocols.
    pub(crate) enum Policy {
        /// TLS 1.3 and TLS 1.2.
        Standard = "standard",
        /// TLCP, TLS 1.3 with SM suites, and the standard ones for clients without.
        GmPreferred = "gm-preferred",
        /// TLCP and TLS 1.3 with SM suites, nothing else.
        GmOnly = "gm-only",
    }
}

word! {
    /// A standard version.
    pub(crate) enum StandardVersion {
        /// TLS 1.2.
        Tls12 = "tls1.2",
        /// TLS 1.3.
        Tls13 = "tls1.3",
    }
}

word! {
    /// Which engine speaks standard suites.
    pub(crate) enum Engine {
        /// rustls.
        Auto = "auto",
        /// Tongsuo.
        Tongsuo = "tongsuo",
    }
}

/// Certificates of clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientAuth {
    /// Whether they are asked for. Default: require.
    pub(crate) mode: Option<ClientAuthMode>,
    /// Who vouches for clients.
    pub(crate) trust: Option<Trust>,
    /// Identities that may enter, any one of them. Default: all that the trust vouches for.
    #[schemars(length(min = 1))]
    pub(crate) allow: Option<Vec<PeerRule>>,
}

word! {
    /// Whether a client certificate is asked for.
    pub(crate) enum ClientAuthMode {
        /// Asked for; absent is refused.
        Require = "require",
        /// Asked for; absent is fine, present and bad is refused.
        Request = "request",
        /// Not asked for.
        Ignore = "ignore",
    }
}

word! {
    /// How far up a chain revocation lists are consulted.
    pub(crate) enum RevocationDepth {
        /// The leaf alone.
        Leaf = "leaf",
        /// Every certificate below the root.
        Chain = "chain",
    }
}

/// One identity or set of identities, by what the certificate says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeerRule {
    /// A DNS name, exact or `*.` and a suffix of one more label.
    Dns(#[schemars(length(min = 1))] String),
    /// An IP address.
    Ip(#[schemars(length(min = 1))] String),
    /// A SPIFFE id, exact.
    Spiffe(#[schemars(length(min = 1))] String),
    /// The start of a SPIFFE id, ending at a `/`.
    SpiffePrefix(#[schemars(length(min = 1))] String),
    /// A SPIFFE trust domain.
    TrustDomain(#[schemars(length(min = 1))] String),
    /// SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits.
    SpkiSha256(#[schemars(length(min = 1))] String),
}

/// Resumption of sessions.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resumption {
    /// Whether tickets are issued. Default: true.
    pub(crate) tickets: Option<bool>,
    /// A file of 80-byte keys, shared with other processes; the first encrypts, all decrypt. Default: keys made and
    /// rotated by this process.
    #[schemars(length(min = 1))]
    pub(crate) ticket_keys: Option<String>,
    /// How long a session may be resumed. Default: 2h.
    pub(crate) lifetime: Option<Period>,
    /// Whether sessions are also kept by id (TLCP and TLS 1.2). Default: true.
    pub(crate) session_ids: Option<bool>,
}

/// TLS towards a backend.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsClient {
    /// Which protocols to speak; never anything else. Default: standard.
    pub(crate) protocol: Option<ClientProtocol>,
    /// Server name to ask for. Default: the name in `verify`, unless it is an address.
    #[schemars(length(min = 1))]
    pub(crate) sni: Option<String>,
    /// Application protocols to offer. Default: that of the backend's protocol.
    pub(crate) alpn: Option<Vec<String>>,
    /// Whom the backend must be. Default: the name in `sni`.
    pub(crate) verify: Option<Verify>,
    /// Accept any certificate, or none that anyone vouches for. For experiments.
    pub(crate) insecure: Option<bool>,
    /// Who vouches for the backend.
    pub(crate) trust: Option<Trust>,
    /// What to show when the backend asks for a certificate: single, or a pair for tlcp.
    pub(crate) certificate: Option<Certificate>,
    /// Cipher suites by name.
    #[schemars(length(min = 1))]
    pub(crate) suites: Option<Vec<String>>,
    /// Key exchange groups by name, best first.
    #[schemars(length(min = 1))]
    pub(crate) groups: Option<Vec<String>>,
    /// Oldest standard version. Default: tls1.2.
    pub(crate) min: Option<StandardVersion>,
    /// Newest standard version. Default: tls1.3.
    pub(crate) max: Option<StandardVersion>,
    /// Which engine speaks standard suites. Default: auto.
    pub(crate) engine: Option<Engine>,
    /// Whether sessions are resumed. Default: true.
    pub(crate) resume: Option<bool>,
}

word! {
    /// Protocols to speak to a backend.
    pub(crate) enum ClientProtocol {
        /// TLS 1.3 and TLS 1.2.
        Standard = "standard",
        /// TLS 1.3 with the suites of RFC 8998.
        Tls13Sm = "tls1.3-sm",
        /// TLCP.
        Tlcp = "tlcp",
    }
}

/// Whom a backend must be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verify {
    /// A host name or address that its certificate must have.
    Name(#[schemars(length(min = 1))] String),
    /// Identities, any one of them.
    Allow(#[schemars(length(min = 1))] Vec<PeerRule>),
}
