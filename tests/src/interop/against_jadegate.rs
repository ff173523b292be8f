//! One cell of the grid against the real proxy.

use super::{Auth, Cell, Offer, Protocol, Role};
use crate::jadegate::Jadegate;
use crate::net;
use crate::nginx::{Nginx, PAGE};
use crate::peers::{Peer, client, server};
use crate::pki::{Pair, Pki, SERVER_NAME, Single};
use crate::wait::{self, PATIENCE};
use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;

/// A Jadegate that serves all four protocols in front of nginx, on two ports, and the certificates of both sides.
#[derive(Debug)]
pub struct Site {
    pki: Pki,
    jadegate: Jadegate,
    _nginx: Nginx,
    one_way: SocketAddr,
    mutual: SocketAddr,
}

impl Site {
    /// Starts nginx and Jadegate.
    ///
    /// # Errors
    /// When one of them does not start.
    pub fn start() -> Result<Self> {
        let pki = Pki::new()?;
        let nginx = Nginx::start()?;
        let [one_way, mutual] = [net::free_address()?, net::free_address()?];
        let jadegate = Jadegate::start(&site_yaml(&pki, nginx.address, one_way, mutual))?;
        Ok(Self { pki, jadegate, _nginx: nginx, one_way, mutual })
    }

    /// The certificates.
    #[must_use]
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The proxy.
    #[must_use]
    pub fn jadegate(&self) -> &Jadegate {
        &self.jadegate
    }

    /// The listener for this kind of authentication.
    #[must_use]
    pub fn address(&self, auth: Auth) -> SocketAddr {
        match auth {
            Auth::Server => self.one_way,
            Auth::Mutual => self.mutual,
        }
    }

    /// Runs the cell.
    ///
    /// # Errors
    /// When any step of it fails.
    pub fn run(&self, cell: &Cell) -> Result<()> {
        match cell.role {
            Role::Client => {
                let output = client::fetch(cell.peer, &cell.offer, self.address(cell.offer.auth), &self.pki)?;
                ensure!(output.contains(PAGE.trim_end()), "no page in {output}");
                Ok(())
            }
            Role::Server => upstream(cell, &self.pki),
        }
    }
}

fn site_yaml(pki: &Pki, backend: SocketAddr, one_way: SocketAddr, mutual: SocketAddr) -> String {
    let certificates = [
        single_yaml(&pki.server_p256),
        single_yaml(&pki.server_rsa),
        single_yaml(&pki.server_sm2),
        pair_yaml(&pki.server_pair),
    ]
    .join(", ");
    let roots = format!("[{}, {}]", pki.sm2_root.display(), pki.standard_root.display());
    format!(
        "log: {{ access: {{ path: \"-\", format: json }} }}
listeners:
  - name: one-way
    bind: {one_way}
    tls: {{ certificates: [{certificates}] }}
    backend: {backend}
  - name: mutual
    bind: {mutual}
    tls:
      certificates: [{certificates}]
      client_auth: {{ mode: require, trust: {{ ca: {roots} }} }}
    backend: {backend}
"
    )
}

/// A certificate and its key as YAML.
#[must_use]
pub fn single_yaml(single: &Single) -> String {
    format!("{{ cert: {}, key: {} }}", single.cert.display(), single.key.display())
}

/// A TLCP pair as YAML.
#[must_use]
pub fn pair_yaml(pair: &Pair) -> String {
    format!("{{ sign: {}, enc: {} }}", single_yaml(&pair.sign), single_yaml(&pair.enc))
}

/// The peer is the backend: plaintext goes in, the cell's protocol comes out of Jadegate.
fn upstream(cell: &Cell, pki: &Pki) -> Result<()> {
    let peer = server::serve(cell.peer, &cell.offer, pki)?;
    let entrance = net::free_address()?;
    let jadegate = Jadegate::start(&upstream_yaml(cell, pki, entrance, peer.address))?;
    let answer = converse(cell, entrance, &peer).with_context(|| format!("{}\n{}", jadegate.log(), peer.output()))?;
    ensure!(answer.contains(&peer.answer), "no {:?} in {answer}", peer.answer);
    Ok(())
}

/// Sends the peer's request and reads until its answer is there: the echo of GmSSL does not close.
fn converse(cell: &Cell, entrance: SocketAddr, peer: &server::Serving) -> Result<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(entrance)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(peer.request.as_bytes())?;
    let mut answer = Vec::new();
    wait::until(&format!("an answer from {}", cell.peer), PATIENCE, || {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        ensure!(count > 0 || text.contains(&peer.answer), "closed after {text:?}");
        Ok(text.contains(&peer.answer).then_some(text))
    })
}

fn upstream_yaml(cell: &Cell, pki: &Pki, entrance: SocketAddr, peer: SocketAddr) -> String {
    let offer = &cell.offer;
    let mut tls = vec![
        format!("trust: {{ ca: [{}] }}", client::trusted(offer, pki).display()),
        format!("suites: [{}]", offer.suite.name),
        protocol_yaml(offer),
    ];
    // GmSSL's server refuses every extension: no name to ask for, no ticket.
    if cell.peer == Peer::GmSsl {
        tls.push("verify: { name: 127.0.0.1 }, resume: false".to_owned());
    } else {
        tls.push(format!("verify: {{ name: {SERVER_NAME} }}"));
    }
    if let Some(group) = offer.group {
        tls.push(format!("groups: [{group}]"));
    }
    if offer.auth == Auth::Mutual {
        tls.push(format!("certificate: {}", client_yaml(offer, pki)));
    }
    format!(
        "listeners:
  - bind: {entrance}
    protocol: tcp
    tls: none
    backend: peer
backends:
  - name: peer
    endpoints: [\"{peer}\"]
    protocol: tcp
    tls: {{ {} }}
",
        tls.join(", ")
    )
}

fn protocol_yaml(offer: &Offer) -> String {
    match offer.protocol {
        Protocol::Tlcp => "protocol: tlcp",
        Protocol::Tls13Sm => "protocol: tls1.3-sm",
        Protocol::Tls13 => "protocol: standard, min: tls1.3",
        Protocol::Tls12 => "protocol: standard, max: tls1.2",
    }
    .to_owned()
}

fn client_yaml(offer: &Offer, pki: &Pki) -> String {
    match offer.protocol {
        Protocol::Tlcp => pair_yaml(&pki.client_pair),
        Protocol::Tls13Sm => single_yaml(&pki.client_sm2),
        Protocol::Tls13 | Protocol::Tls12 => single_yaml(&pki.client_p256),
    }
}
