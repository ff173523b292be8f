//! A small authority per test, and options that work with it.

use std::sync::Arc;

use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::development::mint::{Mint, MintKey, Minted, Usage};
use jadegate_certs::rules::PeerRules;
use jadegate_certs::trust::{Crl, TrustBundle};
use jadegate_certs::{Certificate, PrivateKey};
use jadegate_tls::{
    ClientAuth, ClientOptions, Resumption, RevocationDepth, ServerOptions, ServerVerification, SessionReuse, Trust,
};

use crate::kind::Kind;

/// The name that servers bear unless a test says otherwise.
pub(crate) const SERVER: &str = "server.example";

/// A root of one kind.
pub(crate) struct Pki {
    pub(crate) kind: Kind,
    pub(crate) root: Minted,
}

/// A leaf as one side presents it: a credential, or a pair in TLCP.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The certificate that the other side sees; the sign certificate in TLCP.
    pub(crate) leaf: Minted,
    pub(crate) credential: Option<Credential>,
    pub(crate) pair: Option<CredentialPair>,
}

impl Pki {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, root: authority(kind, "Test Root") }
    }

    /// A sound leaf for a name, good for both roles.
    pub(crate) fn leaf(&self, name: &str) -> Identity {
        self.issue(Mint::leaf(name).dns(name))
    }

    pub(crate) fn issue(&self, mint: Mint) -> Identity {
        self.issue_below(mint, &self.root, &[])
    }

    /// A leaf below `issuer`, presented with `intermediates`.
    pub(crate) fn issue_below(&self, mint: Mint, issuer: &Minted, intermediates: &[&Minted]) -> Identity {
        self.issue_with_key(mint, self.kind.key(), issuer, intermediates)
    }

    pub(crate) fn issue_with_key(&self, mint: Mint, key: MintKey, issuer: &Minted, above: &[&Minted]) -> Identity {
        let leaf = mint.issue(&key, issuer).unwrap();
        let single = credential(&leaf, above);
        if self.kind.protocol != jadegate_tls::Protocol::Tlcp {
            return Identity { leaf, credential: Some(single), pair: None };
        }
        let enc = mint.usage(Usage::ENC).issue(&MintKey::sm2().unwrap(), issuer).unwrap();
        let pair = CredentialPair { sign: single, enc: credential(&enc, above) };
        Identity { leaf, credential: None, pair: Some(pair) }
    }

    pub(crate) fn trust(&self) -> Arc<Trust> {
        trust(&[&self.root], &[])
    }

    /// Serves `identity`, asks no client for anything.
    pub(crate) fn server(&self, identity: &Identity) -> ServerOptions {
        ServerOptions {
            policy: self.kind.policy(),
            credentials: identity.credential.iter().cloned().collect(),
            pairs: identity.pair.iter().cloned().collect(),
            strict_sni: false,
            client_auth: ClientAuth::Ignore,
            trust: None,
            revocation: RevocationDepth::Off,
            peer_rules: PeerRules::default(),
            alpn: Vec::new(),
            resumption: Resumption::new().unwrap(),
            engine: self.kind.engine,
            generation: 7,
        }
    }

    /// Serves `identity`, requires client certificates of this authority.
    pub(crate) fn mutual(&self, identity: &Identity) -> ServerOptions {
        ServerOptions { client_auth: ClientAuth::Require, trust: Some(self.trust()), ..self.server(identity) }
    }

    /// Verifies [`SERVER`] against this authority, shows no certificate.
    pub(crate) fn client(&self) -> ClientOptions {
        ClientOptions {
            protocol: self.kind.client(),
            suites: Vec::new(),
            groups: Vec::new(),
            credential: None,
            pair: None,
            trust: Some(self.trust()),
            verify: ServerVerification::Name(SERVER.to_owned()),
            revocation: RevocationDepth::Off,
            sni: Some(SERVER.to_owned()),
            alpn: Vec::new(),
            resume: SessionReuse::On,
            engine: self.kind.engine,
            generation: 9,
        }
    }

    /// The same, showing `identity`.
    pub(crate) fn client_with(&self, identity: &Identity) -> ClientOptions {
        let Identity { credential, pair, .. } = identity.clone();
        ClientOptions { credential, pair, ..self.client() }
    }
}

pub(crate) fn authority(kind: Kind, name: &str) -> Minted {
    Mint::authority(name).self_signed(&kind.key()).unwrap()
}

/// Trust in roots, with revocation lists.
pub(crate) fn trust(roots: &[&Minted], crls: &[Vec<u8>]) -> Arc<Trust> {
    let roots = roots.iter().map(|root| certificate(root)).collect();
    let crls = crls.iter().flat_map(|der| Crl::from_pem_or_der(der).unwrap()).collect();
    Arc::new(Trust::new(Arc::new(TrustBundle { roots, crls })).unwrap())
}

/// A credential without the checks of `Credential::new`: a test has to be able to present what is broken.
fn credential(leaf: &Minted, intermediates: &[&Minted]) -> Credential {
    let chain = std::iter::once(&leaf).chain(intermediates).map(|minted| certificate(minted)).collect();
    let key = PrivateKey::from_pkcs8(&leaf.key().pkcs8_der().unwrap()).unwrap();
    Credential { chain, key, ocsp: None }
}

pub(crate) fn certificate(minted: &Minted) -> Certificate {
    Certificate::from_der(minted.der()).unwrap()
}
