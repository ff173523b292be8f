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

/// One port that changes its owner, one of changing owners, and one that waits for a secret; each under a name of the
/// round, like the backend.
fn renamed(round: usize, backend: SocketAddr, port: SocketAddr) -> String {
    format!(
        "{{ cores: 1, log: {{ access: {{ path: off }} }}, listeners: [
            {{ name: moving-{round}., bind: 127.0.0.1:0, protocol: tcp, tls: none, backend: web-{round}. }},
            {{ name: staying-{round}., bind: '{port}', protocol: tcp, tls: none, backend: web-{round}. }},
            {{ name: waiting-{round}., bind: 127.0.0.1:0, protocol: tcp, backend: web-{round}.,
               tls: {{ certificates: [ {{ cert: /nowhere/{round}..pem, key: /nowhere/{round}..key }} ] }} }} ],
            backends: [ {{ name: web-{round}., endpoints: [ '{backend}' ] }} ] }}"
    )
}

/// Lines of `/metrics`, comments apart, that contain `needle`.
fn series(proxy: &Handle, needle: &str) -> usize {
    proxy.metrics().encode().lines().filter(|line| !line.starts_with('#') && line.contains(needle)).count()
}

#[test]
fn names_that_change_with_each_reload_do_not_add_up_in_the_metrics() {
    let backend = echo();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = start(&renamed(0, backend, port));
    let talk = |round: usize| {
        let mut stream = connect(proxy.address(&format!("moving-{round}.")).unwrap());
        exchange(&mut stream, b"hello");
        exchange(&mut connect(port), b"hello");
        stream
    };
    let mut held = talk(0);
    let at_first = series(&proxy, "");
    let of_one_listener = series(&proxy, "\"moving-0.\"");
    let of_one_backend = series(&proxy, "\"web-0.\"");
    assert!(
        of_one_listener > 20 && of_one_backend > 5 && series(&proxy, "/nowhere/0.") + series(&proxy, "waiting-0.") > 0
    );
    for round in 1..=50 {
        reload(&proxy, &renamed(round, backend, port)).unwrap();
        drop(talk(round));
    }
    // What a connection still counts in stays: its listener, and the backend behind it.
    exchange(&mut held, b"still here");
    let counted = series(&proxy, "\"moving-0.\"");
    assert!(counted > 0 && counted < of_one_listener, "the port's own series is gone, the others are not");
    eventually("the names of other rounds to go", || {
        series(&proxy, "") <= at_first + counted + of_one_backend && series(&proxy, "-49.") == 0
    });
    drop(held);
    eventually("the last old name to go", || series(&proxy, "") <= at_first && series(&proxy, "-0.") == 0);
}

#[test]
fn a_listener_that_comes_back_while_its_connections_last_goes_on_counting() {
    let backend = echo();
    let proxy = start(&tcp_yaml(backend, ""));
    let mut old = connect(proxy.address("echo").unwrap());
    exchange(&mut old, b"before");
    reload(&proxy, &tcp_yaml(backend, "").replace("name: echo", "name: other")).unwrap();
    reload(&proxy, &tcp_yaml(backend, "")).unwrap();
    exchange(&mut connect(proxy.address("echo").unwrap()), b"after");
    exchange(&mut old, b"still");
    assert_eq!(metric(&proxy, "jadegate_connections_accepted_total{listener=\"echo\"}"), 2.0);
}
