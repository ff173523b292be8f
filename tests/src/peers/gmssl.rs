//! GmSSL's client and server, which want more care than the others.
//!
//! They read only keys that GmSSL encrypted itself, accept no extension in a hello, and the client is a terminal
//! program: one line of input, one look at the socket.

use super::Peer;
use super::server::Serving;
use crate::net;
use crate::pki::{Pki, SERVER_NAME};
use crate::process::{self, Process};
use crate::wait::{self, PATIENCE};
use anyhow::{Context as _, Result, ensure};
use jadegate_certs::pem;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

const PASSWORD: &str = "interop";

/// At 10 ms each.
const LOOKS_BEFORE_A_NUDGE: u32 = 20;

/// Fetches `/` over TLCP, the server's chain checked (GmSSL checks no name).
///
/// # Errors
/// When there is no response.
pub fn fetch(address: SocketAddr, pki: &Pki) -> Result<String> {
    let mut command = Command::new(Peer::GmSsl.program()?);
    command.args(["tlcp_client", "-host", &address.ip().to_string(), "-port", &address.port().to_string()]);
    command.arg("-cacert").arg(&pki.sm2_root);
    let mut client = Process::start(&mut command)?;
    // The program takes a line, sends it, and waits for its terminal or its socket to stir; a line that it read ahead
    // stirs nothing. So each line waits until the one before has been taken. A request of three lines leaves it
    // waiting for the socket.
    for line in ["GET / HTTP/1.0\r\n", &format!("Host: {SERVER_NAME}\r\n"), "\r\n"] {
        client.send(line.as_bytes())?;
        wait::until("GmSSL to take its input", PATIENCE, || {
            ensure!(client.running()?, "{}", client.output());
            Ok((client.unread_input()? == 0).then_some(()))
        })?;
    }
    let (mut seen, mut looks) = (0, 0);
    wait::until("a response through GmSSL", PATIENCE, || {
        let output = client.output();
        let body = output.split_once("\r\n\r\n").map(|(_, body)| body.replace("end of this round\n", ""));
        if body.is_some_and(|body| body.contains('\n')) {
            return Ok(Some(output));
        }
        ensure!(client.running()?, "{output}");
        // A response in several records: it reads the next one after one more line. Lines that it does not need would
        // kill it as soon as the server has closed, so they come only when nothing else does.
        looks = if output.len() > seen { 0 } else { looks + 1 };
        seen = output.len();
        if looks == LOOKS_BEFORE_A_NUDGE {
            looks = 0;
            drop(client.send(b"\r\n"));
        }
        Ok(None)
    })
}

/// Starts the TLCP server, which echoes.
///
/// # Errors
/// When it does not start.
pub fn serve(pki: &Pki) -> Result<Serving> {
    let program = Peer::GmSsl.program()?;
    let [sign, enc] = [key(pki, "gmssl-sign")?, key(pki, "gmssl-enc")?];
    let certificates = pki.certify_server_pair(sign.spki, enc.spki)?.concat();
    let certificates = pki.write("gmssl-pair.pem", &certificates)?;
    let address = net::free_address()?;
    let mut command = Command::new(program);
    command.arg("tlcp_server").arg("-port").arg(address.port().to_string()).arg("-cert").arg(certificates);
    command.arg("-key").arg(sign.file).args(["-pass", PASSWORD]);
    command.arg("-ex_key").arg(enc.file).args(["-ex_pass", PASSWORD]);
    let process = Process::start(&mut command)?;
    net::wait_listening(address.port()).with_context(|| process.output())?;
    let message = "an echo is wanted\n".to_owned();
    Ok(Serving::new(address, message.clone(), message, process))
}

struct Key {
    file: PathBuf,
    spki: Vec<u8>,
}

fn key(pki: &Pki, name: &str) -> Result<Key> {
    let [file, public] = ["key", "pub"].map(|kind| pki.directory().join(format!("{name}.{kind}")));
    let mut command = Command::new(Peer::GmSsl.program()?);
    command.args(["sm2keygen", "-pass", PASSWORD]).arg("-out").arg(&file).arg("-pubout").arg(&public);
    process::run(&mut command, b"", PATIENCE)?.success()?;
    let blocks = pem::parse(&std::fs::read(&public)?)?;
    let spki = blocks.first().context("a public key in the file that GmSSL wrote")?.der.to_vec();
    Ok(Key { file, spki })
}
