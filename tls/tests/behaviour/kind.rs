//! The protocol and engine that a behaviour is tried on.

use jadegate_certs::development::mint::MintKey;
use jadegate_tls::{ClientProtocol, EngineChoice, Policy, PolicyName, Protocol, Version};

/// A protocol on an engine, the same on both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) protocol: Protocol,
    pub(crate) engine: EngineChoice,
}

impl Kind {
    pub(crate) const RUSTLS_TLS13: Self = Self { protocol: Protocol::Tls13, engine: EngineChoice::Auto };
    pub(crate) const RUSTLS_TLS12: Self = Self { protocol: Protocol::Tls12, engine: EngineChoice::Auto };

    pub(crate) const TLCP: Self = Self { protocol: Protocol::Tlcp, engine: EngineChoice::Auto };
    pub(crate) const TLS13_SM: Self = Self { protocol: Protocol::Tls13Sm, engine: EngineChoice::Auto };
    pub(crate) const TONGSUO_TLS13: Self = Self { protocol: Protocol::Tls13, engine: EngineChoice::Tongsuo };
    pub(crate) const TONGSUO_TLS12: Self = Self { protocol: Protocol::Tls12, engine: EngineChoice::Tongsuo };

    /// A policy that allows this protocol and no other.
    pub(crate) fn policy(self) -> Policy {
        let name = if self.protocol.is_national() { PolicyName::GmOnly } else { PolicyName::Standard };
        let mut policy = Policy::named(name);
        match self.protocol {
            Protocol::Tlcp => policy.tls13_sm = None,
            Protocol::Tls13Sm => policy.tlcp = None,
            Protocol::Tls13 | Protocol::Tls12 => {
                let version = self.version();
                let standard = policy.standard.as_mut().unwrap();
                (standard.min, standard.max) = (version, version);
            }
        }
        policy
    }

    /// The same for a client.
    pub(crate) fn client(self) -> ClientProtocol {
        match self.protocol {
            Protocol::Tlcp => ClientProtocol::Tlcp,
            Protocol::Tls13Sm => ClientProtocol::Tls13Sm,
            Protocol::Tls13 | Protocol::Tls12 => ClientProtocol::Standard { min: self.version(), max: self.version() },
        }
    }

    fn version(self) -> Version {
        if self.protocol == Protocol::Tls12 { Version::Tls12 } else { Version::Tls13 }
    }

    /// A key of the kind that certificates of this protocol have.
    pub(crate) fn key(self) -> MintKey {
        if self.protocol.is_national() { MintKey::sm2().unwrap() } else { MintKey::p256().unwrap() }
    }

    /// Whether our code chooses the alert for a refused certificate. Tongsuo derives it from its own error codes.
    pub(crate) fn chooses_alerts(self) -> bool {
        matches!(self.protocol, Protocol::Tls13 | Protocol::Tls12) && self.engine == EngineChoice::Auto
    }

    /// Whether a refused client learns of it only when it reads (its own handshake is over by then).
    pub(crate) fn client_finishes_first(self) -> bool {
        matches!(self.protocol, Protocol::Tls13 | Protocol::Tls13Sm)
    }
}
