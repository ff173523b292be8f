//! The end of a proxy.

use crate::support::{backend, connect, echo, eventually, exchange, get, metric, start, tcp_yaml};
use jadegate_proxy::drain::Outcome;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

#[test]
fn a_drain_closes_the_port_finishes_what_is_open_and_ends_gracefully() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let (address, admin) = (proxy.address("echo").unwrap(), proxy.admin_address().unwrap());
    let mut client = connect(address);
    exchange(&mut client, b"before");
    proxy.drain();
    eventually("the port to close", || TcpStream::connect(address).is_err());
    let (status, body) = get(admin, "/readyz");
    assert_eq!(status, 503);
    assert!(body.contains("draining"), "{body}");
    exchange(&mut client, b"still served");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(proxy.join(), Outcome::Graceful);
}

#[test]
fn a_connection_accepted_before_the_drain_gets_its_first_request_served_and_is_closed_then() {
    let web = backend(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    let proxy = start(&tcp_yaml(web, "").replace("protocol: tcp", "protocol: http"));
    let mut client = connect(proxy.address("echo").unwrap());
    eventually("the connection to be accepted", || {
        metric(&proxy, "jadegate_connections_active{listener=\"echo\"}") == 1.0
    });
    proxy.drain();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hi"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    assert_eq!(proxy.join(), Outcome::Graceful);
}

#[test]
fn a_connection_that_does_not_finish_is_cut_at_the_deadline_and_the_end_is_forced() {
    let yaml = tcp_yaml(echo(), "").replace("drain: 20s", "drain: 300ms");
    let proxy = start(&yaml);
    let mut client = connect(proxy.address("echo").unwrap());
    exchange(&mut client, b"before");
    let started = Instant::now();
    proxy.drain();
    assert_eq!(proxy.join(), Outcome::Forced);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn a_stop_cuts_at_once() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let mut client = connect(proxy.address("echo").unwrap());
    exchange(&mut client, b"before");
    proxy.drain();
    let started = Instant::now();
    proxy.stop();
    assert_eq!(proxy.join(), Outcome::Forced);
    assert!(started.elapsed() < Duration::from_secs(10), "the drain time was waited for");
}

#[test]
fn a_proxy_without_connections_ends_gracefully_at_once() {
    let proxy = start(&tcp_yaml(echo(), ""));
    proxy.drain();
    assert_eq!(proxy.join(), Outcome::Graceful);
}
