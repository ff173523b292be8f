//! Server certificates that are replaced while they are in use.

use super::clients::{Kind, STEP};
use jadegate_certs::development::mint::{Mint, MintKey, Minted, Purpose, Usage};
use jadegate_tests::pki::SERVER_NAME;
use jadegate_tls::{Connector, Negotiated};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Two authorities and a directory.
#[derive(Debug)]
pub(crate) struct Mill {
    directory: tempfile::TempDir,
    pub(crate) standard: Minted,
    pub(crate) sm2: Minted,
    pub(crate) standard_root: PathBuf,
    pub(crate) sm2_root: PathBuf,
}

/// The server's certificates of one moment, keys included.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) p256: Minted,
    pub(crate) sm2: Minted,
    pub(crate) sign: Minted,
    pub(crate) enc: Minted,
}

/// Names of the files of a set, without their endings.
pub(crate) const NAMES: [&str; 4] = ["p256", "sm2", "sign", "enc"];

impl Mill {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let standard = authority("Mill P-256", &MintKey::p256().expect("a key"));
        let sm2 = authority("Mill SM2", &MintKey::sm2().expect("a key"));
        let (standard_root, sm2_root) = (directory.path().join("root.pem"), directory.path().join("sm2-root.pem"));
        fs::write(&standard_root, standard.pem()).expect("written");
        fs::write(&sm2_root, sm2.pem()).expect("written");
        Self { directory, standard, sm2, standard_root, sm2_root }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A client of this kind that trusts the authorities.
    pub(crate) fn connector(&self, kind: Kind) -> Connector {
        Connector::new(kind.options_trusting(&self.sm2_root, &self.standard_root)).expect("a client")
    }

    /// New certificates with new keys.
    pub(crate) fn set(&self) -> Set {
        let sm2 = || MintKey::sm2().expect("a key");
        let p256 = MintKey::p256().expect("a key");
        let issue = |leaf: Mint, key: &MintKey, issuer| leaf.issue(key, issuer).expect("a certificate");
        Set {
            p256: issue(server(), &p256, &self.standard),
            sm2: issue(server(), &sm2(), &self.sm2),
            sign: issue(server().usage(Usage::SIGN), &sm2(), &self.sm2),
            enc: issue(server().usage(Usage::ENC), &sm2(), &self.sm2),
        }
    }
}

fn authority(name: &str, key: &MintKey) -> Minted {
    Mint::authority(name).self_signed(key).expect("a root")
}

/// A leaf for the server's name.
pub(crate) fn server() -> Mint {
    Mint::leaf(SERVER_NAME).dns(SERVER_NAME).purposes(&[Purpose::ServerAuth])
}

impl Set {
    /// With the names of their files.
    pub(crate) fn each(&self) -> [(&'static str, &Minted); 4] {
        [(NAMES[0], &self.p256), (NAMES[1], &self.sm2), (NAMES[2], &self.sign), (NAMES[3], &self.enc)]
    }

    /// Writes all files, each over what was there.
    pub(crate) fn write(&self, directory: &Path) {
        for (name, minted) in self.each() {
            let [cert, key] = contents(minted);
            fs::write(directory.join(format!("{name}.key")), key).expect("written");
            fs::write(directory.join(format!("{name}.pem")), cert).expect("written");
        }
    }

    /// Serial numbers that a client of this kind must see, the server's encryption certificate last.
    pub(crate) fn serials(&self, kind: Kind) -> Vec<String> {
        let of: &[&Minted] = match kind {
            Kind::Tlcp => &[&self.sign, &self.enc],
            Kind::Tls13Sm => &[&self.sm2],
            Kind::Tls13 | Kind::Tls12 => &[&self.p256],
        };
        of.iter().map(|minted| serial(minted)).collect()
    }
}

/// Certificate and key file.
pub(crate) fn contents(minted: &Minted) -> [String; 2] {
    [minted.pem(), minted.key_pem().expect("a key").to_string()]
}

/// As logs and pages show it.
pub(crate) fn serial(minted: &Minted) -> String {
    minted.serial().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The entry `certificates:` for files of a set in this directory.
pub(crate) fn certificates(directory: &Path) -> String {
    let single = |name| format!("{{ cert: {0}/{name}.pem, key: {0}/{name}.key }}", directory.display());
    format!("[{}, {}, {{ sign: {}, enc: {} }}]", single("p256"), single("sm2"), single("sign"), single("enc"))
}

/// A listener that serves the set, opaque bytes to an echo.
pub(crate) fn yaml(directory: &Path, address: SocketAddr, backend: SocketAddr) -> String {
    let certificates = certificates(directory);
    format!(
        "listeners:\n  - name: site\n    bind: {address}\n    protocol: tcp\n    tls: {{ certificates: {certificates} }}\n    \
         backend: {backend}\n"
    )
}

/// Serial numbers that a client saw.
pub(crate) fn shown(negotiated: &Negotiated) -> Vec<String> {
    let peer = negotiated.peer.as_ref().expect("a server shows a certificate");
    std::iter::once(peer.leaf()).chain(peer.enc()).map(|certificate| certificate.serial().to_owned()).collect()
}

/// Connects once and tells the serial numbers.
pub(crate) async fn look(address: SocketAddr, connector: &Connector) -> Vec<String> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let connected = connector.connect(stream, STEP).await.unwrap_or_else(|error| panic!("{error}: {:?}", error.source));
    shown(&connected.negotiated)
}

/// Waits until new connections get these serial numbers. Until then they get others, but never an error.
pub(crate) async fn wait_served(address: SocketAddr, connector: &Connector, serials: &[String], patience: Duration) {
    let started = Instant::now();
    loop {
        let seen = look(address, connector).await;
        if seen == serials {
            return;
        }
        assert!(started.elapsed() < patience, "{serials:?} in vain, still {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
