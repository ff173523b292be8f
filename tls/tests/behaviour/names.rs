//! Which certificate a server name gets.

use jadegate_certs::development::mint::{Mint, MintKey};
use jadegate_tls::{ClientOptions, Failure, Protocol, ServerOptions, ServerVerification, Suite};

use crate::kind::Kind;
use crate::pki::{Identity, Pki, certificate};
use crate::wire::{connect, connector, context, failure, handshake};

fn serving(pki: &Pki, identities: &[&Identity]) -> ServerOptions {
    let mut options = pki.server(identities[0]);
    for identity in &identities[1..] {
        options.credentials.extend(identity.credential.clone());
        options.pairs.extend(identity.pair.clone());
    }
    options
}

/// Asks for a name and takes any certificate of the authority.
fn asking(pki: &Pki, sni: Option<&str>) -> ClientOptions {
    let verify = ServerVerification::Rules(jadegate_certs::rules::PeerRules::default());
    ClientOptions { sni: sni.map(str::to_owned), verify, ..pki.client() }
}

fn four_names(pki: &Pki) -> [Identity; 4] {
    [
        pki.issue(Mint::leaf("first").dns("first.example")),
        pki.issue(Mint::leaf("exact").dns("a.wild.example").dns("Mixed.Example")),
        pki.issue(Mint::leaf("wild").dns("*.wild.example")),
        pki.issue(Mint::leaf("deep").dns("*.deep.wild.example")),
    ]
}

pub(crate) async fn the_certificate_follows_the_server_name(kind: Kind) {
    let pki = Pki::new(kind);
    let identities = four_names(&pki);
    let server = context(serving(&pki, &identities.each_ref()));
    let table = [
        ("first.example", "first"),
        ("a.wild.example", "exact"),
        ("mixed.example", "exact"),
        ("b.wild.example", "wild"),
        ("x.deep.wild.example", "deep"),
        ("deep.wild.example", "wild"),
    ];
    for (name, wanted) in table {
        let (served, connection) = connect(&server, &connector(asking(&pki, Some(name)))).await;
        let leaf = connection.negotiated.peer.unwrap();
        assert!(leaf.subject().contains(wanted), "{name} got {}", leaf.subject());
        assert_eq!(served.negotiated.unwrap().local_serials.first().map(String::as_str), Some(leaf.leaf().serial()));
    }
}

pub(crate) async fn a_name_without_certificate_gets_the_first_one_unless_strict(kind: Kind) {
    let pki = Pki::new(kind);
    let identities = four_names(&pki);
    let lenient = serving(&pki, &identities.each_ref());
    let strict = context(ServerOptions { strict_sni: true, ..lenient.clone() });
    let lenient = context(lenient);
    for name in [Some("unknown.example"), Some("wild.example"), Some("a.b.wild.example"), None] {
        let client = connector(asking(&pki, name));
        let (_, connection) = connect(&lenient, &client).await;
        assert!(connection.negotiated.peer.unwrap().subject().contains("first"), "{name:?}");

        let (served, connection) = handshake(&strict, &client).await;
        let refused = failure(served);
        assert_eq!(refused.failure, Failure::NoCertificateForName(name.map(str::to_owned)), "{refused}");
        let alert = if kind.protocol == Protocol::Tlcp { 40 } else { 112 };
        assert_eq!(refused.alert_sent, Some(alert));
        assert_eq!(failure(connection).alert_received, Some(alert));
    }
    let (_, connection) = connect(&strict, &connector(asking(&pki, Some("b.wild.example")))).await;
    assert!(connection.negotiated.peer.unwrap().subject().contains("wild"));
}

/// The client's suites and versions decide which of the two it can verify. Standard protocols only.
pub(crate) async fn rsa_and_ecdsa_stand_side_by_side_under_one_name(kind: Kind) {
    let pki = Pki::new(kind);
    let mint = || Mint::leaf("both").dns("both.example");
    let rsa = pki.issue_with_key(mint(), MintKey::rsa(2048).unwrap(), &pki.root, &[]);
    let p256 = pki.issue_with_key(mint(), MintKey::p256().unwrap(), &pki.root, &[]);
    let ed25519 = pki.issue_with_key(mint(), MintKey::ed25519().unwrap(), &pki.root, &[]);
    for sni in [Some("both.example"), None] {
        let server = context(serving(&pki, &[&rsa, &p256, &ed25519]));
        let (_, connection) = connect(&server, &connector(asking(&pki, sni))).await;
        let peer = connection.negotiated.peer.unwrap();
        assert_eq!(peer.leaf().der(), p256.leaf.der(), "ECDSA is preferred, whatever the order");

        for only in [&rsa, &ed25519] {
            let server = context(serving(&pki, &[only]));
            let (_, connection) = connect(&server, &connector(asking(&pki, sni))).await;
            assert_eq!(connection.negotiated.peer.unwrap().leaf().der(), only.leaf.der());
        }
        if kind.protocol == Protocol::Tls12 {
            let server = context(serving(&pki, &[&p256, &rsa]));
            let rsa_suite: Suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".parse().unwrap();
            let client = connector(ClientOptions { suites: vec![rsa_suite], ..asking(&pki, sni) });
            let (_, connection) = connect(&server, &client).await;
            assert_eq!(connection.negotiated.suite, rsa_suite);
            assert_eq!(certificate(&rsa.leaf).serial(), connection.negotiated.peer.unwrap().leaf().serial());

            let server = context(serving(&pki, &[&p256]));
            let (served, _) = handshake(&server, &client).await;
            assert!(matches!(failure(served).failure, Failure::NoCommonSuite(_)));
        }
    }
}
