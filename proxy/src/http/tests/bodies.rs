//! Bodies and tunnels: streamed both ways, never collected.

use super::harness::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A backend that sends each chunk back as it comes.
async fn echo() -> std::net::SocketAddr {
    scripted(|mut client, _| async move {
        while let Some(head) = client.next_head().await {
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            loop {
                let line = client.until("\r\n").await;
                let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
                let chunk = client.exactly(size + 2).await;
                client.send([line.as_bytes(), &chunk].concat()).await;
                if size == 0 {
                    break;
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "local")]
async fn both_bodies_stream_at_the_same_time_and_the_connection_is_reused() {
    let proxy = Settings::new(&[echo().await]).start().await;
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        client.head().await;
        for word in ["one", "two", "three"] {
            client.send(format!("{:x}\r\n{word}\r\n", word.len())).await;
            assert_eq!(client.until("\r\n").await.trim_end(), format!("{:X}", word.len()));
            assert_eq!(client.exactly(word.len() + 2).await, format!("{word}\r\n").into_bytes());
        }
        client.send("0\r\n\r\n").await;
        assert_eq!(client.until("\r\n\r\n").await, "0\r\n\r\n");
    }
    let records = proxy.records(2).await;
    assert_eq!((records[0].bytes_in, records[0].bytes_out, records[0].failure), (11, 11, None));
    assert!(!records[1].connected, "the backend's connection was not reused");
}

#[tokio::test(flavor = "local")]
async fn a_chunked_get_keeps_its_body() {
    let proxy = Settings::new(&[echo().await]).start().await;
    let mut client = proxy.connect().await;
    let reply = client.ask("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").await;
    assert_eq!(reply.text(), "hi");
}

#[tokio::test(flavor = "local")]
async fn chunk_extensions_do_not_go_on() {
    let proxy = Settings::new(&[echo().await]).start().await;
    let mut client = proxy.connect().await;
    let chunks = "2;a=b\r\nhi\r\n0;c\r\n\r\n";
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")).await;
    client.head().await;
    assert_eq!(client.until("0\r\n\r\n").await, "2\r\nhi\r\n0\r\n\r\n");
}

#[tokio::test(flavor = "local")]
async fn trailers_go_both_ways() {
    let backend = scripted(|mut client, _| async move {
        client.head().await;
        let body = client.until("\r\n\r\n").await;
        assert_eq!(body, "2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n");
        client
            .send("HTTP/1.1 200 OK\r\nTrailer: x-back\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nyo\r\n0\r\nX-Back: 2\r\n\r\n")
            .await;
    });
    let mut client = Settings::new(&[backend.await]).start().await.connect().await;
    let reply = client
        .ask("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")
        .await;
    assert_eq!((reply.text(), reply.field("x-back")), ("yo", Some("2")));
}

#[tokio::test(flavor = "local")]
async fn large_bodies_arrive_whole_in_both_directions() {
    const SIZE: usize = 8 << 20;
    let backend = scripted(|mut client, _| async move {
        client.head().await;
        let body = client.exactly(SIZE).await;
        client.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")).await;
        client.send(body).await;
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    let mut client = proxy.connect().await;
    let body: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")).await;
    client.send(&body).await;
    assert!(client.reply().await.body == body);
    let record = proxy.record().await;
    assert_eq!((record.bytes_in, record.bytes_out), (SIZE as u64, SIZE as u64));
}

#[tokio::test(flavor = "local")]
async fn a_client_that_does_not_read_makes_the_backend_wait() {
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let backend = scripted(move |mut client, _| {
        let count = Rc::clone(&count);
        async move {
            client.head().await;
            client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let chunk = [b"4000\r\n", &[b'x'; 0x4000][..], b"\r\n"].concat();
            while client.stream.write_all(&chunk).await.is_ok() {
                count.set(count.get() + chunk.len());
            }
        }
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.head().await;
    let mut before = usize::MAX;
    while before != sent.get() {
        before = sent.get();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // What the kernel holds in four socket buffers, and a few hundred kilobytes at most of ours.
    let held_by_us = proxy.upstreams.open_count();
    assert_eq!(held_by_us, 1);
    assert!(before < 16 << 20, "{before} bytes were taken from the backend");
    let handed_over = before;
    let mut drained = 0;
    let mut buffer = vec![0; 1 << 16];
    while drained < handed_over {
        drained += client.stream.read(&mut buffer).await.unwrap();
    }
    eventually(|| sent.get() > handed_over).await;
}

#[tokio::test(flavor = "local")]
async fn a_response_that_comes_before_the_end_of_its_request_is_passed_on() {
    let early = scripted(|mut client, number| async move {
        client.head().await;
        let text = if number == 0 { "no" } else { "ok" };
        client.send(format!("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{text}")).await;
        client.rest().await;
    });
    let proxy = Settings::new(&[early.await]).start().await;
    let mut client = proxy.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst part").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.text()), (403, "no"));
    proxy.record().await;
    assert_eq!(proxy.upstreams.idle_count(), 0, "a connection with half a request on it was kept");
}

#[tokio::test(flavor = "local")]
async fn a_response_that_breaks_off_breaks_off_for_the_client_too() {
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let breaking = scripted(move |mut client, _| async move {
            client.head().await;
            client.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n")).await;
        });
        let proxy = Settings::new(&[breaking.await]).start().await;
        let mut client = proxy.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.rest().await;
        assert!(!answer.ends_with(b"0\r\n\r\n") && answer.len() < 100, "the client takes it for complete");
        assert_eq!(proxy.record().await.failure, Some("response_body"));
    }
}

#[tokio::test(flavor = "local")]
async fn a_response_that_ends_with_its_connection_is_complete() {
    let closing = scripted(|mut client, _| async move {
        client.head().await;
        client.send("HTTP/1.0 200 OK\r\n\r\nhello").await;
    });
    let proxy = Settings::new(&[closing.await]).start().await;
    let reply = proxy.connect().await.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(reply.text(), "hello");
    assert_eq!(proxy.record().await.failure, None);
    assert_eq!(proxy.upstreams.open_count(), 0);
}

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[tokio::test(flavor = "local")]
async fn a_websocket_carries_bytes_both_ways_and_keeps_half_closes() {
    let backend = scripted(|mut client, _| async move {
        let head = client.head().await;
        assert!(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
        assert!(head.contains("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "{head}");
        // The first words of the new protocol come in one piece with the head of the old.
        client.send([SWITCHING.as_bytes(), b"\0hello"].concat()).await;
        let all = client.rest().await;
        client.send(&all).await;
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    let mut client = proxy.connect().await;
    client.send(HANDSHAKE).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: websocket\r\n"), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert_eq!(client.exactly(6).await, b"\0hello");
    client.send(b"\0\r\n\n\x01 not http").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.rest().await, b"\0\r\n\n\x01 not http");
    let record = proxy.record().await;
    assert_eq!((record.status, record.failure), (Some(101), None));
    assert_eq!((record.bytes_in, record.bytes_out), (14, 20));
}

#[tokio::test(flavor = "local")]
async fn bytes_sent_before_the_switch_are_not_lost() {
    let backend = scripted(|mut client, _| async move {
        client.head().await;
        client.send(SWITCHING).await;
        let early = client.exactly(5).await;
        client.send(&early).await;
    });
    let mut client = Settings::new(&[backend.await]).start().await.connect().await;
    client.send([HANDSHAKE.as_bytes(), b"\0arly"].concat()).await;
    client.head().await;
    assert_eq!(client.exactly(5).await, b"\0arly");
}

#[tokio::test(flavor = "local")]
async fn a_refused_upgrade_leaves_the_connection_http() {
    let proxy =
        Settings::new(&[answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await]).start().await;
    let mut client = proxy.connect().await;
    assert_eq!(client.ask(HANDSHAKE).await.status, 403);
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.status, 403);
    // And the rules of HTTP hold again.
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n").await.status, 400);
}

#[tokio::test(flavor = "local")]
async fn an_upgrade_to_h2c_is_not_offered_to_the_backend() {
    let mut client = Settings::new(&[mirror().await]).start().await.connect().await;
    let reply = client
        .ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
        .await;
    assert!(!reply.text().contains("pgrade") && !reply.text().contains("http2"), "{}", reply.text());
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.status, 200);
}

#[tokio::test(flavor = "local")]
async fn an_idle_websocket_is_cut_and_a_busy_one_is_not() {
    let backend = scripted(|mut client, _| async move {
        client.head().await;
        client.send(SWITCHING).await;
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.send("tick").await;
        }
        client.rest().await;
    });
    let settings = Settings::new(&[backend.await]).with(|settings| {
        settings.timeouts.idle = Some(Duration::from_millis(200));
    });
    let proxy = settings.start().await;
    let mut client = proxy.connect().await;
    client.send(HANDSHAKE).await;
    client.head().await;
    assert_eq!(client.rest().await.len(), 32);
    assert_eq!(proxy.record().await.failure, Some("tunnel_idle"));
}
