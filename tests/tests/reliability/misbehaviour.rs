//! P3: clients that keep to the form of the protocol and not to its sense.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connect, hello, honest_echo, ping};
use crate::ground::outside::{cpu, descriptors, metric, wait_quiet};
use crate::ground::{Ground, Settings, block_on, standard_certificates};
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::process::Process;
use jadegate_tests::wait::{self, PATIENCE};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Of processor, for one abusive connection from its first byte to its end. The floods go on for as long as they are
/// read; this is far below what reading on until the deadline would cost.
const WORK: Duration = Duration::from_millis(1500);

const SETTINGS: Settings<'_> =
    Settings { top: "", protocol: "tcp", certificates: None, tls: "", listener: "    timeouts: { handshake: 3s }\n" };

fn record(kind: u8, version: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short").to_be_bytes();
    [&[kind], &version[..], &length, payload].concat()
}

/// What follows a hello, again and again, by the version of the records.
type Step = fn([u8; 2]) -> Vec<u8>;

const FLOODS: &[(&str, Step)] = &[
    ("empty handshake records", |version| record(22, version, b"")),
    ("empty data", |version| record(23, version, b"")),
    ("changes of cipher", |version| record(20, version, &[1])),
    ("warnings: no renegotiation", |version| record(21, version, &[1, 100])),
    ("warnings: user cancelled", |version| record(21, version, &[1, 90])),
    ("hello requests", |version| record(22, version, &[0, 0, 0, 0])),
    ("hellos", |version| record(22, version, &[1, 0, 0, 2, 3, 3])),
    ("key updates in clear", |version| record(22, version, &[24, 0, 0, 1, 1])),
    ("pieces of a message, data between", |version| {
        [record(22, version, &[16, 0, 1, 0]), record(23, version, b"between")].concat()
    }),
    ("a message of 16 MiB", |version| record(22, version, &[[16, 0xff, 0xff, 0xff].as_slice(), &[0; 16_000]].concat())),
    ("records that are too long", |version| [&[22], &version[..], &[0x45, 0], &[7; 0x4500]].concat()),
    ("records of an unknown kind", |version| record(99, version, &[1])),
    ("records of another version", |_| record(22, [9, 9], &[1])),
];

