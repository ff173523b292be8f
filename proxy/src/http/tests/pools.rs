//! Connections to backends: kept, bounded, replaced.

use super::harness::*;
use jadegate_config::model::Endpoint;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A backend that answers one request per connection and closes it, without a word, when the next one comes.
async fn forgetful() -> (std::net::SocketAddr, Rc<Cell<usize>>) {
    let connections = Rc::new(Cell::new(0));
    let count = Rc::clone(&connections);
    let address = scripted(move |mut client, _| {
        count.set(count.get() + 1);
        async move {
            client.head().await;
            client.send(OK).await;
            client.head().await;
        }
    })
    .await;
    (address, connections)
}

#[tokio::test(flavor = "local")]
async fn a_request_on_a_connection_that_closed_is_sent_again_if_it_may() {
    let (backend, connections) = forgetful().await;
    let proxy = Settings::new(&[backend]).start().await;
    let mut client = proxy.connect().await;
    for _ in 0..3 {
        assert_eq!(client.ask(GET).await.status, 200);
    }
    // The second and third each met a connection that closed, and took a new one.
    assert_eq!(connections.get(), 3);
    let reply = client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(reply.status, 502, "a POST was repeated");
}

#[tokio::test(flavor = "local")]
async fn a_new_connection_that_closes_is_not_tried_again() {
    let connections = Rc::new(Cell::new(0));
    let count = Rc::clone(&connections);
    let backend = scripted(move |mut client, _| {
        count.set(count.get() + 1);
        async move {
            client.head().await;
        }
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    assert_eq!(proxy.connect().await.ask(GET).await.status, 502);
    assert_eq!(connections.get(), 1);
}

#[tokio::test(flavor = "local")]
async fn endpoints_take_turns_and_one_that_is_down_costs_no_request() {
    let down = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (one, two) = (mirror().await, mirror().await);
    let proxy = Settings::new(&[one, down, two]).start().await;
    let mut client = proxy.connect().await;
    for _ in 0..6 {
        assert_eq!(client.ask(GET).await.status, 200);
    }
    let records = proxy.records(6).await;
    let served = |address: std::net::SocketAddr| {
        records.iter().filter(|record| record.upstream == Some(address.to_string())).count()
    };
    assert_eq!((served(one), served(two), served(down)), (3, 3, 0));
}

#[tokio::test(flavor = "local")]
async fn when_every_endpoint_is_down_the_client_is_told() {
    let down = || async { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let proxy = Settings::new(&[down().await, down().await]).start().await;
    assert_eq!(proxy.connect().await.ask(GET).await.status, 502);
}

#[tokio::test(flavor = "local")]
async fn connections_are_bounded_and_requests_wait_for_one_or_are_refused() {
    let permits = Rc::new(tokio::sync::Semaphore::new(0));
    let given = Rc::clone(&permits);
    let backend = scripted(move |mut client, _| {
        let given = Rc::clone(&given);
        async move {
            while client.next_head().await.is_some() {
                given.acquire().await.unwrap().forget();
                client.send(OK).await;
            }
        }
    });
    let settings = Settings::new(&[backend.await]).with(|settings| {
        settings.backend.pool.max_connections = 1;
        settings.backend.pool.max_pending = 1;
    });
    let proxy = settings.start().await;
    let (mut first, mut second, mut third) = (proxy.connect().await, proxy.connect().await, proxy.connect().await);
    first.send(GET).await;
    eventually(|| proxy.upstreams.open_count() == 1).await;
    second.send(GET).await;
    // Whichever of the two comes first waits; the other one finds the queue full.
    third.send(GET).await;
    let refused = tokio::select! {
        reply = second.reply() => reply,
        reply = third.reply() => reply,
    };
    assert_eq!((refused.status, refused.text()), (503, "upstream overloaded\n"));
    permits.add_permits(2);
    assert_eq!(first.reply().await.status, 200);
    let records = proxy.records(3).await;
    assert_eq!(records.iter().filter(|record| record.status == Some(200)).count(), 2);
    assert_eq!(proxy.upstreams.open_count(), 1);
}

#[tokio::test(flavor = "local")]
async fn waiting_for_a_connection_has_an_end() {
    let backend = scripted(|mut client, _| async move {
        client.rest().await;
    });
    let settings = Settings::new(&[backend.await]).with(|settings| {
        settings.backend.pool.max_connections = 1;
        settings.backend.timeouts.connect = Duration::from_millis(100);
    });
    let proxy = settings.start().await;
    let mut first = proxy.connect().await;
    first.send(GET).await;
    eventually(|| proxy.upstreams.open_count() == 1).await;
    assert_eq!(proxy.connect().await.ask(GET).await.status, 503);
    assert_eq!(proxy.record().await.failure, Some("upstream_pool_timeout"));
}

#[tokio::test(flavor = "local")]
async fn idle_connections_are_bounded_in_number_and_time() {
    let settings = Settings::new(&[mirror().await]).with(|settings| {
        settings.backend.pool.max_idle = 2;
        settings.backend.timeouts.idle = Some(Duration::from_millis(200));
    });
    let proxy = settings.start().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = proxy.connect().await;
        client.send(GET).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.reply().await.status, 200);
    }
    proxy.records(5).await;
    assert!(proxy.upstreams.idle_count() <= 2);
    eventually(|| proxy.upstreams.open_count() == 0).await;
}

#[tokio::test(flavor = "local")]
async fn a_connection_that_the_backend_closed_is_noticed_before_it_is_used() {
    let closing = scripted(|mut client, _| async move {
        client.head().await;
        client.send(OK).await;
    });
    let proxy = Settings::new(&[closing.await]).start().await;
    let mut client = proxy.connect().await;
    client.ask(GET).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Not even a request that may not be repeated is lost.
    assert_eq!(client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await.status, 200);
    eventually(|| proxy.upstreams.open_count() == 0).await;
}

#[tokio::test(flavor = "local")]
async fn a_pool_of_an_older_generation_is_never_used_again() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut old = proxy.connect().await;
    old.ask(GET).await;
    eventually(|| proxy.upstreams.idle_count() == 1).await;
    let current = runtime(proxy.backend.borrow().config.clone(), 2);
    proxy.upstreams.retire(&[Arc::clone(&current)]);
    assert_eq!(proxy.upstreams.idle_count(), 0);
    proxy.backend.replace(current);
    let mut new = proxy.connect().await;
    new.ask(GET).await;
    // A connection that started under the old generation stays with it, and leaves nothing behind.
    old.ask(GET).await;
    let records = proxy.records(3).await;
    assert!(records.iter().all(|record| record.connected), "{records:?}");
    assert_eq!((proxy.upstreams.idle_count(), proxy.upstreams.open_count()), (1, 1));
}

