//! HTTP/2 floods and smuggled requests, from outside and over TLS.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connect, connectors};
use crate::ground::outside::{descriptors, metric, resident, wait_quiet};
use crate::ground::{Ground, Settings, block_on};
use jadegate_tls::{Connector, Stream};
use std::cell::Cell;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// `GET https://site.example/1` in HPACK, without Huffman codes.
const BLOCK: &[u8] = b"\x82\x87\x04\x02/1\x41\x0csite.example";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The frames of one step.
type Step = fn(u32) -> Vec<u8>;

const FLOODS: &[(&str, Step)] = &[
    ("rapid reset", |n| [frame(1, 5, n * 2 + 1, BLOCK), frame(3, 0, n * 2 + 1, &[0, 0, 0, 8])].concat()),
    // The server is made to reset its own streams: a window update of zero is a stream error.
    ("made you reset", |n| [frame(1, 5, n * 2 + 1, BLOCK), frame(8, 0, n * 2 + 1, &[0; 4])].concat()),
    ("continuation", |n| if n == 0 { frame(1, 1, 1, BLOCK) } else { frame(9, 0, 1, b"") }),
    ("large continuation", |n| if n == 0 { frame(1, 1, 1, BLOCK) } else { frame(9, 0, 1, &[0; 16_000]) }),
    ("settings", |_| frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])),
    ("ping", |_| frame(6, 0, 0, &[1; 8])),
    ("empty data", |n| if n == 0 { frame(1, 4, 1, BLOCK) } else { frame(0, 0, 1, b"") }),
    ("priority", |n| frame(2, 0, 2 * (n % 1000) + 3, &[0, 0, 0, 0, 16])),
    ("window update", |_| frame(8, 0, 0, &[0, 0, 0, 1])),
    ("too many streams", |n| frame(1, 4, n * 2 + 1, BLOCK)),
    ("a stream id used again", |n| frame(1, 5, if n == 0 { 5 } else { 3 }, BLOCK)),
    ("goaway", |_| frame(7, 0, 0, &[0; 8])),
];

/// Writes steps until the other side ends it. Gives the error code of its GOAWAY, if one came.
async fn flood(stream: Stream<TcpStream>, step: Step) -> Option<u32> {
    let (mut from, mut to) = split(stream);
    let write = async {
        to.write_all(PREFACE).await.expect("sent");
        for n in 0.. {
            if to.write_all(&step(n)).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut all = Vec::new();
    let read = async { while let Ok(1..) = from.read_buf(&mut all).await {} };
    tokio::select! {
        () = write => {}
        // A second in the catalogue, beside a machine with nothing else to do.
        ended = tokio::time::timeout(Duration::from_secs(10), read) => ended.expect("the flood is ended"),
    }
    let mut at = 0;
    while let Some(header) = all.get(at..at + 9) {
        let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        if header[3] == 7 {
            let code = all.get(at + 13..at + 17)?;
            return code.try_into().ok().map(u32::from_be_bytes);
        }
        at += 9 + length;
    }
    None
}

fn http2(kind: Kind, ground: &Ground) -> Connector {
    let mut options = kind.options(&ground.pki);
    options.alpn = vec![b"h2".to_vec()];
    Connector::new(options).expect("a client")
}

/// `GET /1` on a connection that stays.
async fn ask(stream: &mut Stream<TcpStream>) {
    stream.write_all(b"GET /1 HTTP/1.1\r\nHost: site.example\r\n\r\n").await.expect("sent");
    stream.flush().await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nj") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("received"), 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn each_http2_flood_is_ended_with_goaway_and_an_honest_connection_does_not_notice() {
    block_on(async {
        let ground = Ground::start(Backend::http(), &Settings::default());
        for kind in [Kind::Tls13, Kind::Tlcp] {
            let client = http2(kind, &ground);
            let mut honest = connect(ground.address, &kind.connector(&ground.pki)).await.expect("a connection").stream;
            ask(&mut honest).await;
            let before = resident(&ground.jadegate);
            for (name, step) in FLOODS {
                let connected = connect(ground.address, &client).await.expect("a connection");
                assert_eq!(connected.negotiated.alpn.as_deref(), Some(&b"h2"[..]));
                let over = Cell::new(false);
                let attack = async {
                    let code = flood(connected.stream, *step).await;
                    over.set(true);
                    code
                };
                let beside = async {
                    while !over.get() {
                        tokio::time::timeout(STEP, ask(&mut honest)).await.unwrap_or_else(|_| panic!("{name}"));
                    }
                };
                let (code, ()) = tokio::join!(attack, beside);
                ask(&mut honest).await;
                if *name == "goaway" {
                    // A goodbye, said over and over: it may just be taken at its word.
                    continue;
                }
                // PROTOCOL_ERROR, STREAM_CLOSED, COMPRESSION_ERROR for what is no header block, ENHANCE_YOUR_CALM.
                assert!(matches!(code, Some(1 | 5 | 9 | 11)), "{kind:?}, {name}: {code:?}\n{}", ground.jadegate.log());
            }
            let grown = resident(&ground.jadegate).saturating_sub(before);
            assert!(grown <= 32 * 1024, "{kind:?}: {grown} KiB");
        }
    });
}

/// Requests that two parsers could read in two ways; the full list is tried in clear elsewhere.
const AMBIGUOUS: &[&str] = &[
    "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "GET /1 HTTP/1.1\nHost: h\n\n",
    "GET /1 HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
    "GET /1 HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
    "GET /1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
];

#[test]
fn a_smuggled_request_reaches_no_backend_in_any_protocol() {
    block_on(async {
        let ground = Ground::start(Backend::http(), &Settings::default());
        let open = descriptors(&ground.jadegate);
        for (kind, connector) in connectors(&ground.pki) {
            for request in AMBIGUOUS {
                let mut stream = connect(ground.address, &connector).await.expect("a connection").stream;
                let text = format!("{request}GET /7 HTTP/1.1\r\nHost: h\r\n\r\n");
                stream.write_all(text.as_bytes()).await.expect("sent");
                stream.flush().await.expect("sent");
                let mut answer = Vec::new();
                let read = tokio::time::timeout(STEP, stream.read_to_end(&mut answer)).await.expect("an end");
                read.unwrap_or_else(|error| panic!("{kind:?}, {request:?}: {error}"));
                let answer = String::from_utf8_lossy(&answer);
                assert!(answer.starts_with("HTTP/1.1 400 "), "{kind:?}, {request:?}: {answer}");
                assert_eq!(answer.matches("HTTP/1.").count(), 1, "{kind:?}, {request:?}: {answer}");
            }
        }
        assert_eq!(metric(&ground.jadegate, "upstream_requests_total", ""), 0.0, "one got through");
        // The twin: a sound one does get through.
        let mut stream = connect(ground.address, &connectors(&ground.pki)[0].1).await.expect("a connection").stream;
        ask(&mut stream).await;
        assert_eq!(metric(&ground.jadegate, "upstream_requests_total", ""), 1.0);
        drop(stream);
        // The idle connection to the backend stays in its pool.
        wait_quiet(&ground.jadegate, open + 1);
    });
}
