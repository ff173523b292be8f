//! What a handshake agreed on, and who the peer is.
//!
//! A [`Peer`] is made by the verifying code of this crate and by nothing else: whoever holds one knows that the chain,
//! the revocation lists and the identity rules were checked on this connection, resumed ones included.

use std::time::Duration;

use jadegate_certs::certificate::Certificate;
use jadegate_certs::identity::SpiffeId;
use jadegate_certs::rules::{self, IdentityFault, PeerRule};

use crate::protocol::{Engine, Group, Protocol, Scheme, Suite};

/// The facts of a finished handshake.
#[derive(Debug, Clone)]
pub struct Negotiated {
    /// Protocol spoken.
    pub protocol: Protocol,
    /// Engine that speaks it.
    pub engine: Engine,
    /// Cipher suite.
    pub suite: Suite,
    /// Key exchange group; none where the suite has no such choice.
    pub group: Option<Group>,
    /// Scheme of the server's handshake signature; none on a resumed connection.
    pub scheme: Option<Scheme>,
    /// Server name that the client asked for.
    pub sni: Option<String>,
    /// Application protocol.
    pub alpn: Option<Vec<u8>>,
    /// The connection continues an earlier session.
    pub resumed: bool,
    /// The verified peer; none when the peer was not asked, or showed nothing and did not have to.
    pub peer: Option<Peer>,
    /// Serial numbers (lower hex) of the certificates that we presented; empty on a resumed connection.
    pub local_serials: Vec<String>,
    /// Generation of the material that the connection started with.
    pub generation: u64,
    /// JA4 fingerprint of the client's hello; none when we are the client.
    pub ja4: Option<String>,
    /// Time from the first byte to the last of the handshake.
    pub handshake: Duration,
}

/// A peer whose certificate chain, revocation and identity were verified on this connection.
#[derive(Debug, Clone)]
pub struct Peer {
    leaf: Certificate,
    enc: Option<Certificate>,
    spiffe: Option<SpiffeId>,
    rule: Option<PeerRule>,
}

impl Peer {
    /// States that `leaf` (and `enc`, in TLCP) have been verified and that `rule` admitted them. Only for verifying
    /// code, after every check. Fails when the certificate claims a SPIFFE identity that does not parse.
    pub(crate) fn verified(
        leaf: Certificate,
        enc: Option<Certificate>,
        rule: Option<PeerRule>,
    ) -> Result<Self, IdentityFault> {
        let spiffe = rules::spiffe_id(&leaf)?;
        Ok(Self { leaf, enc, spiffe, rule })
    }

    /// The peer's certificate; its signing certificate in TLCP.
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The peer's encryption certificate (TLCP only, and not on resumed connections).
    pub fn enc(&self) -> Option<&Certificate> {
        self.enc.as_ref()
    }

    /// The peer's SPIFFE identity, if its certificate carries one.
    pub fn spiffe_id(&self) -> Option<&SpiffeId> {
        self.spiffe.as_ref()
    }

    /// The rule that admitted the peer; none when any identity that the trust vouches for is admitted.
    pub fn rule(&self) -> Option<&PeerRule> {
        self.rule.as_ref()
    }

    /// The subject of the peer's certificate.
    pub fn subject(&self) -> &str {
        self.leaf.subject()
    }
}
