//! Certificates are replaced under load, every fifth time by something broken: every refusal is shown with its reason,
//! the last good ones are served, and nobody notices.

use crate::ground::backend::Backend;
use crate::ground::block_on;
use crate::ground::clients::{Kind, honest_echo};
use crate::ground::mill::{self, Mill, Set, look, server, wait_served};
use crate::ground::outside::metric;
use jadegate_certs::development::mint::{Mint, MintKey, Usage};
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::wait::{self, PATIENCE};
use serde_json::Value;
use std::cell::Cell;
use std::fs;
use std::path::Path;

/// Load: so many clients, one connection after the other each.
const CLIENTS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Mismatch,
    HalfPair,
    Expired,
    Garbage,
    Truncated,
}

impl Broken {
    const ALL: [Self; 5] = [Self::Mismatch, Self::HalfPair, Self::Expired, Self::Garbage, Self::Truncated];

    /// The file of the secret that is refused, and the reason.
    fn verdict(self) -> (&'static str, &'static str) {
        match self {
            Self::Mismatch => ("p256.pem", "key_certificate_mismatch"),
            Self::HalfPair => ("sign.pem", "pair_subject_differs"),
            Self::Expired => ("sm2.pem", "certificate_expired"),
            Self::Garbage => ("p256.pem", "certificate_absent"),
            Self::Truncated => ("sm2.pem", "pem_unterminated"),
        }
    }

    fn put(self, mill: &Mill) {
        let (sm2, p256) = (MintKey::sm2().expect("a key"), MintKey::p256().expect("a key"));
        match self {
            Self::Mismatch => {
                rename(mill.path(), "p256.pem", server().issue(&p256, &mill.standard).expect("ok").pem().as_bytes())
            }
            Self::HalfPair => {
                let other =
                    Mint::leaf("other").dns("other.example").usage(Usage::SIGN).issue(&sm2, &mill.sm2).expect("ok");
                let [cert, key] = mill::contents(&other);
                rename(mill.path(), "sign.key", key.as_bytes());
                rename(mill.path(), "sign.pem", cert.as_bytes());
            }
            Self::Expired => {
                let [cert, key] = mill::contents(&server().expired().issue(&sm2, &mill.sm2).expect("ok"));
                rename(mill.path(), "sm2.key", key.as_bytes());
                rename(mill.path(), "sm2.pem", cert.as_bytes());
            }
            Self::Garbage => rename(mill.path(), "p256.pem", b"\0\x01\x02 this is no certificate \xff"),
            Self::Truncated => {
                let pem = server().issue(&sm2, &mill.sm2).expect("ok").pem();
                rename(mill.path(), "sm2.pem", &pem.as_bytes()[..pem.len() / 2]);
            }
        }
    }
}

fn rename(directory: &Path, name: &str, bytes: &[u8]) {
    let beside = directory.join("fresh.tmp");
    fs::write(&beside, bytes).expect("written");
    fs::rename(beside, directory.join(name)).expect("renamed");
}

fn renamed(directory: &Path, set: &Set) {
    for (name, minted) in set.each() {
        let [cert, key] = mill::contents(minted);
        rename(directory, &format!("{name}.key"), key.as_bytes());
        rename(directory, &format!("{name}.pem"), cert.as_bytes());
    }
}

/// What the admin's page says is wrong now with the secret of this file.
fn refusal(jadegate: &Jadegate, file: &str) -> Option<(String, String)> {
    let page: Value = serde_json::from_str(&jadegate.admin("/certs").expect("a page").body).expect("JSON");
    let secrets = page["secrets"].as_array().expect("a list");
    let secret = secrets.iter().find(|secret| secret["source"].to_string().contains(file)).expect("a secret");
    let last = &secret["last_rejection"];
    last["reason"].as_str().map(|reason| (reason.to_owned(), last["text"].as_str().unwrap_or_default().to_owned()))
}

#[test]
fn replacements_under_load_every_fifth_of_them_broken_fail_no_request_and_every_refusal_is_shown() {
    block_on(async {
        let (mill, backend) = (Mill::new(), Backend::echo());
        let address = net::free_address().expect("a port");
        let mut good = mill.set();
        good.write(mill.path());
        let jadegate = Jadegate::start(&mill::yaml(mill.path(), address, backend.address)).expect("it starts");
        let (over, served) = (Cell::new(false), Cell::new(0_usize));
        let client = |n: usize| {
            let kind = Kind::ALL[n % 4];
            let (connector, over, served, jadegate) = (mill.connector(kind), &over, &served, &jadegate);
            async move {
                while !over.get() {
                    let outcome = honest_echo(address, &connector).await;
                    outcome.unwrap_or_else(|error| panic!("{kind:?}: {error:#}\n{}", jadegate.log()));
                    served.set(served.get() + 1);
                }
            }
        };
        // Each kind of broken one four times.
        let rounds = 100;
        let replacements = async {
            for round in 0..rounds {
                let so_far = served.get();
                if round % 5 == 4 {
                    let broken = Broken::ALL[round / 5 % 5];
                    broken.put(&mill);
                    let (file, reason) = broken.verdict();
                    let mut last = None;
                    while last.as_ref().is_none_or(|(shown, _): &(String, String)| shown != reason) {
                        last = refusal(&jadegate, file);
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    }
                    let (_, text) = last.expect("a refusal");
                    assert!(text.len() > 20, "a person understands it: {text:?}");
                    for kind in Kind::ALL {
                        assert_eq!(look(address, &mill.connector(kind)).await, good.serials(kind), "{broken:?}");
                    }
                } else {
                    good = mill.set();
                    renamed(mill.path(), &good);
                    for kind in Kind::ALL {
                        wait_served(address, &mill.connector(kind), &good.serials(kind), PATIENCE).await;
                    }
                }
                while served.get() < so_far + 4 {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
            over.set(true);
        };
        let all: Vec<_> = (0..CLIENTS).map(client).collect();
        let load = async {
            let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
            std::future::poll_fn(|context| {
                all.retain_mut(|client| client.as_mut().poll(context).is_pending());
                if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        };
        tokio::join!(replacements, load);
        println!("{} connections", served.get());
        assert!(served.get() >= 4 * rounds, "{}", served.get());
        let refused = f64::from(u32::try_from(rounds / 5).expect("few"));
        wait::until("every refusal to be counted, once", PATIENCE, || {
            Ok((metric(&jadegate, "secret_rejections_total", "") == refused).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", jadegate.log()));
        let page = jadegate.admin("/certs").expect("a page").body;
        for broken in Broken::ALL {
            assert!(page.contains(broken.verdict().1), "{broken:?} is not in the history");
        }
        assert_eq!(metric(&jadegate, "tls_handshakes_total", "outcome=\"failed\""), 0.0);
    });
}
