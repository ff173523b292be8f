//! S6: revoked clients are refused, from the moment the list says so, and lists cost little.

use crate::ground::backend::Backend;
use crate::ground::clients::{Kind, connect, honest_echo};
use crate::ground::mill::{self, Mill};
use crate::ground::outside::{metric, resident};
use crate::ground::{block_on, scaled};
use jadegate_certs::certificate::Certificate;
use jadegate_certs::clock::UnixTime;
use jadegate_certs::credential::{Credential, CredentialPair};
use jadegate_certs::development::mint::{Mint, MintCrl, MintKey, Minted, Purpose, Usage};
use jadegate_certs::key::PrivateKey;
use jadegate_certs::trust::TrustBundle;
use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::wait::{self, PATIENCE};
use jadegate_tls::{Connector, RevocationDepth, Trust};
use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const REVOKED: &str = "peer_certificate_revoked";
const UNKNOWN: &str = "peer_certificate_revocation_unknown";

/// The lists of one family of keys: the root's, and that of an intermediate below it.
struct Lists {
    root: Minted,
    intermediate: Minted,
    directory: PathBuf,
    family: &'static str,
}

impl Lists {
    fn new(family: &'static str, root: Minted, directory: &Path) -> Self {
        let key = if family == "sm2" { MintKey::sm2() } else { MintKey::p256() }.expect("a key");
        let intermediate = Mint::authority("Intermediate").issue(&key, &root).expect("an intermediate");
        let lists = Self { root, intermediate, directory: directory.to_owned(), family };
        lists.put("root", &MintCrl::new(), &lists.root);
        lists.put("intermediate", &MintCrl::new(), &lists.intermediate);
        lists
    }

    fn path(&self, which: &str) -> PathBuf {
        self.directory.join(format!("{}-{which}.crl", self.family))
    }

    fn put(&self, which: &str, list: &MintCrl, issuer: &Minted) {
        let beside = self.directory.join("fresh.tmp");
        fs::write(&beside, list.issue_pem(issuer).expect("a list")).expect("written");
        fs::rename(beside, self.path(which)).expect("renamed");
    }

    /// A client of this family with the intermediate in its chain, and its certificates.
    fn client(&self, mill: &Mill, kind: Kind) -> (Connector, Vec<Minted>) {
        let leaf = |usage: Option<&[Usage]>| {
            let key = if self.family == "sm2" { MintKey::sm2() } else { MintKey::p256() }.expect("a key");
            let mint = Mint::leaf("client").dns("client.example").purposes(&[Purpose::ClientAuth]);
            let mint = match usage {
                Some(usage) => mint.usage(usage),
                None => mint,
            };
            mint.issue(&key, &self.intermediate).expect("a client")
        };
        let mut options = kind.options_trusting(&mill.sm2_root, &mill.standard_root);
        let certificates = if kind == Kind::Tlcp {
            let [sign, enc] = [leaf(Some(Usage::SIGN)), leaf(Some(Usage::ENC))];
            let pair = CredentialPair::new(self.credential(&sign), self.credential(&enc), UnixTime::now());
            options.pair = Some(pair.expect("a pair"));
            vec![sign, enc]
        } else {
            let leaf = leaf(None);
            options.credential = Some(self.credential(&leaf));
            vec![leaf]
        };
        (Connector::new(options).expect("a client"), certificates)
    }

    fn credential(&self, leaf: &Minted) -> Credential {
        let chain =
            [leaf, &self.intermediate].map(|minted| Certificate::from_der(minted.der()).expect("a certificate"));
        let key = PrivateKey::from_pem_or_der(leaf.key_pem().expect("a key").as_bytes(), None).expect("a key");
        Credential::new(chain.to_vec(), key, UnixTime::now()).expect("a credential")
    }
}

struct Bench {
    mill: Mill,
    standard: Lists,
    sm2: Lists,
    jadegate: Jadegate,
    address: SocketAddr,
    _backend: Backend,
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    format!("[{}]", names.join(", "))
}

impl Bench {
    fn start(depth: &str) -> Self {
        let (mill, backend) = (Mill::new(), Backend::echo());
        let address = net::free_address().expect("a port");
        mill.set().write(mill.path());
        let standard = Lists::new("standard", mill.standard.clone(), mill.path());
        let sm2 = Lists::new("sm2", mill.sm2.clone(), mill.path());
        let crls: Vec<PathBuf> =
            [&standard, &sm2].iter().flat_map(|lists| [lists.path("root"), lists.path("intermediate")]).collect();
        let yaml = format!(
            "{}    # who may come in\n",
            listener(&mill, address, backend.address, &format!(", crl: {}, revocation: {depth}", list(&crls)))
        );
        let jadegate = Jadegate::start(&format!("listeners:\n{yaml}")).expect("it starts");
        Self { mill, standard, sm2, jadegate, address, _backend: backend }
    }

