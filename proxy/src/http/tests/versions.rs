//! HTTP/2 on either side, or on both.

use super::harness::*;
use bytes::Bytes;
use http::header::{HOST, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;

fn get(uri: &str) -> Request<Streamed> {
    Request::builder().uri(uri).body(Streamed::empty()).unwrap()
}

async fn collect(body: Incoming) -> (Bytes, Option<HeaderMap>) {
    let collected = tokio::time::timeout(LIMIT, body.collect()).await.unwrap().unwrap();
    let trailers = collected.trailers().cloned();
    (collected.to_bytes(), trailers)
}

/// A service that returns what it was sent, with what it saw of the head.
async fn reflect(request: Request<Incoming>) -> Response<Streamed> {
    let mut response = Response::builder();
    let headers = response.headers_mut().unwrap();
    let seen = format!("{} {} {:?}", request.method(), request.uri(), request.headers().get(HOST));
    headers.insert("x-seen", HeaderValue::from_str(&seen).unwrap());
    if let Some(te) = request.headers().get(TE) {
        headers.insert("x-te", te.clone());
    }
    let (feed, body) = Streamed::new();
    tokio::task::spawn_local(async move {
        let mut incoming = request.into_body();
        while let Some(Ok(frame)) = incoming.frame().await {
            if feed.send(frame).is_err() {
                return;
            }
        }
    });
    response.body(body).unwrap()
}

#[tokio::test(flavor = "local")]
async fn http2_to_http1_makes_host_of_the_authority() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect_http2().await;
    for _ in 0..2 {
        let response = client.send_request(get("http://site:8080/a?b")).await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
        let (body, _) = collect(response.into_body()).await;
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.starts_with("GET /a?b HTTP/1.1\r\n") && text.contains("\r\nhost: site:8080\r\n"), "{text}");
        assert!(text.contains("x-forwarded-proto: http\r\n"), "{text}");
    }
    let records = proxy.records(2).await;
    assert!(records.iter().all(|record| record.failure.is_none()), "{records:?}");
    assert!(!records[1].connected);
}

#[tokio::test(flavor = "local")]
async fn http1_to_http2_makes_the_authority_of_host() {
    let backend = http2_backend(reflect).await;
    let proxy = Settings::new(&[backend]).http2_backend().start().await;
    let mut client = proxy.connect().await;
    let reply = client
        .ask("POST /a?b HTTP/1.1\r\nHost: site:8080\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!((reply.status, reply.text()), (200, "hello"));
    assert_eq!(reply.field("x-seen"), Some("POST http://site:8080/a?b None"));
    let reply = client.ask("GET http://site/ HTTP/1.1\r\nHost: site\r\n\r\n").await;
    assert_eq!(reply.field("x-seen"), Some("GET http://site/ None"));
    let records = proxy.records(2).await;
    assert!(!records[1].connected, "the session was not shared");
}

#[tokio::test(flavor = "local")]
async fn a_grpc_call_streams_both_ways_and_ends_with_its_trailers() {
    let backend = http2_backend(reflect).await;
    let proxy = Settings::new(&[backend]).http2_backend().start().await;
    let mut client = proxy.connect_http2().await;
    let (feed, body) = Streamed::new();
    let request = Request::builder()
        .method(Method::POST)
        .uri("http://site/pkg.Service/Method")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(body)
        .unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.headers()["x-te"], "trailers");
    let mut incoming = response.into_body();
    for message in ["one", "two", "three"] {
        feed.send(Frame::data(Bytes::from(message))).unwrap();
        let frame = tokio::time::timeout(LIMIT, incoming.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), message);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    feed.send(Frame::trailers(trailers)).unwrap();
    drop(feed);
    let (_, trailers) = collect(incoming).await;
    assert_eq!(trailers.unwrap()["grpc-status"], "0");
    let record = proxy.record().await;
    assert_eq!((record.bytes_in, record.bytes_out, record.failure), (11, 11, None));
}

#[tokio::test(flavor = "local")]
async fn trailers_cross_between_the_versions() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n";
    let proxy = Settings::new(&[answering(chunked).await]).start().await;
    let response = proxy.connect_http2().await.send_request(get("http://site/")).await.unwrap();
    let (body, trailers) = collect(response.into_body()).await;
    assert_eq!((&body[..], trailers.unwrap()["x-sum"].as_bytes()), (&b"hi"[..], &b"7"[..]));

    let grpc = http2_backend(|_| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("5"));
        let body = Streamed::of("hi", Some(trailers));
        Response::builder().header("content-type", "application/grpc").body(body).unwrap()
    });
    let proxy = Settings::new(&[grpc.await]).http2_backend().start().await;
    let reply = proxy.connect().await.ask("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n").await;
    assert_eq!((reply.text(), reply.field("grpc-status")), ("hi", Some("5")));
}

