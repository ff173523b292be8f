//! Listeners: addresses, deadlines, bounds, names.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::{Resolver, listed};
use crate::document;
use crate::model::{Listener, ListenerLimits, ListenerProtocol, ListenerTimeouts, ProcessLimits};
use crate::path::Path;
use crate::yaml::quote;

const HEADER_BYTES: u64 = 64 << 10;
/// Smallest and largest bound of a request head.
const HEADER_BYTES_RANGE: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 20;
const HEADERS: usize = 100;
const CONCURRENT_STREAMS: u32 = 100;

/// Addresses that are taken, by port.
#[derive(Debug, Default)]
pub(super) struct Binds {
    by_port: HashMap<u16, Vec<(IpAddr, Path, String)>>,
}

impl Resolver<'_> {
    /// Notes that `owner` listens on `address`, and reports whoever does already.
    pub(super) fn claim(&mut self, at: &Path, address: SocketAddr, owner: &str) {
        if address.port() == 0 {
            return;
        }
        let ip = address.ip();
        let taken = self.binds.by_port.entry(address.port()).or_default();
        let clash = taken.iter().find(|(other, ..)| {
            *other == ip || (other.is_ipv4() == ip.is_ipv4() && (other.is_unspecified() || ip.is_unspecified()))
        });
        let clash =
            clash.map(|(other, path, owner)| (SocketAddr::new(*other, address.port()), path.clone(), owner.clone()));
        taken.push((ip, at.clone(), owner.to_owned()));
        if let Some((other, path, owner)) = clash {
            let line = self.position(&path).line;
            let what = format!("{address} collides with {other}, where {owner} listens (line {line})");
            self.wrong(at, what, "choose another port, or put the chains of both into one listener");
        }
    }

    pub(super) fn listeners(
        &mut self,
        list: &Path,
        given: &[document::Listener],
        process: &ProcessLimits,
    ) -> Vec<Listener> {
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut listeners = Vec::with_capacity(given.len());
        for (index, listener) in given.iter().enumerate() {
            let at = list.index(index);
            let listener = self.listener(&at, listener, process);
            if let Some(first) = names.get(&listener.name) {
                let first = self.position(&list.index(*first)).line;
                let what = format!("a second listener is called {} (the first on line {first})", quote(&listener.name));
                let at = if given[index].name.is_some() { at.key("name") } else { at };
                // Two unnamed listeners on one address are reported as a collision.
                if given[index].name.is_some() || listener.binds.is_empty() {
                    self.missing(&at, what, "choose another name");
                }
            } else {
                names.insert(listener.name.clone(), index);
            }
            listeners.push(listener);
        }
        listeners
    }

    fn listener(&mut self, at: &Path, given: &document::Listener, process: &ProcessLimits) -> Listener {
        let protocol = match given.protocol {
            Some(document::ListenerProtocol::Tcp) => ListenerProtocol::Tcp,
            Some(document::ListenerProtocol::Http) | None => ListenerProtocol::Http,
        };
        let mut binds = Vec::new();
        let texts = listed(given.bind.as_ref());
        for (index, text) in texts.iter().enumerate() {
            let at = at.key("bind").index(index);
            let Some(address) = self.socket_address(&at, text) else { continue };
            let owner =
                given.name.as_deref().map_or_else(|| "another listener".to_owned(), |name| format!("listener {name}"));
            self.claim(&at, address, &owner);
            binds.push(address);
        }
        let name = given.name.clone().or_else(|| texts.first().cloned()).unwrap_or_default();
        let timeouts = self.listener_timeouts(&at.key("timeouts"), given.timeouts.as_ref(), protocol);
        let limits = self.listener_limits(&at.key("limits"), given.limits.as_ref(), process);
        let chains = self.chains(at, given, protocol);
        Listener { name, binds, protocol, timeouts, limits, chains }
    }

    fn listener_timeouts(
        &mut self,
        at: &Path,
        given: Option<&document::ListenerTimeouts>,
        protocol: ListenerProtocol,
    ) -> ListenerTimeouts {
        let default = ListenerTimeouts::of(protocol);
        let Some(given) = given else { return default };
        if protocol == ListenerProtocol::Tcp {
            for (key, present) in [("header", given.header.is_some()), ("request", given.request.is_some())] {
                if present {
                    let what = format!("{key} is about HTTP, and this listener has protocol: tcp");
                    self.wrong(&at.key(key), what, format!("remove {key}"));
                }
            }
        }
        ListenerTimeouts {
            handshake: self.period(at, "handshake", given.handshake, default.handshake),
            header: self.period(at, "header", given.header, default.header),
            idle: self.period_or_off(at, "idle", given.idle, default.idle),
            request: self.period_or_off(at, "request", given.request, default.request),
            lifetime: self.period_or_off(at, "lifetime", given.lifetime, default.lifetime),
        }
    }

    fn listener_limits(
        &mut self,
        at: &Path,
        given: Option<&document::ListenerLimits>,
        process: &ProcessLimits,
    ) -> ListenerLimits {
        let connections = given.and_then(|limits| limits.connections);
        if let Some(connections) = connections.filter(|connections| *connections > process.connections) {
            let what =
                format!("{connections} connections are more than the process may have ({})", process.connections);
            self.wrong(&at.key("connections"), what, "lower it, or raise limits.connections of the process");
        }
        let header_bytes = given.and_then(|limits| limits.header_bytes).map_or(HEADER_BYTES, |size| size.0);
        if !HEADER_BYTES_RANGE.contains(&header_bytes) {
            let what = format!("{header_bytes} bytes are out of range");
            self.wrong(&at.key("header_bytes"), what, "write a size from 1KiB to 1MiB");
        }
        ListenerLimits {
            connections: connections.unwrap_or(process.connections),
            header_bytes: usize::try_from(header_bytes).unwrap_or(usize::MAX),
            headers: given.and_then(|limits| limits.headers).unwrap_or(HEADERS),
            concurrent_streams: given.and_then(|limits| limits.concurrent_streams).unwrap_or(CONCURRENT_STREAMS),
        }
    }
}
