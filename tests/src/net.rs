//! Loopback ports and the least HTTP that a harness needs.

use crate::wait;
use anyhow::{Context as _, Result, ensure};
use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

/// Ports handed out so far. A listener with `SO_REUSEPORT` would share a port without an error if two tests got the
/// same one.
static TAKEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A loopback address on which nothing listens, given to no other test of this process.
///
/// # Errors
/// When the machine has no port left.
pub fn free_address() -> Result<SocketAddr> {
    loop {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        if TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(address.port()) {
            return Ok(address);
        }
    }
}

/// Waits until somebody listens on the port, without connecting: some peers serve one connection only, and a probe
/// would be it.
///
/// # Errors
/// When nobody does in time.
pub fn wait_listening(port: u16) -> Result<()> {
    wait::until(&format!("a listener on port {port}"), wait::PATIENCE, || Ok(listening(port)?.then_some(())))
}

fn listening(port: u16) -> Result<bool> {
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(text) = fs::read_to_string(table) else { continue };
        for line in text.lines().skip(1) {
            // "sl local_address rem_address st …", addresses as HEX:PORT, state 0A is LISTEN.
            let mut fields = line.split_whitespace().skip(1);
            let (Some(local), Some(state)) = (fields.next(), fields.nth(1)) else { continue };
            let number = local.rsplit(':').next().context("an address without a port")?;
            if state == "0A" && u16::from_str_radix(number, 16)? == port {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A plain HTTP response, read to its end.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Head as it came.
    pub head: String,
    /// Body as it came; a chunked one is not taken apart.
    pub body: String,
}

/// `GET path` in plaintext, on a connection of its own.
///
/// # Errors
/// When there is no connection or no response within ten seconds.
pub fn get(address: SocketAddr, path: &str) -> Result<Response> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let text = String::from_utf8_lossy(&exchange(address, request.as_bytes())?).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("not a response: {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Response {
        status: status.with_context(|| format!("no status in {head:?}"))?,
        head: head.into(),
        body: body.into(),
    })
}

/// Sends `bytes` over TCP and reads until the other side closes.
///
/// # Errors
/// When there is no connection, or it breaks, or it is not closed within ten seconds.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let limit = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("after {} bytes", answer.len()))?;
    ensure!(!answer.is_empty(), "closed without an answer");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_seen_without_a_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let port = listener.local_addr().expect("address").port();
        wait_listening(port).expect("it listens");
        drop(listener);
        assert!(!listening(port).expect("readable table"));
    }

    #[test]
    fn addresses_are_handed_out_once() {
        let all: HashSet<_> = (0..200).map(|_| free_address().expect("a port")).collect();
        assert_eq!(all.len(), 200);
    }
}
