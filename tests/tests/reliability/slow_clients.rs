//! R1: clients that never finish a hello, beside honest ones.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, connectors, hello, honest_echo};
use crate::ground::outside::{descriptors, metric, wait_quiet};
use crate::ground::{Ground, Settings, block_on, scaled};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(3);

/// Until the other side has closed or reset.
async fn to_the_end(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = stream.read(&mut buffer).await {}
}

async fn silent(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    to_the_end(&mut stream).await;
}

async fn garbage(address: SocketAddr, seed: usize) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let bytes: Vec<u8> = (0..1000).map(|n: usize| (n * 31 + seed * 7919).to_le_bytes()[0]).collect();
    drop(stream.write_all(&bytes).await);
    to_the_end(&mut stream).await;
}

async fn drip(address: SocketAddr, hello: Vec<u8>) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut from, mut to) = stream.into_split();
    let send = async {
        for byte in hello {
            if to.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = send => {}
        () = to_the_end(&mut from) => {}
    }
}

#[test]
fn silent_dripping_and_senseless_clients_are_dropped_at_the_deadline_and_hold_up_nobody() {
    block_on(async {
        let settings =
            Settings { protocol: "tcp", listener: "    timeouts: { handshake: 3s }\n", ..Settings::default() };
        let ground = Ground::start(Backend::echo(), &settings);
        let clients = connectors(&ground.pki);
        for (_, client) in &clients {
            honest_echo(ground.address, client).await.expect("before the storm");
        }
        let before = descriptors(&ground.jadegate);
        let mut bad = JoinSet::new();
        let started = Instant::now();
        for _ in 0..scaled(300, 300) {
            bad.spawn_local(silent(ground.address));
        }
        for seed in 0..scaled(100, 100) {
            bad.spawn_local(garbage(ground.address, seed));
        }
        for n in 0..scaled(100, 100) {
            let bytes = hello(&clients[n % clients.len()].1).await;
            bad.spawn_local(drip(ground.address, bytes));
        }
        let honest = async {
            let mut served = 0;
            loop {
                for (kind, client) in &clients {
                    if let Err(error) = honest_echo(ground.address, client).await {
                        panic!("{kind:?}, {served} before it were served: {error:#}");
                    }
                    served += 1;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let all_gone = async {
            while let Some(gone) = bad.join_next().await {
                gone.expect("no panic")
            }
        };
        let bound = DEADLINE + Duration::from_secs(8);
        tokio::select! {
            never = honest => never,
            gone = tokio::time::timeout(bound, all_gone) => gone.expect("every bad client is gone soon after the deadline"),
        }
        // The twin: they were not thrown out by a proxy that throws everybody out at once.
        assert!(started.elapsed() >= DEADLINE, "the silent were not given their time");
        wait_quiet(&ground.jadegate, before);
        for reason in ["timed_out", "not_tls"] {
            let counted = metric(&ground.jadegate, "tls_handshakes_total", &format!("reason=\"{reason}\""));
            assert!(counted >= 50.0, "{reason}: {counted}");
        }
        for kind in Kind::ALL {
            let labels = format!("protocol=\"{}\",outcome=\"ok\"", kind.name());
            assert!(metric(&ground.jadegate, "tls_handshakes_total", &labels) >= 2.0, "{kind:?}");
        }
    });
}
