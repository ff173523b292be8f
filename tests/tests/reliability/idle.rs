//! R4: many idle connections, and one too many.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connect, honest_echo, ping};
use crate::ground::outside::{descriptors, metric, resident, wait_quiet};
use crate::ground::{Ground, Settings, block_on, scaled};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// KiB that one idle connection may take, the upstream connection included: the figures of the catalogue.
fn most(kind: Kind) -> u64 {
    match kind {
        Kind::Tls13 | Kind::Tls12 => 40,
        Kind::Tlcp | Kind::Tls13Sm => 80,
    }
}

async fn idle_connections(kind: Kind, count: usize) {
    let limits = format!("    limits: {{ connections: {count} }}\n");
    let settings = Settings { protocol: "tcp", listener: &limits, ..Settings::default() };
    let ground = Ground::start(Backend::echo(), &settings);
    let client = kind.connector(&ground.pki);
    // What the first connections of all make is not counted.
    for _ in 0..20 {
        honest_echo(ground.address, &client).await.expect("an echo");
    }
    let (base, open) = (resident(&ground.jadegate), descriptors(&ground.jadegate));
    wait_quiet(&ground.jadegate, open);
    let mut held = Vec::new();
    for _ in 0..count {
        let mut connected = connect(ground.address, &client).await.expect("below the limit");
        ping(&mut connected.stream, b"x").await.expect("an echo");
        held.push(connected);
    }
    let each = resident(&ground.jadegate).saturating_sub(base) / u64::try_from(count).expect("a number");
    println!("{kind:?}: {each} KiB for each of {count} idle connections");
    assert!(each <= most(kind), "{kind:?}: {each} KiB for each of {count}");

    // The reset may be there before the connection is handed to us.
    if let Ok(mut one_more) = TcpStream::connect(ground.address).await {
        let end = tokio::time::timeout(STEP, one_more.read(&mut [0])).await.expect("an end");
        assert!(!matches!(end, Ok(1..)), "one above the limit is closed without a byte: {end:?}");
    }
    assert!(metric(&ground.jadegate, "connections_refused_total", "") >= 1.0);
    // Those inside do not notice.
    for connected in held.iter_mut().step_by(50) {
        ping(&mut connected.stream, b"y").await.expect("an echo");
    }
    drop(held);
    wait_quiet(&ground.jadegate, open);
    honest_echo(ground.address, &client).await.expect("there is room again");
}

#[test]
fn idle_standard_connections_are_cheap_and_the_limit_holds() {
    block_on(idle_connections(Kind::Tls13, scaled(5000, 400)));
}

#[test]
fn idle_tlcp_connections_are_cheap_and_the_limit_holds() {
    block_on(idle_connections(Kind::Tlcp, scaled(2000, 400)));
}