    fn lists(&self, kind: Kind) -> &Lists {
        if matches!(kind, Kind::Tlcp | Kind::Tls13Sm) { &self.sm2 } else { &self.standard }
    }

    /// Waits until this client is refused for this reason.
    async fn wait_refused(&self, kind: Kind, client: &Connector, reason: &str) {
        let labels = format!("protocol=\"{}\",outcome=\"failed\",reason=\"{reason}\"", kind.name());
        let (before, started) = (metric(&self.jadegate, "tls_handshakes_total", &labels), Instant::now());
        while honest_echo(self.address, client).await.is_ok() {
            // Two seconds in the catalogue.
            assert!(started.elapsed() < Duration::from_secs(10), "{kind:?} still comes in");
        }
        wait::until(reason, PATIENCE, || {
            Ok((metric(&self.jadegate, "tls_handshakes_total", &labels) > before).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{kind:?}: {error:#}\n{}", self.jadegate.log()));
    }

    /// Waits until this client is served.
    async fn wait_served(&self, kind: Kind, client: &Connector) {
        let started = Instant::now();
        while let Err(error) = honest_echo(self.address, client).await {
            assert!(started.elapsed() < Duration::from_secs(10), "{kind:?}: {error:#}\n{}", self.jadegate.log());
        }
    }
}

/// One entry of `listeners:` that asks for certificates of the mill's authorities.
fn listener(mill: &Mill, address: SocketAddr, backend: SocketAddr, revocation: &str) -> String {
    let roots = list(&[mill.standard_root.clone(), mill.sm2_root.clone()]);
    format!(
        "  - bind: {address}
    protocol: tcp
    backend: {backend}
    tls:
      certificates: {}
      client_auth: {{ trust: {{ ca: {roots}{revocation} }} }}
",
        mill::certificates(mill.path())
    )
}

#[test]
fn revoked_leaves_and_intermediates_are_refused_and_others_are_not() {
    block_on(async {
        let bench = Bench::start("chain");
        for kind in Kind::ALL {
            let lists = bench.lists(kind);
            let (good, _) = lists.client(&bench.mill, kind);
            let (bad, certificates) = lists.client(&bench.mill, kind);
            bench.wait_served(kind, &good).await;
            bench.wait_served(kind, &bad).await;
            // Of a TLCP pair either certificate will do.
            for certificate in &certificates {
                lists.put("intermediate", &MintCrl::new().revoke(certificate), &lists.intermediate);
                bench.wait_refused(kind, &bad, REVOKED).await;
                honest_echo(bench.address, &good).await.unwrap_or_else(|error| panic!("{kind:?}: {error:#}"));
            }
            lists.put("intermediate", &MintCrl::new(), &lists.intermediate);
            bench.wait_served(kind, &bad).await;
            lists.put("root", &MintCrl::new().revoke(&lists.intermediate), &lists.root);
            bench.wait_refused(kind, &good, REVOKED).await;
            lists.put("root", &MintCrl::new(), &lists.root);
            bench.wait_served(kind, &good).await;
        }
        bench.jadegate.wait_log(REVOKED).expect("the log says why");
    });
}

#[test]
fn with_leaf_depth_an_intermediate_is_not_looked_up() {
    block_on(async {
        let bench = Bench::start("leaf");
        for kind in [Kind::Tlcp, Kind::Tls13] {
            let lists = bench.lists(kind);
            let (client, certificates) = lists.client(&bench.mill, kind);
            lists.put("root", &MintCrl::new().revoke(&lists.intermediate), &lists.root);
            bench.wait_served(kind, &client).await;
            lists.put("intermediate", &MintCrl::new().revoke(&certificates[0]), &lists.intermediate);
            bench.wait_refused(kind, &client, REVOKED).await;
        }
    });
}

#[test]
fn a_list_that_has_ended_lets_nobody_in_until_there_is_a_fresh_one() {
    block_on(async {
        let bench = Bench::start("chain");
        for kind in Kind::ALL {
            let lists = bench.lists(kind);
            let (client, _) = lists.client(&bench.mill, kind);
            bench.wait_served(kind, &client).await;
            lists.put("intermediate", &MintCrl::new().stale(), &lists.intermediate);
            bench.wait_refused(kind, &client, UNKNOWN).await;
            lists.put("intermediate", &MintCrl::new(), &lists.intermediate);
            bench.wait_served(kind, &client).await;
        }
    });
}

#[test]
fn lists_are_exchanged_under_load_and_no_honest_client_fails() {
    block_on(async {
        let bench = Bench::start("chain");
        let over = Cell::new(false);
        let load = async {
            let clients = Kind::ALL.map(|kind| (kind, bench.lists(kind).client(&bench.mill, kind).0));
            let mut served = 0;
            while !over.get() {
                for (kind, client) in &clients {
                    let outcome = honest_echo(bench.address, client).await;
                    outcome.unwrap_or_else(|error| panic!("{kind:?}: {error:#}\n{}", bench.jadegate.log()));
                    served += 1;
                }
            }
            served
        };
        let exchange = async {
            let (bad, certificates) = bench.standard.client(&bench.mill, Kind::Tls13);
            for _ in 0..scaled(50, 10) {
                bench.standard.put(
                    "intermediate",
                    &MintCrl::new().revoke(&certificates[0]),
                    &bench.standard.intermediate,
                );
                bench.sm2.put("root", &MintCrl::new().number(7), &bench.sm2.root);
                bench.wait_refused(Kind::Tls13, &bad, REVOKED).await;
                bench.standard.put("intermediate", &MintCrl::new(), &bench.standard.intermediate);
                bench.wait_served(Kind::Tls13, &bad).await;
            }
            over.set(true);
        };
        let (served, ()) = tokio::join!(load, exchange);
        assert!(served >= 20, "{served}");
    });
}

/// The other side: a server whose own certificate is revoked is refused by our client.
#[test]
fn a_revoked_server_is_refused_by_the_client_side() {
    block_on(async {
        let (mill, backend) = (Mill::new(), Backend::echo());
        let address = net::free_address().expect("a port");
        let set = mill.set();
        set.write(mill.path());
        let _jadegate = Jadegate::start(&mill::yaml(mill.path(), address, backend.address)).expect("it starts");
        for (kind, root, leaf) in [
            (Kind::Tlcp, &mill.sm2, &set.enc),
            (Kind::Tls13Sm, &mill.sm2, &set.sm2),
            (Kind::Tls13, &mill.standard, &set.p256),
            (Kind::Tls12, &mill.standard, &set.p256),
        ] {
            for revoked in [false, true] {
                let list = if revoked { MintCrl::new().revoke(leaf) } else { MintCrl::new() };
                let list = list.issue(root).expect("a list");
                let bundle = TrustBundle::from_inputs([root.pem().as_bytes()], [list.as_slice()]).expect("a bundle");
                let mut options = kind.options_trusting(&mill.sm2_root, &mill.standard_root);
                options.trust = Some(Arc::new(Trust::new(Arc::new(bundle)).expect("a bundle")));
                options.revocation = RevocationDepth::Leaf;
                let outcome = connect(address, &Connector::new(options).expect("a client")).await;
                match (revoked, outcome) {
                    (false, outcome) => drop(outcome.unwrap_or_else(|error| panic!("{kind:?}: {error:#}"))),
                    (true, outcome) => {
                        let error = format!("{:#}", outcome.expect_err("it is revoked"));
                        assert!(error.contains("revoked"), "{kind:?}: {error}");
                    }
                }
            }
        }
    });
}

/// Resident memory of a proxy with fifty listeners that share one list of so many entries, after each was used.
async fn with_list(mill: &Mill, entries: u32, connector: &dyn Fn() -> Connector) -> u64 {
    let mut list = MintCrl::new();
    for n in 0..entries {
        list = list.revoke_serial(&[&[0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &n.to_be_bytes()].concat());
    }
    let path = mill.path().join("large.crl");
    fs::write(&path, list.issue(&mill.standard).expect("a list")).expect("written");
    let backend = Backend::echo();
    let mut yaml = "listeners:\n".to_owned();
    let revocation = format!(", crl: {}, revocation: leaf", path.display());
    let addresses: Vec<SocketAddr> = (0..50).map(|_| net::free_address().expect("a port")).collect();
    for address in &addresses {
        write!(yaml, "{}", listener(mill, *address, backend.address, &revocation)).expect("a string");
    }
    let jadegate = Jadegate::start(&yaml).expect("it starts");
    for address in &addresses {
        honest_echo(*address, &connector()).await.unwrap_or_else(|error| panic!("{error:#}\n{}", jadegate.log()));
    }
    resident(&jadegate)
}

#[test]
fn a_list_of_a_hundred_thousand_entries_in_fifty_listeners_is_held_once() {
    block_on(async {
        let mill = Mill::new();
        mill.set().write(mill.path());
        let leaf = Mint::leaf("client").issue(&MintKey::p256().expect("a key"), &mill.standard).expect("a client");
        let certificate = Certificate::from_der(leaf.der()).expect("a certificate");
        let key = PrivateKey::from_pem_or_der(leaf.key_pem().expect("a key").as_bytes(), None).expect("a key");
        let credential = Credential::new(vec![certificate], key, UnixTime::now()).expect("a credential");
        let connector = || {
            let mut options = Kind::Tls13.options_trusting(&mill.sm2_root, &mill.standard_root);
            options.credential = Some(credential.clone());
            Connector::new(options).expect("a client")
        };
        let small = with_list(&mill, 1, &connector).await;
        let large = with_list(&mill, 105_000, &connector).await;
        let extra = large.saturating_sub(small);
        println!("{extra} KiB for the list, {small} KiB without");
        assert!(extra < 64 * 1024, "{extra} KiB");
    });
}
