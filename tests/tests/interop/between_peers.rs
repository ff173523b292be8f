//! The peers among themselves. When these fail, it is the tool or its command line that is broken, not Jadegate.

use jadegate_tests::interop::{Auth, Offer, Protocol, cells};
use jadegate_tests::peers::client::Shown;
use jadegate_tests::peers::{Peer, client, gmssl, present, server};
use jadegate_tests::pki::Pki;
use jadegate_tests::process::Process;
use jadegate_tests::wait::PATIENCE;
use std::collections::HashSet;
use std::process::Command;

/// Runs `clients` against `servers` for every offer that one of the two has in the grid.
#[track_caller]
fn all_offers(protocol: Protocol, client: Peer, server: Peer) {
    if !present(&[client, server]) {
        return;
    }
    let pki = Pki::new().expect("certificates");
    let of = |peer: Peer| -> HashSet<Offer> {
        let mine = cells().into_iter().filter(|cell| cell.peer == peer && cell.offer.protocol == protocol);
        mine.map(|cell| cell.offer).collect()
    };
    let (clients, servers) = (of(client), of(server));
    let mut common: Vec<_> = clients.intersection(&servers).collect();
    common.sort();
    assert!(!common.is_empty(), "{client} and {server} have nothing in common");
    for offer in common {
        let serving = server::serve(server, offer, &pki).unwrap_or_else(|error| panic!("{server}: {offer}: {error:#}"));
        let output = client::fetch(client, offer, serving.address, &pki);
        let output =
            output.unwrap_or_else(|error| panic!("{client} -> {server}: {offer}: {error:#}\n{}", serving.output()));
        assert!(output.contains(&serving.answer), "{client} -> {server}: {offer}: {output}");
    }
}

#[test]
fn tongsuo_speaks_all_of_tlcp_with_itself() {
    all_offers(Protocol::Tlcp, Peer::Tongsuo, Peer::Tongsuo);
}

#[test]
fn gmtls_and_tongsuo_speak_tlcp_in_both_directions() {
    all_offers(Protocol::Tlcp, Peer::Go, Peer::Tongsuo);
    all_offers(Protocol::Tlcp, Peer::Tongsuo, Peer::Go);
}

// GmSSL's client is tried against Jadegate alone. It is a terminal program that sends a line and reads a record: gmtls
// sends the first byte of a response in a record of its own, and s_server answers and closes after the first line.
#[test]
fn tongsuo_speaks_tlcp_with_gmssl() {
    if !present(&[Peer::GmSsl, Peer::Tongsuo]) {
        return;
    }
    let pki = Pki::new().expect("certificates");
    let gmssl = gmssl::serve(&pki).expect("a server");
    let mut command = Command::new(Peer::Tongsuo.program().expect("present"));
    command.args(["s_client", "-enable_ntls", "-ntls", "-bugs", "-cipher", "ECC-SM2-SM4-CBC-SM3", "-ign_eof"]);
    // The server takes no extension: no name, no ticket.
    command.args(["-noservername", "-no_ticket", "-verify_return_error", "-connect"]).arg(gmssl.address.to_string());
    let mut client = Process::start(command.arg("-CAfile").arg(&pki.sm2_root)).expect("starts");
    client.send(gmssl.request.as_bytes()).expect("reads");
    client.wait_for(&gmssl.answer, PATIENCE).expect("an echo");
}

#[test]
fn tongsuo_and_openssl_speak_rfc_8998_in_both_directions() {
    all_offers(Protocol::Tls13Sm, Peer::Tongsuo, Peer::OpenSsl);
    all_offers(Protocol::Tls13Sm, Peer::OpenSsl, Peer::Tongsuo);
}

#[test]
fn the_standard_clients_and_servers_work() {
    all_offers(Protocol::Tls13, Peer::OpenSsl, Peer::OpenSsl);
    all_offers(Protocol::Tls13, Peer::DebianOpenSsl, Peer::DebianOpenSsl);
    all_offers(Protocol::Tls12, Peer::DebianOpenSsl, Peer::DebianOpenSsl);
    all_offers(Protocol::Tls12, Peer::Curl, Peer::DebianOpenSsl);
}

/// The twin of the mutual cells: the harness must notice when a certificate is refused.
#[test]
fn a_client_without_the_right_certificate_gets_no_answer() {
    let mutual = |protocol| {
        move |cell: &jadegate_tests::interop::Cell| cell.offer.protocol == protocol && cell.offer.auth == Auth::Mutual
    };
    let pki = Pki::new().expect("certificates");
    for (protocol, peer) in
        [(Protocol::Tlcp, Peer::Tongsuo), (Protocol::Tls13Sm, Peer::OpenSsl), (Protocol::Tls13, Peer::DebianOpenSsl)]
    {
        if !present(&[peer]) {
            continue;
        }
        let cell = cells().into_iter().filter(|cell| cell.peer == peer).find(mutual(protocol)).expect("a mutual cell");
        let serving = server::serve(peer, &cell.offer, &pki).expect("a server");
        for shown in [Shown::Strangers, Shown::Nothing] {
            let result = client::fetch_showing(shown, peer, &cell.offer, serving.address, &pki);
            let error = result.map(drop).expect_err("refused");
            assert!(!format!("{error:#}").contains("200 ok"), "{peer} {protocol} {shown:?}: {error:#}");
        }
    }
}
