//! Clients that never finish, or never begin, a handshake.

use jadegate_tests::interop::Auth;
use jadegate_tests::interop::against_jadegate::Site;
use jadegate_tests::load::Load;
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::wait::{self, PATIENCE};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Descriptors that a process has open.
fn descriptors(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count()
}

fn connect(address: SocketAddr, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(first).expect("sent");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}

/// R1: silent clients, garbage, and hellos cut off in the middle keep no honest client waiting, and are gone when the
/// handshake deadline (10 s) is over.
#[test]
fn clients_that_never_finish_their_hello_are_dropped_and_hold_up_nobody() {
    if !present(&[Peer::Nginx]) {
        return;
    }
    let site = Site::start().expect("nginx and jadegate start");
    let address = site.address(Auth::Server);
    let load = Load::start(address, site.pki(), 40).expect("it starts");
    wait::until("the first requests", PATIENCE, || Ok((load.done() >= 40).then_some(()))).expect("they end");
    let before = descriptors(site.jadegate().id());

    let started = Instant::now();
    // The start of a TLS hello, of a TLCP hello, and neither.
    let openings: [&[u8]; 4] =
        [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x01\x01\x00\x35\x01", b"\x00\x01"];
    let mut held: Vec<TcpStream> = (0..400).map(|n| connect(address, openings[n % openings.len()])).collect();
    for stream in &mut held {
        let mut rest = Vec::new();
        // An alert or a reset, then the end.
        drop(stream.read_to_end(&mut rest));
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(14), "the last was dropped after {took:?}");
    drop(held);

    let report = load.stop().expect("it ran");
    assert!(report.failures.is_empty() && report.not_taken == 0, "{report}");
    wait::until("descriptors to be given back", PATIENCE, || {
        Ok((descriptors(site.jadegate().id()) <= before + 5).then_some(()))
    })
    .expect("none is lost");
}
