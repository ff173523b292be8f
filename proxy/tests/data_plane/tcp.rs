//! TCP proxying.

use crate::support::{answers, backend, connect, echo, eventually, exchange, metric, start, tcp_yaml};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

#[test]
fn the_end_of_the_request_reaches_the_backend_and_its_answer_still_comes_back() {
    let counting = backend(|mut stream| {
        let mut request = Vec::new();
        stream.read_to_end(&mut request).unwrap();
        write!(stream, "{} bytes", request.len()).unwrap();
    });
    let proxy = start(&tcp_yaml(counting, ""));
    let mut client = connect(proxy.address("echo").unwrap());
    client.write_all(&[7; 100_000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "100000 bytes");
    eventually("the bytes to be counted", || {
        metric(&proxy, "jadegate_downstream_bytes_total{listener=\"echo\",direction=\"in\"}") == 100_000.0
    });
}

#[test]
fn a_connection_on_which_nothing_moves_is_closed_after_the_idle_timeout() {
    let proxy = start(&tcp_yaml(echo(), ", timeouts: { idle: 300ms }"));
    let mut client = connect(proxy.address("echo").unwrap());
    exchange(&mut client, b"hello");
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    eventually("the place to be free", || metric(&proxy, "jadegate_connections_active{listener=\"echo\"}") == 0.0);
}

#[test]
fn a_backend_that_is_not_there_resets_the_client_and_is_counted_and_others_are_served_when_it_is_back() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = start(&tcp_yaml(address, ""));
    let mut client = connect(proxy.address("echo").unwrap());
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    eventually("the failure to be counted", || {
        proxy.metrics().encode().lines().any(|line| line.starts_with("jadegate_upstream_errors_total{"))
    });
    let listener = TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut word = [0; 1];
        stream.read_exact(&mut word).unwrap();
        stream.write_all(&word).unwrap();
    });
    assert!(answers(proxy.address("echo").unwrap()));
}

#[test]
fn a_backend_that_breaks_off_is_seen_as_a_reset_not_as_an_end() {
    let breaking = backend(|stream| {
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    let proxy = start(&tcp_yaml(breaking, ""));
    let mut client = connect(proxy.address("echo").unwrap());
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_connection_over_the_limit_is_refused_and_counted_and_its_place_comes_back() {
    let proxy = start(&tcp_yaml(echo(), ", limits: { connections: 2 }"));
    let address: SocketAddr = proxy.address("echo").unwrap();
    let mut held: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
    held.iter_mut().for_each(|stream| exchange(stream, b"in"));
    let mut third = connect(address);
    assert!(matches!(third.read(&mut [0]), Ok(0) | Err(_)));
    let refused = "jadegate_connections_refused_total{listener=\"echo\",reason=\"listener_limit\"}";
    eventually("the refusal to be counted", || metric(&proxy, refused) == 1.0);
    held.pop();
    eventually("the place to be free", || answers(address));
}

#[test]
fn many_bytes_in_both_directions_at_once_arrive_whole_and_in_order() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let client = connect(proxy.address("echo").unwrap());
    let mut writer = client.try_clone().unwrap();
    let block: Vec<u8> = (0..u16::MAX).flat_map(u16::to_be_bytes).collect();
    let sent = block.clone();
    let sending = std::thread::spawn(move || {
        for _ in 0..64 {
            writer.write_all(&sent).unwrap();
        }
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut reader = &client;
    let mut got = vec![0; block.len()];
    for _ in 0..64 {
        reader.read_exact(&mut got).unwrap();
        assert!(got == block);
    }
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    sending.join().unwrap();
}

#[test]
fn the_bytes_of_a_connection_are_counted_while_it_lives_and_once() {
    let proxy = start(&tcp_yaml(echo(), ""));
    let mut client = connect(proxy.address("echo").unwrap());
    let counted = |direction: &str| {
        metric(&proxy, &format!("jadegate_downstream_bytes_total{{listener=\"echo\",direction=\"{direction}\"}}"))
    };
    for round in 1..=3 {
        exchange(&mut client, &[7; 1000]);
        let all = f64::from(round) * 1000.0;
        eventually("the bytes to be counted", || counted("in") == all && counted("out") == all);
    }
    drop(client);
    eventually("the end", || metric(&proxy, "jadegate_connections_active{listener=\"echo\"}") == 0.0);
    assert_eq!((counted("in"), counted("out")), (3000.0, 3000.0));
}
