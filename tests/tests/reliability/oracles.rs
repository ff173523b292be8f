//! P4: whatever is wrong with a ciphertext, the answer is the same.
//!
//! A real client's records are changed on the wire. Two secrets could leak by the answer: the plaintext of a CBC record
//! (is it the padding or the MAC that is wrong?) and the pre-master secret under the server's SM2 encryption key (did it
//! decrypt, and to something of the right form?). Timing is measured by `tls/benches/oracles.rs` and asserted nowhere:
//! on a shared machine a limit would say nothing.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, ping};
use crate::ground::{Ground, Settings, block_on};
use jadegate_certs::certificate::Certificate;
use jadegate_tls::{ClientOptions, Connector, Suite};
use jadegate_tongsuo::openssl::encrypt::Encrypter;
use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, split};
use tokio::net::TcpStream;

const CHANGE_OF_CIPHER: u8 = 20;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// Which record of the client is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    KeyExchange,
    Finished,
    Data,
}

type Change = Rc<dyn Fn(&mut Vec<u8>)>;

/// Everything that the server sends from the moment at which the changed record was sent.
type Flow = Rc<RefCell<Vec<u8>>>;

async fn record(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 5];
    from.read_exact(&mut header).await?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    from.read_exact(&mut body).await?;
    Ok((header[0], body))
}

/// A wire to the server that changes one record of the client.
async fn changing(
    ground: &Ground,
    target: Target,
    change: Change,
) -> (DuplexStream, Flow, tokio::task::JoinHandle<()>) {
    let (near, far) = duplex(64 * 1024);
    let (mut from_client, mut to_client) = split(far);
    let (mut from_server, mut to_server) = TcpStream::connect(ground.address).await.expect("a connection").into_split();
    let flow = Flow::default();
    let seen = Rc::clone(&flow);
    let relay = tokio::task::spawn_local(async move {
        let changed = RefCell::new(false);
        let up = async {
            let mut encrypted = false;
            while let Ok((kind, mut body)) = record(&mut from_client).await {
                let this = match target {
                    Target::KeyExchange => kind == HANDSHAKE && !encrypted && body[0] == 16,
                    Target::Finished => kind == HANDSHAKE && encrypted,
                    Target::Data => kind == DATA,
                };
                encrypted |= kind == CHANGE_OF_CIPHER;
                if this && !changed.replace(true) {
                    change(&mut body);
                }
                let length = u16::try_from(body.len()).expect("short").to_be_bytes();
                if to_server.write_all(&[&[kind, 1, 1], &length[..], &body].concat()).await.is_err() {
                    break;
                }
            }
        };
        let down = async {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                if *changed.borrow() {
                    seen.borrow_mut().extend_from_slice(&buffer[..count]);
                }
                if to_client.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
            drop(to_client.shutdown().await);
        };
        tokio::select! {
            () = async { tokio::join!(up, std::future::pending::<()>()); } => {}
            () = down => {}
        }
    });
    (near, flow, relay)
}

fn client(ground: &Ground, suite: Suite) -> ClientOptions {
    let mut options = Kind::Tlcp.options(&ground.pki);
    options.suites = vec![suite];
    options
}

/// How the server ends a connection of which one record is changed: what it sends, and how the client takes it.
async fn end(ground: &Ground, suite: Suite, target: Target, change: Change) -> (Vec<u8>, String) {
    let connector = Connector::new(client(ground, suite)).expect("a client");
    let (wire, flow, relay) = changing(ground, target, change).await;
    let mut stream = match connector.connect(wire, STEP).await {
        Ok(connected) => connected.stream,
        Err(error) => {
            drop(tokio::time::timeout(STEP, relay).await.expect("the server ends it"));
            return (flow.take(), format!("{:?}", error.failure));
        }
    };
    stream.write_all(b"changed on the way").await.expect("sent");
    stream.flush().await.expect("sent");
    let read = tokio::time::timeout(STEP, stream.read(&mut [0; 100])).await.expect("the server ends it");
    drop(tokio::time::timeout(STEP, relay).await.expect("the server ends it"));
    let seen = read.map_or_else(|error| error.to_string(), |count| format!("{count} bytes"));
    let sent = flow.take();
    // Under TLCP's keys each alert looks different: what can be compared is the number of records and their sizes.
    let shape = sent.chunks(5).take(1).flat_map(|header| header.to_vec()).chain(sent.len().to_be_bytes()).collect();
    (if target == Target::Data { shape } else { sent }, seen)
}

fn flip(at: usize) -> Change {
    Rc::new(move |body| {
        let at = at % body.len();
        body[at] ^= 0x20;
    })
}

/// From the end: 1 is the last byte.
fn flip_back(at: usize, with: u8) -> Change {
    Rc::new(move |body| {
        let at = body.len() - at;
        body[at] ^= with;
    })
}

