//! What the tests share: a proxy from YAML, backends, clients, bounded waits.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use jadegate_config::Config;
use jadegate_proxy::{Handle, Proxy};

/// What a machine under full load needs for any single step.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Parses a configuration that is right.
pub(crate) fn config(yaml: &str) -> Config {
    jadegate_config::parse(yaml, Path::new("/nowhere/jadegate.yaml"))
        .unwrap_or_else(|problems| panic!("{problems}\nin\n{yaml}"))
}

/// A running proxy.
pub(crate) fn start(yaml: &str) -> Handle {
    Proxy::start(config(yaml)).unwrap_or_else(|error| panic!("{error:?}\nin\n{yaml}"))
}

/// A plaintext TCP listener on a free port, with `more` keys for the listener.
pub(crate) fn tcp_yaml(backend: SocketAddr, more: &str) -> String {
    format!(
        "{{ cores: 1, admin: {{ bind: 127.0.0.1:0 }}, log: {{ access: {{ path: off }} }}, shutdown: {{ drain: 20s }},
            listeners: [ {{ name: echo, bind: 127.0.0.1:0, protocol: tcp, tls: none, backend: '{backend}' {more} }} ] }}"
    )
}

/// Looks again and again until the state is reached.
pub(crate) fn eventually(what: &str, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        // A pause between two looks; nothing relies on its length.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Runs `serve` for each connection, on a thread of its own.
pub(crate) fn backend(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Sends back what comes, and its end.
pub(crate) fn echo() -> SocketAddr {
    backend(|stream| {
        let mut reader = stream.try_clone().unwrap();
        let mut writer = &stream;
        if std::io::copy(&mut reader, &mut writer).is_ok() {
            let _ = stream.shutdown(Shutdown::Write);
        }
    })
}

/// A client connection with bounded waits.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a word and expects it back.
pub(crate) fn exchange(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).unwrap();
    let mut back = vec![0; word.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, word);
}

/// Whether somebody answers through the address.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut back = [0];
    stream.write_all(b"?").is_ok() && stream.read_exact(&mut back).is_ok()
}

/// Status and body of a GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// Status and body of what answers a request's text.
pub(crate) fn request(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// The value of a series in `/metrics`; 0 = it is not there.
pub(crate) fn metric(handle: &Handle, series: &str) -> f64 {
    let text = handle.metrics().encode();
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap_or(0.0)
}
