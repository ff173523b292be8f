//! P5: nothing is negotiated outside the policy, and the log says what was wrong.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, STEP, connectors, hello, honest_echo};
use crate::ground::outside::metric;
use crate::ground::{Ground, Settings, block_on, standard_certificates};
use jadegate_tests::pki::Pki;
use jadegate_tests::wait::{self, PATIENCE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Policy as YAML, and for each kind the reason why it is refused; none = it is served.
type Case = (&'static str, [(Kind, Option<&'static str>); 4]);

const CASES: &[Case] = &[
    (
        "policy: gm-only",
        [
            (Kind::Tlcp, None),
            (Kind::Tls13Sm, None),
            (Kind::Tls13, Some("no_common_protocol")),
            (Kind::Tls12, Some("no_common_protocol")),
        ],
    ),
    (
        "policy: standard",
        [
            (Kind::Tlcp, Some("no_common_protocol")),
            (Kind::Tls13Sm, Some("no_common_suite")),
            (Kind::Tls13, None),
            (Kind::Tls12, None),
        ],
    ),
    (
        "policy: gm-preferred, min: tls1.3",
        [(Kind::Tlcp, None), (Kind::Tls13Sm, None), (Kind::Tls13, None), (Kind::Tls12, Some("no_common_protocol"))],
    ),
    (
        "policy: standard, max: tls1.2",
        [
            (Kind::Tlcp, Some("no_common_protocol")),
            (Kind::Tls13Sm, Some("no_common_protocol")),
            (Kind::Tls13, Some("no_common_protocol")),
            (Kind::Tls12, None),
        ],
    ),
];

#[test]
fn each_policy_serves_exactly_its_protocols_and_names_the_reason_for_the_others() {
    block_on(async {
        for (policy, kinds) in CASES {
            let tls = format!(", {policy}");
            // A policy that never uses a certificate is refused with it.
            let certificates = policy.contains("standard").then_some(standard_certificates as fn(&Pki) -> String);
            let settings = Settings { protocol: "tcp", tls: &tls, certificates, ..Settings::default() };
            let ground = Ground::start(Backend::echo(), &settings);
            for (kind, refused) in kinds {
                let outcome = honest_echo(ground.address, &kind.connector(&ground.pki)).await;
                match refused {
                    None => outcome.unwrap_or_else(|error| panic!("{policy}, {kind:?}: {error:#}")),
                    Some(reason) => {
                        let error = outcome.expect_err("it must be refused");
                        let labels = format!("outcome=\"failed\",reason=\"{reason}");
                        // The client hears of it before it is counted.
                        wait::until("the count", PATIENCE, || {
                            Ok((metric(&ground.jadegate, "tls_handshakes_total", &labels) >= 1.0).then_some(()))
                        })
                        .unwrap_or_else(|_| panic!("{policy}, {kind:?}: {error:#}\n{}", ground.jadegate.log()));
                        ground.jadegate.wait_log(reason).expect("the log says why");
                    }
                }
            }
        }
    });
}

/// The server's answer to one flight, whole.
async fn answer(ground: &Ground, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(ground.address).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut all = Vec::new();
    drop(tokio::time::timeout(STEP, stream.read_to_end(&mut all)).await.expect("an end"));
    all
}

/// The same hello with one more suite in front.
fn with_suite(hello: &[u8], suite: [u8; 2]) -> Vec<u8> {
    let mut body = hello[9..].to_vec();
    let at = 35 + usize::from(body[34]);
    let suites = u16::from_be_bytes([body[at], body[at + 1]]) + 2;
    body[at..at + 2].copy_from_slice(&suites.to_be_bytes());
    body.splice(at + 2..at + 2, suite);
    let message = u32::try_from(body.len()).expect("short").to_be_bytes();
    let record = u16::try_from(body.len() + 4).expect("short").to_be_bytes();
    [&hello[..3], &record, &[1], &message[1..], &body].concat()
}

#[test]
fn a_client_that_was_talked_down_is_told_so() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        let hello = hello(&Kind::Tls12.connector(&ground.pki)).await;
        let fallback = with_suite(&hello, [0x56, 0]);
        let got = answer(&ground, &fallback).await;
        assert_eq!((got.first(), got.last()), (Some(&21), Some(&86)), "inappropriate_fallback: {got:02x?}");
        ground.jadegate.wait_log("inappropriate_fallback").expect("the log says why");
    });
}

#[test]
fn hints_of_another_protocol_do_not_lead_there() {
    block_on(async {
        let ground = Ground::start(Backend::echo(), &Settings { protocol: "tcp", ..Settings::default() });
        // A standard client that names SM suites without the group and scheme that go with them is a standard client.
        let hello12 = hello(&Kind::Tls12.connector(&ground.pki)).await;
        for suite in [[0x00, 0xc6], [0xe0, 0x53]] {
            let mut stream = TcpStream::connect(ground.address).await.expect("a connection");
            stream.write_all(&with_suite(&hello12, suite)).await.expect("sent");
            let mut start = [0; 6];
            stream.read_exact(&mut start).await.expect("an answer");
            assert_eq!(start[..3], [22, 3, 3]);
            assert_eq!(start[5], 2);
        }
        // A TLCP client that names no suite of TLCP gets none.
        let tlcp = hello(&Kind::Tlcp.connector(&ground.pki)).await;
        let mut foreign = tlcp.clone();
        let at = 9 + 35 + usize::from(foreign[9 + 34]);
        let count = usize::from(u16::from_be_bytes([foreign[at], foreign[at + 1]])) / 2;
        for n in 0..count {
            foreign[at + 2 + 2 * n..at + 4 + 2 * n].copy_from_slice(&[0xc0, 0x2f]);
        }
        let got = answer(&ground, &foreign).await;
        assert_eq!((got.first(), got.get(1..3)), (Some(&21), Some(&[1, 1][..])), "{got:02x?}");
        ground.jadegate.wait_log("no_common_suite").expect("the log says why");
        // The twin.
        for (_, connector) in connectors(&ground.pki) {
            honest_echo(ground.address, &connector).await.expect("others are served");
        }
    });
}
