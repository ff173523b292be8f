//! Requests that two parsers could read in two ways: refused by name, and unseen by the backend.

use super::harness::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A backend that remembers everything it was sent and answers nothing but heads.
async fn listening() -> (std::net::SocketAddr, Rc<RefCell<String>>) {
    let seen = Rc::new(RefCell::new(String::new()));
    let memory = Rc::clone(&seen);
    let address = scripted(move |mut client, _| {
        let memory = Rc::clone(&memory);
        async move {
            while let Some(head) = client.next_head().await {
                memory.borrow_mut().push_str(&head);
                client.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
    })
    .await;
    (address, seen)
}

#[tokio::test(flavor = "local")]
async fn ambiguous_requests_are_refused_by_name_and_the_backend_sees_nothing() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\n";
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(17_000));
    let long_head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(66_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    let table: Vec<(String, u16, &str)> = [
        (
            format!("{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "length_and_transfer_encoding",
        ),
        (
            format!("{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
            "length_and_transfer_encoding",
        ),
        (format!("{post}Content-Length: 0\r\nContent-Length: 5\r\n\r\n"), "several_content_lengths"),
        (format!("{post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), "several_content_lengths"),
        (format!("{post}Transfer-Encoding: xchunked\r\n\r\n"), "transfer_encoding"),
        (format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n"), "transfer_encoding"),
        (format!("{post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), "space_before_colon"),
        (format!("{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"), "several_transfer_encodings"),
        (format!("{post}X: y\r\n Content-Length: 5\r\n\r\n"), "obs_fold"),
        (format!("{post}X: y\nContent-Length: 5\r\n\r\n"), "bare_lf"),
        (format!("{post}X: y\rContent-Length: 5\r\n\r\n"), "bare_cr"),
        (format!("{post}X: a\0b\r\n\r\n"), "nul"),
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), "bare_lf"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "host_missing"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), "several_hosts"),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "host_mismatch"),
        (
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "transfer_encoding_in_http10",
        ),
    ]
    .into_iter()
    .map(|(request, reason)| (request, 400, reason))
    .chain([
        (long_target, 414, "target_too_long"),
        (long_head, 431, "head_too_large"),
        (many, 431, "too_many_headers"),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(), 505, "unsupported_version"),
    ])
    .collect();
    for (request, status, reason) in table {
        let (backend, seen) = listening().await;
        let proxy = Settings::new(&[backend]).start().await;
        let mut client = proxy.connect().await;
        client.send(format!("{request}{smuggled}")).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, status, "{reason}");
        assert_eq!(reply.field("connection"), Some("close"), "{reason}");
        assert!(client.is_closed().await, "{reason}: something follows the refusal");
        let record = proxy.record().await;
        assert_eq!((record.status, record.failure, record.upstream), (Some(status), Some(reason), None));
        assert_eq!(seen.borrow().as_str(), "", "{reason}");
    }
}

#[tokio::test(flavor = "local")]
async fn what_came_before_a_bad_request_is_answered_before_it() {
    let (backend, seen) = listening().await;
    let proxy = Settings::new(&[backend]).start().await;
    let mut client = proxy.connect().await;
    client
        .send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\nHost: a\r\n\r\n")
        .await;
    assert_eq!(client.reply().await.status, 200);
    assert_eq!(client.reply().await.status, 200);
    assert_eq!(client.reply().await.status, 400);
    assert!(client.is_closed().await);
    assert!(seen.borrow().contains("/2") && !seen.borrow().contains("/3"));
}

#[tokio::test(flavor = "local")]
async fn a_bad_chunk_is_a_bad_request_and_ends_the_backends_one() {
    for (body, reason) in [
        ("+5\r\nhello\r\n0\r\n\r\n", "chunk_size"),
        ("0x5\r\nhello\r\n0\r\n\r\n", "chunk_size"),
        ("5\r\nhelloo\r\n0\r\n\r\n", "chunk_end"),
        ("5\nhello\r\n0\r\n\r\n", "bare_lf"),
        ("2\r\nhi\r\n0\r\nContent-Length: 5\r\n\r\n", "trailer_field"),
        ("10000000000000000\r\nhello\r\n", "chunk_size"),
    ] {
        let ended = Rc::new(RefCell::new(None));
        let seen = Rc::clone(&ended);
        let backend = scripted(move |mut client, _| {
            let seen = Rc::clone(&seen);
            async move {
                let rest = client.rest().await;
                *seen.borrow_mut() = Some(String::from_utf8(rest).unwrap());
            }
        });
        let proxy = Settings::new(&[backend.await]).start().await;
        let mut client = proxy.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, 400, "{reason}");
        assert!(client.is_closed().await, "{reason}");
        let record = proxy.record().await;
        assert_eq!((record.status, record.failure), (Some(400), Some(reason)));
        eventually(|| ended.borrow().is_some()).await;
        assert!(!ended.borrow().as_deref().unwrap().ends_with("0\r\n\r\n"), "{reason}: the backend takes it for whole");
    }
}

#[tokio::test(flavor = "local")]
async fn bytes_that_are_not_http_get_an_answer_that_is() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"SSH-2.0-x\r\n", b"\0\0\0\0"] {
        let mut client = proxy.connect().await;
        client.send(garbage).await;
        assert_eq!(client.reply().await.status, 400, "{garbage:?}");
        assert!(client.is_closed().await);
    }
}
