//! gRPC, WebSocket and floods, first among the Go peers themselves and then through Jadegate.

use jadegate_tests::interop::against_jadegate::single_yaml;
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::peers::server::announced_address;
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::pki::{Pki, SERVER_NAME};
use jadegate_tests::process::{self, Finished, Process};
use jadegate_tests::wait::PATIENCE;
use std::net::SocketAddr;
use std::process::Command;

/// A gopeer server and, if there is one, the Jadegate in front of it.
struct Served {
    pki: Pki,
    _server: Process,
    jadegate: Option<Jadegate>,
    address: SocketAddr,
}

impl Served {
    fn directly(server: &str) -> Self {
        let pki = Pki::new().expect("certificates");
        let process = Process::start(&mut gopeer(&[server])).expect("starts");
        let address = announced_address(&process).expect("listens");
        Self { pki, _server: process, jadegate: None, address }
    }

    /// TLS in front, `protocol` in clear behind.
    fn through_jadegate(server: &str, protocol: &str) -> Self {
        let mut served = Self::directly(server);
        let entrance = net::free_address().expect("a port");
        let jadegate = Jadegate::start(&format!(
            "listeners:
  - bind: {entrance}
    tls: {{ certificates: [{}] }}
    backend: go
backends:
  - name: go
    endpoints: [\"{}\"]
    protocol: {protocol}
",
            single_yaml(&served.pki.server_p256),
            served.address
        ));
        served.jadegate = Some(jadegate.expect("jadegate starts"));
        served.address = entrance;
        served
    }

    /// Runs a gopeer client against whatever stands in front.
    fn client(&self, arguments: &[&str]) -> Finished {
        let mut command = gopeer(arguments);
        command.args(["-connect", &self.address.to_string(), "-name", SERVER_NAME]);
        if self.jadegate.is_some() {
            command.arg("-ca").arg(&self.pki.standard_root);
        }
        process::run(&mut command, b"", PATIENCE).expect("it ends")
    }
}

fn gopeer(arguments: &[&str]) -> Command {
    let mut command = Command::new(Peer::Go.program().expect("present"));
    command.args(arguments);
    command
}

fn every_call_works(served: &Served) {
    let output = served.client(&["grpc-client"]).success().expect("every call works");
    assert_eq!(output.matches("\"ok\":true").count(), 9, "{output}");
}

#[test]
fn grpc_works_without_a_proxy_between() {
    if present(&[Peer::Go]) {
        every_call_works(&Served::directly("grpc-server"));
    }
}

/// Unary and streaming calls in both directions, trailers, error status, deadlines and cancellation.
#[test]
fn grpc_works_through_jadegate() {
    if present(&[Peer::Go]) {
        every_call_works(&Served::through_jadegate("grpc-server", "http2"));
    }
}

#[test]
fn websocket_works_without_a_proxy_between() {
    if present(&[Peer::Go]) {
        Served::directly("http-server").client(&["ws-client"]).success().expect("every message comes back");
    }
}

#[test]
fn websocket_works_through_jadegate() {
    if present(&[Peer::Go]) {
        let served = Served::through_jadegate("http-server", "http1");
        served.client(&["ws-client"]).success().expect("every message comes back");
    }
}

/// Go's own server ends the endless header block and bears the pings: the flood client can tell the two apart.
#[test]
fn the_flood_client_tells_a_server_that_ends_it_from_one_that_bears_it() {
    if !present(&[Peer::Go]) {
        return;
    }
    let served = Served::directly("http-server");
    let ended = served.client(&["flood", "-kind", "continuation", "-for", "500ms"]);
    assert!(ended.status.success(), "{}", ended.output);
    let borne = served.client(&["flood", "-kind", "ping", "-for", "500ms"]);
    assert!(!borne.status.success() && borne.output.contains("\"ended\":\"open\""), "{}", borne.output);
}

const FLOODS: &[&str] = &[
    "rapid-reset",
    "made-you-reset",
    "continuation",
    "empty-continuation",
    "settings",
    "ping",
    "empty-data",
    "priority",
    "window-update",
];

/// Resident memory of a process, in KiB.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Each kind of flood is ended with an error within a second, while an honest client on the same listener is served
/// and memory stays where it was.
#[test]
fn http2_floods_are_ended_and_harm_nobody_else() {
    if !present(&[Peer::Go]) {
        return;
    }
    let served = Served::through_jadegate("http-server", "http1");
    let jadegate = served.jadegate.as_ref().expect("it is in front");
    // Whatever grows with the first requests has grown.
    served.client(&["ws-client"]).success().expect("honest");
    let before = resident(jadegate.id());
    for kind in FLOODS {
        let mut flood = gopeer(&["flood", "-kind", kind, "-for", "5s", "-connect", &served.address.to_string()]);
        flood.args(["-name", SERVER_NAME]).arg("-ca").arg(&served.pki.standard_root);
        let mut flood = Process::start(&mut flood).expect("starts");
        served.client(&["ws-client"]).success().expect("an honest client beside the flood");
        let finished = flood.wait(PATIENCE).expect("it ends");
        let output = finished.success().unwrap_or_else(|error| panic!("{kind}: {error}\n{}", jadegate.log()));
        let took = output.split_once("\"milliseconds\":").and_then(|(_, rest)| rest.split([',', '}']).next());
        let took: u64 = took.and_then(|text| text.parse().ok()).expect("how long it took");
        assert!(took <= 1000, "{kind} went on for {took} ms: {output}");
    }
    let grown = resident(jadegate.id()).saturating_sub(before);
    assert!(grown <= 32 * 1024, "memory grew by {grown} KiB");
}
