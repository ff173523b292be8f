//! How long things may take, and how connections end.

use super::harness::*;
use http::{Request, StatusCode};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(200);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn silent() -> std::net::SocketAddr {
    scripted(|mut client, _| async move {
        client.head().await;
        client.rest().await;
    })
    .await
}

#[tokio::test(flavor = "local")]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let slow = scripted(|mut client, _| async move {
        while client.next_head().await.is_some() {
            tokio::time::sleep(SHORT * 2).await;
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let settings = Settings::new(&[slow.await]).with(|settings| settings.timeouts.idle = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    assert_eq!(client.ask(GET).await.status, 200);
    assert_eq!(client.ask(GET).await.status, 200);
    let since = Instant::now();
    assert!(client.is_closed().await);
    assert!(since.elapsed() >= SHORT / 2, "{:?}", since.elapsed());

    let mut client = proxy.connect_http2().await;
    let request = || Request::builder().uri("http://a/").body(Streamed::empty()).unwrap();
    assert_eq!(client.send_request(request()).await.unwrap().status(), StatusCode::OK);
    eventually(|| client.is_closed()).await;
    eventually(|| proxy.connections.get() == 0).await;
}

#[tokio::test(flavor = "local")]
async fn a_slow_head_is_answered_with_408_and_silence_with_nothing() {
    let settings = Settings::new(&[mirror().await]).with(|settings| settings.timeouts.header = SHORT);
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    client.send("GET / HT").await;
    assert_eq!(client.reply().await.status, 408);
    assert!(client.is_closed().await);
    assert!(proxy.connect().await.is_closed().await);
    assert_eq!(proxy.record().await.failure, Some("header_timeout"));
    // Part of the HTTP/2 preface is silence too.
    let mut client = proxy.connect().await;
    client.send("PRI * HT").await;
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "local")]
async fn a_head_in_drips_does_not_gain_time() {
    let settings = Settings::new(&[mirror().await]).with(|settings| settings.timeouts.header = SHORT);
    let mut client = settings.start().await.connect().await;
    client.send("GET / HTTP/1.1\r\nX: ").await;
    let started = Instant::now();
    while started.elapsed() < SHORT * 3 {
        use tokio::io::AsyncWriteExt;
        if client.stream.write_all(b"x").await.is_err() {
            break;
        }
        tokio::time::sleep(SHORT / 10).await;
    }
    assert_eq!(client.reply().await.status, 408);
}

