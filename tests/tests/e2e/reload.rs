//! A new configuration is taken whole or not at all.

use jadegate_tests::jadegate::Jadegate;
use jadegate_tests::net;
use jadegate_tests::nginx::{Nginx, PAGE};
use jadegate_tests::peers::{Peer, present};
use jadegate_tests::pki::Pki;
use jadegate_tests::wait::{self, PATIENCE};
use rustix::process::Signal;
use std::fs;
use std::net::{SocketAddr, TcpStream};

fn served(address: SocketAddr) -> bool {
    net::get(address, "/").is_ok_and(|response| response.status == 200 && response.body == PAGE)
}

struct Reloaded {
    jadegate: Jadegate,
    nginx: Nginx,
    first: SocketAddr,
    second: SocketAddr,
}

impl Reloaded {
    fn start() -> Option<Self> {
        if !present(&[Peer::Nginx]) {
            return None;
        }
        let nginx = Nginx::start().expect("nginx");
        let [first, second] = [(); 2].map(|()| net::free_address().expect("a port"));
        let jadegate = Jadegate::start(&listeners(&[first], &nginx)).expect("it starts");
        assert!(served(first) && !served(second));
        Some(Self { jadegate, nginx, first, second })
    }

    fn wait_served(&self, address: SocketAddr) {
        wait::until("the new listener", PATIENCE, || Ok(served(address).then_some(())))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.jadegate.log()));
    }
}

fn listeners(addresses: &[SocketAddr], nginx: &Nginx) -> String {
    let listener = |address| format!("  - {{ bind: \"{address}\", tls: none, backend: \"{}\" }}\n", nginx.address);
    format!("listeners:\n{}", addresses.iter().map(listener).collect::<String>())
}

#[test]
fn a_changed_file_is_taken_without_a_signal() {
    let Some(reloaded) = Reloaded::start() else { return };
    reloaded.jadegate.reconfigure(&listeners(&[reloaded.first, reloaded.second], &reloaded.nginx)).expect("written");
    reloaded.wait_served(reloaded.second);
    assert!(served(reloaded.first));
    // And back: the listener that is no longer there closes.
    reloaded.jadegate.reconfigure(&listeners(&[reloaded.second], &reloaded.nginx)).expect("written");
    wait::until("the old listener to close", PATIENCE, || Ok((!served(reloaded.first)).then_some(())))
        .expect("it closes");
    assert!(served(reloaded.second));
}

#[test]
fn sighup_takes_the_file_as_it_is() {
    let Some(reloaded) = Reloaded::start() else { return };
    reloaded.jadegate.reconfigure(&listeners(&[reloaded.first, reloaded.second], &reloaded.nginx)).expect("written");
    // R11: a storm of them is as good as one.
    for _ in 0..50 {
        reloaded.jadegate.signal(Signal::HUP).expect("sent");
    }
    reloaded.wait_served(reloaded.second);
    assert!(served(reloaded.first));
}

/// The broken twins: nothing of a bad file is taken, not even its good half, and the old keeps serving.
#[test]
fn of_a_bad_file_nothing_is_taken() {
    let Some(reloaded) = Reloaded::start() else { return };
    let good_half = listeners(&[reloaded.second], &reloaded.nginx);
    let bad = [
        ("unknown key", format!("{good_half}surprise: 1\n")),
        ("not YAML", format!("{good_half}]]\n")),
        ("an unknown backend", format!("{good_half}  - {{ bind: \"127.0.0.1:1\", tls: none, backend: nowhere }}\n")),
        ("empty", String::new()),
    ];
    for (name, yaml) in bad {
        let before = reloaded.jadegate.log().len();
        if name == "empty" {
            fs::write(reloaded.jadegate.configuration(), "").expect("written");
        } else {
            reloaded.jadegate.reconfigure(&yaml).expect("written");
        }
        reloaded.jadegate.signal(Signal::HUP).expect("sent");
        wait::until("a word about it", PATIENCE, || Ok((reloaded.jadegate.log().len() > before).then_some(())))
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert!(served(reloaded.first), "{name}: the old listener is gone\n{}", reloaded.jadegate.log());
        assert!(!served(reloaded.second), "{name}: half of a bad file was taken");
    }
    // And the next good one is taken.
    reloaded.jadegate.reconfigure(&listeners(&[reloaded.first, reloaded.second], &reloaded.nginx)).expect("written");
    reloaded.jadegate.signal(Signal::HUP).expect("sent");
    reloaded.wait_served(reloaded.second);
}

/// A port opens only when its certificate is usable; until then the others serve, and readiness says what is missing.
#[test]
fn a_port_without_its_certificate_stays_closed_until_it_comes() {
    let Some(reloaded) = Reloaded::start() else { return };
    let pki = Pki::new().expect("certificates");
    let late = pki.directory().join("late");
    let tls = format!("{{ certificates: [{{ cert: {0}.pem, key: {0}.key }}] }}", late.display());
    let (first, second, nginx) = (reloaded.first, reloaded.second, reloaded.nginx.address);
    let yaml = format!(
        "{}  - {{ bind: \"{second}\", tls: {tls}, backend: \"{nginx}\" }}\n",
        listeners(&[first], &reloaded.nginx)
    );
    reloaded.jadegate.reconfigure(&yaml).expect("written");
    let ready = || reloaded.jadegate.admin("/readyz");
    wait::until("readiness to go", PATIENCE, || Ok((ready()?.status != 200).then_some(()))).expect("it goes");
    assert!(ready().expect("it answers").body.contains("late"), "{:?}", ready());
    assert!(served(first));
    TcpStream::connect(second).expect_err("a port without a certificate");

    fs::copy(&pki.server_p256.key, late.with_extension("key")).expect("copied");
    fs::copy(&pki.server_p256.cert, late.with_extension("pem")).expect("copied");
    wait::until("the port to open", PATIENCE, || Ok(TcpStream::connect(second).is_ok().then_some(())))
        .expect("it opens");
    wait::until("readiness", PATIENCE, || Ok((ready()?.status == 200).then_some(()))).expect("it comes back");
}
