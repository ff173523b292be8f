//! R7: no input of ten kibibytes makes the proxy hold a mebibyte, or work for long.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connect, hello};
use crate::ground::outside::{cpu, highest, resident, wait_quiet};
use crate::ground::{Ground, Settings, block_on};
use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::credential::Credential;
use jadegate_certs::development::mint::{Mint, MintKey};
use jadegate_certs::key::PrivateKey;
use jadegate_tls::Connector;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Senders of each input at the same time.
const SENDERS: usize = 40;
/// Of memory for each, in KiB.
const MOST: u64 = 1024;
/// Of processor for each. A hundredfold of what the sender spends would be less than a clock tick; this finds what is
/// quadratic, in an unoptimised build too.
const WORK: Duration = Duration::from_millis(150);

/// What the proxy has spent since the beginning of a look.
struct Spent {
    resident: u64,
    cpu: Duration,
}

impl Spent {
    fn begin(ground: &Ground) -> Self {
        // The highest value is counted from here.
        std::fs::write(format!("/proc/{}/clear_refs", ground.jadegate.id()), "5").expect("our own child");
        Self { resident: resident(&ground.jadegate), cpu: cpu(&ground.jadegate) }
    }

    fn check(self, ground: &Ground, what: &str) {
        let grown = highest(&ground.jadegate).saturating_sub(self.resident);
        let work = cpu(&ground.jadegate).saturating_sub(self.cpu);
        println!("{what}: {grown} KiB and {work:?} for {SENDERS} senders");
        let senders = u32::try_from(SENDERS).expect("few");
        assert!(grown <= MOST * u64::from(senders), "{what}: {grown} KiB for {SENDERS} senders");
        assert!(work <= WORK * senders, "{what}: {work:?} of processor for {SENDERS} senders");
    }
}

/// A hello whose body is replaced, in records of `piece` bytes.
fn wire(version: [u8; 2], body: &[u8], piece: usize) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    let message = [&[1], &length[1..], body].concat();
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("short").to_be_bytes();
        [&[22], &version[..], &length, part].concat()
    };
    message.chunks(piece).map(record).collect::<Vec<_>>().concat()
}

/// Version, random, no session, these suites, no compression, these extensions.
fn body(suites: usize, extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites * 2).expect("short").to_be_bytes());
    body.extend([0x13, 1].repeat(suites));
    body.extend([1, 0]);
    body.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
    body.extend(extensions);
    body
}

#[test]
fn no_hello_of_ten_kibibytes_costs_more_than_it_should() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        let open = crate::ground::outside::descriptors(&ground.jadegate);
        let usual = hello(&Kind::Tls13.connector(&ground.pki)).await;
        let unknown: Vec<u8> = (0..2400_u16).flat_map(|n| [(0x4000 + n).to_be_bytes(), [0, 0]].concat()).collect();
        let alpn = [&[0, 16][..], &9602_u16.to_be_bytes(), &9600_u16.to_be_bytes(), &[1, b'a'].repeat(4800)].concat();
        let groups = [&[0, 10][..], &9602_u16.to_be_bytes(), &9600_u16.to_be_bytes(), &[0, 29].repeat(4800)].concat();
        let shares =
            [&[0, 51][..], &9602_u16.to_be_bytes(), &9600_u16.to_be_bytes(), &[0, 29, 0, 1, 5, 0].repeat(1600)]
                .concat();
        let inputs = [
            ("suites", wire([3, 1], &body(4900, &[]), 16_000)),
            ("unknown extensions", wire([3, 1], &body(1, &unknown), 16_000)),
            ("application protocols", wire([3, 1], &body(1, &alpn), 16_000)),
            ("groups", wire([3, 1], &body(1, &groups), 16_000)),
            ("key shares", wire([3, 1], &body(1, &shares), 16_000)),
            ("records of one byte", wire([3, 1], &usual[9..], 1)),
            ("TLCP, records of one byte", wire([1, 1], &body(500, &[]), 1)),
            ("a length of 16 MiB", [&[22, 3, 1, 0x3f, 0xf0, 1, 0xff, 0xff, 0xff][..], &[0; 10_000]].concat()),
        ];
        for (name, bytes) in inputs {
            let spent = Spent::begin(&ground);
            let mut held = Vec::new();
            for _ in 0..SENDERS {
                let mut stream = TcpStream::connect(ground.address).await.expect("a connection");
                drop(stream.write_all(&bytes[..bytes.len().min(10 * 1024)]).await);
                held.push(stream);
            }
            // Until each has an answer, an end, or is waited for.
            for stream in &mut held {
                let _ = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0; 4096])).await;
            }
            spent.check(&ground, name);
            drop(held);
        }
        wait_quiet(&ground.jadegate, open);
    });
}