#[tokio::test(flavor = "local")]
async fn a_request_that_stops_coming_is_answered_with_408() {
    let settings = Settings::new(&[silent().await]).with(|settings| settings.timeouts.idle = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome").await;
    assert_eq!(client.reply().await.status, 408);
    assert_eq!(proxy.record().await.failure, Some("request_body_timeout"));
    eventually(|| proxy.upstreams.open_count() == 0).await;
}

#[tokio::test(flavor = "local")]
async fn a_backend_that_does_not_answer_in_time_is_504() {
    let settings = Settings::new(&[silent().await]).with(|settings| settings.backend.timeouts.response = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        let reply = client.ask(GET).await;
        assert_eq!((reply.status, reply.text()), (504, "upstream response timed out\n"));
    }
    let records = proxy.records(2).await;
    assert_eq!(records[1].failure, Some("upstream_response_timeout"));
    assert_eq!(proxy.upstreams.open_count(), 0);
}

#[tokio::test(flavor = "local")]
async fn the_backends_time_begins_with_the_end_of_the_request() {
    let settings = Settings::new(&[mirror().await]).with(|settings| settings.backend.timeouts.response = Some(SHORT));
    let mut client = settings.start().await.connect().await;
    let body = scripted(|mut client, _| async move {
        client.head().await;
        client.exactly(4).await;
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    });
    let settings = Settings::new(&[body.await]).with(|settings| settings.backend.timeouts.response = Some(SHORT));
    let mut slow = settings.start().await.connect().await;
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n").await;
    for _ in 0..4 {
        tokio::time::sleep(SHORT / 2).await;
        slow.send("x").await;
    }
    assert_eq!(slow.reply().await.status, 200);
    assert_eq!(client.ask(GET).await.status, 200);
}

#[tokio::test(flavor = "local")]
async fn a_response_that_stops_coming_is_cut() {
    let stalling = scripted(|mut client, _| async move {
        client.head().await;
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").await;
        client.rest().await;
    });
    let settings = Settings::new(&[stalling.await]).with(|settings| settings.timeouts.idle = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    client.send(GET).await;
    client.head().await;
    assert_eq!(client.rest().await, b"some");
    assert_eq!(proxy.record().await.failure, Some("response_body_timeout"));
    eventually(|| proxy.upstreams.open_count() == 0 && proxy.connections.get() == 0).await;
}

#[tokio::test(flavor = "local")]
async fn a_client_that_does_not_read_is_cut() {
    let endless = scripted(|mut client, _| async move {
        use tokio::io::AsyncWriteExt;
        client.head().await;
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        while client.stream.write_all(&[0; 1 << 16]).await.is_ok() {}
    });
    let settings = Settings::new(&[endless.await]).with(|settings| settings.timeouts.idle = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    client.send(GET).await;
    let mut http2 = proxy.connect_http2().await;
    let request = Request::builder().uri("http://a/").body(Streamed::empty()).unwrap();
    let response = http2.send_request(request).await.unwrap();
    let records = proxy.records(2).await;
    assert!(records.iter().all(|record| record.failure == Some("idle_timeout")), "{records:?}");
    eventually(|| proxy.upstreams.open_count() == 0 && proxy.connections.get() == 0).await;
    drop(response);
}

#[tokio::test(flavor = "local")]
async fn an_exchange_that_takes_too_long_as_a_whole_is_cut() {
    let ticking = scripted(|mut client, _| async move {
        use tokio::io::AsyncWriteExt;
        client.head().await;
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while client.stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let settings = Settings::new(&[ticking.await]).with(|settings| settings.timeouts.request = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    client.send(GET).await;
    client.head().await;
    assert!(client.rest().await.len() < 100);
    assert_eq!(proxy.record().await.failure, Some("response_body_timeout"));
}

/// A backend that answers when it is told to.
async fn on_demand() -> (std::net::SocketAddr, std::rc::Rc<tokio::sync::Semaphore>) {
    let permits = std::rc::Rc::new(tokio::sync::Semaphore::new(0));
    let given = std::rc::Rc::clone(&permits);
    let address = scripted(move |mut client, _| {
        let given = std::rc::Rc::clone(&given);
        async move {
            while client.next_head().await.is_some() {
                given.acquire().await.unwrap().forget();
                client.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    })
    .await;
    (address, permits)
}

#[tokio::test(flavor = "local")]
async fn a_drain_lets_exchanges_finish_and_closes_idle_connections_at_once() {
    let (backend, permits) = on_demand().await;
    let proxy = Settings::new(&[backend]).start().await;
    let mut idle = proxy.connect().await;
    permits.add_permits(1);
    idle.ask(GET).await;
    let mut silent = proxy.connect().await;
    let mut busy = proxy.connect().await;
    busy.send(GET).await;
    let mut http2 = proxy.connect_http2().await;
    let request = Request::builder().uri("http://a/").body(Streamed::empty()).unwrap();
    let call = tokio::task::spawn_local(http2.send_request(request));
    eventually(|| proxy.upstreams.open_count() == 2).await;
    proxy.drain.start();
    assert!(idle.is_closed().await && silent.is_closed().await);
    permits.add_permits(2);
    let reply = busy.reply().await;
    assert_eq!((reply.text(), reply.field("connection")), ("ok", Some("close")));
    assert!(busy.is_closed().await);
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    eventually(|| http2.is_closed() && proxy.connections.get() == 0).await;
}

#[tokio::test(flavor = "local")]
async fn an_aborted_drain_cuts_everything() {
    let proxy = Settings::new(&[silent().await]).start().await;
    let mut busy = proxy.connect().await;
    busy.send(GET).await;
    let http2 = proxy.connect_http2().await;
    eventually(|| proxy.upstreams.open_count() == 1).await;
    proxy.drain.abort();
    assert!(busy.is_closed().await);
    eventually(|| http2.is_closed() && proxy.connections.get() == 0).await;
    assert_eq!(proxy.record().await.failure, Some("drain_aborted"));
}

#[tokio::test(flavor = "local")]
async fn an_aborted_drain_cuts_a_tunnel() {
    let backend = scripted(|mut client, _| async move {
        client.head().await;
        client.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
        client.rest().await;
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    client.head().await;
    proxy.drain.start();
    client.send("still").await;
    proxy.drain.abort();
    assert!(client.is_closed().await);
    let record = proxy.record().await;
    assert_eq!((record.status, record.failure), (Some(101), Some("drain_aborted")));
}

#[tokio::test(flavor = "local")]
async fn an_old_connection_is_asked_to_leave() {
    let settings = Settings::new(&[mirror().await]).with(|settings| settings.timeouts.lifetime = Some(SHORT));
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    assert_eq!(client.ask(GET).await.status, 200);
    assert!(client.is_closed().await);
    let client = proxy.connect_http2().await;
    eventually(|| client.is_closed() && proxy.connections.get() == 0).await;
}
