//! HTTP/1.1 on both sides: what arrives, and what comes back.

use super::harness::*;
use std::time::Duration;

#[tokio::test(flavor = "local")]
async fn a_request_is_forwarded_and_the_connection_kept_on_both_sides() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect().await;
    let mut length = 0;
    for _ in 0..3 {
        let reply = client.ask("GET /a?b=c HTTP/1.1\r\nHost: site\r\nX-Y: z\r\n\r\n").await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.text(),
            "GET /a?b=c HTTP/1.1\r\nhost: site\r\nx-y: z\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n\r\n"
        );
        length = reply.body.len() as u64;
    }
    let records = proxy.records(3).await;
    assert_eq!(records.iter().map(|record| record.connected).collect::<Vec<_>>(), [true, false, false]);
    let last = &records[2];
    assert_eq!((last.status, last.failure, last.path.as_str()), (Some(200), None, "/a"));
    assert_eq!((last.bytes_in, last.bytes_out), (0, length));
}

#[tokio::test(flavor = "local")]
async fn the_backends_own_date_and_server_are_kept_and_none_is_added() {
    let with = answering("HTTP/1.1 200 OK\r\nDate: yesterday\r\nServer: mine\r\nContent-Length: 0\r\n\r\n").await;
    let without = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let reply = Settings::new(&[with]).start().await.connect().await.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((reply.field("date"), reply.field("server")), (Some("yesterday"), Some("mine")));
    let reply = Settings::new(&[without]).start().await.connect().await.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((reply.field("date"), reply.field("server")), (None, None));
}

