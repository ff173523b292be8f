//! P2: what the first bytes of a connection lead to, however they arrive.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connectors, hello, honest_echo};
use crate::ground::outside::{descriptors, wait_quiet};
use crate::ground::{Ground, Settings, block_on, certificates, scaled};
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::pki::Pki;
use jadegate_tls::Connector;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// What the server says to these pieces, each sent by itself: up to `most` bytes, less if it closes.
async fn answer(address: SocketAddr, pieces: &[&[u8]], most: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    for piece in pieces {
        // It may have been closed already, with an answer that is still to be read.
        drop(stream.write_all(piece).await);
        tokio::task::yield_now().await;
    }
    let mut all = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while all.len() < most
            && let Ok(count @ 1..) = stream.read(&mut buffer).await
        {
            all.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(STEP, read).await.expect("an answer or an end");
    all
}

/// Version of the record that the kind's server answers with.
fn record_version(kind: Kind) -> [u8; 2] {
    match kind {
        Kind::Tlcp => [1, 1],
        _ => [3, 3],
    }
}

fn assert_server_hello(kind: Kind, answer: &[u8], how: &str) {
    assert!(answer.len() > 5, "{kind:?}, {how}: closed");
    assert_eq!((answer[0], &answer[1..3], answer[5]), (HANDSHAKE, &record_version(kind)[..], 2), "{kind:?}, {how}");
}

#[test]
fn every_split_of_every_hello_reaches_the_right_engine() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        for (kind, connector) in connectors(&ground.pki) {
            let hello = hello(&connector).await;
            // Every place in the headers, where a wrong reader would stumble, and places all over the rest.
            let step = scaled(1, 37);
            for at in (1..hello.len()).filter(|at| *at < 16 || at % step == 0) {
                let (one, two) = hello.split_at(at);
                let got = answer(ground.address, &[one, two], 6).await;
                assert_server_hello(kind, &got, &format!("cut at {at}"));
            }
            let bytes: Vec<&[u8]> = hello.chunks(1).collect();
            assert_server_hello(kind, &answer(ground.address, &bytes, 6).await, "byte by byte");
        }
    });
}

/// The same hello with `count` bytes of padding, over as many records as it takes.
fn padded(hello: &[u8], count: usize) -> Vec<u8> {
    let mut body = hello[9..].to_vec();
    // Version, random, session id, suites, compression: then the length of the extensions.
    let mut at = 34;
    at += 1 + usize::from(body[at]);
    at += 2 + usize::from(u16::from_be_bytes([body[at], body[at + 1]]));
    at += 1 + usize::from(body[at]);
    let extensions = u16::from_be_bytes([body[at], body[at + 1]]);
    let padding = u16::try_from(count).expect("fits");
    // In front: a pre-shared key has to stay last.
    let mut extension = vec![0, 21];
    extension.extend(padding.to_be_bytes());
    extension.resize(4 + count, 0);
    body.splice(at + 2..at + 2, extension);
    body[at..at + 2].copy_from_slice(&(extensions + padding + 4).to_be_bytes());
    let length = u32::try_from(body.len()).expect("fits").to_be_bytes();
    let message = [&[1], &length[1..], &body].concat();
    let records = message.chunks(16_000).map(|part| {
        let length = u16::try_from(part.len()).expect("fits").to_be_bytes();
        [&[HANDSHAKE], &hello[1..3], &length[..], part].concat()
    });
    records.collect::<Vec<_>>().concat()
}

#[test]
fn a_hello_of_seventeen_kibibytes_and_a_post_quantum_one_in_two_segments_are_read() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        for kind in [Kind::Tls13Sm, Kind::Tls13, Kind::Tls12] {
            let hello = hello(&kind.connector(&ground.pki)).await;
            let large = padded(&hello, 17 * 1024);
            assert_server_hello(kind, &answer(ground.address, &[&large], 6).await, "17 KiB");
        }
        let hello = hello(&Kind::Tls13.connector(&ground.pki)).await;
        assert!(hello.len() > 1216, "a post-quantum share is in it: {}", hello.len());
        let (one, two) = hello.split_at(1200);
        assert_server_hello(Kind::Tls13, &answer(ground.address, &[one, two], 6).await, "two segments");
        // The twin: beyond the bound it is not read on.
        let length_of_a_mebibyte = [&[HANDSHAKE, 3, 1, 0x40, 0, 1, 0x10, 0, 0][..], &[0; 16_380]].concat();
        let refused = answer(ground.address, &[&length_of_a_mebibyte], usize::MAX).await;
        assert!(refused.first().is_none_or(|kind| *kind == ALERT), "{refused:02x?}");
    });
}

