//! S5: certificate files change in every way that files change.

use crate::ground::backend::Backend;
use crate::ground::clients::Kind;
use crate::ground::mill::{self, Mill, NAMES, Set, look, wait_served};
use crate::ground::{block_on, scaled};
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::wait;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// Two seconds in the catalogue; the rest is for a machine that has other work too.
const PICKED_UP: Duration = Duration::from_secs(10);

struct Bench {
    mill: Mill,
    jadegate: Jadegate,
    address: SocketAddr,
    first: Set,
    _backend: Backend,
}

/// A proxy on files that `lay` has put there.
fn bench(lay: fn(&Path, &Set)) -> Bench {
    let (mill, backend) = (Mill::new(), Backend::echo());
    let address = net::free_address().expect("a port");
    let first = mill.set();
    lay(mill.path(), &first);
    let jadegate = Jadegate::start(&mill::yaml(mill.path(), address, backend.address)).expect("it starts");
    Bench { mill, jadegate, address, first, _backend: backend }
}

impl Bench {
    /// Secrets of which half is missing, or whose source holds something that was refused.
    fn complaints(&self) -> usize {
        let page = self.jadegate.admin("/certs").expect("a page").body;
        let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
        let secrets = page["secrets"].as_array().expect("a list");
        let told = |secret: &&serde_json::Value| !secret["waiting"].is_null() || !secret["last_rejection"].is_null();
        secrets.iter().filter(told).count()
    }

    async fn served(&self, set: &Set) {
        for kind in Kind::ALL {
            wait_served(self.address, &self.mill.connector(kind), &set.serials(kind), PICKED_UP).await;
        }
    }
}

fn in_place(directory: &Path, set: &Set) {
    set.write(directory);
}

fn renamed(directory: &Path, set: &Set) {
    for (name, minted) in set.each() {
        for (text, ending) in mill::contents(minted).into_iter().zip(["pem", "key"]) {
            let beside = directory.join("fresh.tmp");
            fs::write(&beside, text).expect("written");
            fs::rename(beside, directory.join(format!("{name}.{ending}"))).expect("renamed");
        }
    }
}

fn deleted_and_created(directory: &Path, set: &Set) {
    for name in NAMES {
        for ending in ["pem", "key"] {
            drop(fs::remove_file(directory.join(format!("{name}.{ending}"))));
        }
    }
    set.write(directory);
}

/// As Kubernetes mounts a secret: files are links through `..data`, which is replaced at once.
fn swapped(directory: &Path, set: &Set) {
    let version = format!("..{}", mill::serial(&set.p256));
    let fresh = directory.join(&version);
    fs::create_dir(&fresh).expect("a directory");
    set.write(&fresh);
    let old = fs::read_link(directory.join("..data")).ok();
    symlink(&version, directory.join("..data_tmp")).expect("a link");
    fs::rename(directory.join("..data_tmp"), directory.join("..data")).expect("renamed");
    for name in NAMES {
        for ending in ["pem", "key"] {
            let file = format!("{name}.{ending}");
            drop(symlink(Path::new("..data").join(&file), directory.join(&file)));
        }
    }
    if let Some(old) = old {
        fs::remove_dir_all(directory.join(old)).expect("removed");
    }
}

#[test]
fn every_way_to_replace_files_is_noticed() {
    block_on(async {
        for (name, replace) in [
            ("in place", in_place as fn(&Path, &Set)),
            ("renamed", renamed),
            ("anew", deleted_and_created),
            ("..data", swapped),
        ] {
            let bench = bench(replace);
            bench.served(&bench.first).await;
            for round in 0..2 {
                println!("{name}, {round}");
                let next = bench.mill.set();
                replace(bench.mill.path(), &next);
                bench.served(&next).await;
            }
        }
    });
}

#[test]
fn half_a_renewal_waits_and_changes_nothing_until_the_other_half_comes() {
    block_on(async {
        let bench = bench(in_place);
        let next = bench.mill.set();
        let write = |name: &str, text: &str| fs::write(bench.mill.path().join(name), text).expect("written");
        // Certificates without their keys, and half a pair.
        for (name, minted) in [("p256", &next.p256), ("sm2", &next.sm2), ("sign", &next.sign)] {
            write(&format!("{name}.pem"), &mill::contents(minted)[0]);
        }
        wait::until("three complaints", PICKED_UP, || Ok((bench.complaints() == 3).then_some(())))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", bench.jadegate.admin("/certs").expect("a page").body));
        for kind in Kind::ALL {
            let connector = bench.mill.connector(kind);
            assert_eq!(look(bench.address, &connector).await, bench.first.serials(kind), "{kind:?}");
        }
        next.write(bench.mill.path());
        bench.served(&next).await;
        assert_eq!(bench.complaints(), 0);
    });
}

/// Swaps as fast as they can be made, and clients all the while: what they see was there together at some time.
#[test]
fn many_swaps_never_mix_a_pair() {
    block_on(async {
        for (name, replace) in [("..data", swapped as fn(&Path, &Set)), ("renamed", renamed), ("in place", in_place)] {
            let bench = bench(replace);
            let client = bench.mill.connector(Kind::Tlcp);
            let mut known = vec![bench.first.serials(Kind::Tlcp)];
            let mut last = None;
            // 10,000 in the catalogue.
            for round in 0..scaled(10_000, 60) {
                let next = bench.mill.set();
                known.push(next.serials(Kind::Tlcp));
                replace(bench.mill.path(), &next);
                if round % 2 == 0 {
                    let seen = look(bench.address, &client).await;
                    assert!(known.contains(&seen), "{name}, {round}: {seen:?} were never one pair");
                }
                last = Some(next);
            }
            bench.served(&last.expect("there were some")).await;
        }
    });
}
