//! M1: after a rotation the old private keys are nowhere in the memory of the process.

use crate::ground::backend::Backend;
use crate::ground::block_on;
use crate::ground::clients::{Kind, connect, honest_echo};
use crate::ground::mill::{self, Mill, Set, wait_served};
use jadegate_certs::development::mint::Minted;
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::wait::{self, PATIENCE};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

/// A secret number as memory may hold it: big-endian as in files, and little-endian as in libraries.
struct Needle {
    name: String,
    bytes: [Vec<u8>; 2],
}

/// The private scalar, out of the ECPrivateKey inside PKCS#8.
fn needle(name: &str, minted: &Minted) -> Needle {
    let der = minted.key().pkcs8_der().expect("a key");
    let before = [2, 1, 1, 4, 32];
    let at = der.windows(before.len()).position(|window| window == before).expect("version and scalar") + before.len();
    let scalar = der[at..at + 32].to_vec();
    let reversed = scalar.iter().rev().copied().collect();
    Needle { name: name.to_owned(), bytes: [scalar, reversed] }
}

fn needles(set: &Set) -> Vec<Needle> {
    set.each().into_iter().map(|(name, minted)| needle(name, minted)).collect()
}

/// Names and places of the needles that are in the writable memory of the process.
fn found(jadegate: &Jadegate, needles: &[Needle]) -> Vec<String> {
    let memory = File::open(format!("/proc/{}/mem", jadegate.id())).expect("our own child");
    let maps = fs::read_to_string(format!("/proc/{}/maps", jadegate.id())).expect("our own child");
    let mut wanted = [false; 256];
    for needle in needles {
        needle.bytes.iter().for_each(|bytes| wanted[usize::from(bytes[0])] = true);
    }
    let mut hits = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.starts_with("rw"))) {
        let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let [start, end] = [start, end].map(|edge| u64::from_str_radix(edge, 16).expect("an address"));
        let mut at = start;
        let mut buffer = vec![0; 1 << 20];
        while at < end {
            // A page may go between the list and the look.
            let Ok(count @ 1..) = memory.read_at(&mut buffer, at) else { break };
            for offset in 0..count {
                if !wanted[usize::from(buffer[offset])] {
                    continue;
                }
                for needle in needles {
                    if needle.bytes.iter().any(|bytes| buffer[offset..count].starts_with(bytes)) {
                        hits.push(format!("{} at {:x} of {line}", needle.name, at + offset as u64));
                    }
                }
            }
            // The next piece begins a little earlier, for what lies across the edge.
            let step = if count > 4096 { count - 64 } else { count };
            at += step as u64;
        }
    }
    hits
}

async fn use_every_key(mill: &Mill, address: std::net::SocketAddr) {
    for kind in Kind::ALL {
        let connector = mill.connector(kind);
        for _ in 0..5 {
            honest_echo(address, &connector).await.unwrap_or_else(|error| panic!("{kind:?}: {error:#}"));
        }
        // And one that fails in the middle.
        drop(tokio::time::timeout(std::time::Duration::from_millis(1), connect(address, &connector)).await);
    }
}

#[test]
fn replaced_private_keys_are_gone_from_memory_and_the_live_ones_are_found_by_the_same_search() {
    block_on(async {
        let (mill, backend) = (Mill::new(), Backend::echo());
        let address = net::free_address().expect("a port");
        let old = mill.set();
        old.write(mill.path());
        let jadegate = Jadegate::start(&mill::yaml(mill.path(), address, backend.address)).expect("it starts");
        use_every_key(&mill, address).await;
        // The control: the search sees keys that are in use.
        for needle in needles(&old) {
            let hits = found(&jadegate, std::slice::from_ref(&needle));
            assert!(!hits.is_empty(), "{} is in use and was not found", needle.name);
        }
        let new = mill.set();
        new.write(mill.path());
        for kind in Kind::ALL {
            wait_served(address, &mill.connector(kind), &new.serials(kind), PATIENCE).await;
        }
        use_every_key(&mill, address).await;
        let old = needles(&old);
        let mut hits = Vec::new();
        let gone = wait::until("the old keys to be gone", PATIENCE, || {
            hits = found(&jadegate, &old);
            Ok(hits.is_empty().then_some(()))
        });
        assert!(gone.is_ok(), "old keys are still there: {hits:#?}");
        for needle in needles(&new) {
            assert!(!found(&jadegate, std::slice::from_ref(&needle)).is_empty(), "{} was not found", needle.name);
        }
    });
}
