//! Refusals before an engine runs.

use jadegate_tls::{AcceptLimits, Acceptor, Failure, NoChain, Offer, Protocol, Selection};

use crate::kind::Kind;
use crate::pki::Pki;
use crate::wire::{DEADLINE, connector, failure};

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
