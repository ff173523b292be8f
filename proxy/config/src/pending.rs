//! Shapes of `jadegate_certs::{source, rules}` until those modules are there.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

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

pub(crate) mod source {
    use super::{Arc, PathBuf};
    #[derive(Clone, Debug)]
    pub enum SecretSpec {
        Credential(CredentialSpec),
        Pair(PairSpec),
        Trust(TrustSpec),
        TicketKeys(Input),
    }
    #[derive(Clone, Debug)]
    pub struct CredentialSpec {
        pub certificate: Input,
        pub key: Input,
        pub pkcs12: Option<Input>,
        pub password: Option<Input>,
        pub ocsp: Option<Input>,
    }
    #[derive(Clone, Debug)]
    pub struct PairSpec {
        pub sign: CredentialSpec,
        pub enc: CredentialSpec,
    }
    #[derive(Clone, Debug)]
    pub struct TrustSpec {
        pub roots: Vec<Input>,
        pub crls: Vec<Input>,
    }
    #[derive(Clone, Debug)]
    pub enum Input {
        File(PathBuf),
        Inline(Arc<Vec<u8>>),
    }
}
pub use hello::{ClientHello, Version};
mod hello {
    #[derive(Debug)]
    pub struct ClientHello { pub sni: Option<String>, pub alpn: Vec<Vec<u8>> }
    pub enum Version { Tls12, Tls13 }
    impl ClientHello {
        pub fn is_tlcp(&self) -> bool { false }
        pub fn offers_tls13_sm(&self) -> bool { false }
        pub fn offers(&self, _: Version) -> bool { false }
    }
}
