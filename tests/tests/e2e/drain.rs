//! SIGTERM, with and without patience.

use jadegate_tests::interop::Auth;
use jadegate_tests::interop::against_jadegate::Site;
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::load::Load;
use jadegate_tests::net;
use jadegate_tests::nginx::{MEGABYTE, Nginx};
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::wait::{self, PATIENCE};
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

fn plain(drain: &str) -> Option<(Jadegate, Nginx, SocketAddr)> {
    if !present(&[Peer::Nginx]) {
        return None;
    }
    let nginx = Nginx::start().expect("nginx");
    let address = net::free_address().expect("a port");
    let yaml = format!(
        "shutdown: {{ drain: {drain} }}\nlisteners:\n  - bind: {address}\n    tls: none\n    backend: {}\n",
        nginx.address
    );
    Some((Jadegate::start(&yaml).expect("it starts"), nginx, address))
}

/// A request for a megabyte at 256 kB/s, of which the head has arrived.
fn slow_request(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("an answer begins");
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[test]
fn sigterm_under_load_loses_no_request_that_was_accepted() {
    if !present(&[Peer::Nginx]) {
        return;
    }
    let site = Site::start().expect("nginx and jadegate start");
    let load = Load::start(site.address(Auth::Server), site.pki(), 200).expect("it starts");
    wait::until("some load", PATIENCE, || Ok((load.done() >= 200).then_some(()))).expect("it runs");
    site.jadegate().signal(Signal::TERM).expect("sent");
    let before = load.done();
    wait::until("more requests after the signal", PATIENCE, || Ok((load.done() >= before + 100).then_some(())))
        .expect("they end");
    let report = load.stop().expect("it ran");
    assert!(report.failures.is_empty(), "{report}\n{}", site.jadegate().log());
    assert!(report.not_taken > 0, "the port was never closed: {report}");
}

/// R10: a transfer under way is finished, the port is closed meanwhile, and the exit code says graceful.
#[test]
fn a_transfer_under_way_is_finished() {
    let Some((mut jadegate, _nginx, address)) = plain("20s") else { return };
    let mut transfer = slow_request(address);
    jadegate.signal(Signal::TERM).expect("sent");
    wait::until("the port to close", PATIENCE, || Ok(TcpStream::connect(address).is_err().then_some(())))
        .expect("it closes");
    let mut rest = Vec::new();
    transfer.read_to_end(&mut rest).expect("to the end");
    assert!(rest.len() > MEGABYTE, "{} bytes", rest.len());
    let finished = jadegate.wait(PATIENCE).expect("it ends by itself");
    assert!(finished.status.success(), "{}: {}", finished.status, finished.output);
}

#[test]
fn a_stuck_client_is_cut_off_at_the_deadline_and_the_exit_code_says_so() {
    let Some((mut jadegate, _nginx, address)) = plain("1s") else { return };
    let _stuck = slow_request(address);
    let started = Instant::now();
    jadegate.signal(Signal::TERM).expect("sent");
    let finished = jadegate.wait(PATIENCE).expect("it ends");
    let took = started.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&took), "after {took:?}");
    assert_eq!(finished.status.code(), Some(1), "{}", finished.output);
}

#[test]
fn a_second_sigterm_stops_at_once() {
    let Some((mut jadegate, _nginx, address)) = plain("60s") else { return };
    let _stuck = slow_request(address);
    jadegate.signal(Signal::TERM).expect("sent");
    wait::until("the port to close", PATIENCE, || Ok(TcpStream::connect(address).is_err().then_some(())))
        .expect("it closes");
    let started = Instant::now();
    jadegate.signal(Signal::TERM).expect("sent");
    jadegate.wait(Duration::from_secs(5)).expect("it ends");
    assert!(started.elapsed() < Duration::from_secs(3));
}
