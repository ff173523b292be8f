//! A large revocation list is in memory once, however many listeners and backends use it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use jadegate_certs::credential::Credential;
use jadegate_certs::development::mint::{Mint, MintCrl, MintKey};
use jadegate_certs::rules::PeerRules;
use jadegate_certs::trust::{Crl, TrustBundle};
use jadegate_certs::{Certificate, PrivateKey};
use jadegate_tls::{
    ClientAuth, EngineChoice, Policy, PolicyName, Resumption, RevocationDepth, ServerContext, ServerOptions, Trust,
};

const REVOKED: u32 = 50_000;
const LISTENERS: usize = 50;

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn fifty_listeners_share_one_parsed_list_in_either_engine() {
    let root = Mint::authority("Root").self_signed(&MintKey::p256().unwrap()).unwrap();
    let revoke = |list: MintCrl, serial: u32| list.revoke_serial(&[&[0x10], serial.to_be_bytes().as_slice()].concat());
    let list = (0..REVOKED).fold(MintCrl::new(), revoke).issue(&root).unwrap();
    let bundle = TrustBundle {
        roots: vec![Certificate::from_der(root.der()).unwrap()],
        crls: Crl::from_pem_or_der(&list).unwrap(),
    };
    let leaf = Mint::leaf("server.example").dns("server.example").issue(&MintKey::p256().unwrap(), &root).unwrap();
    let key = PrivateKey::from_pkcs8(&leaf.key().pkcs8_der().unwrap()).unwrap();
    let credential = Credential { chain: vec![Certificate::from_der(leaf.der()).unwrap()], key, ocsp: None };
    let trust = Arc::new(Trust::new(Arc::new(bundle)).unwrap());
    let options = |engine| ServerOptions {
        policy: Policy::named(PolicyName::Standard),
        credentials: vec![credential.clone()],
        pairs: Vec::new(),
        strict_sni: false,
        client_auth: ClientAuth::Require,
        trust: Some(trust.clone()),
        revocation: RevocationDepth::Chain,
        peer_rules: PeerRules::default(),
        alpn: Vec::new(),
        resumption: Resumption::off(),
        engine,
        generation: 1,
    };
    for engine in [EngineChoice::Auto, EngineChoice::Tongsuo] {
        // The first one builds the engine's store.
        let first = ServerContext::new(options(engine)).unwrap();
        let before = resident();
        let contexts: Vec<_> = (0..LISTENERS).map(|_| ServerContext::new(options(engine)).unwrap()).collect();
        let growth = resident().saturating_sub(before);
        // Tongsuo's contexts hold its store, which counts its own references.
        let holders = if engine == EngineChoice::Auto { LISTENERS } else { 0 };
        assert!(Arc::strong_count(&trust) > holders, "{engine:?}");
        // Fifty copies of the bare list alone would be far more.
        assert!(growth < LISTENERS * list.len() / 4, "{engine:?}: {growth} bytes for a list of {}", list.len());
        drop((first, contexts));
        assert_eq!(Arc::strong_count(&trust), 1, "{engine:?}: and lets go of it");
    }
}
