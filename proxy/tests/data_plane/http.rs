//! HTTP through TLS of every kind, on both sides: one proxy in front of another, in front of a backend.

use crate::support::{backend, get, metric, request, start};
use jadegate_certs::development::{DirectoryOptions, write_directory};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;

/// A backend that returns each head it gets as its body, on connections that it keeps.
fn mirror() -> SocketAddr {
    backend(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            let length = head.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}").unwrap();
        }
    })
}

/// Both versions of HTTP go through each kind of TLS, as a client and as a server.
#[test]
fn http_goes_through_every_kind_of_tls_in_both_versions_and_connections_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    write_directory(directory.path(), &DirectoryOptions::default()).unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let pair = |role: &str| {
        let part = |use_: &str| {
            let name = format!("sm2-{role}-{use_}");
            format!("{{ cert: '{}', key: '{}' }}", at(&format!("{name}.pem")), at(&format!("{name}.key")))
        };
        format!("{{ sign: {}, enc: {} }}", part("sign"), part("enc"))
    };
    let inner = start(&format!(
        "{{ cores: 1, log: {{ access: {{ path: off }} }}, listeners: [ {{ name: site, bind: 127.0.0.1:0,
            backend: '{}', tls: {{ certificates: [ {{ cert: '{}', key: '{}' }}, {} ] }} }} ] }}",
        mirror(),
        at("server.pem"),
        at("server.key"),
        pair("server"),
    ));
    let site = inner.address("site").unwrap();
    for (kind, ca) in [("standard", "ca.pem"), ("tls1.3-sm", "sm2-ca.pem"), ("tlcp", "sm2-ca.pem")] {
        for (protocol, version) in [("http1", "http/1.1"), ("http2", "h2")] {
            let outer = start(&format!(
                "{{ cores: 1, log: {{ access: {{ path: off }} }}, listeners: [ {{ name: front, bind: 127.0.0.1:0,
                    tls: none, backend: up }} ], backends: [ {{ name: up, endpoints: ['{site}'], protocol: {protocol},
                    tls: {{ protocol: {kind}, verify: {{ name: localhost }}, trust: {{ ca: '{}' }} }} }} ] }}",
                at(ca),
            ));
            let front = outer.address("front").unwrap();
            let served = |handle, protocol| {
                let listener = if protocol == "front" { "front" } else { "site" };
                let version = if protocol == "front" { "http/1.1" } else { version };
                let series =
                    format!("jadegate_requests_total{{listener=\"{listener}\",protocol=\"{version}\",class=\"2xx\"}}");
                metric(handle, &series)
            };
            let before = served(&inner, "site");
            for _ in 0..3 {
                let (status, head) = get(front, "/a?b");
                assert_eq!(status, 200, "{kind} {protocol}: {head}");
                assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{kind} {protocol}: {head}");
                assert!(head.contains(&format!("host: {front}\r\n")), "{kind} {protocol}: {head}");
                assert!(head.contains("x-forwarded-for: 127.0.0.1, 127.0.0.1\r\n"), "{kind} {protocol}: {head}");
                assert!(head.contains("x-forwarded-proto: https\r\n"), "{kind} {protocol}: {head}");
            }
            let refused = format!("GET / HTTP/1.1\r\nHost: {front}\nX: y\r\n\r\n");
            assert_eq!(request(front, &refused).0, 400);
            crate::support::eventually("the counts", || {
                served(&inner, "site") - before >= 3.0 && served(&outer, "front") >= 3.0
            });
            assert_eq!(metric(&outer, "jadegate_upstream_connects_total{backend=\"up\"}"), 1.0, "{kind} {protocol}");
        }
    }
}

/// A backend whose certificate does not prove its name gets no request.
#[test]
fn a_backend_that_is_not_who_it_should_be_is_502_with_a_reason_and_no_detail() {
    let directory = tempfile::tempdir().unwrap();
    write_directory(directory.path(), &DirectoryOptions::default()).unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let inner = start(&format!(
        "{{ cores: 1, log: {{ access: {{ path: off }} }}, listeners: [ {{ name: site, bind: 127.0.0.1:0,
            backend: '{}', tls: {{ certificates: [ {{ cert: '{}', key: '{}' }} ] }} }} ] }}",
        mirror(),
        at("server.pem"),
        at("server.key"),
    ));
    let outer = start(&format!(
        "{{ cores: 1, log: {{ access: {{ path: off }} }}, listeners: [ {{ name: front, bind: 127.0.0.1:0,
            tls: none, backend: up }} ], backends: [ {{ name: up, endpoints: ['{}'],
            tls: {{ verify: {{ name: other.example }}, trust: {{ ca: '{}' }} }} }} ] }}",
        inner.address("site").unwrap(),
        at("ca.pem"),
    ));
    let (status, body) = get(outer.address("front").unwrap(), "/");
    assert_eq!((status, body.as_str()), (502, "upstream connect failed\n"));
    let failures = metric(&outer, "jadegate_upstream_errors_total{backend=\"up\",reason=\"upstream_tls\"}");
    assert!(failures >= 1.0, "{}", outer.metrics().encode());
}
