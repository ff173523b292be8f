//! Certificates are replaced under load, good ones and broken ones.

use anyhow::{Context as _, Result};
use jadegate_tests::interop::Auth;
use jadegate_tests::interop::against_jadegate::Site;
use jadegate_tests::load::Load;
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::pki::Replacement;
use jadegate_tests::wait::{self, PATIENCE};
use serde_json::Value;

const ROUNDS: usize = 100;

/// Whether the admin's page of certificates tells of something that was refused, or that half of it is missing, now.
fn complaint(site: &Site) -> Result<bool> {
    let page: Value = serde_json::from_str(&site.jadegate().admin("/certs")?.body)?;
    let secrets = page["secrets"].as_array().context("a list of secrets")?;
    Ok(secrets.iter().any(|secret| !secret["last_rejection"].is_null() || !secret["waiting"].is_null()))
}

/// S3 and S5: under 200 connections a second over the four protocols, certificates are replaced a hundred times,
/// every fifth time by something broken. No request fails, the broken ones are refused with their reasons, and the
/// last good one is served.
#[test]
fn certificates_are_replaced_a_hundred_times_and_no_request_fails() {
    if !present(&[Peer::Nginx]) {
        return;
    }
    let site = Site::start().expect("nginx and jadegate start");
    let load = Load::start(site.address(Auth::Server), site.pki(), 200).expect("it starts");
    let mut served = site.pki().server_serials().expect("serials");
    for round in 0..ROUNDS {
        let replacement = Replacement::of_round(round);
        let serials = site.pki().replace_server(replacement).expect("written");
        let progress = load.done();
        let context = |error| panic!("round {round}: {error:#}\n{}", site.jadegate().log());
        if replacement == Replacement::Good {
            served = serials;
        } else {
            wait::until(&format!("a word about {replacement:?}"), PATIENCE, || Ok(complaint(&site)?.then_some(())))
                .unwrap_or_else(context);
        }
        // The good ones are there at some time, and the broken ones do not displace them.
        wait::until(&format!("the serials {served:?}"), PATIENCE, || {
            let told = site.jadegate().admin("/certs")?.body;
            Ok(served.iter().all(|serial| told.contains(serial.as_str())).then_some(()))
        })
        .unwrap_or_else(context);
        // Each state is used by some connections.
        wait::until("connections in this state", PATIENCE, || Ok((load.done() >= progress + 8).then_some(())))
            .expect("they end");
    }
    let report = load.stop().expect("it ran");
    assert!(report.failures.is_empty() && report.not_taken == 0, "{report}\n{}", site.jadegate().log());
    assert!(report.served > 800, "{report}");
}
