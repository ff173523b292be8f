//! A request that two parsers could read in two ways reaches no backend.

use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::nginx::{Nginx, PAGE};
use jadegate_tests::peers::{Peer, present};
use std::net::SocketAddr;

struct Plain {
    jadegate: Jadegate,
    _nginx: Nginx,
    address: SocketAddr,
}

/// HTTP in clear on both sides: the bytes are exactly those of the test.
fn plain() -> Option<Plain> {
    if !present(&[Peer::Nginx]) {
        return None;
    }
    let nginx = Nginx::start().expect("nginx");
    let address = net::free_address().expect("a port");
    let yaml = format!("listeners:\n  - bind: {address}\n    tls: none\n    backend: {}\n", nginx.address);
    let jadegate = Jadegate::start(&yaml).expect("it starts");
    Some(Plain { jadegate, _nginx: nginx, address })
}

/// Name, and the request as it is sent.
const AMBIGUOUS: &[(&str, &str)] = &[
    (
        "length and chunked",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked and length",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ),
    ("two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"),
    ("a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0, 5\r\n\r\n"),
    ("a signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +0\r\n\r\n"),
    ("chunked twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("another coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("a coding after a vertical tab", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("space before the colon", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("line feed alone", "GET / HTTP/1.1\nHost: h\n\n"),
    ("line feed alone after a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"),
    ("carriage return in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"),
    ("NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
    ("a folded field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"),
    (
        "a chunk size that is no number",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    ),
    (
        "a chunk size that overflows",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n",
    ),
    ("a chunk without its end", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"),
    ("no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("a target and a host that differ", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
];

#[test]
fn an_ambiguous_request_is_answered_with_400_and_the_connection_ends() {
    let Some(plain) = plain() else { return };
    for (name, request) in AMBIGUOUS {
        // What would be smuggled follows at once.
        let bytes = format!("{request}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = net::exchange(plain.address, bytes.as_bytes());
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error:#}\n{}", plain.jadegate.log()));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{name}: one answer and no more: {answer}");
    }
}

/// The twin: requests that look alike and are sound.
#[test]
fn sound_requests_pass() {
    let Some(plain) = plain() else { return };
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "POST /upload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ] {
        let answer =
            net::exchange(plain.address, request.as_bytes()).unwrap_or_else(|error| panic!("{request}: {error:#}"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(" 200 OK\r\n"), "{request}: {answer}");
        assert!(answer.contains(PAGE.trim_end()) || answer.contains("taken"), "{request}: {answer}");
    }
}