#[tokio::test(flavor = "local")]
async fn many_streams_share_one_session_and_as_many_http1_connections_as_needed() {
    for (settings, connections) in [
        (Settings::new(&[http2_backend(reflect).await]).http2_backend(), 1),
        (Settings::new(&[mirror().await]).with(|settings| settings.backend.pool.max_connections = 10), 10),
    ] {
        let proxy = settings.start().await;
        let client = proxy.connect_http2().await;
        let calls: Vec<_> = (0..50)
            .map(|n| {
                let mut client = client.clone();
                tokio::task::spawn_local(async move {
                    let response = client.send_request(get(&format!("http://site/{n}"))).await.unwrap();
                    assert_eq!(response.status(), StatusCode::OK);
                    collect(response.into_body()).await;
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        proxy.records(50).await;
        assert!(proxy.upstreams.open_count() <= connections, "{}", proxy.upstreams.open_count());
    }
}

#[tokio::test(flavor = "local")]
async fn a_stream_that_the_client_resets_ends_at_the_backend_and_leaves_the_others_alone() {
    let (gone, mut noticed) = tokio::sync::mpsc::unbounded_channel();
    let silent = scripted(move |mut client, number| {
        let gone = gone.clone();
        async move {
            client.head().await;
            if number == 0 {
                gone.send("asked").unwrap();
                client.rest().await;
                gone.send("closed").unwrap();
            } else {
                client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        }
    });
    let proxy = Settings::new(&[silent.await]).start().await;
    let mut client = proxy.connect_http2().await;
    let call = tokio::task::spawn_local(client.send_request(get("http://site/")));
    assert_eq!(noticed.recv().await, Some("asked"));
    call.abort();
    assert_eq!(tokio::time::timeout(LIMIT, noticed.recv()).await.unwrap(), Some("closed"));
    assert_eq!(client.send_request(get("http://site/")).await.unwrap().status(), StatusCode::OK);
    let records = proxy.records(2).await;
    assert_eq!((records[0].status, records[0].failure), (None, Some("client_gone")));
}

#[tokio::test(flavor = "local")]
async fn an_authority_that_differs_from_host_is_refused_and_so_is_connect() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect_http2().await;
    let mut request = get("http://site/");
    request.headers_mut().insert(HOST, HeaderValue::from_static("other"));
    assert_eq!(client.send_request(request).await.unwrap().status(), StatusCode::BAD_REQUEST);
    let mut request = get("site:443");
    *request.method_mut() = Method::CONNECT;
    assert_eq!(client.send_request(request).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    let records = proxy.records(2).await;
    assert_eq!((records[0].failure, records[1].failure), (Some("host_mismatch"), Some("connect_refused")));
    // Neither has hurt the connection.
    assert_eq!(client.send_request(get("http://site/")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "local")]
async fn a_header_cannot_be_injected_into_http1_from_http2() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect().await;
    // Literal header `x: a\r\nhost: evil` in an HPACK block; the library's own client refuses to send it.
    let block = [&[0x82, 0x86, 0x84, 0x41, 4][..], b"site", &[0x00, 1, b'x', 13], b"a\r\nhost: evil"].concat();
    let length = u8::try_from(block.len()).unwrap();
    let headers = [&[0, 0, length, 1, 5, 0, 0, 0, 1][..], &block].concat();
    client.send([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", &headers[..]].concat()).await;
    // Whatever the answer is, the backend never hears of it.
    client.send([0, 0, 0, 7, 0, 0, 0, 0, 0]).await;
    client.rest_within(std::time::Duration::from_millis(300)).await;
    assert_eq!(proxy.upstreams.open_count(), 0);
}

#[tokio::test(flavor = "local")]
async fn an_http2_client_that_does_not_read_makes_the_backend_wait() {
    use std::cell::Cell;
    use std::rc::Rc;
    use tokio::io::AsyncWriteExt;
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let backend = scripted(move |mut client, _| {
        let count = Rc::clone(&count);
        async move {
            client.head().await;
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
            while client.stream.write_all(&[0; 1 << 14]).await.is_ok() {
                count.set(count.get() + (1 << 14));
            }
        }
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    let mut client = proxy.connect_http2().await;
    let response = client.send_request(get("http://site/")).await.unwrap();
    let mut before = usize::MAX;
    while before != sent.get() {
        before = sent.get();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(before < 16 << 20, "{before} bytes were taken from the backend");
    drop(response);
}
