//! Taking a new configuration, whole or not at all.

use crate::support::{
    PATIENCE, answers, backend, config, connect, echo, eventually, exchange, get, metric, start, tcp_yaml,
};
use jadegate_proxy::Handle;
use jadegate_proxy::reconcile::ReloadError;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

fn reload(proxy: &Handle, yaml: &str) -> Result<u64, ReloadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, proxy.reload(config(yaml))).await.unwrap() })
}

/// A backend that greets.
fn greeter(greeting: &'static [u8]) -> SocketAddr {
    backend(move |mut stream| {
        stream.write_all(greeting).unwrap();
        let _ = stream.read(&mut [0]);
    })
}

fn greeting(address: SocketAddr) -> [u8; 3] {
    let mut word = [0; 3];
    connect(address).read_exact(&mut word).unwrap();
    word
}

#[test]
fn new_connections_go_to_the_new_backend_old_ones_stay_and_the_socket_is_kept() {
    let proxy = start(&tcp_yaml(greeter(b"old"), ""));
    let address = proxy.address("echo").unwrap();
    let mut old = connect(address);
    let mut word = [0; 3];
    old.read_exact(&mut word).unwrap();
    assert_eq!(reload(&proxy, &tcp_yaml(greeter(b"new"), "")).unwrap(), 2);
    assert_eq!(proxy.address("echo"), Some(address));
    assert_eq!(&greeting(address), b"new");
    // The old connection is still the old backend's.
    old.set_nonblocking(true).unwrap();
    assert_eq!(old.read(&mut word).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(metric(&proxy, "jadegate_config_generation"), 2.0);
}

#[test]
fn a_configuration_with_an_address_in_use_is_refused_as_a_whole_and_the_reason_is_shown() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = start(&tcp_yaml(greeter(b"old"), ""));
    let address = proxy.address("echo").unwrap();
    let (new, taken_address) = (greeter(b"new"), taken.local_addr().unwrap());
    let yaml = tcp_yaml(
        new,
        &format!("}}, {{ name: more, bind: '{taken_address}', protocol: tcp, tls: none, backend: '{new}'"),
    );
    let error = reload(&proxy, &yaml).unwrap_err();
    assert_eq!(error.reason(), "bind");
    // Nothing of it was taken, not even the part that would have worked.
    assert_eq!(&greeting(address), b"old");
    assert_eq!(proxy.snapshot().generation, 1);
    assert_eq!(metric(&proxy, "jadegate_config_reloads_total{outcome=\"refused\"}"), 1.0);
    let (_, page) = get(proxy.admin_address().unwrap(), "/");
    assert!(page.contains("refused") && page.contains(&taken_address.to_string()), "{page}");
    // Once the address is free, the same configuration is taken.
    drop(taken);
    reload(&proxy, &yaml).unwrap();
    assert_eq!(&greeting(proxy.address("more").unwrap()), b"new");
}

#[test]
fn a_listener_that_is_gone_closes_its_port_and_its_connections_go_on() {
    let backend = echo();
    let proxy = start(&tcp_yaml(backend, ""));
    let address = proxy.address("echo").unwrap();
    let mut old = connect(address);
    exchange(&mut old, b"before");
    reload(&proxy, &tcp_yaml(backend, "").replace("name: echo", "name: other")).unwrap();
    eventually("the old port to close", || TcpStream::connect(address).is_err());
    exchange(&mut old, b"after");
    assert!(answers(proxy.address("other").unwrap()));
}

#[test]
fn a_missing_access_log_directory_refuses_the_configuration() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let yaml = tcp_yaml(echo(), "").replace("path: off", "path: /nowhere/at/all/access.log");
    assert_eq!(reload(&proxy, &yaml).unwrap_err().reason(), "access_log_open");
    assert!(answers(proxy.address("echo").unwrap()));
}

#[test]
fn reloads_in_a_storm_are_taken_one_after_the_other_and_the_last_one_wins() {
    let proxy = start(&tcp_yaml(greeter(b"old"), ""));
    let backends = [greeter(b"aaa"), greeter(b"zzz")];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for round in 0..50 {
            proxy.reload(config(&tcp_yaml(backends[round % 2], ""))).await.unwrap();
        }
    });
    assert_eq!(proxy.snapshot().generation, 51);
    assert_eq!(&greeting(proxy.address("echo").unwrap()), b"zzz");
}