/// Changes of a CBC record that leave its length one that an honest record could have.
fn malformed() -> Vec<(String, Change)> {
    let mut all: Vec<(String, Change)> = Vec::new();
    // Bytes of the IV, of the text, of the MAC and of the padding.
    for at in (0..80).step_by(5) {
        all.push((format!("byte {at}"), flip(at)));
    }
    // The last byte of the last block but one changes the padding's length, and nothing but it.
    for with in [1, 2, 4, 8, 15, 16, 31, 64, 127, 128, 255] {
        all.push((format!("length of the padding by {with}"), flip_back(17, with)));
    }
    for at in 18..24 {
        all.push((format!("padding, {at} from the end"), flip_back(at, 1)));
    }
    all.push(("all zeros".to_owned(), Rc::new(|body| body.fill(0))));
    all.push(("a block less".to_owned(), Rc::new(|body| body.truncate(body.len() - 16))));
    all.push(("a block more".to_owned(), Rc::new(|body| body.extend([9; 16]))));
    all.push((
        "blocks exchanged".to_owned(),
        Rc::new(|body| {
            let (one, two) = body.split_at_mut(32);
            one[16..32].swap_with_slice(&mut two[..16]);
        }),
    ));
    all
}

async fn same_end_for_all(ground: &Ground, suite: Suite, target: Target, all: Vec<(String, Change)>) {
    let mut expected: Option<(Vec<u8>, String)> = None;
    for (name, change) in all {
        let end = end(ground, suite, target, change).await;
        println!("{target:?}, {name}: {:02x?} {}", end.0, end.1);
        let first = expected.get_or_insert_with(|| end.clone());
        assert_eq!(end, *first, "{target:?}, {name}: it tells itself from the others");
    }
    let (flow, _) = expected.expect("there are some");
    assert!(!flow.is_empty(), "an alert is sent");
}

#[test]
fn every_malformed_cbc_record_of_tlcp_ends_alike() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        for target in [Target::Finished, Target::Data] {
            same_end_for_all(&ground, Suite::ECC_SM4_CBC_SM3, target, malformed()).await;
        }
        // The twin: with no change it works.
        let connector = Connector::new(client(&ground, Suite::ECC_SM4_CBC_SM3)).expect("a client");
        let (wire, _, _) = changing(&ground, Target::Data, Rc::new(|_| ())).await;
        let mut stream = connector.connect(wire, STEP).await.expect("a handshake").stream;
        stream.write_all(b"unchanged").await.expect("sent");
        stream.flush().await.expect("sent");
        let mut back = [0; 9];
        stream.read_exact(&mut back).await.expect("an echo");
        assert_eq!(&back, b"unchanged");
    });
}

/// A pre-master secret of any form, under the server's encryption key, as the body of a key exchange message.
fn exchange(ground: &Ground, secret: &[u8]) -> Vec<u8> {
    let pem = fs::read(&ground.pki.server_pair.enc.cert).expect("a certificate");
    let certificate = Certificate::from_pem_or_der(&pem).expect("a certificate").remove(0);
    let key = certificate.engine_certificate().expect("a certificate").public_key().expect("a key");
    let encrypter = Encrypter::new(&key).expect("SM2 encrypts");
    let mut sealed = vec![0; encrypter.encrypt_len(secret).expect("a length")];
    let length = encrypter.encrypt(secret, &mut sealed).expect("sealed");
    sealed.truncate(length);
    message(&sealed)
}

fn message(sealed: &[u8]) -> Vec<u8> {
    let inner = u16::try_from(sealed.len()).expect("short").to_be_bytes();
    let outer = u32::try_from(sealed.len() + 2).expect("short").to_be_bytes();
    [&[16], &outer[1..], &inner[..], sealed].concat()
}

fn instead(body: Vec<u8>) -> Change {
    Rc::new(move |old| old.clone_from(&body))
}

#[test]
fn a_key_exchange_that_does_not_decrypt_ends_like_one_that_decrypts_to_something_else() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        let secret = |version: [u8; 2], length: usize| [&version[..], &vec![5; length - 2]].concat();
        let mut all: Vec<(String, Change)> = vec![
            // Decrypts, and is of the right form: only the Finished does not fit.
            ("another secret".to_owned(), instead(exchange(&ground, &secret([1, 1], 48)))),
            ("another version inside".to_owned(), instead(exchange(&ground, &secret([3, 3], 48)))),
            ("a byte less".to_owned(), instead(exchange(&ground, &secret([1, 1], 47)))),
            ("a byte more".to_owned(), instead(exchange(&ground, &secret([1, 1], 49)))),
            ("two bytes".to_owned(), instead(exchange(&ground, &secret([1, 1], 2)))),
        ];
        all.push(("nothing".to_owned(), instead(message(&[]))));
        all.push(("no ciphertext at all".to_owned(), instead(message(&[0x55; 150]))));
        all.push(("its structure".to_owned(), flip(6)));
        all.push(("the length of its structure".to_owned(), flip(8)));
        // Point, hash and text of the ciphertext, which all are somewhere behind its header.
        for at in [20, 40, 60, 80, 100, 110, 120, 130, 140, 150] {
            all.push((format!("byte {at}"), flip(at)));
        }
        for suite in [Suite::ECC_SM4_CBC_SM3, Suite::ECC_SM4_GCM_SM3] {
            same_end_for_all(&ground, suite, Target::KeyExchange, all.clone()).await;
        }
        // The twin: with no change it works.
        let connector = Connector::new(client(&ground, Suite::ECC_SM4_GCM_SM3)).expect("a client");
        let stream = TcpStream::connect(ground.address).await.expect("a connection");
        let mut stream = connector.connect(stream, STEP).await.expect("a handshake").stream;
        ping(&mut stream, b"unchanged").await.expect("an echo");
    });
}
