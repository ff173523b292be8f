//! Deadlines and the bound on handshakes.

use std::time::Duration;

use jadegate_tls::{AcceptLimits, Acceptor, Failure, Side, Stage};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use crate::kind::Kind;
use crate::pki::{Pki, SERVER};
use crate::wire::{DEADLINE, accept, connector, context, failure, hello};

pub(crate) async fn a_silent_client_times_out_in_the_hello(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let acceptor = Acceptor::new(AcceptLimits { deadline: Duration::from_secs(4), ..AcceptLimits::default() });
    let hello = hello(&pki).await;
    for sent in [0, 1, 5, hello.len() / 2, hello.len() - 1] {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(&hello[..sent]).await.unwrap();
        let started = Instant::now();
        let error = failure(accept(&acceptor, near, &server).await);
        assert_eq!((error.failure, error.stage), (Failure::TimedOut, Stage::Hello), "after {sent} bytes");
        assert_eq!(started.elapsed().as_secs(), 4);
    }
}

pub(crate) async fn a_client_that_stops_after_its_hello_times_out_in_the_handshake(kind: Kind) {
    let pki = Pki::new(kind);
    let acceptor = Acceptor::new(AcceptLimits::default());
    let identity = pki.leaf(SERVER);
    for options in [pki.server(&identity), pki.mutual(&identity)] {
        let server = context(options);
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(&hello(&pki).await).await.unwrap();
        let started = Instant::now();
        let error = failure(accept(&acceptor, near, &server).await);
        assert_eq!(error.failure, Failure::TimedOut);
        assert!(!matches!(error.stage, Stage::Hello | Stage::Negotiation), "{}", error.stage);
        assert_eq!((error.side, error.protocol), (Side::Downstream, Some(kind.protocol)));
        assert!(error.hello.is_some());
        assert_eq!(started.elapsed().as_secs(), 10, "one deadline over sniff and handshake");
    }
}

pub(crate) async fn a_silent_server_times_out(kind: Kind) {
    let pki = Pki::new(kind);
    let (near, _far) = tokio::io::duplex(64 * 1024);
    let started = Instant::now();
    let error = failure(connector(pki.client()).connect(near, Duration::from_secs(2)).await);
    assert_eq!((error.failure, error.side), (Failure::TimedOut, Side::Upstream));
    assert_eq!(started.elapsed().as_secs(), 2);
}

/// A connection of which one byte has come.
async fn started_hello() -> (DuplexStream, DuplexStream) {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(&[22]).await.unwrap();
    (near, far)
}

pub(crate) async fn a_connection_opened_ahead_of_need_keeps_no_one_out(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let acceptor = Acceptor::new(AcceptLimits { queue: 0, ..AcceptLimits::with_handshakes(1) });
    let (silent, _keep) = tokio::io::duplex(1024);
    let (near, far) = tokio::io::duplex(64 * 1024);
    let client = connector(pki.client());
    let (idle, served, connection) = tokio::join!(
        accept(&acceptor, silent, &server),
        accept(&acceptor, near, &server),
        client.connect(far, DEADLINE),
    );
    served.unwrap();
    connection.unwrap();
    assert_eq!(failure(idle).failure, Failure::TimedOut);
}

pub(crate) async fn handshakes_beyond_the_bound_wait_and_then_fail(kind: Kind) {
    let pki = Pki::new(kind);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let limits = AcceptLimits { queue: 1, ..AcceptLimits::with_handshakes(1) };
    let acceptor = Acceptor::new(limits.clone());
    let client = connector(pki.client());

    // The first holds the only place for its whole deadline, the second waits for it in vain, the third finds the
    // queue full.
    let (one, _keep_one) = started_hello().await;
    let (two, _keep_two) = started_hello().await;
    let (three, _keep_three) = started_hello().await;
    let started = Instant::now();
    let (first, second, third) = tokio::join!(
        accept(&acceptor, one, &server),
        async { (accept(&acceptor, two, &server).await, started.elapsed()) },
        async { (accept(&acceptor, three, &server).await, started.elapsed()) },
    );
    assert_eq!(failure(first).failure, Failure::TimedOut);
    assert!(matches!(failure(second.0).failure, Failure::TooManyHandshakes | Failure::TimedOut));
    assert_eq!(second.1.as_secs(), 10);
    assert_eq!(failure(third.0).failure, Failure::TooManyHandshakes);
    assert_eq!(third.1.as_secs(), 0, "at once");

    // A place that comes free in time is given to whoever waits.
    let (closing, gone) = started_hello().await;
    let (near, far) = tokio::io::duplex(64 * 1024);
    let leave = async {
        tokio::task::yield_now().await;
        drop(gone);
    };
    let (first, second, connection, ()) = tokio::join!(
        accept(&acceptor, closing, &server),
        accept(&acceptor, near, &server),
        client.connect(far, DEADLINE),
        leave,
    );
    assert_eq!(failure(first).failure, Failure::Closed);
    second.unwrap();
    connection.unwrap();
    assert_eq!(limits.concurrent.available_permits(), 1);
}

/// A connection that waits for its hello costs little; growth of these figures is a point of review.
#[tokio::test]
async fn the_futures_of_a_handshake_stay_small() {
    let pki = Pki::new(Kind::RUSTLS_TLS13);
    let server = context(pki.server(&pki.leaf(SERVER)));
    let client = connector(pki.client());
    let acceptor = Acceptor::new(AcceptLimits::default());
    let (near, far) = tokio::io::duplex(1024);
    let accepting = size_of_val(&accept(&acceptor, near, &server));
    let connecting = size_of_val(&client.connect(far, DEADLINE));
    assert!(accepting <= 6 * 1024, "{accepting} bytes");
    assert!(connecting <= 6 * 1024, "{connecting} bytes");
}