/// Not a hello in any protocol of the port.
fn strange() -> Vec<(&'static str, Vec<u8>)> {
    let mut sslv2 = vec![0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10];
    sslv2.resize(48, 7);
    vec![
        ("an h2c preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec()),
        ("SSLv2", sslv2),
        ("PROXY v1", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n".to_vec()),
        ("PROXY v2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02".to_vec()),
        ("junk", (0..=255).rev().collect()),
        ("zeros", vec![0; 300]),
        ("SSH", b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
        ("application data first", b"\x17\x03\x03\0\x05hello".to_vec()),
        ("an alert first", b"\x15\x03\x03\0\x02\x02\x28".to_vec()),
        ("a change of cipher first", b"\x14\x03\x03\0\x01\x01".to_vec()),
        ("a server's hello", b"\x16\x03\x03\0\x04\x02\0\0\0".to_vec()),
        ("an empty record", b"\x16\x03\x01\0\0\x16\x03\x01\0\0".to_vec()),
        ("SSL 3 record", b"\x16\x02\0\0\x05\x01\0\0\x01\0".to_vec()),
    ]
}

#[test]
fn what_is_no_hello_is_closed_and_never_served_as_plaintext() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        let open = descriptors(&ground.jadegate);
        for (name, bytes) in strange() {
            for pieces in [vec![&bytes[..]], bytes.chunks(1).collect()] {
                let got = answer(ground.address, &pieces, usize::MAX).await;
                assert!(got.is_empty() || (got[0] == ALERT && got.len() == 7), "{name}: {got:02x?}");
            }
        }
        honest_echo(ground.address, &Kind::Tls13.connector(&ground.pki)).await.expect("others are served");
        wait_quiet(&ground.jadegate, open);
    });
}

fn permissive(pki: &Pki, address: SocketAddr, backend: SocketAddr) -> String {
    let certificates = certificates(pki);
    format!(
        "listeners:
  - bind: {address}
    protocol: tcp
    backend: {backend}
    chains:
      - name: secure
        match: {{ protocol: [tlcp, tls] }}
        tls: {{ certificates: [{certificates}] }}
      - name: plain
        match: {{ protocol: plaintext }}
"
    )
}

/// The twin: with a plaintext chain the same bytes are served, and whoever speaks TLS still gets TLS.
#[test]
fn plaintext_is_served_where_a_chain_says_so() {
    block_on(async {
        let (pki, backend) = (Pki::new().expect("certificates"), Backend::echo());
        let address = net::free_address().expect("a port");
        let jadegate = Jadegate::start(&permissive(&pki, address, backend.address)).expect("it starts");
        for text in [&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n"] {
            let got = answer(address, &[&text[..1], &text[1..]], text.len()).await;
            assert_eq!(got, text, "{}", jadegate.log());
        }
        for (kind, connector) in connectors(&pki) {
            honest_echo(address, &connector).await.unwrap_or_else(|error| panic!("{kind:?}: {error:#}"));
        }
        // A broken hello is no plaintext.
        let got = answer(address, &[b"\x16\x03\x01\0\x05\x01\0\0\x01\0"], usize::MAX).await;
        assert_eq!(got.first(), Some(&ALERT), "{got:02x?}");
    });
}

/// A hello of one protocol is never served by another one: the engine's answer is in the hello's own record format.
#[test]
fn the_outer_form_of_a_hello_decides_and_not_its_suites() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        let tlcp = hello(&Connector::new(Kind::Tlcp.options(&ground.pki)).expect("a client")).await;
        // TLCP's hello in a TLS record and with TLS's version: no suite of it is ours in TLS.
        let mut disguised = tlcp.clone();
        disguised[1..3].copy_from_slice(&[3, 1]);
        disguised[9..11].copy_from_slice(&[3, 3]);
        let got = answer(ground.address, &[&disguised], usize::MAX).await;
        assert_eq!(got.first(), Some(&ALERT), "{got:02x?}");
        assert_eq!(got.len(), 7);
        // And a TLS hello in a TLCP record.
        let mut disguised = hello(&Kind::Tls12.connector(&ground.pki)).await;
        disguised[1..3].copy_from_slice(&[1, 1]);
        let got = answer(ground.address, &[&disguised], usize::MAX).await;
        assert!(got.is_empty() || got[0] == ALERT, "{got:02x?}");
    });
}
