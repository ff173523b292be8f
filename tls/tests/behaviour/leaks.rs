//! What handshakes leave behind: nothing.

use std::sync::Arc;

use jadegate_certs::development::mint::Mint;
use jadegate_tls::{AcceptLimits, Acceptor, ServerOptions};

use crate::kind::Kind;
use crate::pki::{Pki, SERVER};
use crate::wire::{DEADLINE, accept, connector, context};

/// Four outcomes in turn, 500 times: served, refused for its certificate, gone in the middle, gone at once.
pub(crate) async fn handshakes_of_every_outcome_leave_nothing_behind(kind: Kind) {
    const ROUNDS: usize = 500;
    let pki = Pki::new(kind);
    let trust = pki.trust();
    let server = context(ServerOptions { trust: Some(trust.clone()), ..pki.mutual(&pki.leaf(SERVER)) });
    let limits = AcceptLimits::with_handshakes(4);
    let acceptor = Acceptor::new(limits.clone());
    let good = connector(pki.client_with(&pki.leaf("client.example")));
    let bad = connector(pki.client_with(&pki.issue(Mint::leaf("client").expired())));
    let mut counts = None;
    for _ in 0..ROUNDS {
        for client in [Some(&good), Some(&bad), None] {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let far_end = async {
                match client {
                    // Kept until our side is done: it still writes tickets.
                    Some(client) => Some(client.connect(far, DEADLINE).await),
                    None => {
                        drop(far);
                        None
                    }
                }
            };
            let (served, _connection) = tokio::join!(accept(&acceptor, near, &server), far_end);
            assert_eq!(served.is_ok(), client.is_some_and(|client| std::ptr::eq(client, &good)));
        }
        // Cancelled on our side after a while of shaking hands.
        let (near, far) = tokio::io::duplex(1024);
        tokio::select! {
            biased;
            _ = async { tokio::join!(accept(&acceptor, near, &server), good.connect(far, DEADLINE)) } => {}
            () = async { for _ in 0..3 { tokio::task::yield_now().await } } => {}
        }
        let now = (Arc::strong_count(&server), Arc::strong_count(&trust), limits.concurrent.available_permits());
        assert_eq!(*counts.get_or_insert(now), now);
    }
    assert_eq!(counts.unwrap().2, 4);
}
