//! Shapes of `jadegate_certs::rules` until that module is there.

use std::net::IpAddr;

pub(crate) mod rules {
    use super::IpAddr;
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct PeerRules {
        pub any_of: Vec<PeerRule>,
    }
    #[derive(Clone, Debug, PartialEq)]
    pub enum PeerRule {
        Dns(String),
        Ip(IpAddr),
        Spiffe(String),
        SpiffePrefix(String),
        TrustDomain(String),
        SpkiSha256([u8; 32]),
    }
}
