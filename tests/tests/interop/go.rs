//! The Go peers among themselves: gRPC, WebSocket and the floods.

use jadegate_tests::peers::server::announced_address;
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::process::{self, Process};
use jadegate_tests::wait::PATIENCE;
use std::process::Command;

fn gopeer(arguments: &[&str]) -> Command {
    let mut command = Command::new(Peer::Go.program().expect("gopeer"));
    command.args(arguments);
    command
}

#[test]
fn grpc_works_without_a_proxy_between() {
    if !present(&[Peer::Go]) {
        return;
    }
    let server = Process::start(&mut gopeer(&["grpc-server"])).expect("starts");
    let address = announced_address(&server).expect("listens").to_string();
    let output = process::run(&mut gopeer(&["grpc-client", "-connect", &address]), b"", PATIENCE);
    let output = output.expect("ends").success().expect("every call works");
    assert_eq!(output.matches("\"ok\":true").count(), 9, "{output}");
}

#[test]
fn websocket_works_without_a_proxy_between() {
    if !present(&[Peer::Go]) {
        return;
    }
    let server = Process::start(&mut gopeer(&["http-server"])).expect("starts");
    let address = announced_address(&server).expect("listens").to_string();
    let output = process::run(&mut gopeer(&["ws-client", "-connect", &address]), b"", PATIENCE);
    output.expect("ends").success().expect("every message comes back");
}

/// Go's own server ends the endless header block and bears the pings: the flood client can tell the two apart.
#[test]
fn the_flood_client_tells_a_server_that_ends_it_from_one_that_bears_it() {
    if !present(&[Peer::Go]) {
        return;
    }
    let server = Process::start(&mut gopeer(&["http-server"])).expect("starts");
    let address = announced_address(&server).expect("listens").to_string();
    let flood = |kind| {
        let arguments = ["flood", "-connect", &address, "-kind", kind, "-for", "500ms"];
        process::run(&mut gopeer(&arguments), b"", PATIENCE).expect("ends")
    };
    let ended = flood("continuation");
    assert!(ended.status.success(), "{}", ended.output);
    let borne = flood("ping");
    assert!(!borne.status.success() && borne.output.contains("\"ended\":\"open\""), "{}", borne.output);
}
