//! M1: private keys appear nowhere.

use jadegate_tests::interop::Auth;
use jadegate_tests::interop::against_jadegate::Site;
use jadegate_tests::load::Load;
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::wait::{self, PATIENCE};
use std::fs;

/// The secret part of each key file, in the spellings in which it could leak: base64 lines, and hexadecimal.
fn spellings(pem: &str) -> Vec<String> {
    let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = jadegate_certs::pem::parse(pem.as_bytes()).expect("PEM").remove(0).der;
    let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
    // The first line of a PKCS#8 key is mostly header, alike in all keys; the second is key.
    let mut all: Vec<String> = body.iter().skip(1).map(|line| (*line).to_owned()).collect();
    all.push(hex[80..120].to_owned());
    all
}

#[test]
fn no_key_is_in_the_log_or_the_admin_pages() {
    if !present(&[Peer::Nginx]) {
        return;
    }
    let site = Site::start().expect("nginx and jadegate start");
    let load = Load::start(site.address(Auth::Server), site.pki(), 50).expect("it starts");
    wait::until("some load", PATIENCE, || Ok((load.done() >= 40).then_some(()))).expect("it runs");
    drop(load.stop());
    let mut told = site.jadegate().log();
    for page in ["/config", "/certs", "/metrics", "/healthz", "/readyz"] {
        let response = site.jadegate().admin(page).expect("it answers");
        assert_eq!(response.status, 200, "{page}");
        assert!(!response.body.is_empty() || page.ends_with('z'), "{page} is empty");
        told.push_str(&response.body);
    }
    let mut keys = 0;
    for entry in fs::read_dir(site.pki().directory()).expect("readable") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "key") {
            continue;
        }
        keys += 1;
        for spelling in spellings(&fs::read_to_string(&path).expect("readable")) {
            assert!(!told.contains(&spelling), "a part of {} was told", path.display());
        }
    }
    assert!(keys >= 10, "only {keys} keys were looked for");
}
