//! Client authentication, peer rules, and verification switched off.

use jadegate_certs::development::mint::{Mint, MintCrl, MintKey};
use jadegate_certs::identity::{DnsName, SpiffeId, TrustDomain};
use jadegate_certs::rules::{PeerRule, PeerRules};
use jadegate_tls::{
    ClientAuth, ClientOptions, Failure, PeerFault, RevocationDepth, Scheme, ServerOptions, ServerVerification,
};

use crate::kind::Kind;
use crate::pki::{Pki, SERVER, authority, certificate, trust};
use crate::wire::{connect, connector, context, failure, handshake};

pub(crate) async fn a_required_client_certificate_identifies_the_peer(kind: Kind) {
    let pki = Pki::new(kind);
    let spiffe = "spiffe://mesh.example/ns/shop/sa/cart";
    let client = pki.issue(Mint::leaf("client").uri(spiffe));
    let server = context(pki.mutual(&pki.leaf(SERVER)));
    let (served, connection) = connect(&server, &connector(pki.client_with(&client))).await;
    let peer = served.negotiated.unwrap().peer.unwrap();
    assert_eq!(peer.leaf().der(), client.leaf.der());
    assert_eq!(peer.spiffe_id().map(ToString::to_string).as_deref(), Some(spiffe));
    assert_eq!(peer.rule(), None);
    assert_eq!(peer.enc().is_some(), client.pair.is_some());
    let serial = certificate(&client.leaf).serial().to_owned();
    assert_eq!(connection.negotiated.local_serials.first(), Some(&serial));
}

pub(crate) async fn a_client_without_a_required_certificate_is_refused(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.mutual(&pki.leaf(SERVER)));
    let (served, _) = handshake(&server, &connector(pki.client())).await;
    let refused = failure(served);
    assert_eq!(refused.failure, Failure::PeerCertificate(PeerFault::Absent), "{refused}");
    assert!(matches!(refused.alert_sent, Some(116 | 40)), "{refused}");
}

fn requesting(pki: &Pki) -> ServerOptions {
    ServerOptions { client_auth: ClientAuth::Request, ..pki.mutual(&pki.leaf(SERVER)) }
}

pub(crate) async fn a_requested_client_certificate_may_be_absent(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(requesting(&pki));
    let (served, _) = connect(&server, &connector(pki.client())).await;
    assert!(served.negotiated.unwrap().peer.is_none());
    let (served, _) = connect(&server, &connector(pki.client_with(&pki.leaf("client.example")))).await;
    assert!(served.negotiated.unwrap().peer.is_some());
}

pub(crate) async fn a_requested_client_certificate_that_is_bad_is_refused(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(requesting(&pki));
    let client = pki.issue(Mint::leaf("client").expired());
    let (served, _) = handshake(&server, &connector(pki.client_with(&client))).await;
    assert_eq!(failure(served).failure, Failure::PeerCertificate(PeerFault::Expired));
}

pub(crate) async fn a_client_certificate_is_not_asked_for_when_ignored(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let (served, connection) = connect(&server, &connector(pki.client_with(&pki.leaf("client.example")))).await;
    assert!(served.negotiated.unwrap().peer.is_none());
    assert!(connection.negotiated.local_serials.is_empty());
}

fn rules(rules: impl IntoIterator<Item = PeerRule>) -> PeerRules {
    PeerRules { any_of: rules.into_iter().collect() }
}

pub(crate) async fn peer_rules_admit_by_any_of_their_kinds(kind: Kind) {
    let pki = Pki::new(kind);
    let client = pki.issue(
        Mint::leaf("client")
            .dns("cart.shop.example")
            .ip([10, 1, 2, 3].into())
            .uri("spiffe://mesh.example/ns/shop/sa/cart"),
    );
    let spki = certificate(&client.leaf).spki_sha256();
    let dns = |name: &str| PeerRule::Dns(DnsName::parse(name).unwrap());
    let spiffe = |id: &str| PeerRule::Spiffe(SpiffeId::parse(id).unwrap());
    let domain = |name: &str| PeerRule::TrustDomain(TrustDomain::parse(name).unwrap());
    let prefix = |prefix: &str| PeerRule::SpiffePrefix(prefix.to_owned());
    let table = [
        (dns("cart.shop.example"), true),
        (dns("*.shop.example"), true),
        (dns("other.shop.example"), false),
        (PeerRule::Ip([10, 1, 2, 3].into()), true),
        (PeerRule::Ip([10, 1, 2, 4].into()), false),
        (spiffe("spiffe://mesh.example/ns/shop/sa/cart"), true),
        (spiffe("spiffe://mesh.example/ns/shop/sa/other"), false),
        (prefix("spiffe://mesh.example/ns/shop/"), true),
        (prefix("spiffe://mesh.example/ns/other/"), false),
        (domain("mesh.example"), true),
        (domain("other.example"), false),
        (PeerRule::SpkiSha256(spki), true),
        (PeerRule::SpkiSha256([0; 32]), false),
    ];
    for (rule, admitted) in table {
        // A rule that never fits goes first: any one of the list is enough.
        let peer_rules = rules([dns("nobody.example"), rule.clone()]);
        let server = context(ServerOptions { peer_rules, ..pki.mutual(&pki.leaf(SERVER)) });
        let (served, _) = handshake(&server, &connector(pki.client_with(&client))).await;
        if admitted {
            let peer = served.unwrap().negotiated.unwrap().peer.unwrap();
            assert_eq!(peer.rule(), Some(&rule));
        } else {
            let refused = failure(served);
            assert_eq!(refused.failure, Failure::PeerCertificate(PeerFault::WrongIdentity), "{rule}");
            assert!(refused.alert_sent == Some(49) || !kind.chooses_alerts(), "{rule}: {refused}");
        }
    }
}

