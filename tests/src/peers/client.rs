//! A peer's client side: fetch one page over exactly one offer.

use super::{Peer, gmssl};
use crate::interop::{Auth, Offer, Protocol};
use crate::pki::{Pki, SERVER_NAME};
use crate::process;
use crate::wait::PATIENCE;
use anyhow::{Context as _, Result, bail, ensure};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// The certificate that a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The one that the offer calls for.
    Own,
    /// One of a root that nobody trusts.
    Strangers,
    /// None.
    Nothing,
}

/// Connects, checks the server's chain and name, sends `GET /` and reads to the end. Gives all that the program said,
/// the response among it.
///
/// # Errors
/// When the peer is not there, does not speak this, or any of these steps fails.
pub fn fetch(peer: Peer, offer: &Offer, address: SocketAddr, pki: &Pki) -> Result<String> {
    fetch_showing(Shown::Own, peer, offer, address, pki)
}

/// The same with a chosen client certificate.
///
/// # Errors
/// As [`fetch`], so with a refused certificate in particular.
pub fn fetch_showing(shown: Shown, peer: Peer, offer: &Offer, address: SocketAddr, pki: &Pki) -> Result<String> {
    match peer {
        Peer::Tongsuo | Peer::OpenSsl | Peer::DebianOpenSsl => s_client(shown, peer, offer, address, pki),
        Peer::Curl => curl(shown, offer, address, pki),
        Peer::Go => gmtls(shown, offer, address, pki),
        Peer::GmSsl => gmssl::fetch(address, pki),
        Peer::Nginx => bail!("nginx is no client"),
    }
}

fn s_client(shown: Shown, peer: Peer, offer: &Offer, address: SocketAddr, pki: &Pki) -> Result<String> {
    let mut command = Command::new(peer.program()?);
    command.arg("s_client").arg("-connect").arg(address.to_string());
    command.args(["-servername", SERVER_NAME, "-verify_hostname", SERVER_NAME, "-verify_return_error", "-ign_eof"]);
    command.arg("-CAfile").arg(trusted(offer, pki)).args(offer_arguments(peer, offer));
    command.args(certificate_arguments(shown, offer, pki));
    let request = format!("GET / HTTP/1.1\r\nHost: {SERVER_NAME}\r\nConnection: close\r\n\r\n");
    let output = process::run(&mut command, request.as_bytes(), PATIENCE)?.success()?;
    let proof = format!("Cipher is {}", offer.suite.openssl);
    ensure!(output.contains(&proof), "no {proof:?} in {output}");
    Ok(output)
}

/// The root that vouches for both sides of an offer.
#[must_use]
pub fn trusted<'a>(offer: &Offer, pki: &'a Pki) -> &'a PathBuf {
    match offer.protocol {
        Protocol::Tlcp | Protocol::Tls13Sm => &pki.sm2_root,
        Protocol::Tls13 | Protocol::Tls12 => &pki.standard_root,
    }
}

/// Protocol, suite and group for `s_client` and `s_server` alike.
#[must_use]
pub fn offer_arguments(peer: Peer, offer: &Offer) -> Vec<String> {
    let mut arguments: Vec<&str> = match offer.protocol {
        // Without -bugs the first write of a TLCP connection fails on Tongsuo 8.5.0: an empty record is put before it,
        // for which there is no room.
        Protocol::Tlcp => vec!["-enable_ntls", "-ntls", "-bugs", "-cipher", offer.suite.openssl],
        Protocol::Tls13Sm => vec!["-tls1_3", "-ciphersuites", offer.suite.openssl, "-sigalgs", "sm2sig_sm3"],
        Protocol::Tls13 => vec!["-tls1_3", "-ciphersuites", offer.suite.openssl],
        Protocol::Tls12 => vec!["-tls1_2", "-cipher", offer.suite.openssl],
    };
    // Tongsuo's strict mode allows curveSM2 alone, so the hybrid group goes without.
    if peer == Peer::Tongsuo && offer.group == Some("curveSM2") {
        arguments.push("-enable_sm_tls13_strict");
    }
    if let Some(group) = offer.group {
        arguments.extend(["-groups", group]);
    }
    arguments.into_iter().map(str::to_owned).collect()
}

fn certificate_arguments(shown: Shown, offer: &Offer, pki: &Pki) -> Vec<String> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let named = |flags: &[&str], paths: &[&PathBuf]| {
        flags.iter().zip(paths).flat_map(|(flag, path)| [(*flag).to_owned(), text(path)]).collect()
    };
    if shown == Shown::Nothing || (shown == Shown::Own && offer.auth == Auth::Server) {
        return Vec::new();
    }
    if offer.protocol == Protocol::Tlcp {
        let pair = if shown == Shown::Own { &pki.client_pair } else { &pki.stranger_pair };
        return named(
            &["-sign_cert", "-sign_key", "-enc_cert", "-enc_key"],
            &[&pair.sign.cert, &pair.sign.key, &pair.enc.cert, &pair.enc.key],
        );
    }
    let single = match (shown, offer.protocol) {
        (Shown::Own, Protocol::Tls13Sm) => &pki.client_sm2,
        (Shown::Own, _) => &pki.client_p256,
        (_, Protocol::Tls13Sm) => &pki.stranger_pair.sign,
        _ => &pki.stranger_p256,
    };
    named(&["-cert", "-key"], &[&single.cert, &single.key])
}

fn curl(shown: Shown, offer: &Offer, address: SocketAddr, pki: &Pki) -> Result<String> {
    let mut command = Command::new(Peer::Curl.program()?);
    let port = address.port();
    command.args(["--silent", "--show-error", "--verbose", "--noproxy", "*", "--max-time", "20"]);
    command.arg("--resolve").arg(format!("{SERVER_NAME}:{port}:{}", address.ip()));
    command.arg("--cacert").arg(&pki.standard_root);
    match offer.protocol {
        Protocol::Tls13 => command.args(["--tlsv1.3", "--tls13-ciphers", offer.suite.openssl]),
        Protocol::Tls12 => command.args(["--tlsv1.2", "--tls-max", "1.2", "--ciphers", offer.suite.openssl]),
        other => bail!("curl does not speak {other}"),
    };
    command.args(["--curves", offer.group.context("a group is part of every standard offer")?]);
    let single = match shown {
        Shown::Own if offer.auth == Auth::Mutual => Some(&pki.client_p256),
        Shown::Strangers => Some(&pki.stranger_p256),
        _ => None,
    };
    if let Some(single) = single {
        command.arg("--cert").arg(&single.cert).arg("--key").arg(&single.key);
    }
    command.arg(format!("https://{SERVER_NAME}:{port}/"));
    let output = process::run(&mut command, b"", PATIENCE)?.success()?;
    let proof = format!(" / {}", offer.suite.openssl);
    ensure!(output.contains(&proof), "no {proof:?} in {output}");
    Ok(output)
}

fn gmtls(shown: Shown, offer: &Offer, address: SocketAddr, pki: &Pki) -> Result<String> {
    ensure!(offer.protocol == Protocol::Tlcp, "gmtls does not speak {}", offer.protocol);
    let mut command = Command::new(Peer::Go.program()?);
    command.arg("tlcp-client").arg("-connect").arg(address.to_string()).args(["-name", SERVER_NAME]);
    command.arg("-ca").arg(&pki.sm2_root);
    for argument in certificate_arguments(shown, offer, pki) {
        // The same files under flags of another spelling.
        command.arg(if argument.starts_with("-") { argument.replace('_', "-").replace("-cert", "") } else { argument });
    }
    process::run(&mut command, b"", PATIENCE)?.success()
}
