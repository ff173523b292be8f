//! A handshake between two good sides.

use jadegate_tls::{ClientOptions, Failure, ServerOptions, Side, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kind::Kind;
use crate::pki::{Pki, SERVER};
use crate::wire::{connect, connector, context, failure, handshake, transfer};

pub(crate) async fn data_flows_both_ways_and_ends_with_close_notify(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let (mut served, mut connection) = connect(&server, &connector(pki.client())).await;
    let data: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    transfer(&mut served.stream, &mut connection.stream, &data).await;
    transfer(&mut connection.stream, &mut served.stream, &data).await;

    let mut rest = Vec::new();
    let (shutdown, read) = tokio::join!(served.stream.shutdown(), connection.stream.read_to_end(&mut rest));
    shutdown.unwrap();
    assert_eq!(read.unwrap(), 0, "an orderly end, not an error");
    // The client's direction is still open.
    connection.stream.write_all(b"late").await.unwrap();
    connection.stream.shutdown().await.unwrap();
    served.stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"late");
}

pub(crate) async fn both_sides_agree_on_what_was_negotiated(kind: Kind) {
    let pki = Pki::new(kind);
    let identity = pki.leaf(SERVER);
    let server = context(pki.server(&identity));
    let (served, connection) = connect(&server, &connector(pki.client())).await;
    let (down, up) = (served.negotiated.unwrap(), connection.negotiated);
    assert_eq!(served.chain, 3);
    assert_eq!(down.protocol, kind.protocol);
    assert_eq!(
        (down.protocol, down.engine, down.suite, down.group, down.scheme),
        (up.protocol, up.engine, up.suite, up.group, up.scheme)
    );
    assert!(down.suite.name().is_some(), "{:?}", down.suite);
    assert_eq!(down.sni.as_deref(), Some(SERVER));
    assert_eq!((down.generation, up.generation), (7, 9));
    assert!(!down.resumed && !up.resumed);
    assert!(down.peer.is_none(), "no client certificate was asked for");
    assert_eq!(up.peer.unwrap().leaf().der(), identity.leaf.der());
    assert_eq!(down.local_serials.len(), if identity.pair.is_some() { 2 } else { 1 });
    assert!(up.local_serials.is_empty());
    assert!(down.ja4.is_some() && up.ja4.is_none());
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

pub(crate) async fn application_protocols_are_negotiated_in_our_order(kind: Kind) {
    let pki = Pki::new(kind);
    let identity = pki.leaf(SERVER);
    let server = context(ServerOptions { alpn: protocols(&["h2", "http/1.1"]), ..pki.server(&identity) });
    for (offered, agreed) in
        [(vec!["http/1.1", "h2"], Some("h2")), (vec!["x", "http/1.1"], Some("http/1.1")), (vec![], None)]
    {
        let client = connector(ClientOptions { alpn: protocols(&offered), ..pki.client() });
        let (served, connection) = connect(&server, &client).await;
        let agreed = agreed.map(|name| name.as_bytes().to_vec());
        assert_eq!(served.negotiated.unwrap().alpn, agreed, "{offered:?}");
        assert_eq!(connection.negotiated.alpn, agreed, "{offered:?}");
    }
}

pub(crate) async fn disjoint_application_protocols_are_refused(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(ServerOptions { alpn: protocols(&["h2"]), ..pki.server(&pki.leaf(SERVER)) });
    let client = connector(ClientOptions { alpn: protocols(&["http/1.1"]), ..pki.client() });
    let (served, connection) = handshake(&server, &client).await;
    let refused = failure(served);
    assert!(matches!(refused.failure, Failure::NoCommonAlpn(_)), "{refused}");
    assert_eq!((refused.stage, refused.side), (Stage::Negotiation, Side::Downstream));
    assert!(refused.hello.is_some());
    let told = failure(connection);
    assert_eq!(told.alert_received, refused.alert_sent, "{told}");
    assert!(matches!(told.failure, Failure::AlertReceived(120 | 40)), "{told}");
}
