//! R5: short connections leave nothing behind; ten thousand handshakes of each kind neither.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, connect, honest_echo};
use crate::ground::outside::{descriptors, metric, resident, wait_quiet};
use crate::ground::{Ground, Settings, block_on};
use jadegate_tls::{Connector, SessionReuse};
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::task::JoinSet;

const AT_ONCE: usize = 8;

/// How a connection of the churn ends.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// An echo, then closed in order.
    Orderly,
    /// Dropped as soon as the handshake is done.
    Dropped,
}

async fn one(address: SocketAddr, connector: &Connector, ending: Ending) {
    match ending {
        Ending::Orderly => honest_echo(address, connector).await.expect("an echo"),
        Ending::Dropped => drop(connect(address, connector).await.expect("a handshake")),
    }
}

async fn churn(address: SocketAddr, connector: &Rc<Connector>, count: usize) {
    let mut under_way = JoinSet::new();
    for n in 0..count {
        let (connector, ending) = (Rc::clone(connector), [Ending::Orderly, Ending::Dropped][n % 2]);
        under_way.spawn_local(async move { one(address, &connector, ending).await });
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await.expect("one is under way").expect("no panic");
        }
    }
    while let Some(done) = under_way.join_next().await {
        done.expect("no panic");
    }
}

/// Warm-up, then two equal halves: what the second adds to the first is what leaks.
async fn nothing_is_left(kind: Kind, resume: SessionReuse, count: usize) {
    let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
    let mut options = kind.options(&ground.pki);
    options.resume = resume;
    let connector = Rc::new(Connector::new(options).expect("a client"));
    let half = count / 2;
    churn(ground.address, &connector, half.min(200)).await;
    let open = descriptors(&ground.jadegate);
    churn(ground.address, &connector, half).await;
    wait_quiet(&ground.jadegate, open);
    let middle = resident(&ground.jadegate);
    churn(ground.address, &connector, half).await;
    wait_quiet(&ground.jadegate, open);
    let grown = resident(&ground.jadegate).saturating_sub(middle);
    println!("{kind:?} {resume:?}: {grown} KiB more after {half} more connections");
    // The catalogue allows 1 MiB per 5,000. An allocator's own breathing is about 2 MiB.
    let allowed = 2048 + u64::try_from(half).expect("a number") * 1024 / 5000;
    assert!(grown <= allowed, "{kind:?}: {grown} KiB for {half} connections");
    assert_eq!(metric(&ground.jadegate, "task_panics_total", ""), 0.0);
    let done =
        metric(&ground.jadegate, "tls_handshakes_total", &format!("protocol=\"{}\",outcome=\"ok\"", kind.name()));
    assert!(done >= 2.0 * f64::from(u32::try_from(half).expect("a number")), "{done} handshakes");
}

/// Of each kind.
const HANDSHAKES: usize = 10_000;

#[test]
fn tlcp_handshakes_leave_nothing_behind() {
    block_on(nothing_is_left(Kind::Tlcp, SessionReuse::Off, HANDSHAKES));
}

#[test]
fn tls13_sm_handshakes_leave_nothing_behind() {
    block_on(nothing_is_left(Kind::Tls13Sm, SessionReuse::Off, HANDSHAKES));
}

#[test]
fn tls13_handshakes_leave_nothing_behind() {
    block_on(nothing_is_left(Kind::Tls13, SessionReuse::Off, HANDSHAKES));
}

#[test]
fn tls12_handshakes_leave_nothing_behind() {
    block_on(nothing_is_left(Kind::Tls12, SessionReuse::Off, HANDSHAKES));
}

#[test]
fn resumed_tlcp_handshakes_leave_nothing_behind() {
    block_on(nothing_is_left(Kind::Tlcp, SessionReuse::On, HANDSHAKES));
}