/// Writes `first`, then steps until the other side ends it. Gives how much was written.
async fn flood(mut stream: TcpStream, first: &[u8], step: &[u8]) -> usize {
    stream.write_all(first).await.expect("sent");
    let (mut from, mut to) = stream.into_split();
    let mut sent = 0;
    let write = async {
        while to.write_all(step).await.is_ok() {
            sent += step.len();
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(1..) = from.read(&mut buffer).await {}
    };
    tokio::select! {
        () = write => {}
        ended = tokio::time::timeout(STEP, read) => ended.expect("it is ended"),
    }
    sent
}

async fn floods_instead_of_a_second_flight(tls: &str, kinds: &[Kind]) {
    // Tongsuo can be asked to serve the standard protocols only where it has their certificates.
    let certificates = (!tls.is_empty()).then_some(standard_certificates as fn(&jadegate_tests::pki::Pki) -> String);
    let ground = Ground::start(Backend::echo(), &Settings { tls, certificates, ..SETTINGS });
    let open = descriptors(&ground.jadegate);
    for kind in kinds {
        let connector = kind.connector(&ground.pki);
        let first = hello(&connector).await;
        let version = if *kind == Kind::Tlcp { [1, 1] } else { [3, 3] };
        for (name, step) in FLOODS {
            let before = cpu(&ground.jadegate);
            let stream = TcpStream::connect(ground.address).await.expect("a connection");
            let sent = flood(stream, &first, &step(version)).await;
            let work = cpu(&ground.jadegate).saturating_sub(before);
            println!("{kind:?}{tls}, {name}: {sent} bytes, {work:?}");
            assert!(work < WORK, "{kind:?}{tls}, {name}: {work:?} of processor for {sent} bytes");
            honest_echo(ground.address, &connector).await.unwrap_or_else(|error| panic!("{kind:?}, {name}: {error:#}"));
        }
    }
    wait_quiet(&ground.jadegate, open);
    let handshakes = metric(&ground.jadegate, "tls_handshakes_total", "outcome=\"failed\"");
    assert!(handshakes >= f64::from(u32::try_from(FLOODS.len() * kinds.len()).expect("few")), "{handshakes}");
}

#[test]
fn floods_instead_of_a_second_flight_are_ended() {
    block_on(floods_instead_of_a_second_flight("", &Kind::ALL));
}

#[test]
fn floods_instead_of_a_second_flight_are_ended_where_tongsuo_serves_the_standard_protocols() {
    block_on(floods_instead_of_a_second_flight(", engine: tongsuo", &[Kind::Tls13, Kind::Tls12]));
}

/// After the handshake everything in clear is forged.
#[test]
fn records_in_clear_behind_a_handshake_end_the_connection() {
    block_on(async {
        for (tls, kinds) in [("", &Kind::ALL[..]), (", engine: tongsuo", &[Kind::Tls13, Kind::Tls12])] {
            let certificates =
                (!tls.is_empty()).then_some(standard_certificates as fn(&jadegate_tests::pki::Pki) -> String);
            let ground = Ground::start(Backend::echo(), &Settings { tls, certificates, ..SETTINGS });
            for kind in kinds {
                let connector = kind.connector(&ground.pki);
                let version = if *kind == Kind::Tlcp { [1, 1] } else { [3, 3] };
                for (name, step) in FLOODS {
                    let mut stream = connect(ground.address, &connector).await.expect("a connection").stream;
                    ping(&mut stream, b"before").await.expect("an echo");
                    let before = cpu(&ground.jadegate);
                    let (step, started) = (step(version), Instant::now());
                    // Past the TLS of the client, on its socket. One would do; the rest is for a server that reads on.
                    for _ in 0..100 {
                        drop(stream.transport().try_write(&step));
                    }
                    let mut buffer = [0; 100];
                    let end = loop {
                        match tokio::time::timeout(STEP, stream.read(&mut buffer)).await {
                            Ok(Ok(1..)) => {}
                            end => break end,
                        }
                    };
                    assert!(end.is_ok(), "{kind:?}{tls}, {name}: open after {:?}", started.elapsed());
                    let work = cpu(&ground.jadegate).saturating_sub(before);
                    assert!(work < WORK, "{kind:?}{tls}, {name}: {work:?} of processor");
                }
                honest_echo(ground.address, &connector).await.expect("others are served");
            }
        }
    });
}

/// `s_client`, connected.
fn s_client(peer: Peer, ground: &Ground, root: &Path, arguments: &[&str]) -> Process {
    let mut command = Command::new(peer.program().expect("it is there"));
    command.arg("s_client").arg("-connect").arg(ground.address.to_string()).arg("-CAfile").arg(root);
    command.args(["-servername", "site.example", "-verify_return_error"]).args(arguments);
    let process = Process::start(&mut command).expect("it starts");
    process.wait_for("Verify return code: 0", PATIENCE).expect("it connects");
    process
}

/// A line that `s_client` reads by itself, as a command or as data.
fn line(process: &mut Process, text: &[u8]) -> bool {
    if process.send(text).is_err() {
        return false;
    }
    let read = wait::until("the line to be read", PATIENCE, || {
        Ok((!process.running()? || process.unread_input().unwrap_or(0) == 0).then_some(()))
    });
    read.expect("it reads or ends");
    process.running().expect("the system tells")
}

/// Says something now and then.
async fn ticking(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        stream.write_all(b"tick\n").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn renegotiation_is_refused(peer: Peer, tls: &str, kind: Kind, arguments: &[&str]) {
    let certificates = (!tls.is_empty()).then_some(standard_certificates as fn(&jadegate_tests::pki::Pki) -> String);
    let backend = match kind {
        // Tongsuo's TLCP loses the warning that it makes (it frees the buffer of the handshake that it has just refused to
        // begin), so a second hello stays unanswered, and the client fails at the next data.
        Kind::Tlcp => Backend::start((Ipv4Addr::LOCALHOST, 0).into(), ticking),
        // A backend that says nothing by itself: the refusal has to leave without anything to go with.
        _ => Backend::echo(),
    };
    let ground = Ground::start(backend, &Settings { tls, certificates, ..SETTINGS });
    let root = if kind == Kind::Tlcp { &ground.pki.sm2_root } else { &ground.pki.standard_root };
    let mut client = s_client(peer, &ground, root, arguments);
    let labels = "outcome=\"ok\"";
    wait::until("the first handshake to be counted", PATIENCE, || {
        Ok((metric(&ground.jadegate, "tls_handshakes_total", labels) == 1.0).then_some(()))
    })
    .expect("it is");
    line(&mut client, b"R\n");
    let finished = client.wait(PATIENCE).unwrap_or_else(|error| panic!("{kind:?}{tls}: {error:#}"));
    assert!(finished.output.contains("RENEGOTIATING"), "{}", finished.output);
    assert!(!finished.status.success(), "{kind:?}{tls} renegotiated: {}", finished.output);
    assert_eq!(metric(&ground.jadegate, "tls_handshakes_total", labels), 1.0);
}

#[test]
fn a_client_that_wants_to_renegotiate_is_refused() {
    if !present(&[Peer::DebianOpenSsl, Peer::Tongsuo]) {
        return;
    }
    renegotiation_is_refused(Peer::DebianOpenSsl, "", Kind::Tls12, &["-tls1_2"]);
    renegotiation_is_refused(Peer::DebianOpenSsl, ", engine: tongsuo", Kind::Tls12, &["-tls1_2"]);
    renegotiation_is_refused(Peer::Tongsuo, "", Kind::Tlcp, &["-enable_ntls", "-ntls", "-bugs"]);
}

fn key_updates(tls: &str) {
    let certificates = (!tls.is_empty()).then_some(standard_certificates as fn(&jadegate_tests::pki::Pki) -> String);
    let ground = Ground::start(Backend::echo(), &Settings { tls, certificates, ..SETTINGS });
    let mut client = s_client(Peer::DebianOpenSsl, &ground, &ground.pki.standard_root, &["-tls1_3"]);
    // The twin: a few are taken, and data passes after them.
    for _ in 0..5 {
        assert!(line(&mut client, b"K\n"), "{tls}");
    }
    assert!(line(&mut client, b"hello after key updates\n"));
    client.wait_for("hello after key updates", PATIENCE).expect("an echo");
    let before = cpu(&ground.jadegate);
    let sent = (0..1000).take_while(|_| line(&mut client, b"K\n")).count();
    let work = cpu(&ground.jadegate).saturating_sub(before);
    println!("{tls}: {sent} key updates, {work:?}");
    assert!(work < WORK, "{tls}: {work:?} of processor for {sent} key updates");
    block_on(async {
        honest_echo(ground.address, &Kind::Tls13.connector(&ground.pki)).await.expect("others are served");
    });
}

/// A thousand, each asking for one in return: ended, or taken at a price that is bounded.
#[test]
fn key_updates_cost_little() {
    if !present(&[Peer::DebianOpenSsl]) {
        return;
    }
    key_updates("");
    key_updates(", engine: tongsuo");
}
