//! The admin endpoint.

use crate::support::{echo, get, request, start, tcp_yaml};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

#[test]
fn every_endpoint_answers_and_an_unknown_path_lists_them() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let admin = proxy.admin_address().unwrap();
    assert_eq!(get(admin, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(admin, "/readyz"), (200, "ready\n".to_owned()));
    assert!(get(admin, "/metrics").1.contains("jadegate_listener_open{listener=\"echo\"} 1"));
    let config: serde_json::Value = serde_json::from_str(&get(admin, "/config").1).unwrap();
    assert_eq!(config["listeners"][0]["name"], "echo");
    let certificates: serde_json::Value = serde_json::from_str(&get(admin, "/certs").1).unwrap();
    assert_eq!(certificates["secrets"], serde_json::json!([]));
    let (status, page) = get(admin, "/");
    assert!(status == 200 && page.contains("<h1>Jadegate</h1>") && !page.contains("<script"), "{page}");
    let (status, list) = get(admin, "/nothing");
    assert!(status == 404 && list.contains("/readyz"), "{list}");
}

#[test]
fn only_reading_is_allowed_and_only_under_an_address() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let admin = proxy.admin_address().unwrap();
    let ask = |method: &str, host: &str| {
        request(admin, &format!("{method} /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    assert_eq!(ask("POST", "127.0.0.1").0, 405);
    assert_eq!(ask("GET", "localhost:9901").0, 200);
    assert_eq!(ask("GET", "rebound.example").0, 421);
    assert_eq!(ask("HEAD", "localhost"), (200, String::new()));
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let admin = proxy.admin_address().unwrap();
    let text = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(request(admin, &text).0, 431);
}

#[test]
fn on_a_unix_socket_only_the_owner_gets_in_and_the_file_goes_with_the_proxy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    let yaml = tcp_yaml(echo(), "").replace("127.0.0.1:0 }, log", &format!("'unix:{}' }}, log", path.display()));
    // What a crash left behind is not in the way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let proxy = start(&yaml);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("ok\n"), "{text}");
    proxy.drain();
    proxy.join();
    assert!(!path.exists());
}
