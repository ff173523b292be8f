//! R10: SIGTERM over TLS.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connect, connectors, get, honest_echo};
use crate::ground::{Ground, Settings, block_on};
use jadegate_tests::wait::{self, PATIENCE};
use jadegate_tls::Stream;
use rustix::process::Signal;
use std::net::TcpStream as Blocking;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const TRANSFER: usize = 8 << 20;

/// More than all buffers on the way hold.
const ENDLESS: usize = 1 << 30;

fn wait_closed(ground: &Ground) {
    wait::until("the port to close", PATIENCE, || Ok(Blocking::connect(ground.address).is_err().then_some(())))
        .expect("new ones are refused");
}

/// A request for so much of which the first bytes have come; the rest is held back by the reader.
async fn begun(ground: &Ground, kind: Kind, size: usize) -> Stream<TcpStream> {
    let mut stream = connect(ground.address, &kind.connector(&ground.pki)).await.expect("a connection").stream;
    let text = format!("GET /{size} HTTP/1.1\r\nHost: site.example\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream.flush().await.expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("an answer begins");
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[test]
fn transfers_under_way_are_finished_new_connections_refused_and_the_exit_is_clean() {
    block_on(async {
        let mut ground =
            Ground::start(Backend::http(), &Settings { top: "shutdown: { drain: 60s }\n", ..Settings::default() });
        let mut transfers = Vec::new();
        for kind in [Kind::Tlcp, Kind::Tls13Sm, Kind::Tls13, Kind::Tls12, Kind::Tlcp] {
            transfers.push((kind, begun(&ground, kind, TRANSFER).await));
        }
        ground.jadegate.signal(Signal::TERM).expect("sent");
        wait_closed(&ground);
        assert_ne!(ground.jadegate.admin("/readyz").map(|response| response.status).ok(), Some(200));
        for (kind, mut stream) in transfers {
            let mut rest = Vec::new();
            let read = tokio::time::timeout(STEP, stream.read_to_end(&mut rest)).await.expect("in time");
            // Closed in order: the end of TLS, not of TCP, closes a connection that is drained.
            read.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            let body = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
            assert_eq!(rest.len() - body, TRANSFER, "{kind:?}");
            assert!(rest[body..].iter().all(|byte| *byte == b'j'), "{kind:?}");
        }
        let finished = ground.jadegate.wait(PATIENCE).expect("it ends");
        assert_eq!(finished.status.code(), Some(0), "{}", finished.output);
    });
}

#[test]
fn a_peer_that_is_stuck_is_cut_at_the_deadline_and_the_exit_status_says_so() {
    block_on(async {
        let mut ground =
            Ground::start(Backend::http(), &Settings { top: "shutdown: { drain: 2s }\n", ..Settings::default() });
        let _stuck = begun(&ground, Kind::Tlcp, ENDLESS).await;
        let started = Instant::now();
        ground.jadegate.signal(Signal::TERM).expect("sent");
        let finished = ground.jadegate.wait(PATIENCE).expect("it ends");
        assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
        assert!(started.elapsed() >= Duration::from_millis(1500), "it had its time");
    });
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    block_on(async {
        let mut ground =
            Ground::start(Backend::http(), &Settings { top: "shutdown: { drain: 600s }\n", ..Settings::default() });
        let _stuck = begun(&ground, Kind::Tls13, ENDLESS).await;
        ground.jadegate.signal(Signal::TERM).expect("sent");
        wait_closed(&ground);
        ground.jadegate.signal(Signal::TERM).expect("sent");
        let finished = ground.jadegate.wait(Duration::from_secs(10)).expect("it ends long before the deadline");
        assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
    });
}

/// The twin: with nothing open it ends by itself, whatever the deadline; idle keep-alive connections do not hold it.
#[test]
fn idle_connections_do_not_hold_up_the_end() {
    block_on(async {
        let mut ground =
            Ground::start(Backend::http(), &Settings { top: "shutdown: { drain: 600s }\n", ..Settings::default() });
        let mut idle = Vec::new();
        for (_, connector) in connectors(&ground.pki) {
            let mut stream = connect(ground.address, &connector).await.expect("a connection").stream;
            stream.write_all(b"GET /1 HTTP/1.1\r\nHost: site.example\r\n\r\n").await.expect("sent");
            stream.flush().await.expect("sent");
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.expect("an answer");
            idle.push(stream);
        }
        let (_, body) = {
            let mut stream = connect(ground.address, &Kind::Tls13.connector(&ground.pki)).await.expect("ok").stream;
            get(&mut stream, "/5").await.expect("an answer")
        };
        assert_eq!(body, b"jjjjj");
        ground.jadegate.signal(Signal::TERM).expect("sent");
        let finished = ground.jadegate.wait(PATIENCE).expect("it ends");
        assert_eq!(finished.status.code(), Some(0), "{}", finished.output);
        drop(idle);
        honest_echo(ground.address, &Kind::Tls13.connector(&ground.pki)).await.expect_err("it is gone");
    });
}
