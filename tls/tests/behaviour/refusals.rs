//! Refusals before an engine runs, and of what follows the hello.

use jadegate_tls::{AcceptLimits, Acceptor, Failure, Fault, NoChain, Offer, Protocol, Selection};

use tokio::io::AsyncWriteExt;

use crate::kind::Kind;
use crate::pki::{Pki, SERVER};
use crate::wire::{DEADLINE, accept, connector, context, failure, hello};

pub(crate) async fn a_client_without_a_chain_gets_an_alert(kind: Kind) {
    let pki = Pki::new(kind);
    // A hello is never handed on in clear, even when a listener is wrong enough to say so.
    for answer in [Selection::Refuse(NoChain), Selection::Plaintext { chain: 0 }] {
        let acceptor = Acceptor::new(AcceptLimits::default());
        let (near, far) = tokio::io::duplex(64 * 1024);
        let select = |offer: &Offer<'_>| {
            assert!(matches!(offer, Offer::Tls(hello) if hello.is_tlcp() == (kind.protocol == Protocol::Tlcp)));
            answer
        };
        let client = connector(pki.client());
        let (served, connection) = tokio::join!(acceptor.accept(near, select), client.connect(far, DEADLINE));
        let refused = failure(served);
        assert_eq!((&refused.failure, refused.alert_sent), (&Failure::NoChain, Some(40)));
        let told = failure(connection);
        assert_eq!(told.failure, Failure::AlertReceived(40), "{told}");
    }
}

pub(crate) async fn nonsense_after_the_hello_is_the_clients_fault(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let hello = hello(&pki).await;
    let [major, minor] = [hello[1], if kind.protocol == Protocol::Tlcp { 1 } else { 3 }];
    let records: [&[u8]; 5] = [
        // Application data and a handshake message out of turn, a fatal alert, a type that nobody knows, no record.
        &[23, major, minor, 0, 5, 1, 2, 3, 4, 5],
        &[22, major, minor, 0, 4, 14, 0, 0, 0],
        &[21, major, minor, 0, 2, 2, 80],
        &[99, major, minor, 0, 1, 0],
        b"GET / HTTP/1.1\r\nHost: server.example\r\n\r\n",
    ];
    for record in records {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(&hello).await.unwrap();
        far.write_all(record).await.unwrap();
        let acceptor = Acceptor::new(AcceptLimits::default());
        let error = failure(accept(&acceptor, near, &server).await);
        assert_eq!(error.fault(), Fault::Peer, "{record:?}: {error}");
        assert_ne!(error.failure, Failure::TimedOut, "{record:?}");
        assert_eq!(error.alert_received, (record[0] == 21).then_some(80), "{record:?}: {error}");
    }
}