async fn requests(kind: Kind, alpn: &str, inputs: &[(&str, Vec<u8>)]) {
    let ground = Ground::start(Backend::http(), &Settings::default());
    let mut options = kind.options(&ground.pki);
    options.alpn = vec![alpn.as_bytes().to_vec()];
    let connector = Connector::new(options).expect("a client");
    for (name, bytes) in inputs {
        let mut held = Vec::new();
        for _ in 0..SENDERS {
            held.push(connect(ground.address, &connector).await.expect("a connection").stream);
        }
        let spent = Spent::begin(&ground);
        for stream in &mut held {
            drop(stream.write_all(&bytes[..bytes.len().min(10 * 1024)]).await);
            drop(stream.flush().await);
        }
        for stream in &mut held {
            let _ = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut [0; 4096])).await;
        }
        spent.check(&ground, name);
    }
}

#[test]
fn no_http1_head_of_ten_kibibytes_costs_more_than_it_should() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n";
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let inputs = [
        ("short fields", format!("{head}{}", "a:b\r\n".repeat(2000)).into_bytes()),
        ("a long field", format!("{head}a:{}", "b".repeat(10_000)).into_bytes()),
        ("a long target", format!("GET /{}", "a".repeat(10_000)).into_bytes()),
        ("requests in a row", format!("{head}\r\n").repeat(400).into_bytes()),
        ("chunks of one byte", format!("{chunked}{}", "1\r\na\r\n".repeat(1600)).into_bytes()),
        ("a chunk that says it is huge", format!("{chunked}ffffffffff\r\n{}", "a".repeat(9000)).into_bytes()),
        ("chunk extensions", format!("{chunked}{}", "1;a=b;c=d\r\na\r\n".repeat(600)).into_bytes()),
    ];
    block_on(requests(Kind::Tls13, "http/1.1", &inputs));
}

#[test]
fn no_http2_head_of_ten_kibibytes_costs_more_than_it_should() {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let begin =
        |rest: &[Vec<u8>]| [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), rest.concat()].concat();
    let block = b"\x82\x87\x84\x41\x01h";
    // A field of almost 4 KiB goes into the table, then every byte is that field once more.
    let mut bomb = [&block[..], b"\x40\x01a\x7f\x81\x1e", &[b'b'; 4000]].concat();
    bomb.extend([0xbe; 5500]);
    let many = [&block[..], &b"\x00\x01a\x01b".repeat(1900)].concat();
    let cookies = [&block[..], &[0xa0; 9000]].concat();
    let inputs = [
        ("an HPACK bomb", begin(&[frame(1, 5, 1, &bomb)])),
        ("short fields", begin(&[frame(1, 5, 1, &many)])),
        ("empty cookies", begin(&[frame(1, 5, 1, &cookies)])),
        ("streams", begin(&(0..500).map(|n| frame(1, 4, n * 2 + 1, block)).collect::<Vec<_>>())),
        ("a table that grows", begin(&[frame(4, 0, 0, &[0, 1, 0xff, 0xff, 0xff, 0xff])])),
    ];
    block_on(requests(Kind::Tls13, "h2", &inputs));
}

/// A client's chain with this many intermediates below a root that nobody trusts.
fn long_chain(count: usize) -> Credential {
    let mut issuer = Mint::authority("Nobody").self_signed(&MintKey::p256().expect("a key")).expect("a root");
    let mut chain = Vec::new();
    for n in 0..count {
        let next = Mint::authority(&format!("Nobody {n}"));
        issuer = next.issue(&MintKey::p256().expect("a key"), &issuer).expect("an intermediate");
        chain.push(Certificate::from_der(issuer.der()).expect("a certificate"));
    }
    let leaf =
        Mint::leaf("client").dns("client.example").issue(&MintKey::p256().expect("a key"), &issuer).expect("a leaf");
    chain.push(Certificate::from_der(leaf.der()).expect("a certificate"));
    let key = PrivateKey::from_pem_or_der(leaf.key_pem().expect("a key").as_bytes(), None).expect("a key");
    Credential::new(chain, key, UnixTime::now()).expect("a credential")
}

#[test]
fn no_certificate_chain_of_ten_kibibytes_costs_more_than_it_should() {
    block_on(async {
        let pki = jadegate_tests::pki::Pki::new().expect("certificates");
        let tls = format!(", client_auth: {{ trust: {{ ca: {} }} }}", pki.standard_root.display());
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", tls: &tls, ..Settings::default() });
        let mut options = Kind::Tls12.options(&ground.pki);
        options.credential = Some(long_chain(18));
        let connector = Connector::new(options).expect("a client");
        // The context's first use is not counted.
        let refused = |result: anyhow::Result<_>| assert!(result.is_err(), "a stranger came in");
        refused(connect(ground.address, &connector).await);
        let spent = Spent::begin(&ground);
        for _ in 0..SENDERS {
            refused(tokio::time::timeout(STEP, connect(ground.address, &connector)).await.expect("in time"));
        }
        spent.check(&ground, "a long chain");
    });
}
