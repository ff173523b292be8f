//! One port, four protocols, a real backend.

use jadegate_tests::interop::Auth;
use jadegate_tests::interop::against_jadegate::Site;
use jadegate_tests::load::Load;
use jadegate_tests::nginx::{MEGABYTE, PAGE};
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::pki::SERVER_NAME;
use jadegate_tests::process;
use jadegate_tests::wait::{self, PATIENCE};
use std::process::Command;

fn curl(site: &Site, path: &str, arguments: &[&str]) -> String {
    let port = site.address(Auth::Server).port();
    let mut command = Command::new(Peer::Curl.program().expect("present"));
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--resolve"]);
    command.arg(format!("{SERVER_NAME}:{port}:127.0.0.1")).arg("--cacert").arg(&site.pki().standard_root);
    command.args(arguments).arg(format!("https://{SERVER_NAME}:{port}{path}"));
    process::run(&mut command, b"", PATIENCE).expect("it ends").success().expect("curl is content")
}

const PROOF: &[&str] = &["--write-out", "\n%{http_code} %{http_version} %{size_download}"];

fn site() -> Option<Site> {
    present(&[Peer::Nginx, Peer::Curl]).then(|| Site::start().expect("nginx and jadegate start"))
}

#[test]
fn curl_fetches_pages_over_http_1_and_http_2() {
    let Some(site) = site() else { return };
    for (version, told) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let arguments = [&[version], PROOF].concat();
        assert_eq!(curl(&site, "/", &arguments), format!("{PAGE}\n200 {told} {}", PAGE.len()));
        let large = curl(&site, "/1m", &[&arguments[..], &["--output", "/dev/null"]].concat());
        assert_eq!(large.trim(), format!("200 {told} {MEGABYTE}"));
        assert!(curl(&site, "/missing", &arguments).ends_with(&format!("\n404 {told} {}", 153)));
    }
}

/// HTTP/2's `:authority` is HTTP/1.1's Host.
#[test]
fn the_backend_sees_the_host_that_the_client_asked_for() {
    let Some(site) = site() else { return };
    let port = site.address(Auth::Server).port();
    for version in ["--http1.1", "--http2"] {
        let seen = curl(&site, "/seen?a=b", &[version]);
        assert_eq!(seen, format!("GET /seen?a=b HTTP/1.1 host={SERVER_NAME}:{port}\n"), "{version}");
    }
}

#[test]
fn all_four_protocols_are_served_on_one_port() {
    let Some(site) = site() else { return };
    let load = Load::start(site.address(Auth::Server), site.pki(), 100).expect("it starts");
    wait::until("forty requests", PATIENCE, || Ok((load.done() >= 40).then_some(()))).expect("they end");
    let report = load.stop().expect("it ran");
    assert!(report.failures.is_empty() && report.not_taken == 0, "{report}\n{}", site.jadegate().log());
    // The access log names each protocol.
    for protocol in ["tlcp", "tls1.3-sm", "tls1.3", "tls1.2"] {
        site.jadegate().wait_log(&format!("\"{protocol}\"")).expect("in the access log");
    }
}

/// Permissive: where a plaintext chain is configured, a client without TLS is served on the same port; where none is,
/// it gets nothing.
#[test]
fn plaintext_is_served_only_where_it_is_configured() {
    use jadegate_tests::interop::against_jadegate::single_yaml;
    use jadegate_tests::jadegate::Jadegate;
    use jadegate_tests::net;
    let Some(site) = site() else { return };
    net::get(site.address(Auth::Server), "/").expect_err("no plaintext chain");
    let nginx = jadegate_tests::nginx::Nginx::start().expect("nginx");
    let both = net::free_address().expect("a port");
    let certificate = single_yaml(&site.pki().server_p256);
    let _jadegate = Jadegate::start(&format!(
        "listeners:
  - bind: {both}
    chains:
      - {{ name: secure, match: {{ protocol: [tls1.3, tls1.2] }}, tls: {{ certificates: [{certificate}] }}, backend: web }}
      - {{ name: clear, match: {{ protocol: [plaintext] }}, backend: web }}
backends:
  - {{ name: web, endpoints: [\"{}\"] }}
",
        nginx.address
    ))
    .expect("it starts");
    assert_eq!(net::get(both, "/").expect("plaintext").status, 200);
    let mut command = Command::new(Peer::Curl.program().expect("present"));
    command.args(["--silent", "--show-error", "--noproxy", "*", "--cacert"]).arg(&site.pki().standard_root);
    command.arg(format!("https://{both}/"));
    let page = process::run(&mut command, b"", PATIENCE).expect("it ends").success().expect("TLS");
    assert_eq!(page, PAGE);
}
