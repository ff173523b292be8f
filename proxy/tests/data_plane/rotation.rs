//! Certificates that come late, change, and break.

use crate::support::{PATIENCE, backend, eventually, get, metric, start};
use jadegate_certs::development::{DevelopmentCa, Issued, LeafRequest, Role};
use jadegate_certs::{Certificate, TrustBundle, pem};
use jadegate_proxy::Handle;
use jadegate_tls::Version;
use jadegate_tls::connector::{ClientOptions, ClientProtocol, Connector, ServerVerification, SessionReuse};
use jadegate_tls::server::{EngineChoice, RevocationDepth};
use jadegate_tls::trust::Trust;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use tokio::io::AsyncReadExt;

struct Site {
    ca: DevelopmentCa,
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self { ca: DevelopmentCa::new_standard().unwrap(), directory: tempfile::tempdir().unwrap() }
    }

    fn issue(&self) -> Issued {
        self.ca.issue(&LeafRequest::new(Role::Server, &["localhost"]).unwrap()).unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Puts a credential in place, each file at once.
    fn install(&self, issued: &Issued) {
        self.put("site.key", issued.key_pem.as_bytes());
        self.put("site.pem", issued.certificate_pem.as_bytes());
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("new"), bytes).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    fn yaml(&self) -> String {
        let greeter = backend(|mut stream| {
            stream.write_all(b"hi").unwrap();
            let _ = stream.read(&mut [0]);
        });
        let path = |name: &str| self.path(name).display().to_string();
        format!(
            "{{ cores: 1, admin: {{ bind: 127.0.0.1:0 }}, log: {{ access: {{ path: off }} }},
                listeners: [ {{ name: site, bind: 127.0.0.1:0, protocol: tcp, backend: '{greeter}',
                tls: {{ certificates: [ {{ cert: '{}', key: '{}' }} ] }} }} ] }}",
            path("site.pem"),
            path("site.key")
        )
    }

    fn start(&self) -> Handle {
        start(&self.yaml())
    }

    /// The serial number that the port shows to a client that verifies it.
    fn served_serial(&self, address: SocketAddr) -> String {
        let bundle = TrustBundle { roots: vec![certificate(&self.ca.root().certificate_pem)], crls: Vec::new() };
        let options = ClientOptions {
            protocol: ClientProtocol::Standard { min: Version::Tls12, max: Version::Tls13 },
            suites: Vec::new(),
            groups: Vec::new(),
            credential: None,
            pair: None,
            trust: Some(Arc::new(Trust::new(Arc::new(bundle)).unwrap())),
            verify: ServerVerification::Name("localhost".to_owned()),
            revocation: RevocationDepth::Off,
            sni: Some("localhost".to_owned()),
            alpn: Vec::new(),
            resume: SessionReuse::Off,
            engine: EngineChoice::Auto,
            generation: 0,
        };
        let connector = Connector::new(options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut connected = connector.connect(socket, PATIENCE).await.unwrap();
            let mut word = [0; 2];
            connected.stream.read_exact(&mut word).await.unwrap();
            assert_eq!(&word, b"hi");
            connected.negotiated.peer.unwrap().leaf().serial().to_owned()
        })
    }
}

fn certificate(text: &str) -> Certificate {
    let blocks = pem::parse(text.as_bytes()).unwrap();
    Certificate::from_der(&blocks[0].der).unwrap()
}

fn serial(issued: &Issued) -> String {
    certificate(&issued.certificate_pem).serial().to_owned()
}

fn certs(proxy: &Handle) -> serde_json::Value {
    serde_json::from_str(&get(proxy.admin_address().unwrap(), "/certs").1).unwrap()
}

#[test]
fn a_port_stays_closed_until_its_certificate_is_there_and_readiness_names_what_is_missing() {
    let site = Site::new();
    let proxy = site.start();
    let (address, admin) = (proxy.address("site").unwrap(), proxy.admin_address().unwrap());
    assert!(TcpStream::connect(address).is_err(), "the port is open without a certificate");
    let (status, text) = get(admin, "/readyz");
    assert_eq!(status, 503);
    assert!(text.contains("listener site") && text.contains("chain ") && text.contains("site.pem"), "{text}");
    let issued = site.issue();
    site.install(&issued);
    eventually("the port to open by itself", || TcpStream::connect(address).is_ok());
    assert_eq!(site.served_serial(address), serial(&issued));
    assert_eq!(get(admin, "/readyz").0, 200);
}

