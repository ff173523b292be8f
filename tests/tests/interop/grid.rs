//! The grid against the real proxy, and the document that it keeps.

use jadegate_tests::interop::against_jadegate::Site;
use jadegate_tests::interop::table::{Outcome, Outcomes, broken, parse, render};
use jadegate_tests::interop::{Auth, Cell, Protocol, Role, cells};
use jadegate_tests::nginx::PAGE;
use jadegate_tests::peers::client::{Shown, fetch_showing};
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::wait::{self, PATIENCE};
use jadegate_tests::workspace;
use std::fs;

/// Runs every cell whose peer is here. One second try: what fails twice in a row is not the machine.
fn run(site: &Site, cells: &[Cell]) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for cell in cells {
        let mut outcome = site.run(cell);
        if let Err(error) = &outcome {
            eprintln!("first try of {cell}: {error:#}");
            outcome = site.run(cell);
        }
        if let Err(error) = &outcome {
            eprintln!("{cell}: {error:#}");
        }
        outcomes.insert(*cell, if outcome.is_ok() { Outcome::Works } else { Outcome::Fails });
    }
    outcomes
}

/// `docs/interop.md` says what happened, and a cell that it calls working works.
#[test]
fn the_document_of_interoperation_is_true() {
    if !present(&[Peer::Nginx]) {
        return;
    }
    let path = workspace::root().join("docs/interop.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let all = cells();
    let told = parse(&all, &before);
    let (here, absent): (Vec<Cell>, Vec<Cell>) = all.iter().partition(|cell| present(&[cell.peer]));

    let site = Site::start().expect("nginx and jadegate start");
    let mut outcomes = run(&site, &here);
    let broken = broken(&told, &outcomes);
    // What cannot be run here stays as it is told.
    outcomes.extend(absent.iter().filter_map(|cell| told.get(cell).map(|outcome| (*cell, *outcome))));

    let now = render(&all, &outcomes);
    if std::env::var_os("JADEGATE_UPDATE").is_some() {
        fs::write(&path, &now).expect("the document can be written");
    }
    let list = |cells: &[Cell]| cells.iter().map(|cell| format!("\n  {cell}")).collect::<String>();
    assert!(broken.is_empty(), "worked before and does not now:{}", list(&broken));
    let current = fs::read_to_string(&path).unwrap_or_default();
    assert!(current == now, "docs/interop.md is out of date; `JADEGATE_UPDATE=1 tests/run interop` writes it:\n{now}");
}

/// The twins of the cells with both certificates: without one, and with one of a root that nobody trusts, no page is
/// served, and the log names why.
#[test]
fn a_client_with_the_wrong_certificate_is_refused_and_the_log_says_why() {
    // Not gmtls: it keeps a certificate to itself when the server does not name its issuer.
    let trials = [
        (Peer::Tongsuo, Protocol::Tlcp),
        (Peer::OpenSsl, Protocol::Tls13Sm),
        (Peer::Curl, Protocol::Tls13),
        (Peer::Curl, Protocol::Tls12),
    ];
    if !present(&[Peer::Nginx]) || !present(&trials.map(|(peer, _)| peer)) {
        return;
    }
    let site = Site::start().expect("nginx and jadegate start");
    for (peer, protocol) in trials {
        let mut mutual =
            cells().into_iter().filter(|cell| cell.role == Role::Client && cell.offer.auth == Auth::Mutual);
        let cell = mutual.find(|cell| cell.peer == peer && cell.offer.protocol == protocol).expect("a mutual cell");
        for (shown, reason) in
            [(Shown::Strangers, "peer_certificate_untrusted"), (Shown::Nothing, "peer_certificate_absent")]
        {
            let before = site.jadegate().log().len();
            let result = fetch_showing(shown, peer, &cell.offer, site.address(Auth::Mutual), site.pki());
            let told = format!("{result:?}");
            assert!(result.is_err() && !told.contains(PAGE.trim_end()), "{cell} {shown:?}: {told}");
            wait::until(&format!("a line about {cell} {shown:?}"), PATIENCE, || {
                Ok(site.jadegate().log()[before..].contains(reason).then_some(()))
            })
            .unwrap_or_else(|error| panic!("{error:#}: {}", &site.jadegate().log()[before..]));
        }
    }
}
