//! Sessions: resumed when nothing changed, never across a change.

use std::sync::Arc;

use jadegate_certs::development::mint::MintCrl;
use jadegate_certs::identity::DnsName;
use jadegate_certs::rules::{PeerRule, PeerRules};
use jadegate_tls::{
    ClientAuth, ClientOptions, Connector, Negotiated, Resumption, RevocationDepth, ServerContext, ServerOptions,
    SessionReuse, TicketRing,
};

use tokio::io::AsyncWriteExt;

use crate::kind::Kind;
use crate::pki::{Pki, SERVER, authority, trust};
use crate::wire::{connect, connector, context};

/// One connection from handshake to close_notify. Tongsuo forgets the session of a connection that is cut off.
async fn connect_and_close(server: &Arc<ServerContext>, client: &Connector) -> (Box<Negotiated>, Box<Negotiated>) {
    let (mut served, mut connection) = connect(server, client).await;
    let (near, far) = tokio::join!(served.stream.shutdown(), connection.stream.shutdown());
    near.and(far).unwrap();
    (served.negotiated.unwrap(), connection.negotiated)
}

/// Whether a connection resumes, on which both sides have to agree; and that its peers are verified all the same.
async fn resumes(server: &Arc<ServerContext>, client: &Connector) -> bool {
    let (down, up) = connect_and_close(server, client).await;
    assert_eq!(down.resumed, up.resumed);
    assert!(up.peer.is_some(), "the server is known on a resumed connection too");
    up.resumed
}

pub(crate) async fn a_second_connection_resumes_with_the_same_peer(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.mutual(&pki.leaf(SERVER)));
    let identity = pki.leaf("client.example");
    let client = connector(pki.client_with(&identity));
    assert!(!resumes(&server, &client).await);
    for round in 0..3 {
        let (down, up) = connect_and_close(&server, &client).await;
        assert!(down.resumed && up.resumed, "round {round}");
        assert_eq!(down.peer.unwrap().leaf().der(), identity.leaf.der());
        assert!(up.peer.is_some());
        assert!(down.local_serials.is_empty() && up.local_serials.is_empty());
        assert!(down.scheme.is_none() && up.scheme.is_none());
    }
}

pub(crate) async fn nothing_resumes_when_resumption_is_off(kind: Kind) {
    let pki = Pki::new(kind);
    let identity = pki.leaf(SERVER);
    let off = context(ServerOptions { resumption: Resumption::off(), ..pki.server(&identity) });
    let client = connector(pki.client());
    assert!(!resumes(&off, &client).await);
    assert!(!resumes(&off, &client).await);

    let on = context(pki.server(&identity));
    let client = connector(ClientOptions { resume: SessionReuse::Off, ..pki.client() });
    assert!(!resumes(&on, &client).await);
    assert!(!resumes(&on, &client).await);
    let other = connector(pki.client());
    assert!(!resumes(&on, &other).await, "sessions belong to their connector");
    assert!(resumes(&on, &other).await);
}

pub(crate) async fn nothing_resumes_after_a_change_of_trust_list_or_credential(kind: Kind) {
    let pki = Pki::new(kind);
    let another_root = authority(kind, "Another Root");
    let identity = pki.leaf(SERVER);
    let list = |number| MintCrl::new().number(number).issue(&pki.root).unwrap();
    let base = ServerOptions {
        trust: Some(trust(&[&pki.root], &[list(1)])),
        revocation: RevocationDepth::Leaf,
        ..pki.mutual(&identity)
    };
    let replaced = pki.leaf(SERVER);
    let rule = PeerRule::Dns(DnsName::parse("client.example").unwrap());
    let changes = [
        ("a root added", ServerOptions { trust: Some(trust(&[&pki.root, &another_root], &[list(1)])), ..base.clone() }),
        ("a list replaced", ServerOptions { trust: Some(trust(&[&pki.root], &[list(2)])), ..base.clone() }),
        ("revocation deeper", ServerOptions { revocation: RevocationDepth::Chain, ..base.clone() }),
        ("rules", ServerOptions { peer_rules: PeerRules { any_of: vec![rule] }, ..base.clone() }),
        ("client authentication", ServerOptions { client_auth: ClientAuth::Request, ..base.clone() }),
        ("application protocols", ServerOptions { alpn: vec![b"h2".to_vec()], ..base.clone() }),
        ("strictness of names", ServerOptions { strict_sni: true, ..base.clone() }),
        (
            "the credential",
            ServerOptions {
                credentials: replaced.credential.into_iter().collect(),
                pairs: replaced.pair.into_iter().collect(),
                ..base.clone()
            },
        ),
    ];
    for (what, changed) in changes {
        // The same ticket keys on both sides of the change.
        let (before, after) = (context(base.clone()), context(changed));
        assert_ne!(before.fingerprint(), after.fingerprint(), "{what}");
        let client = connector(pki.client_with(&pki.leaf("client.example")));
        assert!(!resumes(&before, &client).await);
        assert!(resumes(&before, &client).await, "the control of: {what}");
        assert!(!resumes(&after, &client).await, "{what}");
    }
}

pub(crate) async fn an_unchanged_reload_and_a_replica_with_the_same_keys_still_resume(kind: Kind) {
    let pki = Pki::new(kind);
    let identity = pki.leaf(SERVER);
    let keys = [[7_u8; 80], [8; 80]];
    let given = |keys: &[[u8; 80]]| {
        let tickets = Some(TicketRing::given(keys).unwrap());
        let resumption = Resumption { tickets, session_ids: 0, ..Resumption::new().unwrap() };
        ServerOptions { resumption, ..pki.server(&identity) }
    };
    let first = given(&keys);
    let reloaded = context(ServerOptions { generation: 8, ..first.clone() });
    let first = context(first);
    let replica = context(given(&[keys[1], keys[0]]));
    let stranger = context(given(&[[9; 80]]));
    let client = connector(pki.client());
    assert!(!resumes(&first, &client).await);
    assert!(resumes(&reloaded, &client).await);
    assert!(resumes(&replica, &client).await);
    assert!(!resumes(&stranger, &client).await);
}

/// Session ids live in their context's memory. TLS 1.2 and TLCP only.
pub(crate) async fn a_session_id_resumes_in_its_own_context_only(kind: Kind) {
    let pki = Pki::new(kind);
    let identity = pki.leaf(SERVER);
    let resumption = Resumption { tickets: None, ..Resumption::new().unwrap() };
    let options = ServerOptions { resumption, ..pki.server(&identity) };
    let (server, other) = (context(options.clone()), context(options));
    let client = connector(pki.client());
    assert!(!resumes(&server, &client).await);
    assert!(resumes(&server, &client).await);
    assert!(!resumes(&other, &client).await);
}

/// A peer that vanishes costs no full handshake later. Not in Tongsuo, which follows the old rule of TLS 1.0.
pub(crate) async fn a_connection_that_was_cut_off_resumes_all_the_same(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let client = connector(pki.client());
    drop(connect(&server, &client).await);
    assert!(resumes(&server, &client).await);
}