#[tokio::test(flavor = "local")]
async fn responses_without_a_body_are_understood_and_the_connection_goes_on() {
    for (request, response, length) in [
        ("HEAD /", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", Some("5000")),
        ("HEAD /", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET /", "HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET /", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", None),
    ] {
        let proxy = Settings::new(&[answering(response).await]).start().await;
        let mut client = proxy.connect().await;
        for _ in 0..2 {
            client.send(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = client.head().await;
            assert_eq!(&head[9..12], &response[9..12]);
            if let Some(length) = length {
                assert!(head.contains(&format!("content-length: {length}\r\n")), "{head}");
            }
        }
        let records = proxy.records(2).await;
        assert!(records.iter().all(|record| record.failure.is_none() && record.bytes_out == 0), "{records:?}");
        assert!(!records[1].connected, "{request} {response}");
    }
}

#[tokio::test(flavor = "local")]
async fn an_http_1_0_client_is_served_with_and_without_keep_alive() {
    let chunked = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").await;
    let proxy = Settings::new(&[chunked]).start().await;
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = String::from_utf8(client.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");

    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect().await;
    for _ in 0..2 {
        let reply = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let host = format!("\r\nhost: {}\r\n", proxy.address);
        assert!(reply.text().starts_with("GET / HTTP/1.1\r\n") && reply.text().contains(&host), "{}", reply.text());
    }
}

#[tokio::test(flavor = "local")]
async fn absolute_and_asterisk_forms_reach_the_backend_in_its_form() {
    let mut client = Settings::new(&[mirror().await]).start().await.connect().await;
    let reply = client.ask("GET http://site/a?b HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert!(reply.text().starts_with("GET /a?b HTTP/1.1\r\nhost: site\r\n"), "{}", reply.text());
    let reply = client.ask("OPTIONS * HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert!(reply.text().starts_with("OPTIONS * HTTP/1.1\r\n"), "{}", reply.text());
}

#[tokio::test(flavor = "local")]
async fn connect_is_refused() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect().await;
    let reply = client.ask("CONNECT site:443 HTTP/1.1\r\nHost: site:443\r\n\r\n").await;
    assert_eq!(reply.status, 405);
    assert!(client.is_closed().await);
    let record = proxy.record().await;
    assert_eq!((record.failure, record.upstream), (Some("connect_refused"), None));
}

#[tokio::test(flavor = "local")]
async fn pipelined_requests_are_answered_in_order() {
    let mut client = Settings::new(&[mirror().await]).start().await.connect().await;
    let requests: String = (0..20).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests).await;
    for n in 0..20 {
        assert!(client.reply().await.text().starts_with(&format!("GET /{n} ")));
    }
}

#[tokio::test(flavor = "local")]
async fn a_request_byte_by_byte_is_the_same_request() {
    let mut client = Settings::new(&[mirror().await]).start().await.connect().await;
    for byte in b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    assert!(client.reply().await.text().starts_with("GET /slow HTTP/1.1\r\nhost: a\r\n"));
}

#[tokio::test(flavor = "local")]
async fn a_client_that_closes_its_side_after_its_last_request_gets_the_response() {
    use tokio::io::AsyncWriteExt;
    let slow = scripted(|mut client, _| async move {
        client.head().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    });
    let proxy = Settings::new(&[slow.await]).start().await;
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    client.stream.shutdown().await.unwrap();
    assert!(client.rest().await.ends_with(b"hello"));
    assert_eq!(proxy.record().await.failure, None);
}

#[tokio::test(flavor = "local")]
async fn a_client_that_goes_away_takes_its_request_with_it() {
    let (gone, mut noticed) = tokio::sync::mpsc::unbounded_channel();
    let silent = scripted(move |mut client, _| {
        let gone = gone.clone();
        async move {
            client.head().await;
            gone.send("request").unwrap();
            client.rest().await;
            gone.send("closed").unwrap();
        }
    });
    let proxy = Settings::new(&[silent.await]).start().await;
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(noticed.recv().await, Some("request"));
    drop(client);
    assert_eq!(tokio::time::timeout(LIMIT, noticed.recv()).await.unwrap(), Some("closed"));
    let record = proxy.record().await;
    assert_eq!((record.status, record.failure), (None, Some("client_gone")));
}

#[tokio::test(flavor = "local")]
async fn a_backend_that_fails_gives_a_status_and_a_reason_and_no_detail() {
    let refused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let garbage = answering("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
    let closing = scripted(|mut client, _| async move {
        client.head().await;
    })
    .await;
    let unasked = answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").await;
    for (endpoint, status, reason) in [
        (refused, 502, "upstream_connect_refused"),
        (garbage, 502, "upstream_malformed"),
        (closing, 502, "upstream_reset"),
        (unasked, 502, "upstream_unexpected_upgrade"),
    ] {
        let proxy = Settings::new(&[endpoint]).start().await;
        let mut client = proxy.connect().await;
        let reply = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(reply.status, status, "{reason}");
        assert!(reply.text().len() < 40 && !reply.text().contains("127.0.0.1"), "{}", reply.text());
        let record = proxy.record().await;
        assert_eq!((record.status, record.failure), (Some(status), Some(reason)));
    }
}

#[tokio::test(flavor = "local")]
async fn the_expectation_of_a_client_is_met_by_the_backend() {
    let agreeing = scripted(|mut client, _| async move {
        assert!(client.head().await.contains("expect: 100-continue"));
        client.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        let body = client.exactly(5).await;
        client.send([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", &body[..]].concat()).await;
    });
    let mut client = Settings::new(&[agreeing.await]).start().await.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    assert_eq!(client.reply().await.text(), "hello");
}

#[tokio::test(flavor = "local")]
async fn a_backend_that_rejects_an_expectation_never_gets_the_body_and_the_client_never_a_100() {
    let rejecting = answering("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    let mut client = Settings::new(&[rejecting]).start().await.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.text()), (413, "big"));
}

#[tokio::test(flavor = "local")]
async fn a_backend_that_ignores_an_expectation_gets_the_body_after_a_while() {
    let ignoring = scripted(|mut client, _| async move {
        client.head().await;
        let body = client.exactly(5).await;
        client.send([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", &body[..]].concat()).await;
    });
    let mut client = Settings::new(&[ignoring.await]).start().await.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    assert_eq!(client.reply().await.text(), "hello");
}

#[tokio::test(flavor = "local")]
async fn a_client_is_told_to_go_on_only_when_there_is_a_backend() {
    let refused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut client = Settings::new(&[refused]).start().await.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.reply().await.status, 502);
}