#[tokio::test(flavor = "local")]
async fn a_backend_may_listen_on_a_unix_socket() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("backend.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::task::spawn_local(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.read(&mut [0; 4096]).await.unwrap() > 0 {
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    });
    let settings = Settings::new(&[]).with(|settings| settings.backend.endpoints = vec![Endpoint::Unix(path)]);
    let proxy = settings.start().await;
    assert_eq!(proxy.connect().await.ask(GET).await.status, 200);
    assert!(proxy.record().await.upstream.unwrap().starts_with("unix:/"));
}

#[tokio::test(flavor = "local")]
async fn an_http2_session_that_goes_away_is_replaced() {
    use http::Response;
    let served = Rc::new(Cell::new(0));
    let count = Rc::clone(&served);
    let backend = http2_backend(move |_| {
        count.set(count.get() + 1);
        async { Response::new(Streamed::empty()) }
    });
    let settings = Settings::new(&[backend.await]).http2_backend().with(|settings| {
        settings.backend.timeouts.idle = Some(Duration::from_millis(100));
    });
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    assert_eq!(client.ask(GET).await.status, 200);
    eventually(|| proxy.upstreams.open_count() == 0).await;
    assert_eq!(client.ask(GET).await.status, 200);
    assert_eq!(served.get(), 2);
}

#[tokio::test(flavor = "local")]
async fn bytes_go_over_a_connection_of_their_own() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let down = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let up = scripted(|mut client, _| async move {
        let bytes = client.exactly(4).await;
        client.send(bytes).await;
    })
    .await;
    let proxy = Settings::new(&[down, up]).start().await;
    let backend = Arc::clone(&proxy.backend.borrow());
    let (mut stream, facts) = proxy.upstreams.connect_tcp(&backend).await.unwrap();
    assert_eq!(&*facts.address, up.to_string());
    stream.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}
