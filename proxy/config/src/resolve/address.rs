//! Addresses, prefixes and names as written.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use jadegate_certs::identity::DnsName;

use super::Resolver;
use crate::model::{Endpoint, IpPrefix, ServerNameMatch};
use crate::path::Path;
use crate::yaml::quote;

/// Longest path of a Unix socket on Linux, without the closing zero.
const MAX_UNIX_PATH: usize = 107;

/// An address to listen on.
pub(super) enum Bind {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Resolver<'_> {
    /// An address and port to listen on.
    pub(super) fn socket_address(&mut self, at: &Path, text: &str) -> Option<SocketAddr> {
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        let todo = address_hint(text).unwrap_or_else(|| "write it like 0.0.0.0:443 or [::]:443".to_owned());
        self.wrong(at, format!("{} is not an IP address and port", quote(text)), todo);
        None
    }

    /// An address and port, or `unix:` and a path, to listen on.
    pub(super) fn bind(&mut self, at: &Path, text: &str) -> Option<Bind> {
        match text.strip_prefix("unix:") {
            Some(path) => self.unix_path(at, path).map(Bind::Unix),
            None => self.socket_address(at, text).map(Bind::Tcp),
        }
    }

    /// An address to connect to.
    pub(super) fn endpoint(&mut self, at: &Path, text: &str) -> Option<Endpoint> {
        if let Some(path) = text.strip_prefix("unix:") {
            return self.unix_path(at, path).map(Endpoint::Unix);
        }
        let Ok(address) = text.parse::<SocketAddr>() else {
            let todo = address_hint(text).unwrap_or_else(|| {
                "write an IP address and port like 127.0.0.1:8080, or unix:/run/app.sock; host names are not resolved"
                    .to_owned()
            });
            self.wrong(at, format!("{} is not an address that can be connected to", quote(text)), todo);
            return None;
        };
        if address.port() == 0 || address.ip().is_unspecified() {
            self.wrong(at, format!("{address} cannot be connected to"), "write the address and port of the backend");
            return None;
        }
        Some(Endpoint::Tcp(address))
    }

    fn unix_path(&mut self, at: &Path, text: &str) -> Option<PathBuf> {
        if text.is_empty() || text.contains('\0') {
            self.wrong(at, "no path follows unix:", "write it like unix:/run/app.sock");
            return None;
        }
        let path = self.file(text);
        if path.as_os_str().len() > MAX_UNIX_PATH {
            let what = format!("the path of a Unix socket has at most {MAX_UNIX_PATH} bytes");
            self.wrong(at, what, "use a shorter path");
            return None;
        }
        Some(path)
    }

    /// A prefix, or a single address.
    pub(super) fn prefix(&mut self, at: &Path, text: &str) -> Option<IpPrefix> {
        let parsed = match text.split_once('/') {
            None => text.parse::<IpAddr>().ok().map(IpPrefix::host),
            Some((address, length)) => {
                let length = length.bytes().all(|b| b.is_ascii_digit()).then(|| length.parse().ok()).flatten();
                address.parse::<IpAddr>().ok().zip(length).and_then(|(address, length)| IpPrefix::new(address, length))
            }
        };
        if parsed.is_none() {
            let what = format!("{} is not a range of addresses", quote(text));
            self.wrong(at, what, "write it like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1");
        }
        parsed
    }

    /// A server name to match: exact, or `*.` and a suffix.
    pub(super) fn server_name(&mut self, at: &Path, text: &str) -> Option<ServerNameMatch> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(suffix) => (true, suffix),
            None => (false, text),
        };
        let name = match DnsName::parse(name) {
            Ok(name) if !name.is_wildcard() => name.as_str().to_owned(),
            other => {
                let reason = other.err().map_or_else(String::new, |error| format!(": {error}"));
                let todo = match text {
                    "*" | "*." => "leave sni out to take every name",
                    _ => "write it like www.example.com or *.example.com",
                };
                self.wrong(at, format!("{} is not a server name{reason}", quote(text)), todo);
                return None;
            }
        };
        if name.parse::<IpAddr>().is_ok() {
            self.wrong(at, "clients never send an address as server name", "write a name, or use destination");
            return None;
        }
        Some(if wildcard { ServerNameMatch::Suffix(name) } else { ServerNameMatch::Exact(name) })
    }

    /// Application protocols, each within the bounds of the extension and none twice.
    pub(super) fn alpn(&mut self, at: &Path, names: &[String]) -> Vec<String> {
        for (index, name) in names.iter().enumerate() {
            let at = at.index(index);
            if name.is_empty() || name.len() > 255 {
                self.wrong(&at, "an application protocol has 1 to 255 bytes", "write one such as h2 or http/1.1");
            }
            if names.iter().take(index.min(MAX_ALPN)).any(|earlier| earlier == name) {
                self.wrong(&at, format!("{} is listed twice", quote(name)), "remove one of the two");
            }
        }
        if names.len() > MAX_ALPN {
            self.wrong(at, format!("more than {MAX_ALPN} application protocols"), "shorten the list");
        }
        names.to_vec()
    }
}

const MAX_ALPN: usize = 64;

/// What is probably meant by a text that is no address.
fn address_hint(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    match host {
        "" | "*" => Some(format!("write 0.0.0.0:{port} for IPv4, [::]:{port} for IPv6, or a list of both")),
        "localhost" => Some(format!("write 127.0.0.1:{port} or [::1]:{port}")),
        host => host.parse::<std::net::Ipv6Addr>().ok().map(|host| format!("write [{host}]:{port}")),
    }
}