#[test]
fn a_new_certificate_is_served_without_a_reload_and_old_connections_go_on() {
    let site = Site::new();
    let (first, second) = (site.issue(), site.issue());
    site.install(&first);
    let proxy = site.start();
    let address = proxy.address("site").unwrap();
    assert_eq!(site.served_serial(address), serial(&first));
    let generation = proxy.snapshot().generation;
    site.install(&second);
    eventually("the new certificate", || site.served_serial(address) == serial(&second));
    assert!(proxy.snapshot().generation > generation);
    let shown = certs(&proxy);
    assert_eq!(shown["secrets"][0]["certificates"][0]["serial"], serial(&second));
    assert_eq!(shown["secrets"][0]["updates"], 2);
}

#[test]
fn a_broken_certificate_is_refused_with_its_reason_and_the_last_good_one_is_served() {
    let site = Site::new();
    let good = site.issue();
    site.install(&good);
    let proxy = site.start();
    let address = proxy.address("site").unwrap();
    // A certificate that does not belong to the key.
    site.put("site.pem", site.issue().certificate_pem.as_bytes());
    eventually("the refusal", || certs(&proxy)["secrets"][0]["rejections"].as_u64() > Some(0));
    let shown = certs(&proxy);
    let rejection = &shown["secrets"][0]["last_rejection"];
    assert!(rejection["reason"].is_string() && rejection["text"].as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(site.served_serial(address), serial(&good));
    assert_eq!(get(proxy.admin_address().unwrap(), "/readyz").0, 200);
    let reason = rejection["reason"].as_str().unwrap();
    let name = shown["secrets"][0]["name"].as_str().unwrap();
    let series = format!("jadegate_secret_rejections_total{{secret=\"{name}\",reason=\"{reason}\"}}");
    eventually("the refusal to be counted", || metric(&proxy, &series) >= 1.0);
    let (_, page) = get(proxy.admin_address().unwrap(), "/");
    assert!(page.contains(reason), "{page}");
}

#[test]
fn a_good_certificate_that_the_chain_cannot_serve_is_held_back_and_a_better_one_is_taken() {
    let site = Site::new();
    let good = site.issue();
    site.install(&good);
    let proxy = site.start();
    let address = proxy.address("site").unwrap();
    // Sound in itself, but nothing that a chain with the standard policy can show.
    let sm2 = DevelopmentCa::new_sm2().unwrap();
    site.install(&sm2.issue(&LeafRequest::new(Role::Server, &["localhost"]).unwrap()).unwrap());
    eventually("the context to be refused", || {
        certs(&proxy)["secrets"][0]["not_in_use"].as_array().is_some_and(|held| !held.is_empty())
    });
    assert_eq!(site.served_serial(address), serial(&good));
    let shown = certs(&proxy);
    let held = &shown["secrets"][0]["not_in_use"][0];
    assert!(held["owner"].as_str().is_some_and(|owner| owner.contains("listener site")), "{held}");
    assert!(held["reason"].is_string() && held["text"].is_string(), "{held}");
    let better = site.issue();
    site.install(&better);
    eventually("the better one", || site.served_serial(address) == serial(&better));
    assert_eq!(certs(&proxy)["secrets"][0]["not_in_use"], serde_json::json!([]));
}

#[test]
fn no_key_is_shown_anywhere() {
    let site = Site::new();
    let issued = site.issue();
    site.install(&issued);
    let proxy = site.start();
    let admin = proxy.admin_address().unwrap();
    let body: String = issued.key_pem.lines().nth(1).unwrap().to_owned();
    for path in ["/", "/config", "/certs", "/metrics", "/readyz"] {
        let (status, text) = get(admin, path);
        assert!(status == 200 && !text.contains(&body), "{path}");
    }
    assert!(!format!("{:?}", proxy.snapshot()).contains(&body));
    let config = get(admin, "/config").1;
    assert!(config.contains("site.key"), "{config}");
}

#[test]
fn a_reload_that_would_close_an_open_port_is_refused() {
    let site = Site::new();
    let good = site.issue();
    site.install(&good);
    let proxy = site.start();
    let address = proxy.address("site").unwrap();
    let yaml = site.yaml().replace("site.pem", "absent.pem");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(proxy.reload(crate::support::config(&yaml))).unwrap_err();
    assert_eq!(error.reason(), "would_close");
    assert!(error.to_string().contains("absent.pem"), "{error}");
    assert_eq!(site.served_serial(address), serial(&good));
}