pub(crate) async fn an_insecure_client_has_no_verified_peer(kind: Kind) {
    let pki = Pki::new(kind);
    let stranger = Pki { kind, root: authority(kind, "Unknown Root") };
    let server = context(stranger.server(&stranger.leaf("other.example")));
    let insecure = ClientOptions { verify: ServerVerification::Insecure, trust: None, ..pki.client() };
    let (_, connection) = connect(&server, &connector(insecure)).await;
    assert!(connection.negotiated.peer.is_none());
    // The twin: the same server, verified.
    let verifying = ClientOptions { trust: Some(trust(&[&pki.root], &[])), ..pki.client() };
    let (_, connection) = handshake(&server, &connector(verifying)).await;
    assert_eq!(failure(connection).failure, Failure::PeerCertificate(PeerFault::Untrusted));
}

/// The twin of the broken lists: with good ones, at either depth, a good peer is served.
pub(crate) async fn current_revocation_lists_let_good_peers_pass(kind: Kind) {
    let pki = Pki::new(kind);
    let intermediate = Mint::authority("Intermediate").issue(&kind.key(), &pki.root).unwrap();
    let renewed = authority(kind, "Test Root");
    let revoked = pki.leaf("revoked.example");
    let client = pki.issue_below(Mint::leaf("client"), &intermediate, &[&intermediate]);
    let of_the_intermediate = || MintCrl::new().issue(&intermediate).unwrap();
    let of_the_root = || MintCrl::new().revoke(&revoked.leaf).issue(&pki.root).unwrap();
    let of_the_renewed = || MintCrl::new().issue(&renewed).unwrap();
    let table = [
        (RevocationDepth::Leaf, vec![of_the_intermediate()]),
        (RevocationDepth::Chain, vec![of_the_intermediate(), of_the_root()]),
        (RevocationDepth::Chain, vec![of_the_renewed(), of_the_intermediate(), of_the_root()]),
    ];
    for (revocation, lists) in table {
        let trust = Some(trust(&[&renewed, &pki.root], &lists));
        let server = context(ServerOptions { trust, revocation, ..pki.mutual(&pki.leaf(SERVER)) });
        let (served, _) = connect(&server, &connector(pki.client_with(&client))).await;
        assert!(served.negotiated.unwrap().peer.is_some(), "{revocation:?} with {} lists", lists.len());
    }
}

/// Each kind of key on each side, with each on the other. Standard protocols only.
pub(crate) async fn every_kind_of_key_serves_in_both_roles(kind: Kind) {
    let pki = Pki::new(kind);
    let keys = || {
        [MintKey::rsa(2048), MintKey::p256(), MintKey::p384(), MintKey::ed25519()].map(|key| key.unwrap()).into_iter()
    };
    let issue = |key, name| pki.issue_with_key(Mint::leaf(name).dns(name), key, &pki.root, &[]);
    let clients: Vec<_> = keys().map(|key| issue(key, "client.example")).collect();
    for key in keys() {
        let identity = issue(key, SERVER);
        let server = context(pki.mutual(&identity));
        for client in &clients {
            let (served, connection) = connect(&server, &connector(pki.client_with(client))).await;
            let (down, up) = (served.negotiated.unwrap(), connection.negotiated);
            assert_eq!(down.peer.unwrap().leaf().der(), client.leaf.der());
            assert_eq!(up.peer.unwrap().leaf().der(), identity.leaf.der());
            assert_eq!(down.scheme, up.scheme);
            assert!(down.scheme.and_then(Scheme::name).is_some(), "{:?}", down.scheme);
        }
    }
}
