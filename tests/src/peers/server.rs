//! A peer's server side: answer over exactly one offer.

use super::client::{offer_arguments, trusted};
use super::{Peer, gmssl};
use crate::interop::{Auth, Offer, Protocol};
use crate::net;
use crate::pki::{Pki, SERVER_NAME};
use crate::process::Process;
use crate::wait::PATIENCE;
use anyhow::{Context as _, Result, bail, ensure};
use std::net::SocketAddr;
use std::process::Command;

/// A running peer.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    /// What a client sends to it.
    pub request: String,
    /// What its answer to that contains.
    pub answer: String,
    process: Process,
}

impl Serving {
    pub(super) fn new(address: SocketAddr, request: String, answer: String, process: Process) -> Self {
        Self { address, request, answer, process }
    }

    /// What the program has said so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }
}

/// Starts the peer as a server.
///
/// # Errors
/// When it is not there, does not speak this, or does not start.
pub fn serve(peer: Peer, offer: &Offer, pki: &Pki) -> Result<Serving> {
    match peer {
        Peer::Tongsuo | Peer::OpenSsl | Peer::DebianOpenSsl => s_server(peer, offer, pki),
        Peer::Go => gmtls(offer, pki),
        Peer::GmSsl => gmssl::serve(pki),
        Peer::Curl | Peer::Nginx => bail!("{peer} is not used as a TLS server"),
    }
}

fn http_request() -> String {
    format!("GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n")
}

fn s_server(peer: Peer, offer: &Offer, pki: &Pki) -> Result<Serving> {
    let address = net::free_address()?;
    let mut command = Command::new(peer.program()?);
    command.arg("s_server").arg("-accept").arg(address.to_string()).arg("-www").args(offer_arguments(peer, offer));
    match offer.protocol {
        Protocol::Tlcp => {
            let pair = &pki.server_pair;
            // Its automatic detection reads ahead and can hang; forced is how anybody should run it.
            command.arg("-enable_force_ntls");
            command.arg("-sign_cert").arg(&pair.sign.cert).arg("-sign_key").arg(&pair.sign.key);
            command.arg("-enc_cert").arg(&pair.enc.cert).arg("-enc_key").arg(&pair.enc.key)
        }
        Protocol::Tls13Sm => command.arg("-cert").arg(&pki.server_sm2.cert).arg("-key").arg(&pki.server_sm2.key),
        Protocol::Tls13 | Protocol::Tls12 => {
            let single = if offer.rsa() { &pki.server_rsa } else { &pki.server_p256 };
            command.arg("-cert").arg(&single.cert).arg("-key").arg(&single.key)
        }
    };
    if offer.auth == Auth::Mutual {
        // A root given as -CAfile would be appended to what the server sends; this one is for clients only.
        command.args(["-Verify", "3", "-verify_return_error"]).arg("-verifyCAfile").arg(trusted(offer, pki));
    }
    let process = Process::start(&mut command)?;
    net::wait_listening(address.port()).with_context(|| process.output())?;
    // Its status page names the suite of the connection it is served on.
    let answer = format!("Cipher is {}", offer.suite.openssl);
    Ok(Serving::new(address, http_request(), answer, process))
}

fn gmtls(offer: &Offer, pki: &Pki) -> Result<Serving> {
    ensure!(offer.protocol == Protocol::Tlcp, "gmtls does not speak {}", offer.protocol);
    let pair = &pki.server_pair;
    let mut command = Command::new(Peer::Go.program()?);
    command.arg("tlcp-server").arg("-sign").arg(&pair.sign.cert).arg("-sign-key").arg(&pair.sign.key);
    command.arg("-enc").arg(&pair.enc.cert).arg("-enc-key").arg(&pair.enc.key).arg("-ca").arg(&pki.sm2_root);
    if offer.auth == Auth::Mutual {
        command.arg("-require-client");
    }
    let process = Process::start(&mut command)?;
    let address = announced_address(&process)?;
    Ok(Serving::new(address, http_request(), "hello from gopeer".to_owned(), process))
}

/// The address that a gopeer server says it listens on.
///
/// # Errors
/// When it says none.
pub fn announced_address(process: &Process) -> Result<SocketAddr> {
    let output = process.wait_for("\n", PATIENCE)?;
    let line = output.lines().find_map(|line| line.strip_prefix("listening "));
    line.with_context(|| output.clone())?.parse().with_context(|| output.clone())
}
