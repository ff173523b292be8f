//! HTTP/2 floods: the connection ends with GOAWAY within a second, another one on the same listener does not notice.

use super::harness::*;
use http::{Request, StatusCode};
use std::time::{Duration, Instant};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// `GET http://site/` in HPACK.
const BLOCK: &[u8] = &[0x82, 0x86, 0x84, 0x41, 4, b's', b'i', b't', b'e'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn rapid_reset(n: u32) -> Vec<u8> {
    let stream = n * 2 + 1;
    [frame(1, 5, stream, BLOCK), frame(3, 0, stream, &8u32.to_be_bytes())].concat()
}

fn continuation(n: u32) -> Vec<u8> {
    if n == 0 { frame(1, 1, 1, BLOCK) } else { frame(9, 0, 1, b"") }
}

fn settings(_: u32) -> Vec<u8> {
    frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])
}

fn ping(_: u32) -> Vec<u8> {
    frame(6, 0, 0, &[1; 8])
}

fn empty_data(n: u32) -> Vec<u8> {
    if n == 0 { frame(1, 4, 1, BLOCK) } else { frame(0, 0, 1, b"") }
}

fn window_update(_: u32) -> Vec<u8> {
    frame(8, 0, 0, &1u32.to_be_bytes())
}

fn priority(n: u32) -> Vec<u8> {
    frame(2, 0, 2 * (n % 1000) + 3, &[0, 0, 0, 0, 16])
}

fn too_many_streams(n: u32) -> Vec<u8> {
    frame(1, 4, n * 2 + 1, BLOCK)
}

fn unknown(_: u32) -> Vec<u8> {
    frame(0xee, 0, 0, b"")
}

/// Writes until the other side ends it; gives the error code of the GOAWAY.
async fn flood(mut client: Client, frames: fn(u32) -> Vec<u8>) -> Option<u32> {
    client.send(PREFACE).await;
    let (mut input, mut output) = tokio::io::split(client.stream);
    let writer = tokio::task::spawn_local(async move {
        use tokio::io::AsyncWriteExt;
        for n in 0u32.. {
            if output.write_all(&frames(n)).await.is_err() {
                return;
            }
        }
    });
    let mut read = Vec::new();
    // An end by reset loses nothing that was read before it.
    tokio::time::timeout(LIMIT, async {
        use tokio::io::AsyncReadExt;
        while input.read_buf(&mut read).await.is_ok_and(|count| count > 0) {}
    })
    .await
    .expect("the flood goes on");
    writer.abort();
    let mut at = 0;
    while let Some(header) = read.get(at..at + 9) {
        let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        if header[3] == 7 {
            return read.get(at + 13..at + 17).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
        }
        at += 9 + length;
    }
    None
}

#[tokio::test(flavor = "local")]
async fn each_flood_ends_with_goaway_while_an_honest_connection_goes_on() {
    type Frames = fn(u32) -> Vec<u8>;
    let floods: &[(&str, Frames)] = &[
        ("rapid reset", rapid_reset),
        ("continuation", continuation),
        ("settings", settings),
        ("ping", ping),
        ("empty data", empty_data),
        ("window update", window_update),
        ("priority", priority),
        ("too many streams", too_many_streams),
        ("unknown", unknown),
    ];
    // It reads heads and never answers, so that the flood's requests stay open, except for the honest one.
    let backend = scripted(|mut client, _| async move {
        while let Some(head) = client.next_head().await {
            if head.contains("host: honest") {
                client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        }
    });
    let proxy = Settings::new(&[backend.await]).start().await;
    let mut honest = proxy.connect_http2().await;
    for (name, frames) in floods {
        let started = Instant::now();
        let attack = tokio::task::spawn_local(flood(proxy.connect().await, *frames));
        let mut slowest = Duration::ZERO;
        while !attack.is_finished() {
            let asked = Instant::now();
            let request = Request::builder().uri("http://honest/").body(Streamed::empty()).unwrap();
            let response = tokio::time::timeout(LIMIT, honest.send_request(request)).await.unwrap().unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            slowest = slowest.max(asked.elapsed());
        }
        let code = attack.await.unwrap();
        assert!(matches!(code, Some(1 | 11)), "{name}: {code:?}");
        // A second, and one for the attacker's socket to be closed at leisure.
        assert!(started.elapsed() < Duration::from_secs(3), "{name}: {:?}", started.elapsed());
        assert!(slowest < Duration::from_secs(1), "{name}: an honest request took {slowest:?}");
    }
    eventually(|| proxy.connections.get() == 1).await;
    // Each is counted under its own name, whether the guard or the library was the first to have enough.
    let breaches = proxy.breaches.borrow();
    assert_eq!(breaches.len(), floods.len(), "{breaches:?}");
    for reason in ["h2_settings_flood", "h2_ping_flood", "h2_window_update_flood", "h2_priority_flood", "h2_excess"] {
        assert!(breaches.contains(&reason), "{reason} in {breaches:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn what_the_library_refuses_is_the_reason_of_the_exchanges_that_end_with_it() {
    let backend = scripted(|mut client, _| async move { while client.next_head().await.is_some() {} });
    let proxy = Settings::new(&[backend.await]).start().await;
    let breaches: [(&str, Vec<u8>); 5] = [
        ("h2_protocol_error", frame(8, 0, 0, &0u32.to_be_bytes())),
        ("h2_flow_control_error", frame(8, 0, 0, &0x7fff_ffffu32.to_be_bytes())),
        ("h2_frame_size_error", frame(6, 0, 0, &[1; 16_385])),
        ("h2_protocol_error", frame(1, 5, 3, &[0x80])),
        // The twin: it just goes away.
        ("client_gone", Vec::new()),
    ];
    for (round, (expected, bytes)) in breaches.iter().enumerate() {
        for (flags, body) in [(5, "none"), (4, "open")] {
            let mut client = proxy.connect().await;
            client.send(PREFACE).await;
            client.send(frame(1, flags, 1, BLOCK)).await;
            eventually(|| proxy.upstreams.open_count() == 1).await;
            client.send(bytes).await;
            if bytes.is_empty() {
                drop(client);
            }
            let done = round * 2 + usize::from(body == "open") + 1;
            let record = proxy.records(done).await.remove(done - 1);
            // Who goes away with an open body has not sent it to its end, which is what is said then.
            let expected = if bytes.is_empty() && body == "open" { "request_body" } else { expected };
            assert_eq!(record.failure, Some(expected), "body {body}: {record:?}");
            eventually(|| proxy.upstreams.open_count() == 0).await;
        }
    }
    eventually(|| proxy.connections.get() == 0).await;
    assert_eq!(proxy.breaches.borrow().len(), 8, "{:?}", proxy.breaches.borrow());
}

#[tokio::test(flavor = "local")]
async fn a_busy_honest_client_is_no_flood() {
    let proxy = Settings::new(&[mirror().await]).start().await;
    let mut client = proxy.connect_http2().await;
    for n in 0..1500 {
        let request = Request::builder().uri("http://site/").body(Streamed::empty()).unwrap();
        let response = client.send_request(request).await.unwrap();
        if n % 2 == 0 {
            use http_body_util::BodyExt;
            response.into_body().collect().await.unwrap();
        }
    }
    assert!(!client.is_closed());
}
