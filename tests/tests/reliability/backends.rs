//! R12: backends that are absent, that come and go, that are slow to accept; and half-closed connections.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connect, connectors, get, honest_echo, ping};
use crate::ground::outside::{descriptors, metric, wait_quiet};
use crate::ground::{Ground, Settings, block_on, scaled};
use jadegate_tests::net;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[test]
fn an_absent_backend_is_502_or_a_reset_and_both_are_counted() {
    block_on(async {
        let nobody = net::free_address().expect("a port");
        for (kind, _) in connectors(&Ground::before(nobody, &Settings::default()).pki) {
            let ground = Ground::before(nobody, &Settings::default());
            let mut stream = connect(ground.address, &kind.connector(&ground.pki)).await.expect("a connection").stream;
            let (head, body) = get(&mut stream, "/").await.expect("an answer");
            assert!(head.starts_with("HTTP/1.1 502 "), "{kind:?}: {head}");
            assert!(body.len() < 200 && !String::from_utf8_lossy(&body).contains(&nobody.port().to_string()));
            assert!(metric(&ground.jadegate, "upstream_errors_total", "") >= 1.0);
        }
        let ground = Ground::before(nobody, &Settings { protocol: "tcp", ..Settings::default() });
        let open = descriptors(&ground.jadegate);
        for _ in 0..10 {
            honest_echo(ground.address, &Kind::Tlcp.connector(&ground.pki)).await.expect_err("there is no echo");
        }
        assert!(metric(&ground.jadegate, "upstream_errors_total", "reason=\"upstream_connect_refused\"") >= 10.0);
        wait_quiet(&ground.jadegate, open);
    });
}

#[test]
fn a_backend_that_comes_and_goes_leaves_no_half_open_connection_and_is_used_again_at_once() {
    block_on(async {
        let place = net::free_address().expect("a port");
        let ground = Ground::before(place, &Settings { protocol: "tcp", ..Settings::default() });
        let open = descriptors(&ground.jadegate);
        let clients = connectors(&ground.pki);
        for round in 0..scaled(20, 6) {
            let backend = Backend::start(place, |mut stream: TcpStream| async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.map(drop)
            });
            let mut held = Vec::new();
            for (kind, connector) in &clients {
                let mut stream = connect(ground.address, connector).await.expect("a connection").stream;
                ping(&mut stream, b"here").await.unwrap_or_else(|error| panic!("{kind:?}, {round}: {error:#}"));
                held.push(stream);
            }
            assert_eq!(metric(&ground.jadegate, "upstream_connections_active", ""), 4.0);
            drop(backend);
            for mut stream in held {
                let end = tokio::time::timeout(STEP, stream.read(&mut [0; 10])).await.expect("the end is passed on");
                assert!(!matches!(end, Ok(1..)));
            }
            honest_echo(ground.address, &clients[0].1).await.expect_err("it is away");
        }
        wait_quiet(&ground.jadegate, open);
        assert_eq!(metric(&ground.jadegate, "upstream_connections_active", ""), 0.0);
    });
}

#[test]
fn a_backend_that_does_not_accept_is_given_up_after_the_connect_timeout() {
    block_on(async {
        // A backlog of nothing, filled by us: further connections hang.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
        socket.listen(0).expect("a backlog");
        let place = socket.local_addr().expect("an address").as_socket().expect("an address");
        let mut fillers = Vec::new();
        for _ in 0..3 {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            filler.set_nonblocking(true).expect("a socket");
            drop(filler.connect(&place.into()));
            fillers.push(filler);
        }
        let top = format!("backends:\n  - {{ name: slow, endpoints: [\"{place}\"], timeouts: {{ connect: 1s }} }}\n");
        let pki = jadegate_tests::pki::Pki::new().expect("certificates");
        let address = net::free_address().expect("a port");
        let settings = Settings { top: &top, ..Settings::default() };
        let yaml =
            crate::ground::yaml(&pki, address, place, &settings).replace(&format!("backend: {place}"), "backend: slow");
        let jadegate = jadegate_tests::jadegate::Jadegate::start(&yaml).expect("it starts");
        let mut stream = connect(address, &Kind::Tls13.connector(&pki)).await.expect("a connection").stream;
        let (head, _) = get(&mut stream, "/").await.expect("an answer");
        assert!(head.starts_with("HTTP/1.1 504 "), "{head}");
        let counted = metric(&jadegate, "upstream_errors_total", "reason=\"upstream_connect_timeout\"");
        assert!(counted >= 1.0, "{counted}");
    });
}

/// Reads to the end of the request before it answers, so it needs to see the client's end.
async fn count_then_answer(mut stream: TcpStream) -> io::Result<()> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    stream.write_all(format!("{} bytes", all.len()).as_bytes()).await?;
    stream.shutdown().await
}

/// Says all it has to say first, and then reads on.
async fn answer_then_count(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"that is all").await?;
    stream.shutdown().await?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    // Seen by the client as an end in order; anything else would reset.
    if all == b"and now I" { Ok(()) } else { Err(io::Error::other("something else came")) }
}

#[test]
fn the_clients_half_close_reaches_the_backend_and_the_answer_still_comes() {
    block_on(async {
        let backend = Backend::start((Ipv4Addr::LOCALHOST, 0).into(), count_then_answer);
        let ground = Ground::start(backend, &Settings { protocol: "tcp", ..Settings::default() });
        for (kind, connector) in connectors(&ground.pki) {
            let mut stream = connect(ground.address, &connector).await.expect("a connection").stream;
            stream.write_all(&[b'x'; 100_000]).await.expect("sent");
            stream.shutdown().await.expect("half-closed");
            let mut answer = String::new();
            let read = tokio::time::timeout(STEP, stream.read_to_string(&mut answer)).await.expect("an answer");
            read.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert_eq!(answer, "100000 bytes", "{kind:?}");
        }
    });
}

#[test]
fn the_backends_half_close_reaches_the_client_and_what_it_still_sends_arrives() {
    block_on(async {
        let backend = Backend::start((Ipv4Addr::LOCALHOST, 0).into(), answer_then_count);
        let ground = Ground::start(backend, &Settings { protocol: "tcp", ..Settings::default() });
        let open = descriptors(&ground.jadegate);
        for (kind, connector) in connectors(&ground.pki) {
            let mut stream = connect(ground.address, &connector).await.expect("a connection").stream;
            let mut answer = Vec::new();
            let read = tokio::time::timeout(STEP, stream.read_to_end(&mut answer)).await.expect("an end");
            read.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert_eq!(answer, b"that is all", "{kind:?}");
            stream.write_all(b"and now I").await.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            stream.shutdown().await.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
        wait_quiet(&ground.jadegate, open);
        let received = metric(&ground.jadegate, "downstream_bytes_total", "direction=\"in\"");
        assert_eq!(received, 4.0 * 9.0, "{}", ground.jadegate.log());
    });
}
